# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# A clear and an encrypted network over an IPv6 underlay, with IPv6 inside.
nodes 2; keygen
for n in 1 2; do
    overlay $n up insecure --vni 4097 --local 2001:db8::$n --peer 2001:db8::$((3 - n)) --addr fd00:1::$n/64
    overlay $n up secure --vni 4098 --local 2001:db8::$n --peer 2001:db8::$((3 - n)) --addr fd00:2::$n/64 --opt encrypted --key "$key"
done
capture 1 v6.pcap
ping_ok 1 fd00:1::2; ping_ok 1 fd00:2::2
captured
[ "$(frames v6.pcap 'vxlan:.* 4097 .*2001:db8::1')" -ge 3 ]
[ "$(frames v6.pcap ':esp .*2001:db8::1 2001:db8::2')" -ge 3 ]
no_frames "clear frames of the encrypted network" v6.pcap ' 4098 | 18887 '
is "mtu in clear" 1430 "$(on 1 ip -j link show insecure | jq -r '.[0].mtu')"
is "mtu encrypted" 1396 "$(on 1 ip -j link show secure | jq -r '.[0].mtu')"
