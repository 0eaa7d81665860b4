# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# needs: geneve
# A live search knows the UDP ports of Geneve devices, also of those in metadata mode and in other namespaces.
nodes 2
for n in 1 2; do
    on $n ip link add gnv type geneve id 42 remote "192.0.2.$((3 - n))" dstport 16081
    on $n ip address add "10.0.7.$n/24" dev gnv
    on $n ip link set gnv up
done
on 1 ip link add external type geneve external dstport 16082
on 1 ip link set external up
ip netns add sandbox
on 1 ip link add moved type geneve id 7 remote 192.0.2.2 dstport 16083
on 1 ip link set moved netns sandbox
ip -n sandbox link set moved up
has "the moved device's socket" "$(on 1 cat /proc/net/udp)" ':3ED3 '

ip netns exec n1 timeout "$(scaled 30)" "$OVLSNIFF" -i eth0 -n 2 --marks none --vni 42 'abcdefgh' > geneve.txt 2> geneve.txt.err & sniffer=$!
wait_for grep -q '^match' geneve.txt.err
on 1 ping -q -c 3 -i 0.2 -p 6162636465666768 10.0.7.2 > /dev/null
wait $sniffer; cat geneve.txt geneve.txt.err
has request "$(cat geneve.txt)" '^I 10\.0\.7\.1 -> 10\.0\.7\.2 8:0 geneve:42 192\.0\.2\.1 -> 192\.0\.2\.2 #'
has banner "$(cat geneve.txt.err)" '^tunnel ports: geneve 16081-16083$'
