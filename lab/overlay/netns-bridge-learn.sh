# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# Three kinds of device: one in a namespace of its own while its socket stays with the host; one on a bridge; and one
# that learns, with head-end replication.
nodes 3; keygen
for n in 1 2; do ip netns add "app$n"; up_secure $n --in-netns "app$n"; done
ip netns exec app1 ping -q -c 3 -i 0.2 -W "$(scaled 2)" 10.0.2.2
is "device in the host" "" "$(on 1 ip -j link show type vxlan | jq -r '.[].ifname')"
has socket "$(on 1 cat /proc/net/udp)" ':49C7 '
is "second plan" 0 "$(up_secure 1 --in-netns app1 --dry-run --json | jq '.steps | length')"
is "status finds it" app1 "$(overlay 1 status --json | jq -r '.networks[0].netns')"
overlay 1 down secure; overlay 2 down secure
is "left in the namespace" "" "$(ip -n app1 -j link show type vxlan | jq -r '.[].ifname')"
for n in 1 2; do up_secure $n --bridge brsecure; done
ping_ok 1 10.0.2.2
is "address is the bridge's" 10.0.2.1 "$(on 1 ip -j -4 address show brsecure | jq -r '.[0].addr_info[0].local')"
overlay 1 down secure; overlay 2 down secure
fails on 1 ip link show brsecure
for n in 1 2 3; do
    peers=; for m in 1 2 3; do [ $n = $m ] || peers="$peers --peer 192.0.2.$m"; done
    overlay $n up learn --vni 77 --local 192.0.2.$n --addr 10.0.7.$n/24 --learn $peers
done
ping_ok 1 10.0.7.2; ping_ok 1 10.0.7.3; ping_ok 3 10.0.7.2
is "flooded to" "192.0.2.2 192.0.2.3" "$(on 1 bridge -j fdb show dev learn | jq -r '[.[] | select(.mac == "00:00:00:00:00:00") | .dst] | sort | join(" ")')"
is learning true "$(on 1 ip -d -j link show learn | jq -r '.[0].linkinfo.info_data.learning')"
