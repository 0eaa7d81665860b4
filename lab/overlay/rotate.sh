# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# New keys during a ping flood and a TCP transfer: no packet is lost, no frame is clear, and the old keys are gone at
# the end.
nodes 2; keygen
up_secure 1; up_secure 2
ping_ok 1 10.0.2.2
capture 1 rotate.pcap -s 96
errors() { on "$1" awk '$2 { print $1 "=" $2 }' /proc/net/xfrm_stat | sort | paste -sd ' '; }
before1=$(errors 1) before2=$(errors 2)
keys() { on "$1" ip xfrm state | sed -n 's/.*aead [^ ]* \(0x[0-9a-f]*\).*/\1/p' | sort; }
keys 1 > old.keys
# A packet that ping calls lost may be late, or under way when ping ends. The kernel's counters tell at the end.
(while [ ! -e enough ]; do ip netns exec n1 ping -q -f -c 1000 10.0.2.2 || true; done) > flood.txt 2>&1 & flood=$!
# TCP sends as fast as it can, so its bytes are not kept, and a checksum is compared.
head -c 1000000 /dev/urandom > chunk
(ip netns exec n2 socat -u TCP-LISTEN:5001,bind=10.0.2.2 STDOUT | cksum > received) & listener=$!
pause 1
(chunks=0; while [ ! -e enough ]; do cat chunk; chunks=$((chunks + 1)); done; echo $chunks > chunks) |
    ip netns exec n1 socat -u STDIN TCP:10.0.2.2:5001,retry=$((100 * slow)),interval=0.1 & sender=$!
for _ in 1 2; do
    overlay 1 rotate; pause 1      # sends new
    overlay 2 rotate; pause 1      # sends new, the other way round
    overlay 1 rotate --step drop   # drops old
    overlay 2 rotate --step drop
    pause 1
done
kill -0 $sender; touch enough
wait $sender; wait $listener; wait $flood
captured
is "clear frames" 0 "$(tcpdump -nr rotate.pcap udp 2>/dev/null | wc -l)"
read -r pings lost <<<"$(on 1 awk '$1 == "IcmpMsg:" && names == "" { names = $0; next }
    $1 == "IcmpMsg:" { split(names, name); for (i = 2; i <= NF; i++) count[name[i]] = $i }
    END { print count["OutType8"] + 0, count["OutType8"] - count["InType0"] }' /proc/net/snmp)"
[ "$pings" -ge 1000 ] || { cat flood.txt; exit 1; }
is "pings lost" 0 "$lost"
is "TCP: checksum and bytes" "$(for _ in $(seq "$(cat chunks)"); do cat chunk; done | cksum)" "$(cat received)"
is "xfrm errors of node1" "$before1" "$(errors 1)"
is "xfrm errors of node2" "$before2" "$(errors 2)"
spis=$(tcpdump -nr rotate.pcap src 192.0.2.1 2>/dev/null | sed -n 's/.*ESP(spi=\([^,]*\),.*/\1/p' | sort -u | wc -l)
is "keys node1 sent with" 3 "$spis"
keys 1 > new.keys
is "old keys that are still there" "" "$(comm -12 old.keys new.keys)"
is generation 3 "$(on 1 ip -d -j link show secure | jq -r '.[0].ifalias' | sed 's/.*generation=//')"
echo "note: $pings pings and $(cat chunks) MB of TCP through 2 rotations, 0 lost"
# With a silent peer a rotation waits, and says for whom.
overlay 1 rotate
status=0; overlay 1 rotate > waits.txt || status=$?
is "exit while waiting" 1 $status
has waits "$(cat waits.txt)" 'nothing from 192.0.2.2'
# `rotate --due`, which a timer runs, takes all the steps by itself.
for _ in 1 2 3; do for n in 2 1; do ping_ok $n "10.0.2.$((3 - n))" 1; overlay $n rotate --due 0s; done; done
ping_ok 1 10.0.2.2
