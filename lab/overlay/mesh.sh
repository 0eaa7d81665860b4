# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# Three nodes and one file. Each node finds itself in it by its address. Entries are static, so nothing is ever flooded.
nodes 3; keygen
cat > overlay.toml <<T
key = "secure.key"
[node.node1]
underlay = "192.0.2.1"
[node.node2]
underlay = "192.0.2.2"
[node.node3]
underlay = "192.0.2.3"
[network.secure]
vni = 4098
encrypted = true
addresses = { node1 = "10.0.2.1/24", node2 = "10.0.2.2/24", node3 = "10.0.2.3/24" }
[network.insecure]
vni = 4097
addresses = { node1 = "10.0.1.1/24", node2 = "10.0.1.2/24", node3 = "10.0.1.3/24" }
T
for n in 1 2 3; do overlay $n up -f overlay.toml; done
capture 1 mesh.pcap
for a in 1 2 3; do for b in 1 2 3; do [ $a = $b ] || { ping_ok $a 10.0.2.$b 2; ping_ok $a 10.0.1.$b 2; }; done; done
captured
no_frames "arp on the wire in vxlan" mesh.pcap 'vxlan.*arp'
no_frames "clear frames of the encrypted network" mesh.pcap ' 4098 | 18887 '
for peer in 2 3; do
    [ "$(frames mesh.pcap ":esp .*192.0.2.1 192.0.2.$peer")" -ge 4 ]
    is "sas to node$peer" 1 "$(on 1 ip xfrm state list src 192.0.2.1 dst 192.0.2.$peer | grep -c '^src')"
done
is "all keys differ" "" "$(on 1 ip xfrm state | sed -n 's/.*aead [^ ]* \(0x[0-9a-f]*\).*/\1/p' | sort | uniq -d)"
is "policies do not grow with the mesh" 6 "$(policies 1)"
is proxy true "$(on 1 ip -d -j link show secure | jq -r '.[0].linkinfo.info_data.proxy')"
