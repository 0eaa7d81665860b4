# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# needs: wireguard
# A live search knows the ports of WireGuard devices, so that their full packets are opaque on any port: the padding ends
# at the MTU, and elsewhere only lengths that divide by 16 tell.
nodes 2
for n in 1 2; do wg genkey > "key$n"; wg pubkey < "key$n" > "public$n"; done
for n in 1 2; do
    m=$((3 - n))
    on $n ip link add wg0 type wireguard
    on $n wg set wg0 listen-port $((16000 + n)) private-key "key$n" peer "$(cat public$m)" allowed-ips 10.0.8.0/24 endpoint "192.0.2.$m:$((16000 + m))"
    on $n ip address add "10.0.8.$n/24" dev wg0
    on $n ip link set wg0 up
done
ip netns exec n1 "$OVLSNIFF" -i eth0 'nothing' 'udp port 16001' > wireguard.txt 2> wireguard.txt.err & sniffer=$!
wait_for grep -q '^match' wireguard.txt.err
on 1 ping -q -c 5 -i 0.2 -s 1392 -M do 10.0.8.2
kill -INT $sniffer; wait $sniffer || true; cat wireguard.txt wireguard.txt.err
has banner "$(cat wireguard.txt.err)" '^tunnel ports: wireguard 16001$'
has opaque "$(cat wireguard.txt.err)" ' 0 readable without a match'
