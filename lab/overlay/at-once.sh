# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# Several commands at the same time take turns, and none fails. Whenever the device is there, so are its policies: an
# `up` that met a `down` half way would leave the device without them.
nodes 2; keygen
together() { # COMMAND… each in the background; all must end well
    local at_once=() pid
    for command in "$@"; do $command & at_once+=($!); done
    for pid in "${at_once[@]}"; do wait "$pid"; done
}
up_secure 2
together "up_secure 1" "up_secure 1" "up_secure 1"
is "sas to send with" 1 "$(on 1 ip xfrm state list src 192.0.2.1 dst 192.0.2.2 | grep -c '^src')"
capture 1 once.pcap
ip netns exec n1 sh -c 'while :; do ping -q -c 1 -W 0.1 10.0.2.2; done' > ping.txt 2>&1 & running=$!
down_secure() { overlay 1 down secure 2>&1 | grep -v 'no such network' || true; }
for _ in $(seq 4); do
    together down_secure "up_secure 1" down_secure "up_secure 1"
    links=$(on 1 ip -j link show type vxlan | jq length)
    is "policies with $links devices" $((6 * links)) "$(policies 1)"
done
up_secure 1
kill $running; wait $running || true
captured
no_frames "clear frames" once.pcap ' 4098 | 18887 '
