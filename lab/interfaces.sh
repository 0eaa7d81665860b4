#!/usr/bin/env bash
# Tests the automatic choice of interfaces with real SAs: `lab/boot lab/interfaces.sh`, after `cargo build`.
set -euo pipefail
ovlsniff=${OVLSNIFF:-target/debug/ovlsniff}

fail() { echo "FAILED: $1"; exit 1; }
wants() { grep -qF "$1" <<<"$2" || { echo "$2"; fail "no '$1'"; }; }

# wan0 leads to the Internet, node0 to the other node.
ip link add wan0 type veth peer name wan1
ip link add node0 type veth peer name node1
for link in wan0 wan1 node0 node1; do ip link set $link up; done
ip addr add 203.0.113.1/24 dev wan0
ip addr add 192.0.2.1/24 dev node0
ip route add default via 203.0.113.2

wants 'auto: wan0 (default route)' "$($ovlsniff interfaces)"

for ends in '192.0.2.1 192.0.2.2 0x1001' '192.0.2.2 192.0.2.1 0x1002'; do
    read -r source destination spi <<<"$ends"
    ip xfrm state add src $source dst $destination proto esp spi $spi mode transport \
        aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 64
done
wants 'auto: node0 (source of an IPsec SA, 192.0.2.1)' "$($ovlsniff interfaces)"

# Without CAP_NET_ADMIN the SAs are unknown, which is no error.
plain=$(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all $ovlsniff interfaces)
wants 'auto: wan0 (default route)' "$plain"
wants 'IPsec SAs: not known without CAP_NET_ADMIN' "$plain"

ip link add vx0 type vxlan id 4097 local 192.0.2.1 remote 192.0.2.2 dstport 4789
ip link set vx0 up
wants 'auto: node0 (underlay of vx0; source of an IPsec SA, 192.0.2.1)' "$($ovlsniff interfaces)"
echo ok
