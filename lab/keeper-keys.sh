#!/usr/bin/env bash
# Asks a keeper for the keys of a kernel that has some, in every manner that it understands: lab/boot lab/keeper-keys.sh OVLSNIFF
set -euo pipefail
ovlsniff=${1:?usage: keeper-keys.sh PATH-OF-OVLSNIFF}
a=198.51.100.1 b=198.51.100.2
key() { printf %s "$1" | sha512sum | cut -c1-$((2 * $2)); }
esp=$(key esp 20) ah=$(key ah 32)
ip link set lo up
ip xfrm state add src $a dst $b proto esp spi 0x1001 reqid 1 mode transport aead 'rfc4106(gcm(aes))' "0x$esp" 64
ip xfrm state add src $a dst $b proto ah spi 0x1002 mode transport auth-trunc 'hmac(sha256)' "0x$ah" 128
for scope in facts watch; do
    setpriv --inh-caps=+net_raw,+net_admin,+sys_admin python3 lab/keeper_keys.py "$ovlsniff" "$scope" "$esp" "$ah"
done
