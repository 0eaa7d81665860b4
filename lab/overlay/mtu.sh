# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# The device's MTU is exact: a packet of that size makes a frame with an MTU of 1500, and one byte more makes two
# fragments.
nodes 2; keygen
for n in 1 2; do up_insecure $n; up_secure $n; done
capture 1 mtu.pcap
for net in 1:1450 2:1416; do
    mtu=${net#*:}
    on 1 ping -q -c 2 -M do -s $((mtu - 28)) -W "$(scaled 2)" "10.0.${net%:*}.2"
    fails on 1 ping -q -c 1 -M do -s $((mtu - 27)) -W "$(scaled 2)" "10.0.${net%:*}.2"
done
for suite in aes-128-gcm chacha20-poly1305; do
    overlay 1 down secure; overlay 2 down secure; up_secure 1 --opt cipher=$suite; up_secure 2 --opt cipher=$suite
    on 1 ping -q -c 2 -M do -s 1388 -W "$(scaled 2)" 10.0.2.2
done
captured
is "fragments" 0 "$(tcpdump -nr mtu.pcap 'ip[6:2] & 0x3fff != 0' 2>/dev/null | wc -l)"
[ "$(frames mtu.pcap .)" -ge 16 ]
is "largest clear frame" 1514 "$(awk '/vxlan/ { print $NF }' mtu.pcap.txt | sort -n | tail -n 1)"
is "largest esp frame" 1514 "$(awk '/:esp/ { print $NF }' mtu.pcap.txt | sort -n | tail -n 1)"
up_secure 1 --opt cipher=chacha20-poly1305   # again, because the other node started anew since
on 1 ip link set secure mtu 1420
capture 1 over.pcap
on 1 ping -q -c 1 -M do -s 1392 -W "$(scaled 2)" 10.0.2.2 || true
captured
[ "$(tcpdump -nr over.pcap 'ip[6:2] & 0x3fff != 0' 2>/dev/null | wc -l)" -ge 2 ]
is "mended" "mtu" "$(up_secure 1 --opt cipher=chacha20-poly1305 --json | jq -r '[.steps[].step] | join(" ")')"
# A smaller MTU of the underlay makes the device's smaller, and a given one that does not fit is refused.
on 1 ip link set eth0 mtu 1280
overlay 1 down secure
status=0; up_secure 1 --mtu 1416 || status=$?
is "an mtu that does not fit" 2 $status
up_secure 1
is "mtu on 1280" 1196 "$(on 1 ip -j link show secure | jq -r '.[0].mtu')"
