#!/usr/bin/env bash
# Puts a kernel in lockdown, and shows what that hides: `OVLSNIFF_LAB_KERNEL=qemu ./x lab lab/lockdown.sh`, after `cargo build`.
# Nothing but a boot ends a lockdown. So this is no scenario of the overlay's lab, whose scenarios share a kernel.
export OVLSNIFF=${OVLSNIFF:-$PWD/target/debug/ovlsniff} LAB=$PWD/lab/overlay
. lab/overlay/lib/nodes.bash

lock=/sys/kernel/security/lockdown
mount -t securityfs securityfs "${lock%/*}" 2> /dev/null || true
[ -w $lock ] || { echo "lockdown: this kernel was built without it; choose another by OVLSNIFF_LAB_KERNEL=qemu" >&2; exit 1; }
nodes 2; keygen
up_secure 1; up_secure 2

pings() { on 1 ping -q -c 3 -i 0.2 -W "$(scaled 3)" -p 6162636465666768 10.0.2.2 > /dev/null; }
search() { # FILE: searches node 1 by the kernel's keys while pings pass by
    on 1 "$OVLSNIFF" -i eth0 --marks none --decrypt --vni 4098 'abcdefgh' > "$1" 2> "$1.err" & sniffer=$!
    wait_for grep -q '^match' "$1.err"
    pings; pause 1
    kill -TERM $sniffer; wait $sniffer || true
    cat "$1" "$1.err"
}
verdict() { # FILE
    status=0; on 1 "$OVLSNIFF" verify --net secure --for "$(scaled 3)s" > "$1" 2>&1 || status=$?
    cat "$1"
}

echo integrity > $lock
echo "== integrity"
search found
is "packets found" 6 "$(grep -c '^I ' found)"
fails grep lockdown found.err
verdict said
is "exit status" 0 "$status"
has verdict "$(cat said)" '^verdict: ENCRYPTED'
ping_ok 1 10.0.2.2

echo confidentiality > $lock
echo "== confidentiality"
search hidden
is "packets found" 0 "$(grep -c '^I ' hidden || true)"
has note "$(cat hidden.err)" 'the kernel is in lockdown and keeps the keys of [0-9]+ of [0-9]+ SAs back'
verdict said
has verdict "$(cat said)" '^verdict: '
fails grep -E '^verdict: CLEAR' said
ping_ok 1 10.0.2.2
echo ok
