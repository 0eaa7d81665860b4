# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios with devices in collect-metadata mode (`external`): they have no VNI and no peer of their own. Routes, tc's
# rules or Open vSwitch say for each frame where it goes and which VNI it gets, as with Cilium, OVN and Antrea.

# external KIND: the device `secure` of both hosts, without a route. It takes frames of any VNI and of any host.
external() {
    local host number
    [ "$1" = vxlan ] || port=$geneve_port
    for host in a b; do
        number=1; [ $host = a ] || number=2
        ip -n "$lab-$host" link add secure mtu 1350 address 02:00:00:00:2a:0$number type "$1" external dstport $port
        ip -n "$lab-$host" addr add 10.42.0.$number/32 dev secure
        ip -n "$lab-$host" link set secure up
    done
    ip -n "$lab-a" neigh replace 10.42.0.2 lladdr 02:00:00:00:2a:02 dev secure nud permanent
    ip -n "$lab-b" neigh replace 10.42.0.1 lladdr 02:00:00:00:2a:01 dev secure nud permanent
}
# encapsulates HOST ADDRESS VNI VTEP [option…]: a route that gives frames for ADDRESS a VNI and a VTEP (lwtunnel).
encapsulates() { ip -n "$lab-$1" route add "$2/32" encap ip id "$3" dst "$4" "${@:5}" dev secure; }
# by_routes KIND: an overlay that routes make, with VNI 42 in both directions, and pings in it.
by_routes() {
    external "$1"
    encapsulates a 10.42.0.2 42 $b "${@:2}"; encapsulates b 10.42.0.1 42 $a "${@:2}"
    pings 10.42.0.2
}

md_vxlan_setup() { hosts; by_routes vxlan; protect; }
md_vxlan_claims() { all_esp a; all_esp b; delivered; }
md_vxlan_clear_setup() { hosts; by_routes vxlan; }
md_vxlan_clear_claims() { all_clear a; all_clear b; delivered; }
md_vxlan_reply_clear_setup() { hosts; by_routes vxlan; associations; sends_by a; accepts_by b; }
md_vxlan_reply_clear_claims() { all_esp a; all_clear b; delivered; }
md_vxlan_not_enforced_setup() { hosts; by_routes vxlan; associations; sends_by a; sends_by b; accepts_by b; }
md_vxlan_not_enforced_claims() { all_esp a; all_esp b; delivered; takes_clear b $b; }

# Each direction has a VNI of its own, which is its sender's identity, as with Cilium.
md_identities_setup() {
    hosts; external vxlan; protect
    encapsulates a 10.42.0.2 4242 $b; encapsulates b 10.42.0.1 5757 $a
    pings 10.42.0.2
}
md_identities_claims() { local host; for host in a b; do sends $host "$esp"; sends_no $host "udp dst port $port"; unreadable $host; done; delivered; }

# Another route gives another VNI, and frames of that one are in clear: to the same node, because the policy is for a mark
# of the first one's, or to a node that there is no policy for.
md_other_vni_setup() {
    hosts; external vxlan; associations
    local host
    for host in a b; do docker_sends_by $host; iptables_marks $host 42; iptables_drops_clear $host 42; done
    encapsulates a 10.42.0.2 42 $b; encapsulates b 10.42.0.1 42 $a
    other_route $b
    pings 10.42.0.2
}
# other_route VTEP: what is for 10.42.0.77 has VNI 77, and there is some.
other_route() {
    encapsulates a 10.42.0.77 77 "$1"
    ip -n "$lab-a" neigh replace 10.42.0.77 lladdr 02:00:00:00:2a:77 dev secure nud permanent
    pings_too 10.42.0.77
}
md_other_vni_claims() { sends a "$esp"; sends a "$(vxlan 77)"; sends_no a "$(vxlan 42)"; all_esp b; delivered; }
md_other_node_setup() { md_vxlan_setup; nobody 192.0.2.9; other_route 192.0.2.9; }
md_other_node_claims() { sends a "$esp"; sends a "$(vxlan 77) and dst host 192.0.2.9"; sends_no a "dst host $b and $(vxlan 42)"; all_esp b; delivered; }

# A route that says the VTEP comes for two seconds, and it is one without a policy.
md_route_moves_setup() { md_vxlan_setup; second_wire; lasts 10; }
md_route_moves_during() {
    pause 3
    ip -n "$lab-a" route replace 10.42.0.2/32 encap ip id 42 dst 198.51.100.2 dev secure
    pause 2
    ip -n "$lab-a" route replace 10.42.0.2/32 encap ip id 42 dst $b dev secure
}
md_route_moves_claims() { sends a "$esp"; sends_no a "$(vxlan 42)"; sends a1 "$(vxlan 42)"; readable a1; delivered; }

md_geneve_setup() { hosts; by_routes geneve; ovn_protection; }
ovn_protection() { ovn_associations; ovn_sends a; ovn_sends b; ovn_accepts a; ovn_accepts b; }
md_geneve_claims() { all_esp a; all_esp b; delivered; }
md_geneve_clear_setup() { hosts; by_routes geneve; }
md_geneve_clear_claims() { all_clear a; all_clear b; delivered; }
# The frames have options, as OVN's have.
md_geneve_options_setup() { hosts; by_routes geneve geneve_opts 0102:80:00010002; ovn_protection; }
md_geneve_options_claims() { md_geneve_claims; }
md_geneve_options_clear_setup() { hosts; by_routes geneve geneve_opts 0102:80:00010002; }
md_geneve_options_clear_claims() { all_clear a; all_clear b; sends a 'udp dst port 6081 and udp[8] & 0x3f = 2'; delivered; }

# by_tc KIND: tc's rules send what enters the device pod0 to `secure`, with VNI 42 and b's address, and back. Nothing that
# can be asked for by name says who the peers are. Both devices have one MAC, or else the kernel takes what comes back for
# frames of another host.
by_tc() {
    mods act_tunnel_key act_mirred cls_matchall
    local host near far number
    hosts
    [ "$1" = vxlan ] || port=$geneve_port
    for host in a b; do
        near=$a far=$b number=1; [ $host = a ] || near=$b far=$a number=2
        ip -n "$lab-$host" link add pod0 mtu 1350 address 02:00:00:00:2a:0$number type dummy
        ip -n "$lab-$host" addr add 10.42.0.$number/24 dev pod0
        ip -n "$lab-$host" link set pod0 up
        ip -n "$lab-$host" link add secure mtu 1350 address 02:00:00:00:2a:0$number type "$1" external dstport $port
        ip -n "$lab-$host" link set secure up
        ip netns exec "$lab-$host" tc qdisc add dev pod0 clsact
        ip netns exec "$lab-$host" tc qdisc add dev secure clsact
        ip netns exec "$lab-$host" tc filter add dev pod0 egress protocol all prio 1 matchall \
            action tunnel_key set src_ip $near dst_ip $far id 42 dst_port $port action mirred egress redirect dev secure
        ip netns exec "$lab-$host" tc filter add dev secure ingress protocol all prio 1 matchall \
            action tunnel_key unset action mirred ingress redirect dev pod0
    done
    ip -n "$lab-a" neigh replace 10.42.0.2 lladdr 02:00:00:00:2a:02 dev pod0 nud permanent
    ip -n "$lab-b" neigh replace 10.42.0.1 lladdr 02:00:00:00:2a:01 dev pod0 nud permanent
    pings 10.42.0.2
}
md_peer_given_setup() { by_tc vxlan; protect; asks --peer $b --target 10.42.0.2; }
md_peer_given_claims() { all_esp a; all_esp b; delivered; }
md_peer_given_clear_setup() { by_tc vxlan; asks --peer $b --target 10.42.0.2; }
md_peer_given_clear_claims() { all_clear a; all_clear b; delivered; }
md_peer_given_geneve_setup() { by_tc geneve; ovn_protection; asks --peer $b --target 10.42.0.2; }
md_peer_given_geneve_claims() { all_esp a; all_esp b; delivered; }
md_no_peer_setup() { by_tc vxlan; protect; }
md_no_peer_claims() { all_esp a; all_esp b; delivered; }
md_no_peer_clear_setup() { by_tc vxlan; }
md_no_peer_clear_claims() { all_clear a; all_clear b; delivered; }

md_over_wg_setup() { wireguard_hosts; by_routes vxlan; }
md_over_wg_claims() { local host; for host in a b; do sends $host "$(wg_data)"; sends_no $host "udp dst port $port"; unreadable $host; done; delivered; }
md_wg_firewalled_setup() { md_over_wg_setup; by_wireguard_alone a; }
md_wg_firewalled_claims() { md_over_wg_claims; refuses_by_eth0; }

# by_switch: Open vSwitch's datapath in the kernel, with flows as OVN's and Antrea's daemons put them there. Its ports are
# pod0, which the switch made and which has the host's address in the overlay, as antrea-gw0 and ovn-k8s-mp0, and `secure`,
# which has no address of its own.
by_switch() {
    mods openvswitch
    local host near far number
    hosts
    port=$geneve_port
    for host in a b; do
        near=$a far=$b number=1; [ $host = a ] || near=$b far=$a number=2
        ip -n "$lab-$host" link add secure mtu 1350 type geneve external dstport $port
        ip -n "$lab-$host" link set secure up
        # The ports have the numbers 1 and 2, in this order.
        on_switch $host add-dp br-int
        on_switch $host add-if br-int pod0,type=internal
        on_switch $host add-if br-int secure
        ip -n "$lab-$host" link set pod0 mtu 1350 address 02:00:00:00:2a:0$number up
        ip -n "$lab-$host" addr add 10.42.0.$number/24 dev pod0
        on_switch $host add-flow br-int "in_port(1),eth(),eth_type(0x0800),ipv4(dst=10.42.0.$((3 - number)))" "set(tunnel(tun_id=0x2a,src=$near,dst=$far,ttl=64,tp_dst=$port,flags(df|key))),2"
        on_switch $host add-flow br-int "in_port(1),eth(),eth_type(0x0806),arp()" "set(tunnel(tun_id=0x2a,src=$near,dst=$far,ttl=64,tp_dst=$port,flags(df|key))),2"
        on_switch $host add-flow br-int "in_port(2),eth(),eth_type(0x0800),ipv4()" 1
        on_switch $host add-flow br-int "in_port(2),eth(),eth_type(0x0806),arp()" 1
    done
    pings 10.42.0.2
    asks --peer $b --target 10.42.0.2
}
on_switch() { ip netns exec "$lab-$1" ovs-dpctl "${@:2}"; }
md_switch_setup() { by_switch; ovn_protection; }
md_switch_claims() { all_esp a; all_esp b; delivered; }
md_switch_clear_setup() { by_switch; }
md_switch_clear_claims() { all_clear a; all_clear b; delivered; }
# Another flow gives another VNI and leads to a node that there is no policy for.
md_switch_other_setup() {
    by_switch; ovn_protection
    nobody 192.0.2.9
    on_switch a add-flow br-int "in_port(1),eth(),eth_type(0x0800),ipv4(dst=10.42.0.77)" "set(tunnel(tun_id=0x4d,src=$a,dst=192.0.2.9,ttl=64,tp_dst=$port,flags(df|key))),2"
    ip -n "$lab-a" neigh replace 10.42.0.77 lladdr 02:00:00:00:2a:77 dev pod0 nud permanent
    pings_too 10.42.0.77
}
md_switch_other_claims() { sends a "$esp"; sends a "$(vxlan 77) and dst host 192.0.2.9"; sends_no a "dst host $b and $(vxlan 42)"; all_esp b; delivered; }
# The card is a port of the switch as well, and the node's address is on another one that the switch made, as br-ex of
# OVN-Kubernetes: the tunnel's packets pass the switch a second time.
by_switch_below() {
    by_switch
    local host address kind
    for host in a b; do
        address=$a; [ $host = a ] || address=$b
        # These ports have the numbers 1 and 2 of a datapath of their own.
        on_switch $host add-dp br-ex
        ip -n "$lab-$host" addr flush dev eth0
        on_switch $host add-if br-ex eth0
        on_switch $host add-if br-ex node0,type=internal
        ip -n "$lab-$host" link set node0 address "$(mac $host)" up
        for kind in 'eth_type(0x0800),ipv4()' 'eth_type(0x0806),arp()'; do
            on_switch $host add-flow br-ex "in_port(1),eth(),$kind" 2
            on_switch $host add-flow br-ex "in_port(2),eth(),$kind" 1
        done
        ip -n "$lab-$host" addr add $address/24 dev node0
    done
}
md_switch_below_setup() { by_switch_below; ovn_protection; }
md_switch_below_claims() { md_switch_claims; }
md_switch_below_clear_setup() { by_switch_below; }
md_switch_below_clear_claims() { md_switch_clear_claims; }
