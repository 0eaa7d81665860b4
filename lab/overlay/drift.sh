# shellcheck shell=bash source=lab/overlay/lib/nodes.bash disable=SC1010,SC2034,SC2154
# Somebody changed something. `status` names it, the next `up` mends that and nothing else, and no frame leaves in clear
# meanwhile. `up` refuses a host whose own settings would leave the network unprotected, and says which.
nodes 2; keygen
up() { # N [OPTION…]: with static entries
    overlay "$1" up secure --vni 4098 --local "192.0.2.$1" --peer "192.0.2.$((3 - $1))=10.0.2.$((3 - $1))" --addr "10.0.2.$1/24" --opt encrypted --key "$key" "${@:2}"
}
up 1; up 2; ping_ok 1 10.0.2.2
overlay 1 status
mac2=$(on 2 cat /sys/class/net/secure/address)
snapshot 1 | sort > before # sorted, because the kernel may list a policy that is made again at another place
drifted() { # WORDS STEPS COMMAND…: the command changes something, status has the words, up has these steps only
    local words=$1 steps=$2 status=0; shift 2
    on 1 "$@"
    overlay 1 status > status.txt || status=$?
    is "status after: $*" 1 $status
    has status "$(cat status.txt)" "missing: $words"
    is "mended by" "$steps" "$(up 1 --json | jq -r '[.steps[].step] | sort | join(" ")')"
    overlay 1 status > status.txt || { cat status.txt; return 1; }
    snapshot 1 | sort | diff before -
}
drifted 'address 10.0.2.1/24' 'address neighbour' ip address delete 10.0.2.1/24 dev secure
drifted 'mtu 1450 does not fit' mtu ip link set secure mtu 1450
drifted 'mac .*, by which the peers know this node' 'mac neighbour' ip link set secure address 02:00:00:00:00:99
drifted 'the device is down' 'neighbour up' ip link set secure down
drifted 'forwarding entry to 192.0.2.2' fdb bridge fdb replace "$mac2" dev secure dst 192.0.2.9 self permanent
drifted 'forwarding entry to 192.0.2.2' fdb bridge fdb delete "$mac2" dev secure dst 192.0.2.2
drifted 'neighbour: the address of 192.0.2.2' neighbour ip neighbour replace 10.0.2.2 lladdr 02:00:00:00:00:77 dev secure nud permanent
drifted 'neighbour: the address of 192.0.2.2' neighbour ip neighbour delete 10.0.2.2 dev secure
drifted 'neighbour: the address of 192.0.2.2' neighbour sh -c 'ip neighbour delete 10.0.2.2 dev secure; ping -q -c 1 -W 1 10.0.2.2; true'
drifted 'policy: block' policy ip xfrm policy delete src 0.0.0.0/0 dst 128.0.0.0/1 proto udp dport 18887 dir out
reqid=$((0x6f001002))
capture 1 drift.pcap -p
drifted 'policy as it was made: require esp.*in' mend-policy ip xfrm policy update src 0.0.0.0/0 dst 0.0.0.0/0 proto udp dport 18887 dir in priority 100 tmpl proto esp reqid $reqid mode transport level use
drifted 'policy as it was made: require esp.*out' mend-policy ip xfrm policy update src 0.0.0.0/0 dst 0.0.0.0/0 proto udp dport 18887 dir out priority 2000 tmpl proto esp reqid $reqid mode transport
ip netns exec n1 sh -c 'while :; do ping -q -c 1 -W 0.1 10.0.2.2; done' > ping.txt 2>&1 & running=$!
for _ in 1 2 3 4 5 6; do
    on 1 ip xfrm policy update src 0.0.0.0/0 dst 0.0.0.0/0 proto udp dport 18887 dir out priority 50 tmpl proto esp reqid $reqid mode transport
    is "put right" mend-policy "$(up 1 --json | jq -r '[.steps[].step] | sort | join(" ")')"
done
kill $running; wait $running || true
captured
no_frames "clear frames while policies were replaced" drift.pcap ' 4098 | 18887 '
drifted 'the mark that says' mark ip link set secure alias ''

# Without its mark a device is nobody's, and the policies alone keep its frames from the wire. So they stay as long as
# it.
on 1 ip link set secure alias ''
overlay 1 down secure
is "links, policies" "0 0" "$(on 1 ip -j link show type vxlan | jq length) $(policies 1)"
up 1
on 1 ip link set secure alias '' address 02:00:00:00:00:01
status=0; overlay 1 down secure || status=$?
is "down of a device nobody knows" 2 $status
is "its policies" 6 "$(policies 1)"
on 1 ip link delete secure
overlay 1 down secure
is "its policies, when it is gone" 0 "$(policies 1)"
up 1
overlay 1 down secure --dry-run > down.txt
on 1 ip link delete secure; rm -rf /tmp/state1 "$key.used"
overlay 1 down --all
is "all that is left, without a state" "0 0" "$(sas 1) $(policies 1)"
keygen; overlay 2 down secure; up 1; up 2

# A switch of the host or a policy of others overrules ours.
overruled() { # WORDS
    local status=0
    up 1 2> refused.txt || status=$?
    is "up while overruled" 2 $status
    has reason "$(cat refused.txt)" "$1"
    is sentences 1 "$(wc -l < refused.txt)"
    status=0; overlay 1 status > status.txt || status=$?
    is "status while overruled" 1 $status
    has status "$(cat status.txt)" "missing: protection: .*$1"
}
for switch in eth0/disable_xfrm all/disable_xfrm eth0/disable_policy all/disable_policy; do
    on 1 sh -c "echo 1 > /proc/sys/net/ipv4/conf/$switch"
    overruled "echo 0 > /proc/sys/net/ipv4/conf/$switch"
    on 1 sh -c "echo 0 > /proc/sys/net/ipv4/conf/$switch"
done
on 1 ip xfrm policy add src 0.0.0.0/0 dst 192.0.2.0/24 dir out priority 1
overruled 'a policy of others.*192.0.2.0/24, out, priority 1\)'
on 1 ip xfrm policy delete src 0.0.0.0/0 dst 192.0.2.0/24 dir out
on 1 ip xfrm policy update src 0.0.0.0/0 dst 0.0.0.0/0 proto udp dport 18887 dir out priority 100
overruled 'a policy of others.*0.0.0.0/0, out, priority 100\)'
on 1 ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/0 proto udp dport 18887 dir out
up 1; overlay 1 status
# Policies behind ours, for other addresses, or for a mark do not matter.
on 1 ip xfrm policy add src 0.0.0.0/0 dst 192.0.2.0/24 dir out priority 101
on 1 ip xfrm policy add src 0.0.0.0/0 dst 198.51.100.0/24 dir out priority 1
on 1 ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out priority 1 mark 7 mask 0xff
up 1; overlay 1 status

# A block policy of others that has the selector of one of ours is neither overwritten nor removed.
overlay 1 down secure
on 1 ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/1 proto udp dport 18887 dir in action block
status=0; up 1 2> taken.txt || status=$?
is "up with its selector taken" 2 $status
has taken "$(cat taken.txt)" 'somebody else has one'
is "policies" 4 "$(policies 1)"
on 1 ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/1 proto udp dport 18887 dir in
up 1

# A mend that fails half way keeps the policies that it made, because the device is there.
on 1 ip xfrm policy flush
messages=$(on 1 strace -f -qq -e trace=sendto -o trace "$OVLSNIFF" overlay up --state /tmp/state1 --dry-run secure --vni 4098 --local 192.0.2.1 \
    --peer 192.0.2.2=10.0.2.2 --addr 10.0.2.1/24 --opt encrypted --key "$key" > plan.txt; wc -l < trace)
is "policies to mend" 6 "$(wc -l < plan.txt)"
status=0
on 1 strace -f -qq -o trace -e trace=sendto -e inject=sendto:error=EPERM:when=$((messages + 4)) "$OVLSNIFF" overlay up --state /tmp/state1 secure \
    --vni 4098 --local 192.0.2.1 --peer 192.0.2.2=10.0.2.2 --addr 10.0.2.1/24 --opt encrypted --key "$key" 2> kept.txt || status=$?
cat kept.txt
is "exit" 2 $status
is "policies kept" 3 "$(policies 1)"
has kept "$(cat kept.txt)" '3 policies stay'
up 1; ping_ok 1 10.0.2.2

# Somebody else's bridge has the network's address and entries as long as the network is up, and keeps its own.
overlay 1 down secure
on 1 ip link add br0 address 02:00:00:00:00:05 type bridge; on 1 ip link set br0 up; on 1 ip address add 10.9.9.9/32 dev br0
# The bridge's state is left out, because a bridge goes down some time after it has lost its last port.
lent() { on 1 sh -c 'ip -4 -o address show br0 | grep -o "inet [^ ]*"; ip neighbour show dev br0 nud permanent'; }
lent > lent.txt
up 1 --bridge br0; up 1 --bridge br0 | grep -q 'nothing to do'
overlay 1 status
overlay 1 down secure
lent | diff lent.txt -
on 1 ip address add 10.0.2.1/24 dev br0
up 1 --bridge br0; overlay 1 down secure
has "an address that was there before" "$(lent)" '10.0.2.1/24'
on 1 ip link delete br0
# The next `up` has another address, and a later one adds a bridge.
up 1
overlay 1 up secure --vni 4098 --local 192.0.2.1 --peer 192.0.2.2=10.0.2.3 --addr 10.0.2.7/24 --opt encrypted --key "$key"
is "addresses" 10.0.2.7 "$(on 1 ip -j -4 address show secure | jq -r '[.[0].addr_info[].local] | join(" ")')"
is "neighbours" 10.0.2.3 "$(on 1 ip -j neighbour show dev secure nud permanent | jq -r '[.[].dst] | join(" ")')"
up 1 --bridge brsecure
is "addresses" "brsecure 10.0.2.1" "$(on 1 ip -j -4 address | jq -r '.[] | .ifname as $d | .addr_info[]? | select(.local | startswith("10.0.2.")) | "\($d) \(.local)"')"
