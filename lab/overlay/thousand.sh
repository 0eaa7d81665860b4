# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# 1,000 networks of one file: the time, the number of messages, and a check that all are there, and all are gone
# afterwards.
nodes 2; keygen
# The key is fixed, because one key in seventy gives two of the thousand networks the same SPI, which is refused.
printf 'ovlsniff-overlay-key-1:%064x\n' 1 > "$key"
{
    printf 'key = "secure.key"\n[node.node1]\nunderlay = "192.0.2.1"\n[node.node2]\nunderlay = "192.0.2.2"\n'
    for i in $(seq 0 999); do
        printf '[network.net%d]\nvni = %d\naddresses = { node1 = "10.%d.%d.1/24", node2 = "10.%d.%d.2/24" }\n' "$i" $((5000 + i)) $((16 + i / 250)) $((i % 250)) $((16 + i / 250)) $((i % 250))
    done
} > plain.toml
sed '/^addresses/a encrypted = true' plain.toml > encrypted.toml
timed() { local begin; begin=$(date +%s%N); "$@" > said.json; ms=$((($(date +%s%N) - begin) / 1000000)); }
messages() { jq .netlink_messages said.json; }
timed overlay 1 up -f plain.toml --json
echo "note: clear: $ms ms, $(messages) messages"
is links 1000 "$(on 1 ip -j link show type vxlan | jq length)"
timed overlay 1 up -f plain.toml --json
echo "note: again: $ms ms, $(messages) messages"
is "second plan" 0 "$(jq '.steps | length' said.json)"
timed overlay 1 down --all --json
echo "note: down: $ms ms"
is links 0 "$(on 1 ip -j link show type vxlan | jq length)"
timed overlay 1 up -f encrypted.toml --json
echo "note: encrypted: $ms ms, $(messages) messages, $(sas 1) SAs, $(policies 1) policies"
timed overlay 1 up -f encrypted.toml --json
echo "note: again: $ms ms, $(messages) messages"
is "second plan" 0 "$(jq '.steps | length' said.json)"
overlay 2 up -f encrypted.toml net0 net999
ping_ok 1 10.16.0.2; ping_ok 1 10.19.249.2
timed overlay 1 down --all --json
echo "note: down: $ms ms"
is "links, sas, policies" "0 0 0" "$(on 1 ip -j link show type vxlan | jq length) $(sas 1) $(policies 1)"
