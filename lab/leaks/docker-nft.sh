# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios of Docker's nftables backend: the table `docker-overlay`, as the engine makes it (moby,
# daemon/libnetwork/drivers/overlay/encryption_nft_linux.go).

# boxes: two hosts whose overlay's devices were made on them and live in a sandbox of each, as with Docker. The sandbox
# of a is $lab-c, that of b is $lab-d. The rules tell the overlay's packets from those of a program of the host by that.
boxes() {
    local host box mac here
    hosts; associations
    for host in a b; do
        box=c mac=02:00:00:00:2a:01 here=$a
        [ $host = a ] || box=d mac=02:00:00:00:2a:02 here=$b
        ip netns add "$lab-$box"
        ip netns exec "$lab-$box" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link set lo up'
        ip -n "$lab-$host" link add secure mtu 1400 address $mac type vxlan id 42 local $here dstport $port nolearning
        ip -n "$lab-$host" link set secure netns "$lab-$box"
        ip -n "$lab-$box" link set secure up
    done
    ip -n "$lab-c" addr add 10.42.0.1/24 dev secure; knows c secure 02:00:00:00:2a:02 10.42.0.2 $b
    ip -n "$lab-d" addr add 10.42.0.2/24 dev secure; knows d secure 02:00:00:00:2a:01 10.42.0.1 $a
    for host in a b; do docker_sends_by $host; done
    as sh -c 'mkdir "$1" && mount -t tmpfs tmpfs "$1" && touch "$1/box" && mount --bind "/run/netns/$2" "$1/box" && mount --rbind "$1" /run/netns || exit; shift 2; exec "$@"' \
        sh "$work/netns" "$lab-c"
}
boxed_pings() {
    ip netns exec "$lab-c" ping -n -i 0.3 -p "$pattern" 10.42.0.2 > "$work/ping" 2>&1 &
    pings+=($!)
}
nft_on() { ip netns exec "$lab-$1" nft -f -; }

# docker_table HOST [VNI]: Docker's table, with one encrypted network.
docker_table() {
    nft_on $1 <<RULES
table ip docker-overlay {
    set encrypted-vnis { typeof @th,96,24; }
    chain enc-out { type route hook output priority mangle; policy accept; }
    chain enc-in { type filter hook input priority raw; policy accept; }
}
add rule ip docker-overlay enc-out udp dport $port meta skuid 0-0xfffffffe counter goto { meta mark $docker_mark counter meta mark set 0; }
add rule ip docker-overlay enc-out udp dport $port @th,96,24 @encrypted-vnis counter meta mark set $docker_mark
add rule ip docker-overlay enc-in meta secpath missing udp dport $port @th,96,24 @encrypted-vnis counter drop
add element ip docker-overlay encrypted-vnis { $(printf '0x%06x' ${2:-42}) }
RULES
}
# without HOST CHAIN WORDS: deletes the rule of a chain that has these words.
without() {
    local handle
    handle=$(ip netns exec "$lab-$1" nft -a list chain ip docker-overlay $2 | sed -n "s/.*$3.*# handle \([0-9]*\)$/\1/p" | tail -n 1)
    ip netns exec "$lab-$1" nft delete rule ip docker-overlay $2 handle "$handle"
}
unmarked() { without $1 enc-out '@encrypted-vnis'; }
undropped() { without $1 enc-in '@encrypted-vnis'; }
# tables [COMMAND…]: a network that is in order but for what the command does.
tables() { local host; boxes; for host in a b; do docker_table $host; done; [ $# = 0 ] || "$@"; boxed_pings; }

# What a makes of a clear frame of the network, when the watch is over. It is taken in the sandbox.
boxed_injected() {
    ip netns exec "$lab-c" tcpdump -n -s 0 -U --immediate-mode -i secure -w "$work/injected.pcap" 2> "$work/injected.log" &
    local tap=$!
    wait_for grep -q 'listening on' "$work/injected.log"
    in_b perl lab/leaks/frames.pl vxlan eth0 "$(mac a)" $b $a
    in_b ping -n -c 3 -i 0.3 -W 5 $a > /dev/null || claim "a did not answer"
    end TERM $tap
}
box_takes_clear() { boxed_injected; grep -qa OVL-LAB-FORGED "$work/injected.pcap" || claim "a did not take a clear frame"; }
box_refuses_clear() { boxed_injected; ! grep -qa OVL-LAB-FORGED "$work/injected.pcap" || claim "a took a clear frame"; }

docker_nft_setup() { tables; }
docker_nft_claims() { all_esp a; all_esp b; delivered; box_refuses_clear; }
docker_nft_no_mark_setup() { tables unmarked a; }
docker_nft_no_mark_claims() { all_clear a; lost; }
docker_nft_no_drop_setup() { tables; undropped a; }
docker_nft_no_drop_claims() { all_esp a; all_esp b; delivered; box_takes_clear; }
# Docker thinks that the network is not encrypted: its number is not in the set.
docker_nft_no_element_setup() { tables in_a nft delete element ip docker-overlay encrypted-vnis '{ 0x00002a }'; }
docker_nft_no_element_claims() { docker_nft_no_mark_claims; }
# The set has another network's number, and a drop is left for this one alone.
docker_nft_other_vni_setup() { boxes; docker_table a 43; docker_table b; boxed_pings; }
docker_nft_other_vni_claims() { docker_nft_no_mark_claims; }
# The rules are loaded again, as by `systemctl reload nftables`, whose file knows nothing of Docker.
docker_nft_flush_setup() { tables; lasts 20; }
docker_nft_flush_during() { pause 3; in_a nft flush ruleset; pause 3; }
docker_nft_flush_claims() { sends a "$esp"; sends a "$(vxlan 42)"; readable a; }
docker_nft_flush_there_setup() { tables; lasts 20; }
docker_nft_flush_there_during() { pause 3; ip netns exec "$lab-b" nft flush ruleset; pause 3; }
docker_nft_flush_there_claims() { all_esp a; sends b "$esp"; sends b "$(vxlan 42)"; readable b; }
# The rule that drops is away for two seconds. Nothing comes in clear.
docker_nft_drop_gap_setup() { tables; lasts 20; }
docker_nft_drop_gap_during() {
    pause 3; undropped a; pause 2
    in_a nft add rule ip docker-overlay enc-in meta secpath missing udp dport $port @th,96,24 @encrypted-vnis counter drop
    pause 1
}
docker_nft_drop_gap_claims() { docker_nft_claims; }
# The whole table is made anew in one transaction, so that it is there at each moment.
docker_nft_renewed_setup() { tables; lasts 20; }
docker_nft_renewed_during() {
    pause 3
    { echo 'delete table ip docker-overlay'; in_a nft list table ip docker-overlay | sed '/typeof/s/$/;/'; } > "$work/renewed"
    in_a nft -f "$work/renewed"
    pause 2
}
docker_nft_renewed_claims() { docker_nft_claims; }

# Somebody else's table, which is asked first. It accepts: the frame goes on to Docker's. It drops what is in clear: Docker's
# rule is not needed.
docker_nft_accept_first_setup() { tables; first 'udp dport 4789 accept'; }
docker_nft_accept_first_claims() { docker_nft_claims; }
docker_nft_drop_first_setup() { tables; undropped a; first 'meta secpath missing udp dport 4789 drop'; }
docker_nft_drop_first_claims() { docker_nft_claims; }
first() { nft_on a <<<"table inet first { chain first { type filter hook input priority -500; policy accept; $1; }; }"; }
# A rule in Docker's own chain accepts first, as firewalls do that have one table.
docker_nft_accept_before_setup() { tables; in_a nft insert rule ip docker-overlay enc-in udp dport 4789 accept; }
docker_nft_accept_before_claims() { docker_nft_no_drop_claims; }
# A chain without a name is in a's own firewall. What follows behind it counts as well.
docker_nft_nameless_setup() {
    tables; undropped a
    first 'udp dport 53 jump { accept; }; meta secpath missing udp dport 4789 drop'
}
docker_nft_nameless_claims() { docker_nft_claims; }
docker_nft_nameless_open_setup() {
    tables; undropped a
    first 'udp dport 4789 jump { ip saddr 203.0.113.5 drop; accept; }; meta secpath missing udp dport 4789 drop'
}
docker_nft_nameless_open_claims() { docker_nft_no_drop_claims; }
# The table that drops is switched off.
docker_nft_dormant_setup() {
    tables; undropped a
    nft_on a <<<'table inet first { flags dormant; chain first { type filter hook input priority -500; policy accept; meta secpath missing udp dport 4789 drop; }; }'
}
docker_nft_dormant_claims() { docker_nft_no_drop_claims; }
# What is in clear is dropped as it comes in by the card, where what is in ESP is ESP still.
docker_nft_ingress_setup() {
    tables; undropped a
    nft_on a <<<'table netdev first { chain first { type filter hook ingress device eth0 priority 0; policy accept; udp dport 4789 drop; }; }'
}
docker_nft_ingress_claims() { docker_nft_claims; }

# The table is for IPv6, and the underlay is IPv4.
docker_nft_other_family_setup() { tables to_ipv6; }
to_ipv6() {
    in_a nft list table ip docker-overlay | sed 's/^table ip /table ip6 /; /typeof/s/$/;/' > "$work/other"
    in_a nft flush ruleset
    in_a nft -f "$work/other"
}
docker_nft_other_family_claims() { docker_nft_no_mark_claims; }

# Somebody else's table takes the mark away again.
docker_nft_mark_lost_setup() { tables clears_marks; }
clears_marks() {
    nft_on a <<<'table inet marks { chain out { type route hook output priority 0; policy accept; udp dport 4789 meta mark set 0; }; }'
}
docker_nft_mark_lost_claims() { docker_nft_no_mark_claims; }
# The overlay's device is on the host itself, so its packets have sockets of the host: the rules do not mark them.
docker_nft_on_host_setup() {
    local host
    hosts; overlay secure 42 10.42.0; associations
    for host in a b; do docker_sends_by $host; docker_table $host; done
    pings 10.42.0.2
}
docker_nft_on_host_claims() { sends a "$(vxlan 42)"; readable a; }
