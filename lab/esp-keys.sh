#!/usr/bin/env bash
# Compares the SAs that ovlsniff reads from the kernel with those that ip prints, and lets it open live traffic:
# lab/boot lab/esp-keys.sh OVLSNIFF
set -euo pipefail
. lab/time.bash
ovlsniff=${1:?usage: esp-keys.sh PATH-OF-OVLSNIFF}
work=$(mktemp -d)
a=198.51.100.1 b=198.51.100.2
fail() { echo "esp-keys: $1" >&2; exit 1; }
key() { echo "0x$(printf %s "$1" | sha512sum | cut -c1-$((2 * $2)))"; }

ip netns add key-a; ip netns add key-b
ip link add ka netns key-a type veth peer name kb netns key-b
ip -n key-a addr add $a/24 dev ka; ip -n key-b addr add $b/24 dev kb
for n in a b; do ip -n key-$n link set lo up; ip -n key-$n link set k$n up; done

"$ovlsniff" keys --wireshark --netns key-a > "$work/none" 2> "$work/said" && fail "a kernel without SAs has keys"
grep -q "no SA of ESP" "$work/said" || fail "nothing is said of a kernel without SAs: $(cat "$work/said")"

add() { local spi=$1; shift; ip -n key-a xfrm state add src $a dst $b proto esp spi "$spi" reqid 1 mode transport "$@"; }
add 0x1001 aead 'rfc4106(gcm(aes))' "$(key gcm 20)" 64
add 0x1002 aead 'rfc4106(gcm(aes))' "$(key gcm256 36)" 128 flag esn replay-window 128 replay-oseq-hi 5
add 0x1003 enc 'cbc(aes)' "$(key cbc 16)" auth-trunc 'hmac(sha256)' "$(key auth 32)" 128 mark 7 mask 0xff
add 0x1004 enc 'rfc3686(ctr(aes))' "$(key ctr 20)" auth 'hmac(sha1)' "$(key auth 20)" encap espinudp 4500 4500 0.0.0.0
add 0x1005 enc 'ecb(cipher_null)' '' auth-trunc 'hmac(sha512)' "$(key auth 64)" 256
add 0x1006 aead 'rfc7539esp(chacha20,poly1305)' "$(key chacha 36)" 128
add 0x1007 aead 'rfc4309(ccm(aes))' "$(key ccm 19)" 128
ip -n key-a xfrm state add src 2001:db8::1 dst 2001:db8::2 proto esp spi 0x1008 reqid 1 mode tunnel aead 'rfc4106(gcm(aes))' "$(key v6 20)" 96
ip -n key-a xfrm state add src $a dst $b proto ah spi 0x1009 mode transport auth 'hmac(sha1)' "$(key ah 20)"

# Both outputs are in the order of the kernel.
ip -n key-a xfrm state > "$work/state"
"$ovlsniff" keys --wireshark --netns key-a > "$work/kernel" 2> "$work/said"
"$ovlsniff" keys --wireshark --sa "$work/state" > "$work/ip" 2>/dev/null
diff "$work/ip" "$work/kernel" || fail "the kernel and ip disagree"
[ "$(wc -l < "$work/kernel")" = 7 ] || fail "seven SAs have a name in Wireshark: $(wc -l < "$work/kernel")"
grep -q "0x00001007.*aes-ccm" "$work/said" || fail "the SA that is left out is not named: $(cat "$work/said")"

# A user without privileges gets no keys, and a message that says what to do.
if setpriv --reuid 65534 --clear-groups "$ovlsniff" keys --wireshark > "$work/none" 2> "$work/said"; then fail "nobody reads keys"; fi
grep -q "run as root" "$work/said" || fail "nobody is not told what to do: $(cat "$work/said")"

ip -n key-a xfrm policy add src $a dst $b proto udp dport 7777 dir out tmpl src $a dst $b proto esp spi 0x1001 reqid 1 mode transport
: > "$work/said"
"$ovlsniff" --decrypt --netns key-a -i ka -n 1 'the secret word' > "$work/found" 2> "$work/said" & sniff=$!
until grep -q '^interface' "$work/said"; do sleep 0.1; kill -0 $sniff || fail "$(cat "$work/said")"; done
grep -q '^Uid:.*65534' /proc/$sniff/status || fail "root is not left after the keys are read"
found() {
    ip netns exec key-a bash -c "echo 'the secret word' > /dev/udp/$b/7777" 2>/dev/null || true
    ended
}
ended() { ! kill -0 $sniff 2>/dev/null; }
wait_for found
wait $sniff || fail "what passed by was not opened: $(cat "$work/said")"
grep -q "esp:0x00001001 $a -> $b" "$work/found" || fail "$(cat "$work/found")"
cat "$work/found"

# An SA may be set up during the search, after root was left. Its first packet is opened. The same is true of a new key
# that takes the place of another under the same SPI.
say() { ip netns exec key-a bash -c "echo '$1' > /dev/udp/$b/7778" 2>/dev/null || true; }
: > "$work/said" # else the banner of the one before may be read
"$ovlsniff" --decrypt --netns key-a -i ka -n 2 'the later word' > "$work/found" 2> "$work/said" & sniff=$!
until grep -q '^interface' "$work/said"; do sleep 0.1; kill -0 $sniff || fail "$(cat "$work/said")"; done
grep -q '^Uid:.*65534' /proc/$sniff/status || fail "root is not left before the SAs are set up"
add 0x1010 aead 'rfc4106(gcm(aes))' "$(key late 20)" 64
ip -n key-a xfrm policy add src $a dst $b proto udp dport 7778 dir out tmpl src $a dst $b proto esp spi 0x1010 reqid 1 mode transport
say 'the later word, one'
ip -n key-a xfrm state delete src $a dst $b proto esp spi 0x1010
add 0x1010 aead 'rfc4106(gcm(aes))' "$(key later 20)" 64
say 'the later word, two'
wait_for ended || true
kill $sniff 2>/dev/null || true
wait $sniff || fail "an SA that was set up later is not known: $(cat "$work/said")"
cat "$work/found"
[ "$(grep -c 'esp:0x00001010' "$work/found")" = 2 ] || fail "the first packet of each key was not opened"
echo ok
