#!/usr/bin/env bash
# Makes the captures of tests/fixtures/esp: lab/boot lab/esp-vectors.sh DIR
#
# Sets up one SA and one policy for every algorithm that the kernel knows. A UDP port selects the policy, and through
# each go one or more datagrams with the name of the algorithm. Nobody answers. algorithms.pcap has the packets that
# left the host, algorithms.xfrm and algorithms-s.xfrm the SAs with their keys, and refused.txt the algorithms that this
# kernel refused. The keys are made from the names and are used for nothing else.
# shellcheck disable=SC2046 # the substitutions give several words on purpose
set -euo pipefail
. lab/time.bash
out=${1:?usage: esp-vectors.sh DIR}
mkdir -p "$out"
a4=198.51.100.1 b4=198.51.100.2 a6=2001:db8:64::1 b6=2001:db8:64::2

ip netns add vec-a; ip netns add vec-b
ip link add va netns vec-a type veth peer name vb netns vec-b
ip -n vec-a addr add $a4/24 dev va; ip -n vec-b addr add $b4/24 dev vb
ip -n vec-a addr add $a6/64 dev va nodad; ip -n vec-b addr add $b6/64 dev vb nodad
for n in a b; do ip -n vec-$n link set lo up; ip -n vec-$n link set v$n up; done
for m in rmd160 xcbc cmac sha512_generic sha256_generic sha1_generic md5 des_generic camellia_generic; do modprobe $m 2>/dev/null || true; done

key() { echo "0x$(printf %s "$1" | sha512sum | cut -c1-$((2 * $2)))"; }

ip netns exec vec-a tcpdump -U -i va -s 0 -w "$out/algorithms.pcap" 'esp or udp port 4500' 2> /tmp/tcpdump & dump=$!
until grep -q listening /tmp/tcpdump; do sleep 0.1; done

n=0 expected=0
: > "$out/refused.txt"
# vector NAME SOURCE DESTINATION COUNT MODE ARG…: adds one SA and one policy, and sends COUNT datagrams.
vector() {
    local name=$1 src=$2 dst=$3 count=$4 mode=$5; shift 5
    n=$((n + 1))
    local spi port=$((20000 + n)) i
    spi=$(printf 0x%08x $((0x0e500000 + n)))
    if ! ip -n vec-a xfrm state add src $src dst $dst proto esp spi $spi reqid $n mode $mode "$@" 2> /tmp/why; then
        echo "$name: $(head -n 1 /tmp/why)" >> "$out/refused.txt"
        return
    fi
    ip -n vec-a xfrm policy add src $src dst $dst proto udp dport $port dir out \
        tmpl src $src dst $dst proto esp spi $spi reqid $n mode $mode
    for i in $(seq "$count"); do
        # The lengths need every amount of padding.
        ip netns exec vec-a bash -c "printf 'vector %s %s%.*s' '$name' '$i' $((i % 4)) xxx > /dev/udp/$dst/$port" 2>/dev/null || true
    done
    expected=$((expected + count))
}

for bits in 128 192 256; do
    bytes=$((bits / 8))
    for icv in 64 96 128; do
        name=gcm-$bits-icv$icv; vector $name $a4 $b4 4 transport aead 'rfc4106(gcm(aes))' "$(key $name $((bytes + 4)))" $icv
        name=ccm-$bits-icv$icv; vector $name $a4 $b4 4 transport aead 'rfc4309(ccm(aes))' "$(key $name $((bytes + 3)))" $icv
    done
    name=gmac-$bits; vector $name $a4 $b4 4 transport aead 'rfc4543(gcm(aes))' "$(key $name $((bytes + 4)))" 128
    for auth in sha1:20:96 sha1:20:160 sha256:32:96 sha256:32:128 sha256:32:256 sha384:48:192 sha384:48:384 sha512:64:256 sha512:64:512; do
        IFS=: read -r hash len icv <<< "$auth"
        name=cbc-$bits-$hash-$icv
        vector $name $a4 $b4 4 transport enc 'cbc(aes)' "$(key $name $bytes)" auth-trunc "hmac($hash)" "$(key $name-auth $len)" $icv
        name=ctr-$bits-$hash-$icv
        vector $name $a4 $b4 4 transport enc 'rfc3686(ctr(aes))' "$(key $name $((bytes + 4)))" auth-trunc "hmac($hash)" "$(key $name-auth $len)" $icv
    done
done
vector chacha $a4 $b4 4 transport aead 'rfc7539esp(chacha20,poly1305)' "$(key chacha 36)" 128
for auth in sha1:20:96 sha256:32:128 sha384:48:192 sha512:64:256; do
    IFS=: read -r hash len icv <<< "$auth"
    name=null-$hash-$icv
    vector $name $a4 $b4 4 transport enc 'ecb(cipher_null)' '' auth-trunc "hmac($hash)" "$(key $name-auth $len)" $icv
done
# In the older spelling, the kernel chooses the length of the ICV by itself.
vector cbc-auth $a4 $b4 4 transport enc 'cbc(aes)' "$(key cbc-auth 16)" auth 'hmac(sha1)' "$(key cbc-auth-auth 20)"
vector cbc-compat $a4 $b4 4 transport enc aes "$(key cbc-compat 16)" auth sha1 "$(key cbc-compat-auth 20)"

# Both modes, both families, and ESP in UDP.
gcm() { echo aead 'rfc4106(gcm(aes))' "$(key "$1" 20)" 128; }
vector tunnel-4 $a4 $b4 4 tunnel $(gcm tunnel-4)
vector transport-6 $a6 $b6 4 transport $(gcm transport-6)
vector tunnel-6 $a6 $b6 4 tunnel $(gcm tunnel-6)
vector udp-4 $a4 $b4 4 transport $(gcm udp-4) encap espinudp 4500 4500 0.0.0.0
vector udp-tunnel-4 $a4 $b4 4 tunnel $(gcm udp-tunnel-4) encap espinudp 4500 4500 0.0.0.0
# Extended sequence numbers: at the start, far on, and over the end of the low half.
esn="flag esn replay-window 128"
vector esn-gcm $a4 $b4 4 transport $(gcm esn-gcm) $esn
vector esn-gcm-wrap $a4 $b4 4 transport $(gcm esn-gcm-wrap) $esn replay-oseq-hi 7 replay-oseq 0xfffffffd
vector esn-gmac $a4 $b4 4 transport aead 'rfc4543(gcm(aes))' "$(key esn-gmac 20)" 128 $esn replay-oseq-hi 3
vector esn-ccm $a4 $b4 4 transport aead 'rfc4309(ccm(aes))' "$(key esn-ccm 19)" 128 $esn replay-oseq-hi 3
vector esn-chacha $a4 $b4 4 transport aead 'rfc7539esp(chacha20,poly1305)' "$(key esn-chacha 36)" 128 $esn replay-oseq-hi 3
vector esn-cbc $a4 $b4 4 transport enc 'cbc(aes)' "$(key esn-cbc 16)" auth-trunc 'hmac(sha256)' "$(key esn-cbc-auth 32)" 128 $esn replay-oseq-hi 3
vector esn-null $a4 $b4 4 transport enc 'ecb(cipher_null)' '' auth-trunc 'hmac(sha256)' "$(key esn-null-auth 32)" 128 $esn replay-oseq-hi 3
# The kernel knows these algorithms, but ovlsniff does not open them.
vector des3 $a4 $b4 1 transport enc 'cbc(des3_ede)' "$(key des3 24)" auth-trunc 'hmac(sha1)' "$(key des3-auth 20)" 96
vector cbc-cmac $a4 $b4 1 transport enc 'cbc(aes)' "$(key cbc-cmac 16)" auth-trunc 'cmac(aes)' "$(key cbc-cmac-auth 16)" 96
vector cbc-noauth $a4 $b4 1 transport enc 'cbc(aes)' "$(key cbc-noauth 16)"

all_seen() {
    seen=$(tcpdump -nr "$out/algorithms.pcap" 2>/dev/null | wc -l)
    [ "$seen" -ge "$expected" ]
}
wait_for all_seen || true
kill "$dump"; wait "$dump" 2>/dev/null || true
ip -n vec-a xfrm state > "$out/algorithms.xfrm"
ip -n vec-a -s xfrm state > "$out/algorithms-s.xfrm"
echo "$n vectors, $seen of $expected packets"; cat "$out/refused.txt"
[ "$seen" -ge "$expected" ]
