# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios in which a host that is no member sends what looks like the overlay's, and those in which a member does.
# Everything that the members' kernels send is ESP.

stranger=192.0.2.3

# stranger_hosts: both hosts, protected, and a third one on the switch, c. c.pcap is what c sends.
stranger_hosts() {
    both_encrypted_setup
    ip netns add "$lab-c"
    ip netns exec "$lab-c" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'
    ip -n "$lab-w" link add port-c type veth peer name eth0 netns "$lab-c"
    ip -n "$lab-w" link set port-c master br0 up
    ip -n "$lab-c" link set eth0 up
    ip -n "$lab-c" addr add $stranger/24 dev eth0
    taps c.pcap w port-c -Q in
    lasts 8
}
# a demands ESP of everybody who sends to the overlay's port.
accepts_of_nobody() {
    ip -n "$lab-a" xfrm policy add src 0.0.0.0/0 dst $a proto udp dport 4789 dir in priority 50 tmpl proto esp reqid $reqid mode transport
}
mac() { ip netns exec "$lab-$1" cat "/sys/class/net/${2:-eth0}/address"; }
# forges HOST FORM FROM TO: one made-up frame of the overlay in clear, sent by HOST.
forges() {
    local there=a
    [ "$1" != a ] || there=b
    ip netns exec "$lab-$1" perl lab/leaks/frames.pl "$2" eth0 "$(mac $there)" "$3" "$4"
}
# What is forged comes once, in the middle of the watch.
forged() { pause 3; forges "$@"; pause 1; }
# The members' own packets are all in order.
members_in_order() { local host; for host in a b; do all_esp $host; done; delivered; }

# a would take the frame: its IN policy is for b alone.
stranger_vxlan_setup() { stranger_hosts; }
stranger_vxlan_during() { forged c vxlan $stranger $a; }
stranger_vxlan_claims() { members_in_order; sends c "$(vxlan 42) and dst host $a"; takes_clear c $stranger; }

stranger_refused_setup() { stranger_hosts; accepts_of_nobody; }
stranger_refused_during() { stranger_vxlan_during; }
stranger_refused_claims() { members_in_order; sends c "$(vxlan 42) and dst host $a"; refuses_clear c $stranger; }

stranger_dropped_setup() { stranger_hosts; iptables_drops_clear a 42; }
stranger_dropped_during() { stranger_vxlan_during; }
stranger_dropped_claims() { stranger_refused_claims; }

stranger_icmp_setup() { stranger_hosts; accepts_of_nobody; }
stranger_icmp_during() { forged c icmp-error $stranger $a; }
stranger_icmp_claims() { members_in_order; sends c "icmp[0] = 3 and dst host $a"; grep -qa OVL-LAB-FORGED "$work/c.pcap" || claim "c quoted nothing"; }

stranger_esp_null_setup() { stranger_hosts; accepts_of_nobody; }
stranger_esp_null_during() { forged c esp-null $stranger $a; }
stranger_esp_null_claims() { members_in_order; sends c "ip[20:4] = 0x5eed and dst host $a"; counts a XfrmInNoStates; }

# Another cluster on the same wire has a network of the same number, and floods to its own group.
stranger_multicast_setup() { stranger_hosts; accepts_of_nobody; }
stranger_multicast_during() { forged c multicast $stranger 239.1.9.9; }
stranger_multicast_claims() { members_in_order; sends c "$(vxlan 42) and dst host 239.1.9.9"; }

# The switch floods a frame of two strangers to a's port too.
stranger_to_stranger_setup() { stranger_hosts; accepts_of_nobody; }
stranger_to_stranger_during() { pause 3; ip netns exec "$lab-c" perl lab/leaks/frames.pl vxlan eth0 02:00:00:00:00:99 $stranger 192.0.2.9; pause 1; }
stranger_to_stranger_claims() { members_in_order; sends c "$(vxlan 42) and dst host 192.0.2.9"; }

# The same frames, sent by b: one of them was on the wire in clear, and a member sent it.
member_vxlan_setup() { both_encrypted_setup; lasts 8; }
member_vxlan_during() { forged b vxlan $b $a; }
member_vxlan_claims() { all_esp a; sends b "$esp"; sends b "$(vxlan 42) and dst host $a"; delivered; counts a XfrmInTmplMismatch; }

member_icmp_setup() { both_encrypted_setup; lasts 8; }
member_icmp_during() { forged b icmp-error $b $a; }
member_icmp_claims() { members_in_order; sends b "icmp[0] = 3 and dst host $a"; }

member_esp_null_setup() { both_encrypted_setup; lasts 8; }
member_esp_null_during() { forged b esp-null $b $a; }
member_esp_null_claims() { members_in_order; sends b "ip[20:4] = 0x5eed and ip[36:4] = 0x08000000"; counts a XfrmInNoStates; }

# One frame leaves a in clear: from a second address of its own, from an address that is nobody's, and to a host that
# is no member.
own_second_address_setup() { both_encrypted_setup; ip -n "$lab-a" addr add 192.0.2.21/24 dev eth0; lasts 8; }
own_second_address_during() { forged a vxlan 192.0.2.21 $b; }
own_second_address_claims() { sends a "$esp"; sends a "$(vxlan 42) and src host 192.0.2.21"; sends_no a "$(vxlan 42) and src host $a"; delivered; }

foreign_source_setup() { both_encrypted_setup; lasts 8; }
foreign_source_during() { forged a vxlan 192.0.2.99 $b; }
foreign_source_claims() { sends a "$esp"; sends a "$(vxlan 42) and src host 192.0.2.99"; delivered; }

to_a_stranger_setup() { stranger_hosts; }
to_a_stranger_during() { pause 3; ip netns exec "$lab-a" perl lab/leaks/frames.pl vxlan eth0 "$(mac c)" $a $stranger; pause 1; }
to_a_stranger_claims() { sends a "$esp"; sends a "$(vxlan 42) and dst host $stranger"; sends_no a "$(vxlan 42) and dst host $b"; all_esp b; delivered; }
