# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2046 # one program with lab/leaks.sh
# Scenarios at the borders, by an adversary's hand: which links are watched, whose frames are believed, which rules count.

mods() { modprobe -a "$@" 2>/dev/null || true; }

# Frames for a node are routed to a dummy, which leads nowhere. Docker and Kubernetes hosts have such links.
dummy_route_setup() {
    mods dummy
    both_encrypted_setup
    ip -n "$lab-a" link add nowhere0 type dummy
    ip -n "$lab-a" link set nowhere0 up
    ip -n "$lab-a" route add 203.0.113.9 dev nowhere0
    knows a secure 02:00:00:00:2a:03 10.42.0.3 203.0.113.9
    pings_too 10.42.0.3
    taps tap.pcap a nowhere0 -Q out
}
dummy_route_claims() { members_in_order; sends tap "$(vxlan 42)"; }

# Docker's rule, but for another network, whose number has the same digits in front: 0x2a00 and 0x2a.
u32_other_vni_setup() { halfway; iptables_drops_clear a $((42 * 256)); }
u32_other_vni_claims() { in_order_but_open; }

# A rule that drops some of the network's clear frames: those of which it knows the inside.
u32_more_setup() {
    halfway
    in_a "$iptables" -I INPUT -m policy --dir in --pol none -p udp --dport $port -m u32 --u32 "$(u32_vni 42)&&0>>22&0x3C@16&0xFFFFFFFF=0xffffffff" -j DROP
}
u32_more_claims() { in_order_but_open; }

# What belongs to a known flow is accepted first. b's tunnel sends from one port, and a clear frame from that port belongs
# to the flow of its encrypted ones.
established_setup() {
    mods nf_conntrack xt_conntrack xt_state
    hosts
    at_once one_port_vteps
    associations; sends_by a; sends_by b; accepts_by b
    pings 10.42.0.2
    in_a "$iptables" -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    in_a "$iptables" -A INPUT -m policy --dir in --pol none -p udp --dport $port -j DROP
}
one_port_vteps() {
    vtep a secure 02:00:00:00:2a:01 10.42.0.1 id 42 local $a srcport 4789 4790
    vtep b secure 02:00:00:00:2a:02 10.42.0.2 id 42 local $b srcport 4789 4790
    knows a secure 02:00:00:00:2a:02 10.42.0.2 $b; knows b secure 02:00:00:00:2a:01 10.42.0.1 $a
}
established_claims() { export SPORT=4789; in_order_but_open; }
tie_esp_first_setup() { halfway priority 100 $esp_template; allows 100; }
tie_esp_first_claims() { in_order_but_open; }
tie_updated_claims() { in_order_but_open; }
tie_allow_updated_setup() {
    halfway; allows 100; in_policy priority 100 $esp_template
    ip -n "$lab-a" xfrm policy update src 0.0.0.0/0 dst $a proto udp dir in priority 100 action allow
}
tie_allow_updated_claims() { tie_updated_claims; }

# tc copies frames of one kind as they are, outside of any tunnel, and a program sends such frames: none of them a probe.
bare_tcp_setup() {
    mods act_mirred cls_flower
    both_encrypted_setup; second_wire
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol ip prio 1 flower ip_proto udp dst_port 5000 action mirred egress mirror dev eth1
    talks
}
bare_tcp_claims() { all_esp a; all_esp b; delivered; sends a1 'udp dst port 5000 and dst host 10.42.0.2'; readable a1; }
bare_same_card_setup() {
    mods act_mirred cls_flower
    both_encrypted_setup
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol ip prio 1 flower ip_proto udp dst_port 5000 action mirred egress mirror dev eth0
    talks
}
bare_same_card_claims() { sends a "$esp"; sends a 'udp dst port 5000 and dst host 10.42.0.2'; readable a; all_esp b; delivered; }
bare_arp_setup() {
    mods act_mirred cls_flower
    both_encrypted_setup; second_wire
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol arp prio 1 matchall action mirred egress mirror dev eth1
    flood secure
    pings_too 10.42.0.77
}
bare_arp_claims() { sends a1 'arp and arp[24:4] = 0x0a2a004d'; all_esp b; delivered; }
netem() { mods sch_netem; ip netns exec "$lab-$1" tc qdisc add dev "$2" root netem "${@:3}"; }
loss_wire_claims() { all_esp a; all_esp b; delivered; }
slow_wire_setup() { both_encrypted_setup; netem w port-a delay 700ms; netem w port-b delay 700ms; lasts 6; }
slow_wire_claims() { loss_wire_claims; }

# downloads HOST FROM-HOST ADDRESS: HOST loads data from FROM-HOST by TCP, all the time.
tcp_server() { ip netns exec "$lab-$1" perl -MSocket -e '$SIG{PIPE}="IGNORE"; $SIG{CHLD}="IGNORE"; my ($port,$file)=@ARGV; local $/; open my $f,"<",$file; my $d=<$f>; socket(my $l,PF_INET,SOCK_STREAM,6); setsockopt($l,SOL_SOCKET,SO_REUSEADDR,1); bind($l,sockaddr_in($port,INADDR_ANY)) or die; listen($l,5); while(accept(my $c,$l)){ if(!fork){ syswrite($c,"HTTP/1.0 200 OK\r\n\r\n"); syswrite($c,$d); exit } close $c }' "$2" "$3" & taps+=($!); }
tcp_loads() { ip netns exec "$lab-$1" perl -MSocket -e 'my ($to,$port)=@ARGV; sleep 1; while(1){ socket(my $s,PF_INET,SOCK_STREAM,6); if(connect($s,sockaddr_in($port,inet_aton($to)))){ my $b; 1 while sysread($s,$b,65536) } select undef,undef,undef,0.3 }' "$2" "$3" & taps+=($!); }

# A pcap file with frames of the network is loaded by HTTP. It was made at another time, or is from a book.
pcap_file() {
    local n
    ip netns exec "$lab-a" perl -e '
        sub sum { my $s = unpack("%32n*", $_[0]); $s = ($s >> 16) + ($s & 0xffff) while $s >> 16; ~$s & 0xffff }
        my $inner = pack("H*","02000000aa01"."02000000aa02"."0800"). "E" . "x" x 60;
        my $udp = pack("nnnn",50000,4789,8+8+length $inner,0).pack("NN",0x08000000,42<<8).$inner;
        my $ip = pack("CCnnnCCna4a4",0x45,0,20+length $udp,1,0,64,17,0,pack("C4",split /\./,$ARGV[0]),pack("C4",split /\./,$ARGV[1])); substr($ip,10,2)=pack("n",sum($ip));
        my $f = pack("H*","020000000001"."020000000002"."0800").$ip.$udp;
        print pack("VvvVVVV",0xa1b2c3d4,2,4,0,0,65535,1), (pack("VVVV",1,1,length $f,length $f).$f) x 40' "$1" "$2" > "$work/file.pcap"
}
pcap_from_peer_setup() { both_encrypted_setup; pcap_file 192.0.2.2 192.0.2.1; tcp_server b 80 "$work/file.pcap"; tcp_loads a $b 80; lasts 6; }
pcap_from_peer_claims() { for host in a b; do sends $host "$esp"; sends_no $host "$(vxlan 42)"; done; delivered; sends b 'tcp src port 80'; }
pcap_to_stranger_setup() { stranger_hosts; pcap_file 10.1.1.1 10.1.1.2; tcp_server a 80 "$work/file.pcap"; tcp_loads c 192.0.2.1 80; }
pcap_to_stranger_claims() { for host in a b; do sends $host "$esp"; sends_no $host "$(vxlan 42)"; done; delivered; sends a 'tcp src port 80'; }

# Another cluster, of guests behind a, with the same number. a gives its frames its own address.
guest_masqueraded_setup() {
    mods iptable_nat xt_MASQUERADE nf_nat
    stranger_hosts; accepts_of_nobody
    in_a sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
    ip netns add "$lab-b2"
    ip -n "$lab-a" link add guest1 type veth peer name eth1 netns "$lab-b2"
    ip -n "$lab-a" link set guest1 up; ip -n "$lab-b2" link set eth1 up
    ip -n "$lab-a" addr add 172.17.0.1/16 dev guest1; ip -n "$lab-b2" addr add 172.17.0.2/16 dev eth1
    in_a "$iptables" -t nat -A POSTROUTING -s 172.17.0.0/16 -o eth0 -j MASQUERADE
}
guest_masqueraded_during() {
    pause 3
    ip netns exec "$lab-b2" perl lab/leaks/frames.pl vxlan eth1 "$(mac a guest1)" 172.17.0.2 $stranger
    pause 1
    ip netns delete "$lab-b2"
}
guest_masqueraded_claims() { sends a "$esp"; sends a "$(vxlan 42) and dst host $stranger"; all_esp b; delivered; }
second_cluster_elsewhere_setup() {
    stranger_hosts; accepts_of_nobody
    (port=8472; vtep a other 02:00:00:00:2c:01 10.44.0.1 id 42 local $a; vtep c other 02:00:00:00:2c:03 10.44.0.3 id 42 local $stranger)
    knows a other 02:00:00:00:2c:03 10.44.0.3 $stranger; knows c other 02:00:00:00:2c:01 10.44.0.1 $a
    pings_too 10.44.0.3
}
second_cluster_elsewhere_claims() { sends a "$esp"; sends a "$(vxlan 42 8472)"; sends_no a "$(vxlan 42)"; sends_no b "$(vxlan 42)"; delivered; }
local_wrong_setup() { both_encrypted_setup; asks --local 192.0.2.77; }
local_wrong_claims() { both_encrypted_claims; }
external_device_setup() {
    mods act_tunnel_key
    local host
    hosts
    for host in a b; do
        ip -n "$lab-$host" link add secure mtu 1400 address 02:00:00:00:2a:0$([ $host = a ] && echo 1 || echo 2) type vxlan external dstport 4789 nolearning
        ip -n "$lab-$host" addr add 10.42.0.$([ $host = a ] && echo 1 || echo 2)/32 dev secure
        ip -n "$lab-$host" link set secure up
    done
    ip -n "$lab-a" route add 10.42.0.2/32 encap ip id 42 dst $b dev secure
    ip -n "$lab-b" route add 10.42.0.1/32 encap ip id 42 dst $a dev secure
    ip -n "$lab-a" neigh replace 10.42.0.2 lladdr 02:00:00:00:2a:02 dev secure nud permanent
    ip -n "$lab-b" neigh replace 10.42.0.1 lladdr 02:00:00:00:2a:01 dev secure nud permanent
    pings 10.42.0.2
}
external_encrypted_setup() { external_device_setup; protect; asks --vni 42 --peer $b --target 10.42.0.2; }
external_encrypted_claims() { both_encrypted_claims; }

# eth1 is a port of a bridge, beside a device of another cluster that has the same number. a's broadcasts leave by it.
same_number_bridge_setup() {
    hosts; overlay secure 42 10.42.0; flood secure; second_wire; associations
    docker_sends_by a; sends_by b; accepts_by a
    ip -n "$lab-a" addr flush dev eth1
    ip -n "$lab-a" link add lan0 type bridge
    ip -n "$lab-a" link set eth1 master lan0
    ip -n "$lab-a" link add other type vxlan id 42 dstport 8472 local 192.0.2.1 nolearning
    ip -n "$lab-a" link set other master lan0 up
    ip -n "$lab-a" link set lan0 up
    ip -n "$lab-a" addr add 198.51.100.1/24 dev lan0
    ip -n "$lab-a" rule add fwmark 5 lookup 100
    ip -n "$lab-a" route add $b via 198.51.100.2 dev lan0 table 100
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol all prio 1 flower dst_mac ff:ff:ff:ff:ff:ff action skbedit mark 5
    in_a tc filter add dev secure egress protocol all prio 2 matchall action skbedit mark $docker_mark
    pings 10.42.0.2; pings_too 10.42.0.77
}
same_number_bridge_claims() { all_esp a; all_esp b; delivered; sends a1 "$(vxlan 42) and udp[16:4] = 0xffffffff"; }

# Route-based IPsec. What it decrypts is seen on its device, and not again on the card. b sends each frame in clear, too.
vti_and_copies_setup() {
    over_vti_setup
    ip netns exec "$lab-b" perl lab/leaks/frames.pl vxlan eth0 "$(mac a)" "$b" "$a" secure > "$work/copies" &
    taps+=($!)
    wait_for grep -q ready "$work/copies"
}
vti_and_copies_claims() { all_esp a; sends b "$esp"; sends b "$(vxlan 42)"; readable b; delivered; }

# Frames for one port go to a tunnel that nothing protects, too. No probe is among them.
talks() {
    in_a perl -MSocket -e 'socket(my $s, PF_INET, SOCK_DGRAM, 17); while (1) { send($s, "OVL-LAB-CANARY" x 8, 0, sockaddr_in(5000, inet_aton("10.42.0.2"))); select undef, undef, undef, 0.1 }' &
    taps+=($!)
}
mirrored_some_to() {
    mods act_mirred cls_flower ip_gre
    both_encrypted_setup
    ip -n "$lab-a" link add copies "$@"
    ip -n "$lab-a" link set copies up
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol ip prio 1 flower ip_proto udp dst_port 5000 action mirred egress mirror dev copies
    nobody 192.0.2.9
    talks
}
some_gretap_setup() { mirrored_some_to type gretap local 192.0.2.1 remote 192.0.2.9; }
some_gretap_claims() { sends a "$esp"; sends a 'ip proto 47'; readable a; all_esp b; delivered; }
some_other_vni_setup() { mirrored_some_to type vxlan id 99 dstport 4789 local 192.0.2.1 remote 192.0.2.9; }
some_other_vni_claims() { sends a "$esp"; sends a "$(vxlan 99)"; readable a; all_esp b; delivered; }

# The overlay's packets are not tracked, and what is not tracked is accepted first.
untracked_setup() {
    mods nf_conntrack xt_conntrack xt_CT iptable_raw
    halfway
    in_a "$iptables" -t raw -A PREROUTING -p udp --dport $port -j CT --notrack
    in_a "$iptables" -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,UNTRACKED -j ACCEPT
    in_a "$iptables" -A INPUT -m policy --dir in --pol none -p udp --dport $port -j DROP
}
untracked_claims() { in_order_but_open; }

# a's IN policy is for marked packets, and its firewall marks those of the overlay that arrive.
in_mark_setup() {
    halfway mark $docker_mark mask 0xffffffff $esp_template
    in_a "$iptables" -t mangle -A PREROUTING -p udp --dport $port -j MARK --set-mark $docker_mark
}
in_mark_claims() { in_order; }

# Nobody reads the queue, so what is queued is dropped.
nfqueue_setup() { mods xt_NFQUEUE nfnetlink_queue; halfway; in_a "$iptables" -A INPUT -p udp --dport $port -m policy --dir in --pol none -j NFQUEUE --queue-num 0; }
nfqueue_claims() { in_order; }

# A host with many routes, which is seldom surveyed. A card that was down comes up in the last second of the watch, behind
# the last probe, and stays up.
late_card_setup() {
    docker_layout
    ip -n "$lab-a" link set eth1 down
    local n
    for n in {1..24000}; do echo "route add 10.$((100 + n / 256 % 100)).$((n % 256)).0/$((n / 25600 + 24)) via 192.0.2.2"; done | ip -n "$lab-a" -batch -
    ip netns exec "$lab-a" ping -n -q -i 0.05 -p "$pattern" 10.42.0.2 > /dev/null 2>&1 &
    pings+=($!)
    lasts 10
}
late_card_during() {
    date "+captures %s.%N" > "$work/moments"
    pause ${late_trigger:-7.5}
    ip -n "$lab-a" addr add 203.0.113.1/32 dev lo
    pause ${late_up:-1.6}
    printf '%s\n' "link set eth1 up" "neigh replace 198.51.100.2 lladdr 02:00:00:00:00:99 dev eth1 nud permanent" "route replace $b via 198.51.100.2 dev eth1 src 198.51.100.1" | ip -n "$lab-a" -batch -
    date "+is up %s.%N" >> "$work/moments"
}
late_card_claims() { date "+ended %s.%N" >> "$work/moments"; sends a "$esp"; sends_no a "$(vxlan 42)"; sends a1 "$(vxlan 42)"; readable a1; all_esp b; within_the_watch; }
# On a busy machine the card may come up when the watch is over. The lab sees a moment late that the watch has begun, so the
# last half second does not count.
within_the_watch() {
    local first begun
    first=$(tcpdump -tt -n -r "$work/a1.pcap" "$(vxlan 42)" 2>/dev/null | sed -n '1s/ .*//p')
    begun=$(sed -n 's/^captures //p' "$work/moments")
    awk -v first="$first" -v end="$begun $(scaled "$seconds")" 'BEGIN { split(end, at, " "); exit !(first < at[1] + at[2] - 0.5) }' ||
        too_late "the frames left when the watch was over"
}
late_card_3_setup() { late_card_setup; }
late_card_3_during() { late_trigger=7 late_up=1.9; late_card_during; }
late_card_3_claims() { late_card_claims; }
