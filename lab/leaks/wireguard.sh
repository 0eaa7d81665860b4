# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Scenarios with the kernel's WireGuard: pods that are routed into its device, as Flannel and Calico do it, and VXLAN on
# top of it.
#
# In the first ones the device `secure` is the overlay. The pods of a are 10.244.1.0/24 and those of b 10.244.2.0/24; each
# subnet's first address stands for the device, and its .1 is on a bridge, as with CNI. All pings come from a's pods.

wg_port=51820
# wg_data, wg_initiation, wg_response: the filters for three of the four types of messages, over IPv4.
wg_type() { echo "udp port ${2:-$wg_port} and udp[8:4] = 0x0${1}000000"; }
wg_data() { wg_type 4 "$@"; }
wg_initiation() { wg_type 1; }
wg_response() { wg_type 2; }
# What passes between pods. The answers to a host's own address are not among it.
pods='src net 10.244.0.0/16 and dst net 10.244.0.0/16'

# wg_keys NAME…: makes a private key and a public one for each name.
wg_keys() {
    local name
    for name in "$@"; do
        (umask 077; wg genkey > "$work/$name.key")
        wg pubkey < "$work/$name.key" > "$work/$name.pub"
    done
}
# wg_device HOST DEVICE ADDRESS KEY-NAME [PORT]
wg_device() {
    ip -n "$lab-$1" link add "$2" mtu "${wg_mtu:-1420}" type wireguard
    ip netns exec "$lab-$1" wg set "$2" private-key "$work/$4.key" listen-port "${5:-$wg_port}"
    ip -n "$lab-$1" addr add "$3/32" dev "$2"
    ip -n "$lab-$1" link set "$2" up
}
# wg_peer HOST DEVICE KEY-NAME ALLOWED-IPS [ADDRESS [PORT]]: adds a peer. Without an ADDRESS its endpoint is learned.
wg_peer() {
    local far=${5:-}
    [[ $far != *:* ]] || far="[$far]"
    ip netns exec "$lab-$1" wg set "$2" peer "$(cat "$work/$3.pub")" allowed-ips "$4" ${far:+endpoint "$far:${6:-$wg_port}"}
}
# routes HOST WORD…: adds a route, whatever was there.
routes() { ip -n "$lab-$1" route replace "${@:2}"; }

# ---- the overlay is WireGuard's ----------------------------------------------------------------------------------------

# pod_subnet HOST NUMBER: the bridge of a host's pods, with the first pod's address.
pod_subnet() {
    ip -n "$lab-$1" link add "cni$2" type bridge
    ip -n "$lab-$1" addr add "10.244.$2.1/24" dev "cni$2"
    ip -n "$lab-$1" link set "cni$2" up
    # What arrives by another device than its answer leaves by shall arrive.
    ip netns exec "$lab-$1" sh -c 'for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $file; done'
}
# wg_pods [HOSTS]: both hosts, with WireGuard between their pods, and no route yet.
wg_pods() {
    "${1:-hosts}"
    wg_keys a b
    wg_device a secure 10.244.1.0 a; wg_device b secure 10.244.2.0 b
    wg_peer a secure b 10.244.2.0/24 "$b"; wg_peer b secure a 10.244.1.0/24 "$a"
    pod_subnet a 1; pod_subnet b 2
}
# Flannel leads the pods' addresses into the device. There is no other route to them.
flannel_routes() { routes a 10.244.2.0/24 dev secure; routes b 10.244.1.0/24 dev secure; }
flannel() { wg_pods "$@"; flannel_routes; from_pod 10.244.2.1; }

# Calico has the pods' routes in the main table as without encryption, and a rule of Felix leads all that is not
# WireGuard's own to a table with the routes into the device.
felix_mark=0x200000/0x200000
calico_tables() {
    routes a 10.244.2.0/24 via "$b"; routes b 10.244.1.0/24 via "$a"
    routes a 10.244.2.0/24 dev secure table 1; routes b 10.244.1.0/24 dev secure table 1
    routes a throw 10.244.1.0/24 table 1; routes b throw 10.244.2.0/24 table 1
    in_a wg set secure fwmark "${felix_mark%/*}"; in_b wg set secure fwmark "${felix_mark%/*}"
}
felix_rule() { ip -n "$lab-$1" rule "$2" not fwmark $felix_mark lookup 1 priority 99; }
# calico HOST…: the hosts named have the rule. calico_silent HOST…: the same, and nobody sends anything.
calico() { calico_silent "$@"; from_pod 10.244.2.1; }
calico_silent() {
    local host
    wg_pods; calico_tables
    for host in "$@"; do felix_rule "$host" add; done
}

from_pod() { pings "$1" -I 10.244.1.1 "${@:2}"; }
# from_pod_too ADDRESS: the same without a count of the replies.
from_pod_too() {
    ip netns exec "$lab-a" ping -n -i 0.5 -I 10.244.1.1 -p "$pattern" "$1" > /dev/null 2>&1 &
    pings+=($!)
}

# encrypts HOST, leaks HOST: claim that what a host sent for the pods was WireGuard's data alone, or that some was in clear.
encrypts() { sends "$1" "$(wg_data)"; sends_no "$1" "$pods"; unreadable "$1"; }
leaks() { sends "$1" "icmp and $pods"; readable "$1"; }
both_encrypt() { encrypts a; encrypts b; delivered; }

wg_native_setup() { flannel; }
wg_native_claims() { both_encrypt; }
wg_calico_setup() { calico a b; }
wg_calico_claims() { both_encrypt; }

# A pod in a namespace of its own, whose packets a forwards.
wg_pod_setup() {
    wg_pods; flannel_routes
    ip netns add "$lab-c"
    ip -n "$lab-a" link add pod type veth peer name eth0 netns "$lab-c"
    ip -n "$lab-a" link set pod master cni1 up
    ip -n "$lab-c" addr add 10.244.1.7/24 dev eth0
    ip -n "$lab-c" link set eth0 up
    ip -n "$lab-c" route add default via 10.244.1.1
    in_a sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
    ip netns exec "$lab-c" ping -n -i 0.3 -p "$pattern" 10.244.2.1 > "$work/ping" 2>&1 &
    pings+=($!)
}
wg_pod_claims() { both_encrypt; }

# Another tunnel of the same kind between the hosts, with keys of its own.
busy_beside() {
    wg_keys a-beside b-beside
    wg_device a beside 10.98.0.1 a-beside 51821; wg_device b beside 10.98.0.2 b-beside 51821
    wg_peer a beside b-beside 10.98.0.2/32 $b 51821; wg_peer b beside a-beside 10.98.0.1/32 $a 51821
    routes a 10.98.0.2 dev beside; routes b 10.98.0.1 dev beside
    pings_too 10.98.0.2
}
wg_beside_setup() { flannel; busy_beside; }
wg_beside_claims() { both_encrypt; sends a "$(wg_data 51821)"; }
# The overlay's own packets do not get into the device, and only the other tunnel has traffic.
wg_stuck_setup() { wg_pods; flannel_routes; busy_beside; in_a "$iptables" -A OUTPUT -o secure -j DROP; from_pod 10.244.2.1; }
wg_stuck_claims() { sends_no a "$(wg_data)"; sends a "$(wg_data 51821)"; sends_no a "$pods"; lost; }

wg_ipv6_setup() { flannel ipv6_hosts; }
wg_ipv6_claims() { for host in a b; do sends $host 'ip6 proto 17 and ip6[48:4] = 0x04000000'; sends_no $host "$pods"; unreadable $host; done; delivered; }

# The peer's address is not in the settings: b calls first.
wg_learned_setup() {
    hosts; wg_keys a b
    wg_device a secure 10.244.1.0 a; wg_device b secure 10.244.2.0 b
    wg_peer a secure b 10.244.2.0/24; wg_peer b secure a 10.244.1.0/24 $a
    pod_subnet a 1; pod_subnet b 2
    flannel_routes
    in_b wg set secure peer "$(cat "$work/a.pub")" persistent-keepalive 1
    wait_for handshaken a
    from_pod 10.244.2.1
}
handshaken() { ip netns exec "$lab-$1" wg show secure latest-handshakes | awk '$2 > 0 { found = 1 } END { exit !found }'; }
wg_learned_claims() { both_encrypt; }

# The rule is missing on one host, whose routes are those without encryption.
wg_reply_clear_setup() { calico a; }
wg_reply_clear_claims() { encrypts a; sends_no b "$(wg_data) and udp[4:2] > 40"; leaks b; delivered; }
wg_request_clear_setup() { calico b; }
wg_request_clear_claims() { leaks a; sends_no a "$(wg_data) and udp[4:2] > 40"; encrypts b; delivered; }
# The same, and nothing is sent but the probes.
wg_reply_clear_probed_setup() { calico_silent a; }
wg_reply_clear_probed_claims() { sends_no a "$pods"; [ $verdicts = no ] || sends b "$pods"; }

# The rule goes for two seconds, and comes back.
wg_rule_lost_setup() { calico a b; lasts 10; }
wg_rule_lost_during() { pause 3; felix_rule a del; pause 2; felix_rule a add; }
wg_rule_lost_claims() { sends a "$(wg_data)"; leaks a; encrypts b; delivered; }
# The device goes down for two seconds, and with it the routes into it. Those of the main table stay.
wg_link_down_setup() { calico a b; lasts 10; }
wg_link_down_during() {
    pause 3
    ip -n "$lab-a" link set secure down
    pause 2
    ip -n "$lab-a" link set secure up
    routes a 10.244.2.0/24 dev secure table 1
}
wg_link_down_claims() { sends a "$(wg_data)"; leaks a; }

# b has a second subnet, and a has no route into the device for it.
wg_one_pod_clear_setup() {
    calico a b
    wg_peer a secure b 10.244.2.0/24,10.244.3.0/24
    pod_subnet b 3
    routes a 10.244.3.0/24 via $b
    from_pod_too 10.244.3.1
}
wg_one_pod_clear_claims() {
    sends a "$(wg_data)"; sends_no a 'dst net 10.244.2.0/24'; sends a 'icmp and dst net 10.244.3.0/24'; readable a
    encrypts b; delivered
}

# b knows another key than a's.
wg_no_handshake_setup() {
    flannel
    wg_keys nobody
    in_b wg set secure peer "$(cat "$work/a.pub")" remove
    wg_peer b secure nobody 10.244.1.0/24
    wg_again a
}
# wg_again HOST: the host forgets its session, so that it has to greet the other one again.
wg_again() {
    local far=b near=$b subnet=10.244.2.0/24
    [ "$1" = a ] || far=a near=$a subnet=10.244.1.0/24
    ip netns exec "$lab-$1" wg set secure peer "$(cat "$work/$far.pub")" remove
    wg_peer "$1" secure $far $subnet $near
}
wg_no_handshake_claims() { sends a "$(wg_initiation)"; sends_no a "$(wg_data)"; sends_no b "$(wg_response)"; sends_no a "$pods"; }
# b's firewall drops the port: in the middle of a session, and before there is any.
wg_drops() { ip netns exec "$lab-$1" "$iptables" -I INPUT -p udp --dport $wg_port -j DROP; }
wg_blocked_setup() { flannel; wait_for handshaken a; wait_for handshaken b; wg_drops b; asks --target 10.244.2.1; }
wg_blocked_claims() { sends a "$(wg_data)"; sends_no b "$(wg_data) and udp[4:2] > 40"; sends_no a "$pods"; }
wg_blocked_before_setup() { flannel; wg_drops b; wg_again a; }
wg_blocked_before_claims() { sends a "$(wg_initiation)"; sends_no a "$(wg_data)"; sends_no b "$(wg_response)"; sends_no a "$pods"; }

# The tunnel works, and none of b's pods has an address that is usual for the first ones of a subnet.
wg_nobody_setup() {
    wg_pods
    ip -n "$lab-b" addr delete 10.244.2.1/24 dev cni2
    ip -n "$lab-b" addr add 10.244.2.50/24 dev cni2
    ip -n "$lab-b" addr delete 10.244.2.0/32 dev secure
    flannel_routes
    in_a ping -n -c 2 -W 5 -I 10.244.1.1 10.244.2.50 > /dev/null
}
wg_nobody_claims() { sends_no b "$(wg_data) and udp[4:2] > 40"; sends_no a "$pods"; }

wg_silent_setup() { wg_pods; flannel_routes; asks --passive; }
wg_silent_claims() { sends_no a "$(wg_data)"; sends_no b "$(wg_data)"; sends_no a "$pods"; }
wg_passive_setup() { flannel; asks --passive; }
wg_passive_claims() { both_encrypt; }

# The session's keys are forgotten while it is watched, and new ones are agreed on.
wg_rekey_setup() { flannel; lasts 8; }
wg_rekey_during() { pause 3; wg_again a; pause 2; }
wg_rekey_claims() {
    both_encrypt
    [ "$(receivers a)" -gt 1 ] || claim "there was one session only"
}
# receivers CAPTURE: counts the receiver indices of the data messages. Each session has its own.
receivers() { tcpdump -n -x -r "$work/$1.pcap" "$(wg_data)" 2>/dev/null | awk '$1 == "0x0020:" { print $2 $3 }' | sort -u | wc -l; }

# Bursts of TCP from a's pods to b's, in segments that the device cuts. A full packet is padded to the MTU, not to 16 bytes.
bulk() {
    ip netns exec "$lab-b" perl -MIO::Socket::INET -e '
        my $door = IO::Socket::INET->new(LocalAddr => "10.244.2.1:5001", Listen => 1) or die; my $in = $door->accept; 1 while sysread $in, my $x, 65536' &
    taps+=($!)
    ip netns exec "$lab-a" perl -MIO::Socket::INET -e '
        my $out; until ($out = IO::Socket::INET->new(LocalAddr => "10.244.1.1", PeerAddr => "10.244.2.1:5001")) { select undef, undef, undef, 0.2 }
        while (1) { print $out "OVL-LAB-CANARY" x 4000; $out->flush; select undef, undef, undef, 0.3 }' &
    taps+=($!)
}
full_packets() { sends a "$(wg_data) and udp[4:2] = $(($1 + 40))"; }
wg_gso_setup() { flannel; bulk; }
wg_gso_claims() { both_encrypt; full_packets 1420; }
wg_mtu_odd_setup() { wg_mtu=1419; flannel; bulk; }
wg_mtu_odd_claims() { both_encrypt; full_packets 1419; }

# wg-quick's full tunnel: all of a's traffic is for b but that of the LAN, on which a talks to a third host in clear.
wg_full_tunnel_setup() {
    hosts; third_host; wg_keys a b
    wg_device a secure 10.244.1.0 a; wg_device b secure 10.244.2.0 b
    wg_peer a secure b 0.0.0.0/0 $b; wg_peer b secure a 10.244.1.0/24 $a
    pod_subnet a 1; pod_subnet b 2
    in_a wg set secure fwmark 51820
    routes a default dev secure table 51820
    ip -n "$lab-a" rule add not fwmark 51820 lookup 51820
    ip -n "$lab-a" rule add lookup main suppress_prefixlength 0
    routes b 10.244.1.0/24 dev secure
    from_pod 10.244.2.1
    ip netns exec "$lab-a" ping -n -i 0.3 192.0.2.3 > /dev/null 2>&1 &
    pings+=($!)
    # Of the pods, one talks to the bridge.
    ip netns add "$lab-d"
    ip -n "$lab-a" link add pod type veth peer name eth0 netns "$lab-d"
    ip -n "$lab-a" link set pod master cni1 up
    ip -n "$lab-d" addr add 10.244.1.7/24 dev eth0
    ip -n "$lab-d" link set eth0 up
    ip netns exec "$lab-d" ping -n -i 0.3 10.244.1.1 > /dev/null 2>&1 &
    pings+=($!)
    asks --target 10.244.2.1
}
# A route that is nearer than the tunnel's leads what the pods send to some hosts past the device.
elsewhere='src host 10.244.1.1 and dst host 203.0.113.9'
wg_full_leak_setup() { wg_full_tunnel_setup; routes a 203.0.113.0/24 via "$b" dev eth0; from_pod_too 203.0.113.9; }
wg_full_leak_claims() { sends a "$(wg_data)"; sends a "$elsewhere"; readable a; }
# The peer's prefix holds a LAN of a's, which is on a card of a's own.
wg_lan_inside_setup() {
    flannel; second_wire
    in_a ip addr add 192.168.1.1/24 dev eth1; in_b ip addr add 192.168.1.9/24 dev eth1
    in_a wg set secure peer "$(cat "$work/b.pub")" allowed-ips 10.244.2.0/24,192.168.0.0/16
    routes a 192.168.0.0/16 dev secure
    ip netns exec "$lab-a" ping -n -i 0.4 192.168.1.9 > /dev/null 2>&1 &
    pings+=($!)
    asks --target 10.244.2.1
}
wg_lan_inside_claims() { both_encrypt; sends a1 "src host 192.168.1.1 and dst host 192.168.1.9"; }
# The pods have IPv6 as well, and its route leads past the device. Nobody uses it.
wg_v6_past_setup() {
    local host
    flannel
    for host in a b; do ip netns exec "$lab-$host" sh -c 'for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 0 > $file; done'; done
    ip -n "$lab-a" addr add 2001:db8::1/64 dev eth0 nodad; ip -n "$lab-b" addr add 2001:db8::2/64 dev eth0 nodad
    ip -n "$lab-a" addr add fd00:1::1/64 dev cni1 nodad; ip -n "$lab-b" addr add fd00:2::1/64 dev cni2 nodad
    in_a wg set secure peer "$(cat "$work/b.pub")" allowed-ips 10.244.2.0/24,fd00:2::/64
    in_b wg set secure peer "$(cat "$work/a.pub")" allowed-ips 10.244.1.0/24,fd00:1::/64
    ip -n "$lab-a" -6 route add fd00:2::/64 via 2001:db8::2
    ip -n "$lab-b" -6 route add fd00:1::/64 via 2001:db8::1
}
wg_v6_past_claims() { sends a "$(wg_data)"; delivered; }
# The device is down, and another one carries the pods' packets.
wg_other_device_setup() {
    flannel; wg_keys a2 b2
    wg_device a other 10.98.0.1 a2 51821; wg_device b other 10.98.0.2 b2 51821
    wg_peer a other b2 10.244.2.0/24 "$b" 51821; wg_peer b other a2 10.244.1.0/24 "$a" 51821
    routes b 10.244.1.0/24 dev other
    ip -n "$lab-a" link set secure down
    routes a 10.244.2.0/24 dev other
}
wg_other_device_claims() { sends a "$(wg_data 51821)"; sends_no a "$pods"; delivered; }

third_host() {
    ip netns add "$lab-c"
    ip -n "$lab-w" link add port-c type veth peer name eth0 netns "$lab-c"
    ip -n "$lab-w" link set port-c master br0 up
    ip netns exec "$lab-c" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'
    ip -n "$lab-c" addr add 192.0.2.3/24 dev eth0
    ip -n "$lab-c" link set lo up
    ip -n "$lab-c" link set eth0 up
}
wg_full_tunnel_claims() { both_encrypt; sends a 'icmp and dst host 192.0.2.3'; }

# c is a second peer.
wg_second_peer() {
    third_host; wg_keys c
    wg_device c secure 10.244.3.0 c
    wg_peer a secure c 10.244.3.0/24 192.0.2.3; wg_peer c secure a 10.244.1.0/24 $a
    pod_subnet c 3
    routes c 10.244.1.0/24 dev secure
    from_pod_too 10.244.3.1
}
wg_two_peers_setup() { flannel; routes a 10.244.3.0/24 dev secure; wg_second_peer; }
wg_two_peers_claims() { both_encrypt; sends a "$(wg_data) and dst host 192.0.2.3"; }
wg_second_peer_clear_setup() { flannel; wg_second_peer; routes a 10.244.3.0/24 via 192.0.2.3; }
wg_second_peer_clear_claims() { sends a "$(wg_data)"; sends_no a 'dst net 10.244.2.0/24'; sends a 'icmp and dst net 10.244.3.0/24'; readable a; encrypts b; delivered; }

# ---- VXLAN on top of WireGuard -----------------------------------------------------------------------------------------

# wg_vxlan HOST…: the overlay of `wireguard`, whose hosts named take frames by WireGuard's device alone.
wg_vxlan() {
    wireguard_setup
    local host
    for host in "$@"; do by_wireguard_alone "$host"; done
}
by_wireguard_alone() { ip netns exec "$lab-$1" "$iptables" -A INPUT ! -i wg0 -p udp --dport "$port" -j DROP; }
wg_vxlan_firewalled_setup() { wg_vxlan a b; }
wg_vxlan_firewalled_claims() { wireguard_claims; refuses_by_eth0; }
# a takes no frame of the network that comes by the card, in clear and under b's address.
refuses_by_eth0() { (a=10.99.0.1; refuses_clear b 10.99.0.2); }
takes_by_eth0() { (a=10.99.0.1; takes_clear b 10.99.0.2); }
wg_vxlan_nft_setup() {
    wireguard_setup
    in_a nft "add table inet filter; add chain inet filter input { type filter hook input priority 0; }; add rule inet filter input iifname != \"wg0\" udp dport $port drop"
}
wg_vxlan_nft_claims() { wg_vxlan_firewalled_claims; }
# The rule is for another card.
wg_vxlan_other_card_setup() { wireguard_setup; in_a "$iptables" -A INPUT -i eth1 -p udp --dport $port -j DROP; }
wg_vxlan_other_card_claims() { wireguard_claims; takes_by_eth0; }

# a drops what comes by the card that leads to b, and has another one.
wg_vxlan_card_only_setup() { wireguard_setup; second_wire; in_a "$iptables" -A INPUT -i eth0 -p udp --dport $port -j DROP; }
wg_vxlan_card_only_claims() { wireguard_claims; }

# a's broadcasts are led past WireGuard.
wg_vxlan_half_setup() {
    wg_vxlan a; flood secure
    ip -n "$lab-a" rule add fwmark 5 lookup 100
    ip -n "$lab-a" route add $b via 192.0.2.2 dev eth0 table 100
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol all prio 1 flower dst_mac ff:ff:ff:ff:ff:ff action skbedit mark 5
    pings_too 10.42.0.77
}
wg_vxlan_half_claims() { sends a "$(wg_data)"; unreadable a; sends a "$(vxlan 42) and udp[16:4] = 0xffffffff"; sends_no b "$(vxlan 42)"; delivered; }

# For two seconds the way to b's VTEP leads over the card.
wg_vxlan_detour_setup() { wg_vxlan a; lasts 10; }
wg_vxlan_detour_during() { pause 3; routes a $b via 192.0.2.2 dev eth0; pause 2; ip -n "$lab-a" route del $b via 192.0.2.2 dev eth0; }
wg_vxlan_detour_claims() { sends a "$(wg_data)"; sends a "$(vxlan 42)"; readable a; sends_no b "$(vxlan 42)"; delivered; }

# The tunnel's messages are another's: a's firewall drops the overlay's.
wg_vxlan_other_setup() {
    wireguard_hosts; by_wireguard_alone a
    in_a "$iptables" -A OUTPUT -p udp --dport $port -j DROP
    overlay_mtu=1350; overlay secure 42 10.42.0; pings 10.42.0.2
    pings_too $b
}
wg_vxlan_other_claims() { sends a "$(wg_data)"; sends_no a "$(vxlan 42)"; unreadable a; lost; }

# c has a VTEP as well, and is behind b.
wg_vxlan_two_peers_setup() {
    wg_vxlan a b
    ip netns add "$lab-c"
    ip -n "$lab-b" link add behind type veth peer name eth0 netns "$lab-c"
    ip -n "$lab-b" link set behind up
    ip -n "$lab-c" link set eth0 up
    ip -n "$lab-c" addr add 10.99.0.3/32 dev eth0
    ip -n "$lab-b" route add 10.99.0.3 dev behind
    ip -n "$lab-c" route add $b dev eth0
    ip -n "$lab-c" route add default via $b
    in_b sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
    vtep c secure 02:00:00:00:2a:03 10.42.0.3 id 42 local 10.99.0.3
    knows a secure 02:00:00:00:2a:03 10.42.0.3 10.99.0.3; knows c secure 02:00:00:00:2a:01 10.42.0.1 $a
    pings_too 10.42.0.3
    taps c.pcap c eth0 -Q out
}
wg_vxlan_two_peers_claims() { wireguard_claims; sends c "$(vxlan 42)"; }
