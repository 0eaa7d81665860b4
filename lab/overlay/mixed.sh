# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# A clear and an encrypted network between the same two hosts: the encrypted one is never in clear.
nodes 2; keygen
capture 1 mixed.pcap
for n in 1 2; do up_insecure $n; up_secure $n; done
ping_ok 1 10.0.1.2; ping_ok 1 10.0.2.2
captured
[ "$(frames mixed.pcap 'vxlan:.*:icmp.* 4097 ')" -ge 6 ]
[ "$(frames mixed.pcap ':esp ')" -ge 6 ]
no_frames "clear frames of the encrypted network" mixed.pcap ' 4098 | 18887 '
no_frames "clear frames with 10.0.2" mixed.pcap '10[.]0[.]2[.]'
# Networks that cannot be built beside these, or at all, are refused, and nothing is touched.
snapshot 1 > before
for wrong in "third --vni 4098 --port 4789 --local 192.0.2.1 --peer 192.0.2.2" "third --vni 9 --port 18887 --local 192.0.2.1 --peer 192.0.2.2" \
    "third --vni 9 --local 192.0.2.77 --peer 192.0.2.2" "third --vni 9 --local 192.0.2.1 --peer 192.0.2.2 --mtu 1451" \
    "eth0 --vni 9 --local 192.0.2.1 --peer 192.0.2.2" "third --vni 9 --local 192.0.2.1 --peer 192.0.2.2 --in-netns nowhere" \
    "secure --vni 4098 --local 192.0.2.1 --peer 192.0.2.2 --addr 10.0.2.1/24" \
    "third --vni 9 --local 192.0.2.1 --peer 192.0.2.2 --opt encrypt --key $key"; do
    status=0; overlay 1 up $wrong 2>> refused.txt || status=$?
    is "exit of: $wrong" 2 $status
done
cat refused.txt
is "refused in one sentence each" 8 "$(wc -l < refused.txt)"
grep -q "did you mean 'encrypted'?" refused.txt
snapshot 1 | diff before -
