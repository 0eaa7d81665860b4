# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# One link in clear: the wire has VXLAN on port 4789 with the VNI, and the kernel has what was asked for.
nodes 2
up_insecure 1; up_insecure 2
capture 1 plain.pcap
ping_ok 1 10.0.1.2
captured
link=$(on 1 ip -d -j link show insecure)
is vni 4097 "$(jq -r '.[0].linkinfo.info_data.id' <<<"$link")"
is port 4789 "$(jq -r '.[0].linkinfo.info_data.port' <<<"$link")"
is local 192.0.2.1 "$(jq -r '.[0].linkinfo.info_data.local' <<<"$link")"
is learning false "$(jq -r '.[0].linkinfo.info_data.learning' <<<"$link")"
is mtu 1450 "$(jq -r '.[0].mtu' <<<"$link")"
is address 10.0.1.1 "$(on 1 ip -j -4 address show insecure | jq -r '.[0].addr_info[0].local')"
is "policies of a network in clear" 0 "$(policies 1)"
[ "$(frames plain.pcap 'vxlan:.*:icmp.* 4097 ')" -ge 6 ]
no_frames "esp" plain.pcap :esp
overlay 1 status
overlay 1 down insecure
fails on 1 ip link show insecure
