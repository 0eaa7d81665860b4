# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# One encrypted link: nothing but ESP is on the wire, and the kernel's SAs have AES-256-GCM, ICV 16, ESN and window 128.
nodes 2; keygen
is "mode of the key" 600 "$(stat -c %a "$key")"
capture 1 encrypted.pcap
up_secure 1; up_secure 2
ping_ok 1 10.0.2.2
captured
no_frames "clear vxlan" encrypted.pcap 'vxlan|18887'
[ "$(frames encrypted.pcap ':esp .*192.0.2.1 192.0.2.2')" -ge 3 ]
[ "$(frames encrypted.pcap ':esp .*192.0.2.2 192.0.2.1')" -ge 3 ]
out=$(on 1 ip xfrm state list src 192.0.2.1 dst 192.0.2.2)
has mode "$out" 'mode transport'
grep -Eq 'aead rfc4106\(gcm\(aes\)\) 0x[0-9a-f]{72} 128' <<<"$out" # 256 bits and the salt; the ICV in bits
has esn "$out" 'flag esn'
has window "$out" 'replay_window 128'
is "sas to send with" 1 "$(grep -c '^src' <<<"$out")"
is policies 6 "$(policies 1)"
is mtu 1416 "$(on 1 ip -j link show secure | jq -r '.[0].mtu')"
overlay 1 status | tee status.txt
overlay 1 status --json | jq -e '.networks[0].missing == []'
# The secret and the keys derived from it are in no output, no alias, no argument list, no state.
hex=$(sed -n 's/^ovlsniff-overlay-key-1://p' "$key")
sent=$(sed -n 's/.*aead [^ ]* 0x\([0-9a-f]*\).*/\1/p' <<<"$out")
{ cat status.txt; overlay 1 status --json; overlay 1 up secure --vni 4098 --local 192.0.2.1 --peer 192.0.2.2 --addr 10.0.2.1/24 --opt encrypted --key "$key" --json
  overlay 2 down secure; up_secure 2 --dry-run --json; up_secure 2 --dry-run; on 1 ip -d link; cat /tmp/state1/* "$key.used"; } > everything.txt
fails grep -qE "$hex|$sent" everything.txt
for cipher in aes-128-gcm chacha20-poly1305; do
    overlay 1 down secure
    up_secure 1 --opt cipher=$cipher; up_secure 2 --opt cipher=$cipher
    ping_ok 1 10.0.2.2
    on 1 ip xfrm state | sed -n 's/.*aead \([^ ]*\).*/note: \1/p' | sort -u
    overlay 2 down secure
done

