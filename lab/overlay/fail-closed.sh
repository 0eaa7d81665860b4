# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# Any one SA, policy or key is taken away while traffic runs. Not one frame of the network is in clear on either node's
# wire, and no clear frame is accepted from anybody.
nodes 3; keygen
capture 1 one.pcap -s 120; capture 2 two.pcap -s 120
up_secure 1; up_secure 2; up_insecure 1
ping_ok 1 10.0.2.2
ip netns exec n1 ping -q -i 0.05 -W 1 10.0.2.2 > ping.txt 2>&1 & running=$!

# An attacker sends clear frames, from a stranger's address and from the peer's own. VNI, port and MACs are right.
on 3 ip address add 192.0.2.2/32 dev lo
# The attacker knows node1's MAC. An ARP request in the peer's name would make node1 send to the attacker, which is
# another attack.
on 3 ip neighbour replace 192.0.2.1 lladdr 02:00:5e:00:53:01 dev eth0 nud permanent
attacker() { # DEVICE VNI PORT NET
    on 3 ip link add "$1" type vxlan id "$2" dstport "$3" local 192.0.2.3 remote 192.0.2.1 nolearning
    on 3 sh -c "echo 1 > /proc/sys/net/ipv6/conf/$1/disable_ipv6"
    on 3 ip link set "$1" up
    on 3 ip address add "$4.9/24" dev "$1"
}
attack() { # DEVICE VNI DEVICE-OF-NODE1 NET
    local from mac; mac=$(on 1 cat "/sys/class/net/$3/address")
    for from in 192.0.2.3 192.0.2.2; do
        on 3 ip link set "$1" type vxlan id "$2" local $from remote 192.0.2.1
        on 3 ip neighbour replace "$4.1" lladdr "$mac" dev "$1"
        on 3 ping -q -c 2 -i 0.1 -W 0.2 "$4.1" >/dev/null || true
    done
}
let_in() { # DEVICE FILE: captures what arrives at the device itself
    ip netns exec n1 tcpdump --immediate-mode -i "$1" -U -w "$2" src host 10.0.1.9 or src host 10.0.2.9 2> "$2.log" & captures="$captures $!"
    wait_for grep -q 'listening on' "$2.log"
}
let_in insecure control.pcap; let_in secure in.pcap
attacker toclear 4097 4789 10.0.1; attacker tosecure 4098 18887 10.0.2
attack toclear 4097 insecure 10.0.1     # the control: a network in clear accepts the frames
attack tosecure 4098 secure 10.0.2

on 1 ip xfrm policy | sed -n '/^src/{N;s/[\n\t]/ /g;p}' | sed 's/ priority.*//; s/action block//' > policies.txt
is "policies to take away" 6 "$(wc -l < policies.txt)"
while read -r policy <&3; do
    echo "without policy $policy"
    on 1 ip xfrm policy delete $policy
    attack tosecure 4098 secure 10.0.2
    up_secure 1
done 3< policies.txt
ping_ok 1 10.0.2.2
on 1 ip xfrm state | sed -n '/^src/{N;s/\n\t/ /;p}' | sed 's/ reqid.*//' > sas.txt
[ "$(wc -l < sas.txt)" -ge 11 ]
while read -r _ from _ to _ _ _ spi <&3; do
    echo "without sa $from -> $to $spi"
    on 1 ip xfrm state delete src "$from" dst "$to" proto esp spi "$spi"
    [ "$from" = 192.0.2.1 ] || [ "$((spi & 7))" -gt 1 ] || attack tosecure 4098 secure 10.0.2
    up_secure 1
done 3< sas.txt
ping_ok 1 10.0.2.2
echo "without any sa, and without its key"
on 1 ip xfrm state deleteall
mv "$key" "$key.away"
status=0; up_secure 1 || status=$?
is "up without its key" 2 $status
attack tosecure 4098 secure 10.0.2
ping_fails 1 10.0.2.2
mv "$key.away" "$key"
up_secure 1; ping_ok 1 10.0.2.2
kill -TERM $running; wait $running || true
captured
clear='[ ,](4098|18887)[ ,].*'
is "clear frames out of node1" 0 "$(frames one.pcap "$clear 192.0.2.1(,[0-9.]*)? 192.0.2.2")"
is "clear frames out of node2" 0 "$(frames two.pcap "$clear 192.0.2.2(,[0-9.]*)? 192.0.2.1")"
attacks=$(tcpdump -nr one.pcap 'udp dst port 18887' 2>/dev/null | wc -l)
[ "$attacks" -ge 36 ] # of forty: a capture may miss some
is "clear frames let in" 0 "$(tcpdump -nr in.pcap 2>/dev/null | wc -l)"
[ "$(tcpdump -nr control.pcap 2>/dev/null | wc -l)" -ge 4 ]
echo "note: $(frames one.pcap .) frames, 0 in clear out, 0 of $attacks forged ones in"
