# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios with Geneve (RFC 8926), as OVN and Antrea use it. Its VNI is where VXLAN's is, so the filters are the same.

geneve_port=6081

# geneves: the overlay `secure` with VNI 42 on both hosts, 10.42.0.1 and 10.42.0.2.
geneves() { port=$geneve_port; at_once geneve_pair; }
geneve_pair() {
    geneve a secure 42 10.42.0.1 02:00:00:00:2a:01 "$b"
    geneve b secure 42 10.42.0.2 02:00:00:00:2a:02 "$a"
    on a neigh replace 10.42.0.2 lladdr 02:00:00:00:2a:02 dev secure nud permanent
    on b neigh replace 10.42.0.1 lladdr 02:00:00:00:2a:01 dev secure nud permanent
}
# geneve HOST NAME VNI ADDRESS MAC REMOTE
geneve() {
    on "$1" link add "$2" mtu "${overlay_mtu:-1350}" address "$5" type geneve id "$3" remote "$6" dstport "$port"
    on "$1" addr add "$4/24" dev "$2"
    on "$1" link set "$2" up
}

# ovn_sends HOST [dport|sport], ovn_accepts HOST [dport|sport]: the policies that IKE daemons make for Open vSwitch. There
# are two connections: a's any port with b's 6081, and a's 6081 with b's any port. Each has SAs of its own.
ovn_connection() { # HOST out|in dport|sport
    local number=82 way=ab
    if [ "$1$2" = bout ] || [ "$1$2" = ain ]; then way=ba; fi
    case $way$3 in abdport | basport) number=81 ;; esac
    ends_of $way
    on "$1" xfrm policy add "${ends[@]}" proto udp "$3" $port dir "$2" priority 100 tmpl "${ends[@]}" proto esp reqid $number mode transport
}
ovn_sends() { local side; for side in ${2:-dport sport}; do ovn_connection "$1" out $side; done; }
ovn_accepts() { local side; for side in ${2:-dport sport}; do ovn_connection "$1" in $side; done; }
ovn_associations() {
    (
        reqid=81; sa ab "a b" 0x181 ab-to; sa ba "a b" 0x182 ba-to
        reqid=82; sa ab "a b" 0x183 ab-from; sa ba "a b" 0x184 ba-from
    )
}
ovn() { geneves; ovn_associations; ovn_sends a; ovn_sends b; ovn_accepts a; ovn_accepts b; }

geneve_clear_setup() { hosts; geneves; pings 10.42.0.2; }
geneve_clear_claims() { all_clear a; all_clear b; delivered; }

geneve_esp_setup() { hosts; ovn; pings 10.42.0.2; }
geneve_esp_claims() { all_esp a; all_esp b; delivered; refuses_geneve; }

# refuses_geneve, takes_geneve: claim that a refuses, or takes, a frame in clear that b sends now that the watch is over.
refuses_geneve() { geneve_injected; ! grep -qa OVL-LAB-FORGED "$work/injected.pcap" || claim "a took a clear frame"; }
takes_geneve() { geneve_injected; grep -qa OVL-LAB-FORGED "$work/injected.pcap" || claim "a did not take a clear frame"; }
geneve_injected() {
    taps injected.pcap a secure
    ip netns exec "$lab-b" env GENEVE_PORT=$port perl lab/leaks/frames.pl geneve-own eth0 "$(mac a)" $b $a
    ip netns exec "$lab-b" ping -n -c 3 -i 0.3 -W 5 192.0.2.1 > /dev/null || claim "a did not answer"
    end TERM "${taps[-1]}"
}

# One of the two connections is missing: what leaves to the port is in clear.
geneve_one_port_setup() { hosts; geneves; ovn_associations; ovn_sends a sport; ovn_sends b; ovn_accepts a; ovn_accepts b sport; pings 10.42.0.2; }
geneve_one_port_claims() { all_clear a; all_esp b; delivered; }
# The one for what leaves from the port is of no use, because a tunnel sends from any.
geneve_one_port_enough_setup() { hosts; geneves; ovn_associations; ovn_sends a dport; ovn_sends b; ovn_accepts a dport; ovn_accepts b; pings 10.42.0.2; }
geneve_one_port_enough_claims() { all_esp a; all_esp b; delivered; }

geneve_replies_clear_setup() { hosts; geneves; ovn_associations; ovn_sends a; ovn_accepts b; pings 10.42.0.2; }
geneve_replies_clear_claims() { all_esp a; all_clear b; delivered; }

geneve_not_enforced_setup() { hosts; geneves; ovn_associations; ovn_sends a; ovn_sends b; ovn_accepts b; pings 10.42.0.2; }
geneve_not_enforced_claims() { all_esp a; all_esp b; delivered; takes_geneve; }

geneve_null_setup() { suite=null; hosts; ovn; pings 10.42.0.2; }
geneve_null_claims() { for host in a b; do sends $host "$esp"; sends_no $host "$(vxlan 42)"; readable $host; done; delivered; }

geneve_black_hole_setup() { hosts; in_b "$iptables" -I INPUT -p esp -j DROP; ovn; pings 10.42.0.2; }
geneve_black_hole_claims() { all_esp a; sends_no b "$esp"; sends_no b "$(vxlan 42)"; lost; }

# Another network of the same kind, with a node that a has no policy for.
geneve_other_vni_setup() {
    hosts; ovn
    geneve a other 43 10.43.0.1 02:00:00:00:2b:01 192.0.2.9
    nobody 192.0.2.9
    pings 10.42.0.2; pings_too 10.43.0.2
}
geneve_other_vni_claims() { sends a "$esp"; sends a "$(vxlan 43)"; sends_no a "$(vxlan 42)"; all_esp b; delivered; }
# The same, and the other one's frames for b are in clear as well, because the policies are for a mark of the first one's.
geneve_shared_port_setup() {
    hosts; geneves; associations
    local host
    for host in a b; do docker_sends_by $host; iptables_marks $host 42; iptables_drops_clear $host 42; done
    geneve a other 43 10.43.0.1 02:00:00:00:2b:01 $b; geneve b other 43 10.43.0.2 02:00:00:00:2b:02 $a
    pings 10.42.0.2; pings_too 10.43.0.2
}
geneve_shared_port_claims() { for host in a b; do sends $host "$esp"; sends $host "$(vxlan 43)"; sends_no $host "$(vxlan 42)"; done; delivered; }

geneve_own_port_setup() { geneve_port=16081; hosts; ovn; pings 10.42.0.2; }
geneve_own_port_claims() { geneve_esp_claims; }
# The port is VXLAN's, and the other way round.
geneve_on_vxlans_setup() { geneve_port=4789; hosts; ovn; pings 10.42.0.2; }
geneve_on_vxlans_claims() { geneve_esp_claims; }
vxlan_on_geneves_setup() { port=6081; hosts; overlay secure 42 10.42.0; protect; pings 10.42.0.2; }
vxlan_on_geneves_claims() { both_encrypted_claims; }
geneve_own_port_clear_setup() { geneve_port=16081; hosts; geneves; pings 10.42.0.2; }
geneve_own_port_clear_claims() { geneve_clear_claims; }

geneve_ipv6_setup() { ipv6_hosts; ovn; pings 10.42.0.2; }
geneve_ipv6_claims() { ipv6_claims; }

# a's policy goes for two seconds.
geneve_policy_gap_setup() { hosts; ovn; pings 10.42.0.2; lasts 10; }
geneve_policy_gap_during() {
    ends_of ab
    pause 3
    ip -n "$lab-a" xfrm policy delete "${ends[@]}" proto udp dport $port dir out
    pause 2
    ovn_sends a dport
}
geneve_policy_gap_claims() { sends a "$esp"; sends a "$(vxlan 42)"; readable a; all_esp b; delivered; }

# Copies of the frames leave inside of Geneve with another VNI.
geneve_copies_setup() { geneve_esp_setup; copies_of_frames geneve; }
copies_of_frames() {
    ip netns exec "$lab-a" perl lab/leaks/frames.pl "$1" eth0 "$(mac b)" $a $b secure > "$work/copies" &
    taps+=($!)
    wait_for grep -q ready "$work/copies"
}
geneve_copies_claims() { sends a "$esp"; sends a "$(vxlan 7)"; readable a; all_esp b; delivered; }

geneve_over_wg_hosts() { wireguard_hosts; geneves; pings 10.42.0.2; }
geneve_over_wg_setup() { geneve_over_wg_hosts; }
geneve_over_wg_claims() { for host in a b; do sends $host "$(wg_data)"; sends_no $host "udp dst port 6081"; unreadable $host; done; delivered; }
geneve_wg_firewalled_setup() { geneve_over_wg_hosts; by_wireguard_alone a; }
geneve_wg_firewalled_claims() { geneve_over_wg_claims; }
