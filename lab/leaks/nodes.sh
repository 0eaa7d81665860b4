# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios with nodes that do not answer, and with what an operator may accept.

# dead_node ADDRESS: a knows a third node of the network, and would protect what it sends to it. The node is not there.
dead_node() {
    knows a secure 02:00:00:00:2a:03 10.42.0.3 "$1"
    (b=$1; at_once dead_ends)
    pings_too 10.42.0.3
}
dead_ends() { sa ab a 0x3ab; sa ba a 0x3ba; sends_by a; accepts_by a; }

dead_node_setup() { both_encrypted_setup; dead_node 192.0.2.3; }
dead_node_claims() { all_esp a; all_esp b; delivered; sends_no a 'ip dst host 192.0.2.3'; sends a 'arp dst host 192.0.2.3'; }
dead_node_reachable_setup() { dead_node_setup; asks --require reachable; }
dead_node_reachable_claims() { dead_node_claims; }
# ESP leaves for the dead node, because a believes to know its MAC.
ghost_node_setup() { both_encrypted_setup; nobody 192.0.2.3; dead_node 192.0.2.3; asks --require reachable; }
ghost_node_claims() { all_esp a; all_esp b; delivered; sends a "$esp and dst host 192.0.2.3"; }
# What leaves for the dead node is in clear.
ghost_clear_setup() { both_encrypted_setup; nobody 192.0.2.3; knows a secure 02:00:00:00:2a:03 10.42.0.3 192.0.2.3; pings_too 10.42.0.3; asks --require reachable; }
ghost_clear_claims() { sends a "$esp"; sends a "$(vxlan 42) and dst host 192.0.2.3"; sends_no a "$(vxlan 42) and dst host $b"; all_esp b; delivered; }
# No node answers at all.
none_reachable_setup() { hosts; overlay secure 42 10.42.0; protect; ip -n "$lab-b" link set eth0 down; pings 10.42.0.2; asks --require reachable; }
none_reachable_claims() { sends_no a "$(vxlan 42)"; sends_no b "$esp"; lost; }
# A node that is reached, and does not encrypt.
require_clear_setup() { in_clear_setup; asks --require reachable; }
require_clear_claims() { in_clear_claims; }

accept_not_enforced_setup() { not_enforced_setup; asks --accept not-enforced; }
accept_not_enforced_claims() { all_esp a; all_esp b; delivered; takes_clear b $b; }
accept_both_setup() {
    hosts; overlay secure 42 10.42.0; sends_by a; sends_by b; accepts_by b
    sa ab "a b" "" ab replay-window 0; sa ba "a b" "" ba replay-window 0
    pings 10.42.0.2; asks --accept not-enforced,no-replay-protection
}
accept_both_claims() { accept_not_enforced_claims; no_replay_window; }
no_replay_window() { ! ip -n "$lab-a" xfrm state | grep 'replay-window' | grep -qv 'replay-window 0' || claim "there is a replay window"; }
# What is accepted covers no leak.
accept_clear_setup() { clear_setup; asks --accept not-enforced; }
accept_clear_claims() { clear_claims; }
accept_null_setup() { esp_null_setup; asks --accept not-enforced,no-replay-protection; }
accept_null_claims() { esp_null_claims; }
