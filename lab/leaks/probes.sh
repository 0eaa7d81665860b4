# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios in which a host protects the frames of usual size and leaks others. Nobody sends such frames while it is
# watched, unless a probe does. When the watch is over, one is sent, as proof that it leaks.

# marked HOST IPTABLES-WORD…: the host protects what has Docker's mark, and frames that match the words lose it.
marked() {
    local host=$1 other=b
    [ $host = a ] || other=a
    hosts; overlay secure 42 10.42.0; associations
    docker_sends_by $host; sends_by $other; accepts_by a; accepts_by b
    iptables_marks $host 42
    ip netns exec "$lab-$host" "$iptables" -t mangle -A OUTPUT -p udp --dport "$port" "${@:2}" -j MARK --set-mark 0
    pings 10.42.0.2
    lasts 6
}
# leaks_later CAPTURE PING-OPTION…: claims that the usual pings were protected, and that one with these options leaks.
leaks_later() {
    sends "$1" "$esp"; unreadable "$1"
    taps late.pcap w "port-$1" -Q in
    in_a ping -n -c 2 -i 0.3 -W 2 -p "$pattern" "${@:2}" > /dev/null 2>&1 || true
    end TERM "${taps[-1]}"
    sends late "$(vxlan 42)"
}

short_clear_setup() { marked a -m length --length 0:100; }
short_clear_claims() { leaks_later a -s 14 10.42.0.2; all_esp b; delivered; }
large_clear_setup() { marked a -m length --length 1300:65535; }
large_clear_claims() { leaks_later a -s 1300 10.42.0.2; all_esp b; delivered; }

# b leaks, and a does not.
short_clear_there_setup() { marked b -m length --length 0:100; }
short_clear_there_claims() { leaks_later b -s 14 10.42.0.2; all_esp a; delivered; }
large_clear_there_setup() { marked b -m length --length 1300:65535; }
large_clear_there_claims() { leaks_later b -s 1300 10.42.0.2; all_esp a; delivered; }

# a marks its frames by tc, but ARP.
arp_clear_setup() {
    hosts; overlay secure 42 10.42.0; flood secure; associations
    docker_sends_by a; sends_by b; accepts_by a
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol ip prio 1 matchall action skbedit mark $docker_mark
    pings 10.42.0.2
}
arp_clear_claims() { leaks_later a 10.42.0.77; sends late "$(vxlan 42) and udp[16:4] = 0xffffffff"; all_esp b; delivered; }

# The frames of one class lose the mark, and such frames are sent all the time, beside others.
dscp_clear_setup() { marked a -m dscp --dscp 46; other_class; }
dscp_clear_claims() { sends a "$esp"; sends a "$(vxlan 42) and ip[1] = 0xb8"; sends_no a "$(vxlan 42) and ip[1] != 0xb8"; all_esp b; delivered; }
# The classes are shown on the ESP packets, and none of them is left out.
dscp_shown_setup() { both_encrypted_setup; other_class; }
dscp_shown_claims() { both_encrypted_claims; sends a "$esp and ip[1] = 0xb8"; }
# other_class: a's tunnel shows the class of each frame outside, and a pings b in another class too.
other_class() {
    ip -n "$lab-a" link set secure type vxlan id 42 tos inherit
    ip netns exec "$lab-a" ping -n -i 0.5 -Q 0xb8 -p "$pattern" 10.42.0.2 > /dev/null 2>&1 &
    pings+=($!)
}

# A leak of one frame in twenty.
one_in_twenty_setup() { marked a -m statistic --mode nth --every 20 --packet 0; pings_too 10.42.0.2; lasts 10; }
one_in_twenty_claims() { sends a "$esp"; sends a "$(vxlan 42)"; all_esp b; delivered; }
