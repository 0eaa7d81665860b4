# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# needs: fou
# A live search knows the UDP ports at which the kernel takes FOU and GUE.
nodes 2
for n in 1 2; do
    m=$((3 - n))
    on $n ip fou add port 5555 ipproto 4
    on $n ip fou add port 5556 gue
    on $n ip link add fou type ipip local "192.0.2.$n" remote "192.0.2.$m" encap fou encap-sport auto encap-dport 5555
    on $n ip address add "10.0.9.$n/24" dev fou
    on $n ip link set fou up
done
ip netns exec n1 timeout "$(scaled 30)" "$OVLSNIFF" -i eth0 -n 2 --marks none --inner icmp 'abcdefgh' > fou.txt 2> fou.txt.err & sniffer=$!
wait_for grep -q '^match' fou.txt.err
on 1 ping -q -c 3 -i 0.2 -p 6162636465666768 10.0.9.2 > /dev/null
wait $sniffer; cat fou.txt fou.txt.err
has request "$(cat fou.txt)" '^I 10\.0\.9\.1 -> 10\.0\.9\.2 8:0 fou 192\.0\.2\.1 -> 192\.0\.2\.2 #'
has banner "$(cat fou.txt.err)" '^tunnel ports: fou 5555, 5556$'
