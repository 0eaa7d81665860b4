# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# The parts of scenarios: two hosts and the switch between them, made by plain `ip`, and checks of what was on the wire.
#
# The namespaces $lab-a and $lab-b are the hosts. $lab-w is the switch, a third party that sees every frame of both. Its
# two captures show what a scenario really is, independent of ovlsniff.

a=192.0.2.1
b=192.0.2.2
port=4789                       # the overlay's VXLAN port
canary=OVL-LAB-CANARY           # in every ping of the lab's own traffic
reqid=77

in_a() { ip netns exec "$lab-a" "$@"; }
in_b() { ip netns exec "$lab-b" "$@"; }
in_w() { ip netns exec "$lab-w" "$@"; }

# ---- one process for many commands: where starting one is slow, the lab would do little else ---------------------------

declare -A kept kept_bridge
keeping=no

# on HOST WORD…: runs `ip` on one host or, within at_once, keeps the command. fdb HOST WORD…: the same with `bridge fdb`.
on() {
    local line
    if [ $keeping = no ]; then ip -n "$lab-$1" "${@:2}"; return; fi
    printf -v line "'%s' " "${@:2}"
    kept[$1]+=$line$'\n'
}
fdb() {
    local line
    if [ $keeping = no ]; then bridge -n "$lab-$1" fdb "${@:2}"; return; fi
    printf -v line "'%s' " "${@:2}"
    kept_bridge[$1]+="fdb $line"$'\n'
}

# at_once COMMAND…: runs a command, and then all that it did by `on` in one batch for each host, the switch first, and
# all that it did by `fdb`.
at_once() {
    local host
    keeping=yes kept=() kept_bridge=()
    "$@"
    keeping=no
    for host in w a b c; do [ -z "${kept[$host]:-}" ] || ip -n "$lab-$host" -batch - <<<"${kept[$host]}"; done
    for host in a b c; do [ -z "${kept_bridge[$host]:-}" ] || bridge -n "$lab-$host" -batch - <<<"${kept_bridge[$host]}"; done
}

# ---- hosts and overlays ----------------------------------------------------------------------------------------------

hosts() {
    local host
    printf 'netns add %s\n' "$lab-a" "$lab-b" "$lab-w" | ip -batch -
    at_once wires
    for host in a b; do
        # Without IPv6 a silent overlay stays silent: there is no neighbour discovery.
        ip netns exec "$lab-$host" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'
    done
}
wires() {
    local host address
    on w link add br0 type bridge mcast_snooping 0
    on w link set br0 up
    on w link set lo up
    for host in a b; do
        address=$a; [ $host = a ] || address=$b
        on w link add "port-$host" type veth peer name eth0 netns "$lab-$host"
        on w link set "port-$host" master br0 up
        on $host link set lo up
        on $host link set eth0 up
        on $host addr add "$address/24" dev eth0
    done
}

# Gives the hosts IPv6 addresses and makes those the ends of the underlay.
ipv6_hosts() {
    hosts
    a=2001:db8::1 b=2001:db8::2
    ip -n "$lab-a" addr add $a/64 dev eth0 nodad
    ip -n "$lab-b" addr add $b/64 dev eth0 nodad
}

# overlay NAME VNI SUBNET [vxlan option…]: makes a VXLAN device on both hosts, SUBNET.1 on a and SUBNET.2 on b. They
# know each other's addresses as with Docker: by permanent entries in the FDB and among the neighbours.
overlay() { at_once vteps "$@"; }
vteps() {
    local name=$1 vni=$2 subnet=$3 mac
    shift 3
    mac=$(printf '02:00:00:00:%02x' "$vni")
    vtep a "$name" "$mac:01" "$subnet.1" id "$vni" local "$a" "$@"
    vtep b "$name" "$mac:02" "$subnet.2" id "$vni" local "$b" "$@"
    knows a "$name" "$mac:02" "$subnet.2" "$b"
    knows b "$name" "$mac:01" "$subnet.1" "$a"
}

# vtep HOST NAME MAC ADDRESS VXLAN-OPTION…
vtep() {
    local host=$1 name=$2 mac=$3 address=$4
    shift 4
    on "$host" link add "$name" mtu "${overlay_mtu:-1400}" address "$mac" type vxlan "$@" dstport "$port" nolearning
    on "$host" addr add "$address/24" dev "$name"
    on "$host" link set "$name" up
}

# knows HOST DEVICE MAC ADDRESS VTEP: tells a host that the overlay's address ADDRESS, with this MAC, is behind VTEP.
knows() {
    fdb "$1" append "$3" dev "$2" dst "$5" self permanent
    on "$1" neigh replace "$4" lladdr "$3" dev "$2" nud permanent
}

# flood DEVICE: has frames for unknown and broadcast addresses sent to the peer as well.
flood() {
    bridge -n "$lab-a" fdb append 00:00:00:00:00:00 dev "$1" dst "$b" self permanent
    bridge -n "$lab-b" fdb append 00:00:00:00:00:00 dev "$1" dst "$a" self permanent
}

# ---- IPsec -----------------------------------------------------------------------------------------------------------

protocol=esp
mode=transport
suite=gcm

# key NAME HEX-DIGITS: prints key material that depends on nothing but its name.
key() { local digest; digest=$(sha256sum <<<"$1"); printf '0x%s' "${digest::$2}"; }

# algorithm KEY-NAME: puts the algorithm of an SA into the array words.
algorithm() {
    case $suite in
        gcm) words=(aead 'rfc4106(gcm(aes))' "$(key "$1" 40)" 128) ;;
        gmac) words=(aead 'rfc4543(gcm(aes))' "$(key "$1" 40)" 128) ;;
        null) words=(enc 'ecb(cipher_null)' '' auth-trunc 'hmac(sha256)' "$(key "$1" 64)" 128) ;;
        ah) words=(auth-trunc 'hmac(sha256)' "$(key "$1" 64)" 128) ;;
    esac
}

# ends_of ab|ba: puts the addresses of one direction into the array ends.
ends_of() { case $1 in ab) ends=(src "$a" dst "$b") ;; ba) ends=(src "$b" dst "$a") ;; esac; }
ends() { ends_of "$1"; echo "${ends[*]}"; }

# sa ab|ba "HOST…" [SPI] [KEY-NAME] [option…]: adds the SA of one direction on the hosts named.
sa() {
    local way=$1 on=$2 spi=${3:-} name=${4:-$1} host
    local -a words more
    more=("${@:5}")
    [ -n "$spi" ] || case $way in ab) spi=0x1ab ;; ba) spi=0x1ba ;; esac
    algorithm "$name"
    ends_of "$way"
    for host in $on; do
        on "$host" xfrm state add "${ends[@]}" proto $protocol spi "$spi" reqid $reqid mode $mode \
            replay-window 32 "${words[@]}" "${more[@]}"
    done
}

# sends_by HOST [template option…], accepts_by HOST: add the OUT and the IN policy of one host for the overlay's port.
sends_by() {
    if [ "$1" = a ]; then ends_of ab; else ends_of ba; fi
    on "$1" xfrm policy add "${ends[@]}" proto udp dport "$port" dir out priority 100 \
        tmpl "${ends[@]}" proto $protocol reqid $reqid mode $mode "${@:2}"
}
accepts_by() {
    if [ "$1" = a ]; then ends_of ba; else ends_of ab; fi
    on "$1" xfrm policy add "${ends[@]}" proto udp dport "$port" dir in priority 100 \
        tmpl "${ends[@]}" proto $protocol reqid $reqid mode $mode
}

# protect: adds SAs for both directions on both hosts, and policies by which both send and accept protected frames only.
both_associations() { sa ab "a b"; sa ba "a b"; }
all_policies() { sends_by a; sends_by b; accepts_by a; accepts_by b; }
protection() { both_associations; all_policies; }
associations() { at_once both_associations; }
policies() { at_once all_policies; }
protect() { at_once protection; }

# ---- Docker's rules --------------------------------------------------------------------------------------------------

docker_mark=0xd0c4e3

# u32_vni VNI: prints a VNI as the u32 match wants it: in the word that is 12 bytes behind the IP header.
u32_vni() { echo "0>>22&0x3C@12&0xFFFFFF00=$(($1 << 8))"; }

# The OUT policy takes the frames that netfilter marked, which are those of one VNI.
docker_sends_by() {
    local way=ab
    [ "$1" = a ] || way=ba
    # shellcheck disable=SC2046
    ip -n "$lab-$1" xfrm policy add $(ends $way) proto udp dport "$port" dir out mark $docker_mark mask 0xffffffff \
        tmpl $(ends $way) proto esp reqid $reqid mode transport
}
iptables_marks() {
    ip netns exec "$lab-$1" "$iptables" -t mangle -A OUTPUT -p udp --dport "$port" \
        -m u32 --u32 "$(u32_vni "$2")" -j MARK --set-mark $docker_mark
}
iptables_drops_clear() {
    ip netns exec "$lab-$1" "$iptables" -I INPUT -m policy --dir in --pol none -p udp --dport "$port" \
        -m u32 --u32 "$(u32_vni "$2")" -j DROP
}

# ---- traffic and the wire --------------------------------------------------------------------------------------------

pattern=$(printf '%s' "$canary" | od -An -tx1 | tr -d ' \n')

pings=()
taps=()

# pings ADDRESS [ping option…]: a pings ADDRESS three times a second until the scenario ends, and the replies are
# counted. pings_too is for a second address, without a count.
pings() {
    ip netns exec "$lab-a" ping -n -i 0.3 -p "$pattern" "${@:2}" "$1" > "$work/ping" 2>&1 &
    pings+=($!)
}
pings_too() {
    ip netns exec "$lab-a" ping -n -i 0.5 -p "$pattern" "$1" > /dev/null 2>&1 &
    pings+=($!)
}

# taps FILE NAMESPACE DEVICE [tcpdump option…]: starts a capture, and returns when it is ready.
taps() {
    ip netns exec "$lab-$2" tcpdump -n -s 0 -U --immediate-mode -i "$3" -w "$work/$1" "${@:4}" 2> "$work/$1.log" &
    taps+=($!)
    wait_for grep -q 'listening on' "$work/$1.log" || { echo "tcpdump on $3 did not start: $(cat "$work/$1.log")"; return 1; }
}

# watch_wire: starts the switch's two captures: of the frames that a sent, and of those that b sent.
watch_wire() {
    taps a.pcap w port-a -Q in
    taps b.pcap w port-b -Q in
}

# ---- what the wire must show, or the scenario is not what it claims --------------------------------------------------

claim() { echo "not what it claims: $*" >> "$work/claims"; }
# too_late WHAT: the same where only this machine's pace is to blame.
too_late() { echo "too late: $*" >> "$work/claims"; }
frames() { tcpdump -n -r "$work/$1.pcap" "$2" 2>/dev/null | wc -l; }

esp='esp'
vxlan() { echo "udp dst port ${2:-$port} and udp[12:4] & 0xffffff00 = $(($1 << 8))"; }
vxlan6() { echo "ip6[6] = 17 and ip6[42:2] = $port and ip6[52:4] & 0xffffff00 = $(($1 << 8))"; }

# sends CAPTURE FILTER, sends_no CAPTURE FILTER: claims about a capture; a and b hold the frames that the hosts sent.
sends() { [ "$(frames "$1" "$2")" -gt 0 ] || claim "$1 sent nothing that is '$2'"; }
sends_no() {
    local count
    count=$(frames "$1" "$2")
    [ "$count" = 0 ] || claim "$1 sent $count frames that are '$2'"
}
readable() { grep -qa "$canary" "$work/$1.pcap" || claim "the lab's canary cannot be read in what $1 sent"; }
unreadable() { ! grep -qa "$canary" "$work/$1.pcap" || claim "the lab's canary can be read in what $1 sent"; }

# all_esp HOST, all_clear HOST: claim that the overlay's frames (VNI 42) of a host all left as ESP, or all as VXLAN.
all_esp() { sends "$1" "$esp"; sends_no "$1" "$(vxlan 42)"; unreadable "$1"; }
all_clear() { sends_no "$1" "$esp"; sends "$1" "$(vxlan 42)"; readable "$1"; }

replies() { sed -n 's/.* transmitted, \([0-9]*\) received.*/\1/p' "$work/ping"; }
delivered() { [ "$(replies)" -gt 0 ] || claim "no ping was answered"; }
lost() { [ "$(replies)" = 0 ] || claim "$(replies) pings were answered"; }

# counts HOST COUNTER: claims that a counter in the host's /proc/net/xfrm_stat is above zero.
counter() { ip netns exec "$lab-$1" awk -v name="$2" '$1 == name { print $2 }' /proc/net/xfrm_stat; }
counts() { [ "$(counter "$1" "$2")" -gt 0 ] || claim "$2 of $1 is 0"; }
counts_no() { [ "$(counter "$1" "$2")" = 0 ] || claim "$2 of $1 is $(counter "$1" "$2")"; }
