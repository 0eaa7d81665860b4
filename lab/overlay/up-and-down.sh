# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# One node's network comes and goes while the other sends to it. No frame is in clear, and none is quoted in clear: the
# kernel answers a decrypted frame that finds no device with an ICMP error, which quotes the decrypted frame.
nodes 2; keygen
up_secure 1
capture 1 come.pcap
on 1 ping -q -f 10.0.2.2 > /dev/null 2>&1 & ping=$!
for _ in $(seq 10); do
    up_secure 2
    pause 0.2
    overlay 2 down secure
done
up_secure 2
pause 0.5
kill $ping; wait $ping || true
captured
[ "$(frames come.pcap ':esp ')" -ge 100 ]
no_frames "clear frames, also in ICMP errors" come.pcap '18887| 4098 |:icmp:'
echo "note: $(frames come.pcap ':esp ') ESP frames while it came and went ten times, none in clear"
