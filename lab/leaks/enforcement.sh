# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios about what a does with clear frames of the overlay. All that is sent is ESP, in both directions; a clear frame
# is sent only when the watch is over, to show what a makes of it.

# takes_clear HOST FROM [CARD], refuses_clear HOST FROM [CARD]: claim that a's overlay takes, or does not take, a frame in
# clear that HOST sends from the address FROM by CARD.
takes_clear() { injected "$@"; grep -qa OVL-LAB-FORGED "$work/injected.pcap" || claim "a did not take a clear frame"; }
refuses_clear() { injected "$@"; ! grep -qa OVL-LAB-FORGED "$work/injected.pcap" || claim "a took a clear frame"; }
injected() {
    local card=${3:-eth0} near=192.0.2.1
    [ "$card" = eth0 ] || near=198.51.100.1
    taps injected.pcap a secure
    ip netns exec "$lab-$1" perl lab/leaks/frames.pl vxlan "$card" "$(mac a "$card")" "$2" $a
    # The ping comes behind the frame, so when it is answered, the frame has been taken or refused.
    ip netns exec "$lab-$1" ping -n -c 3 -i 0.3 -W 5 $near > /dev/null || claim "a did not answer"
    end TERM "${taps[-1]}"
}

# halfway POLICY-WORD…: all is in order but for a's IN policy, which is the one given.
halfway() {
    hosts; overlay secure 42 10.42.0; associations; sends_by a; sends_by b; accepts_by b
    [ $# = 0 ] || in_policy "$@"
    pings 10.42.0.2
}
in_policy() { ip -n "$lab-a" xfrm policy add dir in src $b dst $a proto udp dport 4789 "$@"; }
esp_template="tmpl src $b dst $a proto esp reqid $reqid mode transport"
in_order_but_open() { all_esp a; all_esp b; delivered; takes_clear b $b "$@"; }
in_order() { all_esp a; all_esp b; delivered; refuses_clear b $b; }

# A policy for frames that come by eth0 is for none: where the kernel checks frames that it takes itself, their device is
# the loopback, which they are routed to.
in_dev_setup() { halfway dev eth0 $esp_template; }
in_dev_claims() { in_order_but_open; }
in_dev_elsewhere_setup() { halfway dev eth0 $esp_template; second_wire; }
in_dev_elsewhere_claims() { in_order_but_open eth1; }
in_dev_loopback_setup() { halfway dev lo $esp_template; }
in_dev_loopback_claims() { in_order; }

# The policy is for an xfrm interface that a does not have.
in_if_id_setup() { halfway if_id 7 $esp_template; }
in_if_id_claims() { in_order_but_open; }

# Another policy comes first, and lets everything pass. Behind the first one, it lets nothing pass.
in_behind_allow_setup() { halfway priority 100 $esp_template; allows 10; }
in_behind_allow_claims() { in_order_but_open; }
in_before_allow_setup() { halfway priority 10 $esp_template; allows 100; }
in_before_allow_claims() { in_order; }
allows() { ip -n "$lab-a" xfrm policy add src 0.0.0.0/0 dst $a proto udp dir in priority "$1" action allow; }

# IKE daemons make two templates where compression may be used: the outer one, ESP, is required.
in_two_templates_setup() {
    modprobe ipcomp 2>/dev/null || true
    halfway tmpl src $b dst $a proto comp mode transport level use $esp_template
}
in_two_templates_claims() { in_order; }
# ESP is optional.
in_level_use_setup() { halfway $esp_template level use; }
in_level_use_claims() { in_order_but_open; }

# Number 0 is any.
in_reqid_any_setup() { halfway tmpl src $b dst $a proto esp mode transport; }
in_reqid_any_claims() { in_order; }
# The template asks for an SA that is not the one in use: b's frames do not arrive.
in_reqid_other_setup() { halfway tmpl src $b dst $a proto esp reqid 78 mode transport; }
in_reqid_other_claims() { all_esp a; all_esp b; lost; counts a XfrmInTmplMismatch; }

not_enforced_ipv6_setup() {
    ipv6_hosts; overlay secure 42 10.42.0; associations; sends_by a; sends_by b; accepts_by b
    # This one is for the other family.
    ip -n "$lab-a" xfrm policy add src 0.0.0.0/0 dst 192.0.2.1 proto udp dport 4789 dir in tmpl proto esp reqid $reqid mode transport
    pings 10.42.0.2
}
not_enforced_ipv6_claims() { ipv6_claims; }

# a applies no policy to what comes by its other card.
disable_policy_elsewhere_setup() { both_encrypted_setup; second_wire; in_a sh -c 'echo 1 > /proc/sys/net/ipv4/conf/eth1/disable_policy'; }
disable_policy_elsewhere_claims() { in_order_but_open eth1; }
# Loopback has that setting on many systems, and nothing comes from outside by it.
disable_policy_loopback_setup() { both_encrypted_setup; in_a sh -c 'echo 1 > /proc/sys/net/ipv4/conf/lo/disable_policy'; }
disable_policy_loopback_claims() { in_order; }

# There is no IN policy, and tc drops what arrives in clear. ovlsniff does not read tc's rules, so it must not say that
# clear frames are accepted.
tc_drops_clear_setup() {
    halfway
    in_a tc qdisc add dev eth0 clsact
    in_a tc filter add dev eth0 ingress protocol ip prio 1 flower ip_proto udp dst_port 4789 action drop
}
tc_drops_clear_claims() { in_order; }

# The rule that drops clear frames stands behind one that accepts them.
drop_behind_accept_setup() { halfway; iptables_drops_clear a 42; in_a "$iptables" -I INPUT -p udp --dport 4789 -j ACCEPT; }
drop_behind_accept_claims() { in_order_but_open; }

# Frames for unknown addresses would go to a second host as well, for which there is no policy. None is sent.
latent_flood_setup() { both_encrypted_setup; bridge -n "$lab-a" fdb append 00:00:00:00:00:00 dev secure dst 192.0.2.9 self permanent; nobody 192.0.2.9; }
latent_flood_claims() {
    sends a "$esp"; unreadable a; all_esp b; delivered
    # An ARP request shows it, now that the watch is over.
    taps late.pcap w port-a -Q in
    in_a ping -n -c 2 -i 0.3 -W 1 10.42.0.77 > /dev/null 2>&1 || true
    end TERM "${taps[-1]}"
    sends late "$(vxlan 42) and dst host 192.0.2.9"
}
latent_flood_passive_setup() { latent_flood_setup; asks --passive; }
latent_flood_passive_claims() { sends_no a "$(vxlan 42)"; latent_flood_claims; }
