# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# A second `up` does nothing. After somebody took something away, the next `up` restores that and nothing else.
nodes 2; keygen
up_secure 1; up_secure 2; up_insecure 1; up_insecure 2
snapshot 1 > before
is "plan of the second" 0 "$(up_secure 1 --dry-run --json | jq '.steps | length')"
has second "$(up_secure 1)" 'nothing to do'
has second "$(up_insecure 1)" 'nothing to do'
snapshot 1 | diff before -
on 1 ip link set secure down; on 1 ip address delete 10.0.2.1/24 dev secure
on 1 ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/0 proto udp dport 18887 dir in
is "steps to mend" "address policy up" "$(up_secure 1 --json | jq -r '[.steps[].step] | sort | join(" ")')"
snapshot 1 | diff before -
ping_ok 1 10.0.2.2
