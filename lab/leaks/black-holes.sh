# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Scenarios in which frames are encrypted or held back, and nothing arrives.

esp_blocked_setup() { hosts; in_b "$iptables" -I INPUT -p esp -j DROP; overlay secure 42 10.42.0; protect; pings 10.42.0.2; }
esp_blocked_claims() { all_esp a; sends_no b "$esp"; sends_no b "$(vxlan 42)"; lost; }

wrong_key_there_setup() {
    hosts; overlay secure 42 10.42.0; policies
    sa ab a; sa ab b "" another-key; sa ba "a b"
    pings 10.42.0.2
}
wrong_key_there_claims() { all_esp a; sends_no b "$esp"; sends_no b "$(vxlan 42)"; lost; counts b XfrmInStateProtoError; }

wrong_key_here_setup() {
    hosts; overlay secure 42 10.42.0; policies
    sa ab "a b"; sa ba b; sa ba a "" another-key
    pings 10.42.0.2
}
wrong_key_here_claims() { all_esp a; all_esp b; lost; counts a XfrmInStateProtoError; }

unknown_spi_there_setup() {
    hosts; overlay secure 42 10.42.0; policies
    sa ab a 0x1001; sa ab b 0x1002; sa ba "a b"
    pings 10.42.0.2
}
unknown_spi_there_claims() { all_esp a; sends_no b "$esp"; lost; counts b XfrmInNoStates; }

unknown_spi_here_setup() {
    hosts; overlay secure 42 10.42.0; policies
    sa ab "a b"; sa ba b 0x1001; sa ba a 0x1002
    pings 10.42.0.2
}
unknown_spi_here_claims() { all_esp a; all_esp b; lost; counts a XfrmInNoStates; }

# The policies have no SA, so the kernel holds the frames back.
no_sa_setup() { hosts; overlay secure 42 10.42.0; policies; pings 10.42.0.2; }
no_sa_claims() { sends_no a "$esp"; sends_no a "$(vxlan 42)"; lost; }

# Of b's overlay addresses a's kernel knows one that nobody has any more, and has not heard of it for long.
stale_nobody_setup() {
    hosts; overlay secure 42 10.42.0; protect
    ip -n "$lab-a" neigh delete 10.42.0.2 dev secure
    ip -n "$lab-a" neigh replace 10.42.0.77 lladdr 02:00:00:00:2a:02 dev secure nud stale
}
stale_nobody_claims() { all_esp a; sends_no b "$esp"; }

# b's firewall drops pings, while b's own pings arrive at a. ESP comes through, so nothing shows that a's does not.
target_refuses_setup() {
    hosts; overlay secure 42 10.42.0; protect
    in_b "$iptables" -I INPUT -i secure -p icmp --icmp-type echo-request -j DROP
    pings 10.42.0.2
    ip netns exec "$lab-b" ping -n -i 0.3 10.42.0.1 > /dev/null 2>&1 &
    pings+=($!)
}
target_refuses_claims() { all_esp a; all_esp b; lost; }

# The same, but b's firewall answers with an error, so a's ping reached it.
target_says_no_setup() {
    hosts; overlay secure 42 10.42.0; protect
    in_b "$iptables" -I INPUT -i secure -p icmp --icmp-type echo-request -j REJECT
    pings 10.42.0.2
    lasts 12
}
target_says_no_claims() { all_esp a; all_esp b; lost; }

# a's kernel takes b's packets for replays, so they are on the wire and do not arrive.
replay_refused_setup() {
    hosts; overlay secure 42 10.42.0; policies
    sa ab "a b"; sa ba b; sa ba a "" ba replay-seq 0x100000
    pings 10.42.0.2
}
replay_refused_claims() { all_esp a; all_esp b; lost; counts a XfrmInStateSeqError; }

# a's firewall drops datagrams to the port, decrypted or not.
input_drops_setup() { hosts; in_a "$iptables" -A INPUT -p udp --dport 4789 -j DROP; overlay secure 42 10.42.0; protect; pings 10.42.0.2; }
input_drops_claims() { all_esp a; all_esp b; lost; }

# a's firewall holds the frames back. Another tunnel lacks its SA, which is not the reason.
stuck_and_other_setup() {
    hosts; overlay secure 42 10.42.0; protect
    in_a "$iptables" -A OUTPUT -p udp --dport 4789 -j DROP
    ip -n "$lab-a" xfrm policy add src $a dst 192.0.2.50 dir out tmpl src $a dst 192.0.2.50 proto esp reqid 99 mode tunnel
    pings 10.42.0.2; pings_too 192.0.2.50
}
stuck_and_other_claims() { sends_no a "$(vxlan 42)"; counts a XfrmOutNoStates; }
