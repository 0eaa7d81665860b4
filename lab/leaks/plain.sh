# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Scenarios in which both directions are protected, neither is, or one of them is.

both_encrypted_setup() { hosts; overlay secure 42 10.42.0; protect; pings 10.42.0.2; }
both_encrypted_claims() { all_esp a; all_esp b; delivered; }

clear_setup() { hosts; overlay secure 42 10.42.0; pings 10.42.0.2; }
clear_claims() { all_clear a; all_clear b; delivered; }

clear_as_expected_setup() { clear_setup; asks --expect clear; }
clear_as_expected_claims() { clear_claims; }

out_clear_setup() { hosts; overlay secure 42 10.42.0; associations; sends_by b; accepts_by a; pings 10.42.0.2; }
out_clear_claims() { all_clear a; all_esp b; delivered; }

in_clear_setup() { hosts; overlay secure 42 10.42.0; associations; sends_by a; accepts_by b; pings 10.42.0.2; }
in_clear_claims() { all_esp a; all_clear b; delivered; }

in_clear_refused_setup() { hosts; overlay secure 42 10.42.0; associations; sends_by a; accepts_by a; accepts_by b; pings 10.42.0.2; }
in_clear_refused_claims() { all_esp a; all_clear b; lost; counts a XfrmInTmplMismatch; }

# `level use` means: protect a packet if there is an SA, or else send it as it is.
level_use_setup() { hosts; overlay secure 42 10.42.0; sends_by a level use; sends_by b level use; pings 10.42.0.2; }
level_use_claims() { all_clear a; all_clear b; delivered; }

# The SAs and the policies are in order, but for a port that the overlay does not use.
other_port_setup() { hosts; protect; port=4799; overlay secure 42 10.42.0; pings 10.42.0.2; }
other_port_claims() { all_clear a; all_clear b; delivered; }

not_enforced_setup() { hosts; overlay secure 42 10.42.0; associations; sends_by a; sends_by b; accepts_by b; pings 10.42.0.2; }
not_enforced_claims() { all_esp a; all_esp b; delivered; }

# The policy takes marked frames only, and broadcasts are not marked.
broadcast_clear_setup() {
    hosts; overlay secure 42 10.42.0; protect_unicast
}
# Protects a's unicast frames, by a mark. Its broadcasts leave in clear.
protect_unicast() {
    flood secure; associations
    docker_sends_by a; sends_by b; accepts_by a
    ip netns exec "$lab-a" tc qdisc add dev secure clsact
    ip netns exec "$lab-a" tc filter add dev secure egress protocol all prio 1 flower dst_mac ff:ff:ff:ff:ff:ff action pass
    ip netns exec "$lab-a" tc filter add dev secure egress protocol all prio 2 matchall action skbedit mark $docker_mark
    pings 10.42.0.2
    # Nobody has 10.42.0.77. The ARP request for it is the broadcast that leaks.
    pings_too 10.42.0.77
}
broadcast_clear_claims() {
    sends a "$esp"; unreadable a; all_esp b; delivered
    sends a "$(vxlan 42) and udp[16:4] = 0xffffffff"
    sends_no a "$(vxlan 42) and not udp[16:4] = 0xffffffff"
}

# Broadcasts go to a multicast group, for which there is no policy.
multicast_clear_setup() {
    hosts; overlay secure 42 10.42.0; protect
    ip -n "$lab-a" route add 239.1.1.1 dev eth0
    bridge -n "$lab-a" fdb append 00:00:00:00:00:00 dev secure dst 239.1.1.1 via eth0 self permanent
    pings 10.42.0.2
    pings_too 10.42.0.77
}
multicast_clear_claims() {
    sends a "$esp"; unreadable a; all_esp b; delivered
    sends a "$(vxlan 42) and dst host 239.1.1.1"
    sends_no a "$(vxlan 42) and dst host $b"
}

# Broadcasts go to a multicast group by another interface than the frames to the peer.
multicast_elsewhere_setup() {
    hosts; overlay secure 42 10.42.0; protect; second_interface
    ip -n "$lab-a" route add 239.1.1.1 dev eth1
    bridge -n "$lab-a" fdb append 00:00:00:00:00:00 dev secure dst 239.1.1.1 via eth1 self permanent
    taps tap.pcap a eth1 -Q out
    pings 10.42.0.2
    pings_too 10.42.0.77
}
multicast_elsewhere_claims() { all_esp a; all_esp b; delivered; sends tap "$(vxlan 42) and dst host 239.1.1.1"; }

# A routing rule leads frames with a mark to another table, and out of another interface. These are the broadcasts, and
# no policy is for them.
policy_routed_clear_setup() {
    hosts; overlay secure 42 10.42.0; flood secure; associations
    docker_sends_by a; sends_by b; accepts_by a; second_interface
    ip -n "$lab-a" rule add fwmark 5 lookup 100
    ip -n "$lab-a" route add $b dev eth1 table 100
    ip -n "$lab-a" neigh replace $b lladdr 02:00:00:00:00:99 dev eth1
    ip netns exec "$lab-a" tc qdisc add dev secure clsact
    ip netns exec "$lab-a" tc filter add dev secure egress protocol all prio 1 flower dst_mac ff:ff:ff:ff:ff:ff action skbedit mark 5
    ip netns exec "$lab-a" tc filter add dev secure egress protocol all prio 2 matchall action skbedit mark $docker_mark
    taps tap.pcap a eth1 -Q out
    pings 10.42.0.2
    pings_too 10.42.0.77
}
policy_routed_clear_claims() { all_esp a; all_esp b; delivered; sends tap "$(vxlan 42) and dst host $b"; }

# a's IN policy names a source port, while the tunnel sends from any port.
in_sport_setup() {
    hosts; overlay secure 42 10.42.0; associations; sends_by a; sends_by b; accepts_by b
    ip -n "$lab-a" xfrm policy add src $b dst $a proto udp sport 4789 dir in priority 100 \
        tmpl src $b dst $a proto esp reqid $reqid mode transport
    pings 10.42.0.2
}
in_sport_claims() { all_esp a; all_esp b; delivered; }

# a has no IN policy, and its nftables drop frames that arrive in clear.
nft_drops_clear_setup() {
    not_enforced_setup
    in_a nft -f - <<'RULES'
table inet overlay {
    chain input {
        type filter hook input priority 0; policy accept;
        udp dport 4789 meta secpath missing drop
    }
}
RULES
}
nft_drops_clear_claims() { all_esp a; all_esp b; delivered; }

# a's kernel applies no policy to packets that arrive on eth0.
disable_policy_setup() { both_encrypted_setup; in_a sh -c 'echo 1 > /proc/sys/net/ipv4/conf/eth0/disable_policy'; }
disable_policy_claims() { all_esp a; all_esp b; delivered; }

# a's firewall drops the packets of one stranger, which enforces nothing against others.
one_banned_setup() { not_enforced_setup; in_a "$iptables" -A INPUT -s 203.0.113.5 -j DROP; }
one_banned_claims() { all_esp a; all_esp b; delivered; }
