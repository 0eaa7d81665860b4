# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios in which clear frames of the overlay, or what looks like them, pass links of host a and never leave it. All
# that is on the wire is ESP.

# tc copies the overlay's frames to a device for a program on this host that looks for intruders.
mirror_to_dummy_setup() {
    modprobe -a act_mirred cls_matchall dummy 2>/dev/null || true
    both_encrypted_setup
    ip -n "$lab-a" link add watch0 type dummy
    ip -n "$lab-a" link set watch0 up
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol all prio 1 matchall action mirred egress mirror dev watch0
    taps tap.pcap a watch0 -Q out
}
mirror_to_dummy_claims() { members_in_order; readable tap; }

# a's overlay is a bridge, and a container is on it, as with Docker. The container's frames pass its link as they are.
container_setup() {
    local host
    hosts
    at_once bridged_vtep
    protect
    ip netns exec "$lab-c" ping -n -i 0.3 -p "$pattern" 10.42.0.2 > "$work/ping" 2>&1 &
    pings+=($!)
    pings_too 10.42.0.2
    taps tap.pcap a member
}
bridged_vtep() {
    ip netns add "$lab-c"
    vtep a secure 02:00:00:00:2a:01 10.42.0.99 id 42 local $a
    vtep b secure 02:00:00:00:2a:02 10.42.0.2 id 42 local $b
    on a addr flush dev secure
    on a link add ovl0 address 02:00:00:00:2a:01 type bridge
    on a link set secure master ovl0
    on a link set ovl0 up
    on a addr add 10.42.0.1/24 dev ovl0
    on a link add member type veth peer name eth0 address 02:00:00:00:2a:03 netns "$lab-c"
    on a link set member master ovl0 up
    on c addr add 10.42.0.3/24 dev eth0
    on c link set eth0 up
    on c neigh replace 10.42.0.2 lladdr 02:00:00:00:2a:02 dev eth0 nud permanent
    on a neigh replace 10.42.0.2 lladdr 02:00:00:00:2a:02 dev ovl0 nud permanent
    fdb a append 02:00:00:00:2a:02 dev secure dst "$b" self permanent
    fdb a append 02:00:00:00:2a:02 dev secure master static
    knows b secure 02:00:00:00:2a:01 10.42.0.1 $a
    knows b secure 02:00:00:00:2a:03 10.42.0.3 $a
}
container_claims() { members_in_order; readable tap; }

# Two guests on a bridge of a's are a cluster of their own, whose network has the same number and is in clear.
guests_cluster_setup() {
    both_encrypted_setup
    ip netns add "$lab-c"
    ip -n "$lab-a" link add guests type bridge
    ip -n "$lab-a" link set guests up
    local number
    for number in 1 2; do
        ip -n "$lab-a" link add guest$number type veth peer name eth$number netns "$lab-c"
        ip -n "$lab-a" link set guest$number master guests up
        ip -n "$lab-c" link set eth$number up
    done
    ip -n "$lab-a" addr add 172.17.0.1/16 dev guests
    taps tap.pcap a guest2 -Q out
    lasts 8
}
guests_cluster_during() { pause 3; ip netns exec "$lab-c" perl lab/leaks/frames.pl vxlan eth1 02:00:00:00:00:99 172.17.0.2 172.17.0.3; pause 1; }
guests_cluster_claims() { members_in_order; sends tap "$(vxlan 42) and src host 172.17.0.2"; }

# An entry of a's forwarding table leads to a's own second address. The kernel takes those frames back itself.
entry_to_itself_setup() {
    both_encrypted_setup
    ip -n "$lab-a" addr add 192.0.2.21/24 dev eth0
    knows a secure 02:00:00:00:2a:03 10.42.0.3 192.0.2.21
    taps tap.pcap a any
    pings_too 10.42.0.3
}
entry_to_itself_claims() { members_in_order; sends tap "$esp"; sends_no tap "dst host 192.0.2.21"; }
