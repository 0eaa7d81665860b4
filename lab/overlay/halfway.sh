# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# `up` fails at each of its steps in turn. Nothing is left behind, and the message names the cause and what was undone.
nodes 2; keygen
snapshot 1 > before
ups() { # N: the Nth message to the kernel is refused
    on 1 strace -f -qq -o trace -e trace=sendto -e inject=sendto:error=EPERM:when="$1" \
        "$OVLSNIFF" overlay up --state /tmp/state1 secure --vni 4098 --local 192.0.2.1 --peer 192.0.2.2=10.0.2.2 \
        --addr 10.0.2.1/24 --bridge brsecure --opt encrypted --key "$key"
}
ups 60000 > said.txt 2>&1 # there are fewer messages, so none is refused
steps=$(sed -n 's/.*up (\([0-9]*\) steps).*/\1/p' said.txt)
messages=$(wc -l < trace)
overlay 1 down secure
snapshot 1 | diff before -
failures=0 undone=0
for n in $(seq "$messages"); do
    status=0; ups "$n" > said.txt 2>&1 || status=$?
    tail -n 1 said.txt
    if [ $status = 0 ]; then overlay 1 down secure; else # a namespace of others that cannot be read is no reason to fail
        is "exit when message $n is refused" 2 $status
        has "the cause" "$(cat said.txt)" 'not permitted|run as root'
        failures=$((failures + 1))
        undone=$((undone + $(grep -c "steps before it were undone" said.txt || true)))
    fi
    snapshot 1 | diff before -
done
# Each step takes at least one message, except the one that keeps the counters, and each message was refused once.
[ $undone -ge $((steps - 1)) ]
echo "note: $messages messages, $failures refused, $undone of these after steps that were undone"
# A start counter that could not be kept is not used.
rm -rf /tmp/state1; mkdir /tmp/state1; mkdir /tmp/state1/overlay.json.new
status=0; up_secure 1 || status=$?
is "exit without state" 2 $status
snapshot 1 | diff before -
rm -rf /tmp/state1
# A step that cannot be undone either is named beside the first cause.
status=0
on 1 strace -f -qq -o trace -e trace=sendto -e inject=sendto:error=EPERM:when=30+ "$OVLSNIFF" overlay up --state /tmp/state1 secure \
    --vni 4098 --local 192.0.2.1 --peer 192.0.2.2 --addr 10.0.2.1/24 --opt encrypted --key "$key" --generation 3 2> both.txt || status=$?
cat both.txt
is "exit" 2 $status
has "both errors" "$(cat both.txt)" 'not permitted.*these were not:.*not permitted'
