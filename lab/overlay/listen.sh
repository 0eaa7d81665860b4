# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# A live search knows the UDP ports of this host's tunnels: `--decrypt --vni` finds the packets of our own encrypted
# networks, whose port is 14789 + VNI, also if the device is in another namespace.
nodes 2; keygen

# Searches on node 1 for two packets while it pings: the text is in FILE, the banner in FILE.err.
listen() { # FILE PING-COMMAND… -- OPTION…
    local file=$1 ping=(); shift
    while [ "$1" != -- ]; do ping+=("$1"); shift; done
    shift
    ip netns exec n1 timeout "$(scaled 30)" "$OVLSNIFF" -n 2 --marks none "$@" 'abcdefgh' > "$file" 2> "$file.err" & sniffer=$!
    wait_for grep -q '^match' "$file.err"
    # 61 to 68 are the letters a to h.
    "${ping[@]}" -q -c 3 -i 0.2 -p 6162636465666768 > /dev/null
    wait $sniffer; cat "$file" "$file.err"
}
request='^I 10\.0\.2\.1 -> 10\.0\.2\.2 8:0 vxlan:4098 esp:0x[0-9a-f]{8} 192\.0\.2\.1 -> 192\.0\.2\.2 #'
ports='^tunnel ports: vxlan 18887$'

up_secure 1; up_secure 2
listen auto.txt on 1 ping 10.0.2.2 -- --decrypt --vni 4098
has request "$(cat auto.txt)" "$request"
has reply "$(cat auto.txt)" '^I 10\.0\.2\.2 -> 10\.0\.2\.1 0:0 vxlan:4098 esp:0x[0-9a-f]{8} 192\.0\.2\.2 -> 192\.0\.2\.1 #'
has banner "$(cat auto.txt.err)" "$ports"
listen any.txt on 1 ping 10.0.2.2 -- -i any --decrypt --vni 4098 --inner 'icmp[icmptype] == icmp-echo'
has request "$(cat any.txt)" "${request/2 \#/2 eth0 \#}"
overlay 1 down secure; overlay 2 down secure

for n in 1 2; do ip netns add "app$n"; up_secure $n --in-netns "app$n"; done
listen moved.txt ip netns exec app1 ping 10.0.2.2 -- -i eth0 --decrypt --vni 4098
has request "$(cat moved.txt)" "$request"
has banner "$(cat moved.txt.err)" "$ports"
overlay 1 down secure; overlay 2 down secure

# The networks may come when it has listened for long.
ip netns exec n1 timeout "$(scaled 60)" "$OVLSNIFF" -i eth0 -n 2 --marks none --decrypt --vni 4098 'abcdefgh' > late.txt 2> late.txt.err & sniffer=$!
wait_for grep -q '^match' late.txt.err
fails grep -q '^tunnel ports' late.txt.err
up_secure 1; up_secure 2
on 1 ping -q -c 3 -i 0.2 -p 6162636465666768 10.0.2.2 > /dev/null
wait $sniffer; cat late.txt late.txt.err
has request "$(cat late.txt)" "$request"
has told "$(cat late.txt.err)" "$ports"
echo "note: --decrypt --vni 4098 finds what it opens, here, in another namespace and later"
