# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Scenarios in which frames take another wire than the one that today's routes show, for a moment or always.

# A second wire between the hosts: eth1 of both, on a switch of its own. a1 and b1 are what each host sends there.
second_wire() {
    local host
    at_once second_wires
    for host in a b; do taps ${host}1.pcap w port-${host}1 -Q in; done
}
second_wires() {
    local host address
    on w link add br1 type bridge mcast_snooping 0
    on w link set br1 up
    for host in a b; do
        address=198.51.100.1; [ $host = a ] || address=198.51.100.2
        on w link add port-${host}1 type veth peer name eth1 netns "$lab-$host"
        on w link set port-${host}1 master br1 up
        on $host link set eth1 up
        on $host addr add $address/24 dev eth1
    done
}

# Docker's layout: a's VTEP has no address of its own, and the policies are for the address of eth0.
docker_layout() {
    hosts; second_wire
    at_once addressless
    protect; pings 10.42.0.2
}
addressless() {
    vtep a secure 02:00:00:00:2a:01 10.42.0.1 id 42
    vtep b secure 02:00:00:00:2a:02 10.42.0.2 id 42 local $b
    knows a secure 02:00:00:00:2a:02 10.42.0.2 $b; knows b secure 02:00:00:00:2a:01 10.42.0.1 $a
}
detour() { ip -n "$lab-a" route add $b via 198.51.100.2 dev eth1 src 198.51.100.1; }
no_detour() { ip -n "$lab-a" route delete $b via 198.51.100.2 dev eth1; }

# A better route to b appears, and with it another source address.
better_route_setup() { docker_layout; lasts 8; }
better_route_during() { pause 3; detour; pause 1; }
better_route_claims() { sends a "$esp"; sends_no a "$(vxlan 42)"; sends a1 "$(vxlan 42)"; readable a1; all_esp b; delivered; }

route_flaps_setup() { docker_layout; lasts 10; }
route_flaps_during() { pause 3; detour; pause 2; no_detour; }
route_flaps_claims() { better_route_claims; }

# The same by a routing rule. Its table has the route all the time.
rule_appears_setup() { docker_layout; ip -n "$lab-a" route add $b via 198.51.100.2 dev eth1 src 198.51.100.1 table 100; lasts 10; }
rule_appears_during() { pause 3; ip -n "$lab-a" rule add to $b lookup 100; pause 2; ip -n "$lab-a" rule delete to $b lookup 100; }
rule_appears_claims() { better_route_claims; }

# The same by a card that is not there when the watch begins.
card_appears_setup() { hosts; at_once addressless; protect; pings 10.42.0.2; lasts 12; }
card_appears_during() { pause 2; second_wires; taps a1.pcap w port-a1 -Q in; detour; pause 2; end TERM "${taps[-1]}"; }
card_appears_claims() { better_route_claims; }

# The same, and nobody is behind eth1: whatever leaves by it is not answered.
flaps_to_nowhere_setup() { docker_layout; nobody 198.51.100.2 eth1; lasts 10; }
flaps_to_nowhere_during() { route_flaps_during; }
flaps_to_nowhere_claims() { better_route_claims; }

# Nobody is behind eth1, and the policy is for that source address as well.
flaps_encrypted_setup() {
    docker_layout; nobody 198.51.100.2 eth1; lasts 10
    (a=198.51.100.1; sa ab a 0x2ab; sends_by a)
}
flaps_encrypted_during() { route_flaps_during; }
flaps_encrypted_claims() { all_esp a; sends a1 "$esp"; sends_no a1 "$(vxlan 42)"; all_esp b; delivered; }

# b sends its broadcasts by its other card in clear, and everything else as ESP.
broadcasts_arrive_elsewhere_setup() {
    hosts; overlay secure 42 10.42.0; flood secure; second_wire; associations
    docker_sends_by b; sends_by a; accepts_by a
    broadcasts_by_eth1 b $a
    pings 10.42.0.2
    ip netns exec "$lab-b" ping -n -i 0.5 -p "$pattern" 10.42.0.77 > /dev/null 2>&1 &
    pings+=($!)
}
# broadcasts_by_eth1 HOST VTEP: the host's broadcasts leave for VTEP by eth1, and other frames get Docker's mark.
broadcasts_by_eth1() {
    local far=198.51.100.2
    [ "$1" = a ] || far=198.51.100.1
    ip -n "$lab-$1" rule add fwmark 5 lookup 100
    ip -n "$lab-$1" route add "$2" via $far dev eth1 table 100
    ip netns exec "$lab-$1" tc qdisc add dev secure clsact
    ip netns exec "$lab-$1" tc filter add dev secure egress protocol all prio 1 flower dst_mac ff:ff:ff:ff:ff:ff action skbedit mark 5
    ip netns exec "$lab-$1" tc filter add dev secure egress protocol all prio 2 matchall action skbedit mark $docker_mark
}
broadcasts_arrive_elsewhere_claims() { all_esp a; all_esp b; delivered; sends b1 "$(vxlan 42) and udp[16:4] = 0xffffffff"; }

# a does the same, and ovlsniff is told to look at eth0.
card_named_setup() {
    hosts; overlay secure 42 10.42.0; flood secure; second_wire; associations
    docker_sends_by a; sends_by b; accepts_by a
    broadcasts_by_eth1 a $b
    pings 10.42.0.2; pings_too 10.42.0.77
    asks -i eth0
}
card_named_claims() { all_esp a; all_esp b; delivered; sends a1 "$(vxlan 42) and udp[16:4] = 0xffffffff"; }

# nexthop_entry GATEWAY: a's forwarding table leads one MAC to GATEWAY by a next-hop object, as FRR's EVPN does.
nexthop_entry() {
    ip -n "$lab-a" nexthop add id 1 via "$1" fdb
    ip -n "$lab-a" nexthop add id 10 group 1 fdb
    bridge -n "$lab-a" fdb add 02:00:00:00:2a:03 dev secure nhid 10 self permanent
    ip -n "$lab-a" neigh replace 10.42.0.3 lladdr 02:00:00:00:2a:03 dev secure nud permanent
    pings_too 10.42.0.3
}
nexthop_clear_setup() { both_encrypted_setup; nobody 192.0.2.9; nexthop_entry 192.0.2.9; }
nexthop_clear_claims() { sends a "$esp"; sends a "$(vxlan 42) and dst host 192.0.2.9"; sends_no a "$(vxlan 42) and dst host $b"; all_esp b; delivered; }
nexthop_elsewhere_setup() { both_encrypted_setup; second_wire; nobody 198.51.100.9 eth1; nexthop_entry 198.51.100.9; }
nexthop_elsewhere_claims() { all_esp a; all_esp b; delivered; sends a1 "$(vxlan 42) and dst host 198.51.100.9"; readable a1; }

# A tunnel's packets pass the card's tc once more behind their decryption, and tc sends them on by another card.
decrypted_mirrored_setup() {
    modprobe -a act_mirred cls_flower 2>/dev/null || true
    mode=tunnel; both_encrypted_setup; second_wire
    in_a tc qdisc add dev eth0 clsact
    in_a tc filter add dev eth0 ingress protocol ip prio 1 flower ip_proto udp dst_port 4789 action mirred egress mirror dev eth1
}
decrypted_mirrored_claims() { all_esp a; all_esp b; delivered; sends a1 "$(vxlan 42) and src host $b"; readable a1; }

# tc sends what goes into the overlay to eth1 instead, as it is, while b's frames arrive as ESP.
redirected_setup() {
    modprobe -a act_mirred cls_matchall 2>/dev/null || true
    both_encrypted_setup; second_wire; lasts 8
}
redirected_during() {
    pause 3
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol all prio 1 matchall action mirred egress redirect dev eth1
    pause 1
}
redirected_claims() { all_esp a; all_esp b; delivered; sends a1 'icmp and dst host 10.42.0.2'; readable a1; }

# A node is there for a moment, and a has no policy for it.
peer_passes_setup() { both_encrypted_setup; nobody 192.0.2.9; lasts 10; }
peer_passes_during() { pause 3; visits 192.0.2.9; }
visits() {
    knows a secure 02:00:00:00:2a:03 10.42.0.3 "$1"
    in_a ping -n -i 0.3 -c 4 -W 1 -p "$pattern" 10.42.0.3 > /dev/null 2>&1 || true
    ip -n "$lab-a" neigh delete 10.42.0.3 dev secure
    bridge -n "$lab-a" fdb delete 02:00:00:00:2a:03 dev secure dst "$1" self permanent
}
peer_passes_claims() { sends a "$esp"; sends a "$(vxlan 42) and dst host 192.0.2.9"; sends_no a "$(vxlan 42) and dst host $b"; all_esp b; delivered; }
peer_passes_elsewhere_setup() { both_encrypted_setup; second_wire; nobody 198.51.100.9 eth1; lasts 10; }
peer_passes_elsewhere_during() { pause 3; visits 198.51.100.9; }
peer_passes_elsewhere_claims() { all_esp a; all_esp b; delivered; sends a1 "$(vxlan 42) and dst host 198.51.100.9"; }

# Two equal routes, and the source address that one of them brings has no policy. A mark makes the kernel choose for each
# frame anew, by its source port; every ping of those here has another one.
two_routes_setup() {
    local number
    hosts; second_wire
    b=10.255.0.2
    ip -n "$lab-b" addr add $b/32 dev lo
    in_a sh -c 'echo 1 > /proc/sys/net/ipv4/fib_multipath_hash_policy'
    ip -n "$lab-a" route add $b nexthop via 192.0.2.2 dev eth0 nexthop via 198.51.100.2 dev eth1
    at_once addressless
    protect
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol all prio 1 matchall action skbedit mark 7
    pings 10.42.0.2
    for number in {1..12}; do
        ip -n "$lab-a" addr add "10.42.0.$((100 + number))/24" dev secure
        ip -n "$lab-b" neigh replace "10.42.0.$((100 + number))" lladdr 02:00:00:00:2a:01 dev secure nud permanent
        ip netns exec "$lab-a" ping -n -i 1 -I "10.42.0.$((100 + number))" -p "$pattern" 10.42.0.2 > /dev/null 2>&1 &
        pings+=($!)
    done
    lasts 6
}
two_routes_claims() { sends a "$esp"; sends_no a "$(vxlan 42)"; sends a1 "$(vxlan 42)"; readable a1; all_esp b; delivered; }
