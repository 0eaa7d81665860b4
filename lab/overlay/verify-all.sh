# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# needs: geneve
# `verify --all` judges every network of a node at once: an encrypted one, one in clear, a Geneve device in clear and, where
# the kernel has it, a WireGuard device and VXLAN that it carries. What is in clear decides.
nodes 2; keygen
up_secure 1; up_secure 2
ping_ok 1 10.0.2.2

all() { # prints the lines of JSON; the exit status is in $rc
    rc=0
    "$OVLSNIFF" verify --all --netns n1 --for "$(scaled 4)s" --format json > all.json 2> all.err || rc=$?
    cat all.json all.err >&2
}
verdicts() { jq -r 'select(.network) | .network + " " + .verdict' all.json | paste -sd , -; }
all
is "verdict on the encrypted one alone" "secure ENCRYPTED" "$(verdicts)"
is "exit status" 0 "$rc"

up_insecure 1; up_insecure 2
for n in 1 2; do
    on $n ip link add gnv0 type geneve id 4097 remote "192.0.2.$((3 - n))"
    on $n ip address add "10.0.3.$n/24" dev gnv0
    on $n ip link set gnv0 up
done
expected="secure ENCRYPTED,insecure CLEAR,gnv0 CLEAR"
names="secure insecure gnv0"
if on 1 ip link add wg0 type wireguard 2>/dev/null; then
    on 2 ip link add wg0 type wireguard
    for n in 1 2; do (umask 077; wg genkey > "wg$n"); wg pubkey < "wg$n" > "wg$n.pub"; done
    for n in 1 2; do
        on $n wg set wg0 private-key "wg$n" listen-port 51820 \
            peer "$(cat "wg$((3 - n)).pub")" endpoint "192.0.2.$((3 - n)):51820" allowed-ips "10.0.4.$((3 - n))/32"
        on $n ip address add "10.0.4.$n/24" dev wg0
        on $n ip link set wg0 up
    done
    ping_ok 1 10.0.4.2
    for n in 1 2; do
        on $n ip link add inner type vxlan id 4099 local "10.0.4.$n" remote "10.0.4.$((3 - n))" dstport 4789
        on $n ip address add "10.0.5.$n/24" dev inner
        on $n ip link set inner up
    done
    ping_ok 1 10.0.5.2
    is carrier wg0 "$("$OVLSNIFF" interfaces --netns n1 --json | jq -r 'select(.overlay == "inner") | .carriers[].device')"
    names+=" wg0 inner"
fi
all
is "verdict on each" "$expected" "$(verdicts | tr , '\n' | grep -v '^wg0 \|^inner ' | paste -sd , -)"
# Each of these two is the other's noise, and on a slow machine their lengths may leave a doubt. They are never a leak.
carried=$(verdicts | tr , '\n' | grep '^wg0 \|^inner ' | paste -sd , -) || true
fails grep -E 'CLEAR|AUTH-ONLY' <<<"$carried"
[ -z "$carried" ] || echo "note: $carried"
is "exit status" 1 "$rc"
is "verdict on all" CLEAR "$(jq -r 'select(.networks) | .verdict' all.json)"
is "networks of interfaces" "$names" \
    "$("$OVLSNIFF" interfaces --netns n1 --json | jq -r 'select(.overlay) | .overlay' | paste -sd ' ' -)"
