# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Scenarios with ESP or AH on the wire that encrypts nothing, or that encrypts something other than this overlay.

esp_null_setup() { suite=null; both_encrypted_setup; }
esp_null_claims() { for host in a b; do sends $host "$esp"; sends_no $host "$(vxlan 42)"; readable $host; done; delivered; }

esp_gmac_setup() { suite=gmac; both_encrypted_setup; }
esp_gmac_claims() { esp_null_claims; }

ah_only_setup() { suite=ah protocol=ah; both_encrypted_setup; }
ah_only_claims() { for host in a b; do sends $host 'ip proto 51'; sends_no $host "$esp"; readable $host; done; delivered; }

# Short packets are padded to one length (RFC 4303 section 2.7). Keys see through it, and lengths do not.
tfcpad_setup() {
    mode=tunnel
    hosts; overlay secure 42 10.42.0
    sa ab "a b" "" "" tfcpad 1200; sa ba "a b" "" "" tfcpad 1200
    local host; for host in a b; do sends_by $host; accepts_by $host; done
    pings 10.42.0.2
}
tfcpad_claims() { for host in a b; do all_esp $host; sends_no $host "$esp and less 1000 and ip[6:2] & 0x1fff = 0"; done; delivered; }

tfcpad_no_keys_setup() { tfcpad_setup; as setpriv --bounding-set=-all,+net_raw --inh-caps=-all; }
tfcpad_no_keys_claims() { tfcpad_claims; }

# The SAs protect another tunnel between the hosts, and that one is busy.
other_tunnel() { port=4799; overlay other 43 10.43.0; protect; pings 10.43.0.2; port=4789; }

other_tunnel_silent_setup() { hosts; other_tunnel; overlay secure 42 10.42.0; asks --passive; }
other_tunnel_silent_claims() { all_esp a; all_esp b; delivered; }

# The overlay's own frames do not reach the wire.
other_tunnel_stuck_setup() {
    hosts; other_tunnel; overlay secure 42 10.42.0
    in_a "$iptables" -A OUTPUT -p udp --dport 4789 -j DROP
}
other_tunnel_stuck_claims() { all_esp a; all_esp b; delivered; }

other_tunnel_clear_setup() { hosts; other_tunnel; overlay secure 42 10.42.0; pings_too 10.42.0.2; }
other_tunnel_clear_claims() { for host in a b; do sends $host "$esp"; sends $host "$(vxlan 42)"; readable $host; done; delivered; }

# Two networks on one port share the SAs. A mark of netfilter says which frames are protected, as with Docker.
shared() {
    local host
    hosts; overlay "$1" 42 10.42.0; overlay "$2" 43 10.43.0; associations
    for host in a b; do docker_sends_by $host; done
    pings 10.42.0.2
    pings_too 10.43.0.2
}
shared_sa_clear_setup() { shared secure other; for host in a b; do iptables_marks $host 43; iptables_drops_clear $host 43; done; }
shared_sa_clear_claims() { for host in a b; do sends $host "$esp"; sends $host "$(vxlan 42)"; sends_no $host "$(vxlan 43)"; readable $host; done; delivered; }

shared_sa_encrypted_setup() { shared secure other; for host in a b; do iptables_marks $host 42; iptables_drops_clear $host 42; done; }
shared_sa_encrypted_claims() { for host in a b; do sends $host "$esp"; sends $host "$(vxlan 43)"; sends_no $host "$(vxlan 42)"; done; delivered; }

# Docker's rule that drops clear frames is missing on a: CVE-2023-28840.
no_drop_rule_setup() { shared secure other; for host in a b; do iptables_marks $host 42; done; iptables_drops_clear b 42; }
no_drop_rule_claims() { shared_sa_encrypted_claims; }

# Docker's rule that marks the frames to protect is missing on a: CVE-2023-28841.
no_mark_rule_setup() { shared secure other; iptables_marks b 42; iptables_drops_clear a 42; }
no_mark_rule_claims() { sends_no a "$esp"; sends a "$(vxlan 42)"; sends b "$esp"; sends_no b "$(vxlan 42)"; delivered; }

# b decrypts a's frames and has no device that takes them. Its kernel answers with ICMP errors, which nothing protects
# and which quote the frames.
nobody_takes_it_setup() { hosts; overlay secure 42 10.42.0; protect; ip -n "$lab-b" link set secure down; pings 10.42.0.2; asks --passive; }
nobody_takes_it_claims() { all_esp a; sends b 'icmp[0] = 3 and icmp[1] = 3'; sends_no b "$(vxlan 42)"; readable b; lost; }

# The same, and ovlsniff probes as well. The leak outweighs the black hole.
nobody_takes_it_probed_setup() { nobody_takes_it_setup; options=(); }
nobody_takes_it_probed_claims() { nobody_takes_it_claims; }

nobody_takes_it_ipv6_setup() { ipv6_hosts; overlay secure 42 10.42.0; protect; ip -n "$lab-b" link set secure down; pings 10.42.0.2; asks --passive; }
nobody_takes_it_ipv6_claims() { sends a 'ip6 proto 50'; unreadable a; sends b 'icmp6[0] = 1'; readable b; lost; }

# Port mirroring: tc also sends the frames that go into the overlay out of the underlay's card, outside any tunnel.
mirror_bare_setup() {
    modprobe -a act_mirred 2>/dev/null || true
    both_encrypted_setup
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol all prio 1 matchall action mirred egress mirror dev eth0
}
mirror_bare_claims() { sends a "$esp"; readable a; delivered; }

# a's address changes while ovlsniff watches, and the policy is for the old one.
address_moves_setup() {
    hosts
    vtep a secure 02:00:00:00:2a:01 10.42.0.1 id 42
    vtep b secure 02:00:00:00:2a:02 10.42.0.2 id 42 local $b
    knows a secure 02:00:00:00:2a:02 10.42.0.2 $b; knows b secure 02:00:00:00:2a:01 10.42.0.1 $a
    protect; pings 10.42.0.2; lasts 12
}
address_moves_during() { pause 4; in_a sh -c "ip addr del $a/24 dev eth0; ip addr add 192.0.2.11/24 dev eth0"; }
address_moves_claims() { sends a "$esp"; sends a "$(vxlan 42) and src host 192.0.2.11"; readable a; }

# An entry of the forwarding table names another interface than the route does.
multicast_via_setup() {
    hosts; overlay secure 42 10.42.0; protect; second_interface
    ip -n "$lab-a" route add 239.0.0.0/8 dev eth0
    bridge -n "$lab-a" fdb append 00:00:00:00:00:00 dev secure dst 239.1.1.1 via eth1 self permanent
    taps tap.pcap a eth1 -Q out
    pings 10.42.0.2; pings_too 10.42.0.77
}
multicast_via_claims() { all_esp a; all_esp b; delivered; sends tap "$(vxlan 42) and dst host 239.1.1.1"; }

# A third node joins on an interface that ovlsniff does not watch.
new_peer_elsewhere_setup() {
    both_encrypted_setup
    ip netns add "$lab-c"; ip -n "$lab-c" link set lo up
    ip -n "$lab-a" link add eth1 type veth peer name eth0 netns "$lab-c"
    ip -n "$lab-a" link set eth1 up; ip -n "$lab-c" link set eth0 up
    ip -n "$lab-a" addr add 198.51.100.1/24 dev eth1; ip -n "$lab-c" addr add 198.51.100.3/24 dev eth0
    taps tap.pcap a eth1 -Q out; lasts 20
}
new_peer_elsewhere_during() {
    pause 3
    knows a secure 02:00:00:00:2a:03 10.42.0.3 198.51.100.3
    in_a ping -n -i 0.3 -c 9 -W 1 -p "$pattern" 10.42.0.3 > /dev/null 2>&1 || true
}
new_peer_elsewhere_claims() { all_esp a; all_esp b; delivered; sends tap "$(vxlan 42)"; readable tap; }
