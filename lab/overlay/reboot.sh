# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# One node reboots. The other one, which nobody touched, understands it at once, with a key that was never used before.
nodes 2; keygen
up_secure 1; up_secure 2
ping_ok 1 10.0.2.2
sent() { on 2 ip xfrm state list src 192.0.2.2 dst 192.0.2.1 | sed -n 's/.*aead [^ ]* \(0x[0-9a-f]*\).*/\1/p'; }
sent > keys.txt
for boot in 1 2 3 4 5 6; do
    reboot_node 2
    up_secure 2
    ping_ok 2 10.0.2.1
    sent >> keys.txt
    up_secure 1   # slides the window of start counters, as the timer of node 1 would
done
is "keys node2 sent with" 7 "$(sort -u keys.txt | wc -l)"
# A node that boots four times between two looks of its peer is still understood.
for boot in 1 2 3 4; do reboot_node 2; up_secure 2; done
ping_ok 2 10.0.2.1
# Both nodes reboot at once.
up_secure 1; reboot_node 1; reboot_node 2; up_secure 1; up_secure 2
ping_ok 1 10.0.2.2
# A node that lost its state refuses to start again with old keys, and names the remedy: a rotation.
rm -rf /tmp/state2; reboot_node 2
status=0; up_secure 2 2> lost.txt || status=$?
cat lost.txt
is "exit with lost state" 2 $status
has lost "$(cat lost.txt)" 'state is lost.*rotate'
is "sas without state" 0 "$(sas 2)"
overlay 1 rotate --step send --force
up_secure 2 --generation 2
ping_ok 1 10.0.2.2
# The node had rotated before its state was lost, so it has used the generation that its peer rotates to next.
overlay 1 rotate --step drop; overlay 2 rotate; ping_ok 1 10.0.2.2
rm -rf /tmp/state2; reboot_node 2
overlay 1 rotate
status=0; up_secure 2 --generation 3 2> used.txt || status=$?
is "exit with a generation it has used" 2 $status
has used "$(cat used.txt)" 'up to generation 3'
overlay 1 rotate --force; overlay 1 rotate --force
up_secure 2 --generation 4
ping_ok 1 10.0.2.2
