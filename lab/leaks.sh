# shellcheck shell=bash disable=SC1090,SC2154
# The leak lab: overlays that are encrypted, and overlays that leak in every way we know of, each with one right
# verdict. After `cargo build`, run `lab/boot lab/leaks.sh [--ovlsniff PATH] [SCENARIO…]`.
#
# Each scenario is set up by plain `ip` in fresh network namespaces. Two captures on the switch between the hosts
# prove that it is what it claims before ovlsniff's verdict counts. lab/leaks/scenarios.txt has the right verdicts.
# `--no-verdicts` tries the scenarios alone. `--record` replaces the rows of the scenarios that were run in
# lab/leaks/RESULTS.md. A scenario that needs something that this kernel lacks is skipped, and its row says so; lab/leak-lab
# runs it once more on another kernel. `--within SECONDS` skips what has not begun by then.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

[ -n "${OVLSNIFF_LAB:-}" ] || { echo "lab/leaks.sh changes the network: run it with lab/boot" >&2; exit 2; }

ovlsniff=target/debug/ovlsniff
verdicts=yes
record=no
within=
names=()
while [ $# -gt 0 ]; do
    case $1 in
        --ovlsniff) ovlsniff=$2; shift ;;
        --no-verdicts) verdicts=no ;;
        --record) record=yes ;;
        --within) within=$2; shift ;;
        *) names+=("$1") ;;
    esac
    shift
done
[ $verdicts = no ] || [ -x "$ovlsniff" ] || { echo "no $ovlsniff: build it first, or name one with --ovlsniff" >&2; exit 2; }

modprobe -a act_skbedit act_gact cls_matchall cls_flower sch_ingress xt_u32 xt_policy xt_mark xt_tcpudp iptable_mangle iptable_filter 2>/dev/null || true

. lab/time.bash
. lab/features.bash
iptables=$(iptables_tool) || iptables=iptables
. lab/leaks/wire.sh
for theme in plain looks-encrypted black-holes keys underlay sniffer routes strangers carriers links enforcement probes nodes on-this-host borders wireguard geneve metadata ike docker-nft docker-unread reported; do . "lab/leaks/$theme.sh"; done
. lab/leaks/judge.sh

# A scenario may say how ovlsniff is called: with which options, for how long (seconds), and by which program as its
# prefix.
asks() { options+=("$@"); }
lasts() { seconds=$1; }
as() { prefix=("$@"); }

# Sets a scenario up, runs ovlsniff, and checks the scenario's claims about the wire. Its files are in $work.
act() {
    set -e
    local options=() seconds=4 prefix=() status=0 sockets function=${lab//-/_}
    trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
    "${function}_setup"
    watch_wire
    : > "$work/claims"
    sockets=$(packet_sockets)
    ! declare -F "${function}_during" >/dev/null || meanwhile "$sockets" > "$work/during" 2>&1 &
    if [ $verdicts = yes ]; then
        # A user that is not root cannot write here.
        [ ${#prefix[@]} != 0 ] || options+=(--evidence "$work/evidence")
        in_a timeout -k 5 "$(scaled $((seconds + 60)))" "${prefix[@]}" "$ovlsniff" verify --net secure --for "$(scaled "$seconds")s" --format json "${options[@]}" \
            > "$work/report" 2> "$work/stderr" </dev/null || status=$?
        echo $status > "$work/status"
        [ ${#prefix[@]} != 0 ] || replayed_and_keyless
    else
        pause "$seconds"
    fi
    ! declare -F "${function}_during" >/dev/null || [ -e "$work/happened" ] || too_late "what was to happen meanwhile did not happen during the watch"
    end INT "${pings[@]}"
    end TERM "${taps[@]}"
    "${function}_claims"
}

# Claims that the evidence gives the same report once more, that `merge` finds no contradiction in the report, and that no key
# of the kernel is in the evidence: in hexadecimal digits or as bytes.
replayed_and_keyless() {
    local key found
    "$ovlsniff" verify --replay "$work/evidence" --json > "$work/again" 2> "$work/again.err" || true
    cmp -s "$work/report" "$work/again" || echo "the evidence is judged otherwise: $(head -n 1 "$work/again.err")" >> "$work/claims"
    found=$("$ovlsniff" verify merge "$work/report" --json 2>&1 | grep -o '"code":"contradictory"[^}]*' || true)
    [ -z "$found" ] || echo "the report contradicts itself: $found" >> "$work/claims"
    for key in $(in_a ip xfrm state 2>/dev/null | grep -o '0x[0-9a-f]\{32,\}' | cut -c 3-26 | sort -u); do
        ! LC_ALL=C grep -rqiaP "$key|$(sed 's/../\\x&/g' <<<"$key")" "$work/evidence" || echo "a key is in the evidence" >> "$work/claims"
    done
}

# meanwhile SOCKETS: runs the scenario's change once ovlsniff captures, that is, when host a has more packet sockets
# than SOCKETS.
meanwhile() {
    [ $verdicts = no ] || wait_for captures "$1"
    "${function}_during"
    touch "$work/happened"
}
captures() { [ "$(packet_sockets)" -gt "$1" ]; }
packet_sockets() { in_a sh -c 'wc -l < /proc/net/packet'; }

# end SIGNAL PID…: ends processes, and waits for their last output.
end() {
    [ $# -gt 1 ] || return 0 # `wait` alone would wait for everything
    kill "-$1" "${@:2}" 2>/dev/null || true
    wait "${@:2}" 2>/dev/null || true
}

# Runs a scenario, judges the verdict, and puts the row about it into $work/row. Never fails.
scenario() {
    local host rc=0
    work=/tmp/leaks/$lab
    mkdir -p "$work"
    # It runs in the background, because `set -e` has no effect in a command that `||` follows.
    (act) > "$work/log" 2>&1 </dev/null &
    wait $! || rc=$?
    for host in a b c d w x y; do ip netns delete "$lab-$host" 2>/dev/null || true; done
    if [ $rc != 0 ]; then
        row "could not be set up: $(tail -n 1 "$work/log")"
    elif [ $once_more = yes ] && grep -q '^too late: ' "$work/claims" 2>/dev/null; then
        skip "this machine is too busy: $(sed -n 's/^too late: //p' "$work/claims" | head -n 1)"
    elif [ -s "$work/claims" ]; then
        row "$(head -n 1 "$work/claims")"
    else
        row ""
    fi
}

# A scenario spends most of its time waiting, so several run at once. These load the machine or a module, and run alone.
alone=" esp-gro over-gre-gro drops drops-clear "
at_once=4

# unload MODULE: waits until it can be unloaded. The SAs of a removed namespace hold it for a moment.
unload() {
    [ "$OVLSNIFF_LAB" = own ] || return 0
    wait_for unloaded "$1" || echo "$1 cannot be unloaded: it changes what the next scenarios see"
}
unloaded() { [ ! -d "/sys/module/$1" ] || modprobe -r "$1" 2>/dev/null; }

for name in "${names[@]}"; do
    grep -q "^$name *|" lab/leaks/scenarios.txt || { echo "lab/leaks.sh: no scenario $name" >&2; exit 2; }
done

ran=() once_more=no
begin_table
while read_scenario; do
    [ ${#names[@]} = 0 ] || [[ " ${names[*]} " = *" $lab "* ]] || continue
    ran+=("$lab")
    known=0
    lacking=$(lacks "$needs") || known=$?
    [ $known != 2 ] || exit 2
    [ $known != 0 ] || { skip "no $lacking"; continue; }
    [ -z "$within" ] || [ $SECONDS -lt "$within" ] || { skip "no time was left"; continue; }
    if [[ $alone = *" $lab "* ]]; then
        wait
        scenario
        unload esp4_offload
    else
        [ "$(jobs -pr | wc -l)" -lt $at_once ] || wait -n || true
        scenario &
    fi
done 3< lab/leaks/scenarios.txt
wait

# On a loaded machine an event that should come within a second may come too late, so a wrong scenario is tried once
# more, alone. If it comes too late again, this machine cannot play the scenario, which is left out. A wrong ENCRYPTED is never a matter of time and stands, unless the scenario was not what it claims to be.
false_encrypted() { [ ! -s "$work/claims" ] && [ "$(cat "$work/verdict" 2>/dev/null)" = ENCRYPTED ] && [ "$right_verdict" != ENCRYPTED ]; }
once_more=yes
while read_scenario; do
    work=/tmp/leaks/$lab
    [ -e "$work/wrong" ] && ! false_encrypted || continue
    [ -z "$within" ] || [ $SECONDS -lt $((within + 300)) ] || break
    echo "$lab: once more, alone"
    rm -rf "$work"
    scenario
    unload esp4_offload
done 3< lab/leaks/scenarios.txt
end_table
