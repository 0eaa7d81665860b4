# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Encrypted, and nothing comes of it.

esp_blocked_setup() { hosts; in_b iptables-legacy -I INPUT -p esp -j DROP; overlay secure 42 10.42.0; protect; pings 10.42.0.2; }
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

# A policy whose SA does not exist: the kernel holds the frames back.
no_sa_setup() { hosts; overlay secure 42 10.42.0; policies; pings 10.42.0.2; }
no_sa_claims() { sends_no a "$esp"; sends_no a "$(vxlan 42)"; lost; }
