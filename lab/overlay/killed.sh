# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# `up` is killed before each of its messages to the kernel in turn. No device is ever there without its policies, the
# next `up` finishes the work, and `down` then leaves nothing behind.
nodes 2; keygen
snapshot 1 > before
up=("$OVLSNIFF" overlay up --state /tmp/state1 secure --vni 4098 --local 192.0.2.1 --peer 192.0.2.2=10.0.2.2 --addr 10.0.2.1/24 --bridge brsecure --opt encrypted --key "$key")
on 1 strace -f -qq -o trace -e trace=sendto "${up[@]}"
messages=$(wc -l < trace)
# A dry run only reads, so it sends as many messages as `up` does before its first change.
overlay 1 down secure
reading=$(on 1 strace -f -qq -o trace -e trace=sendto "${up[@]}" --dry-run > /dev/null; wc -l < trace)
for n in $(seq "$((reading - 1))" "$messages"); do
    left=$((messages - n))
    [ $left -lt 2 ] || [ $left -gt 9 ] || continue # eleven SAs, all alike, come last; most of them are left out
    killed=$((${killed:-0} + 1))
    on 1 strace -f -qq -o trace -e trace=sendto -e inject=sendto:signal=KILL:when="$n" "${up[@]}" > said.txt 2>&1 && { echo "not killed at $n"; return 1; }
    [ "$(on 1 ip -j link show type vxlan | jq length)" = 0 ] || is "policies when killed before message $n" 6 "$(policies 1)"
    on 1 "${up[@]}" > said.txt || { cat said.txt; return 1; }
    overlay 1 status > status.txt || { cat status.txt; return 1; }
    overlay 1 down --all > said.txt
    snapshot 1 | diff before -
done
echo "note: killed before $killed of $((messages - reading + 2)) messages"
