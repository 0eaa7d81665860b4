# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Two hosts and the switch between them, by plain `ip`: what the scenarios are made of, and what was seen on the wire.
#
# The namespaces $lab-a and $lab-b are the hosts; $lab-w is the switch, a third party that sees every frame of both. Its
# two captures say what a scenario really is, whatever ovlsniff says of it.

a=192.0.2.1
b=192.0.2.2
port=4789                       # the overlay's VXLAN port
canary=OVL-LAB-CANARY           # in every ping of the lab's own traffic
reqid=77

in_a() { ip netns exec "$lab-a" "$@"; }
in_b() { ip netns exec "$lab-b" "$@"; }
in_w() { ip netns exec "$lab-w" "$@"; }

# ---- hosts and overlays ----------------------------------------------------------------------------------------------

hosts() {
    local host
    for host in a b w; do
        ip netns add "$lab-$host"
        ip -n "$lab-$host" link set lo up
    done
    ip -n "$lab-w" link add br0 type bridge mcast_snooping 0
    ip -n "$lab-w" link set br0 up
    for host in a b; do
        ip -n "$lab-w" link add "port-$host" type veth peer name eth0 netns "$lab-$host"
        ip -n "$lab-w" link set "port-$host" master br0 up
        ip -n "$lab-$host" link set eth0 up
        # No neighbour discovery of its own on an overlay: what is to be silent is silent.
        ip netns exec "$lab-$host" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'
    done
    ip -n "$lab-a" addr add $a/24 dev eth0
    ip -n "$lab-b" addr add $b/24 dev eth0
}

# Gives the hosts IPv6 addresses and makes those the ends of the underlay.
ipv6_hosts() {
    hosts
    a=2001:db8::1 b=2001:db8::2
    ip -n "$lab-a" addr add $a/64 dev eth0 nodad
    ip -n "$lab-b" addr add $b/64 dev eth0 nodad
}

# overlay NAME VNI SUBNET [vxlan option…]: a VXLAN device on both hosts, SUBNET.1 on a and SUBNET.2 on b, that know each
# other's addresses as Docker sets them: permanent entries in the FDB and among the neighbours.
overlay() {
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
    ip -n "$lab-$host" link add "$name" mtu "${overlay_mtu:-1400}" address "$mac" type vxlan "$@" dstport "$port" nolearning
    ip -n "$lab-$host" addr add "$address/24" dev "$name"
    ip -n "$lab-$host" link set "$name" up
}

# knows HOST DEVICE MAC ADDRESS VTEP: where the overlay's address ADDRESS is to be found.
knows() {
    bridge -n "$lab-$1" fdb append "$3" dev "$2" dst "$5" self permanent
    ip -n "$lab-$1" neigh replace "$4" lladdr "$3" dev "$2" nud permanent
}

# Unknown and broadcast addresses go to the peer as well.
flood() {
    bridge -n "$lab-a" fdb append 00:00:00:00:00:00 dev "$1" dst "$b" self permanent
    bridge -n "$lab-b" fdb append 00:00:00:00:00:00 dev "$1" dst "$a" self permanent
}

# ---- IPsec -----------------------------------------------------------------------------------------------------------

protocol=esp
mode=transport
suite=gcm

# Key material that depends on nothing but its name: key NAME HEX-DIGITS
key() { printf '0x%s' "$(sha256sum <<<"$1" | cut -c "1-$2")"; }

# The algorithm words of an SA: algorithm KEY-NAME
algorithm() {
    case $suite in
        gcm) words=(aead 'rfc4106(gcm(aes))' "$(key "$1" 40)" 128) ;;
        gmac) words=(aead 'rfc4543(gcm(aes))' "$(key "$1" 40)" 128) ;;
        null) words=(enc 'ecb(cipher_null)' '' auth-trunc 'hmac(sha256)' "$(key "$1" 64)" 128) ;;
        ah) words=(auth-trunc 'hmac(sha256)' "$(key "$1" 64)" 128) ;;
    esac
}

ends() { case $1 in ab) echo "src $a dst $b" ;; ba) echo "src $b dst $a" ;; esac; }

# sa ab|ba "HOST…" [SPI] [KEY-NAME] [option…]: the SA of one direction, on the hosts named.
sa() {
    local way=$1 on=$2 spi=${3:-} name=${4:-$1} host
    local -a words more
    more=("${@:5}")
    [ -n "$spi" ] || case $way in ab) spi=0x1ab ;; ba) spi=0x1ba ;; esac
    algorithm "$name"
    for host in $on; do
        # shellcheck disable=SC2046 # two words and two values
        ip -n "$lab-$host" xfrm state add $(ends "$way") proto $protocol spi "$spi" reqid $reqid mode $mode \
            replay-window 32 "${words[@]}" "${more[@]}"
    done
}

# sends_by HOST [template option…], accepts_by HOST: the policies of one host for the overlay's port.
sends_by() {
    local way=ab
    [ "$1" = a ] || way=ba
    # shellcheck disable=SC2046
    ip -n "$lab-$1" xfrm policy add $(ends $way) proto udp dport "$port" dir out priority 100 \
        tmpl $(ends $way) proto $protocol reqid $reqid mode $mode "${@:2}"
}
accepts_by() {
    local way=ba
    [ "$1" = a ] || way=ab
    # shellcheck disable=SC2046
    ip -n "$lab-$1" xfrm policy add $(ends $way) proto udp dport "$port" dir in priority 100 \
        tmpl $(ends $way) proto $protocol reqid $reqid mode $mode
}

# Everything right: SAs of both directions on both hosts, and both hosts send and accept nothing but protected frames.
associations() { sa ab "a b"; sa ba "a b"; }
policies() { sends_by a; sends_by b; accepts_by a; accepts_by b; }
protect() { associations; policies; }

# ---- Docker's rules --------------------------------------------------------------------------------------------------

docker_mark=0xd0c4e3

# A VNI as the u32 match wants it: in the word at 12 bytes behind the IP header.
u32_vni() { echo "0>>22&0x3C@12&0xFFFFFF00=$(($1 << 8))"; }

# The OUT policy takes what netfilter marked; what it marks are the frames of one VNI.
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

# pings ADDRESS [ping option…]: a pings it, three times a second, until the scenario ends. Its replies are those that
# count; pings_too is for a second address.
pings() {
    ip netns exec "$lab-a" ping -n -i 0.3 -p "$pattern" "${@:2}" "$1" > "$work/ping" 2>&1 &
    pings+=($!)
}
pings_too() {
    ip netns exec "$lab-a" ping -n -i 0.5 -p "$pattern" "$1" > /dev/null 2>&1 &
    pings+=($!)
}

# taps FILE NAMESPACE DEVICE [tcpdump option…]: a capture that is ready when this returns.
taps() {
    ip netns exec "$lab-$2" tcpdump -n -s 0 -U --immediate-mode -i "$3" -w "$work/$1" "${@:4}" 2> "$work/$1.log" &
    taps+=($!)
    wait_for grep -q 'listening on' "$work/$1.log" || { echo "tcpdump on $3 did not start: $(cat "$work/$1.log")"; return 1; }
}

# The switch's two captures: the frames that a sent, and those that b sent.
watch_wire() {
    taps a.pcap w port-a -Q in
    taps b.pcap w port-b -Q in
}

# ---- what the wire must show, or the scenario is not what it claims --------------------------------------------------

claim() { echo "not what it claims: $*" >> "$work/claims"; }
frames() { tcpdump -n -r "$work/$1.pcap" "$2" 2>/dev/null | wc -l; }

esp='esp'
vxlan() { echo "udp dst port ${2:-$port} and udp[12:4] & 0xffffff00 = $(($1 << 8))"; }
vxlan6() { echo "ip6[6] = 17 and ip6[42:2] = $port and ip6[52:4] & 0xffffff00 = $(($1 << 8))"; }

# sends CAPTURE FILTER, sends_no CAPTURE FILTER: a and b are the frames that the hosts sent.
sends() { [ "$(frames "$1" "$2")" -gt 0 ] || claim "$1 sent nothing that is '$2'"; }
sends_no() {
    local count
    count=$(frames "$1" "$2")
    [ "$count" = 0 ] || claim "$1 sent $count frames that are '$2'"
}
readable() { grep -qa "$canary" "$work/$1.pcap" || claim "the lab's canary cannot be read in what $1 sent"; }
unreadable() { ! grep -qa "$canary" "$work/$1.pcap" || claim "the lab's canary can be read in what $1 sent"; }

# The overlay's frames (VNI 42) of one host all left as ESP; all left as VXLAN.
all_esp() { sends "$1" "$esp"; sends_no "$1" "$(vxlan 42)"; unreadable "$1"; }
all_clear() { sends_no "$1" "$esp"; sends "$1" "$(vxlan 42)"; readable "$1"; }

replies() { sed -n 's/.* transmitted, \([0-9]*\) received.*/\1/p' "$work/ping"; }
delivered() { [ "$(replies)" -gt 0 ] || claim "no ping was answered"; }
lost() { [ "$(replies)" = 0 ] || claim "$(replies) pings were answered"; }

# counts HOST COUNTER: the host's kernel has counted something in /proc/net/xfrm_stat.
counter() { ip netns exec "$lab-$1" awk -v name="$2" '$1 == name { print $2 }' /proc/net/xfrm_stat; }
counts() { [ "$(counter "$1" "$2")" -gt 0 ] || claim "$2 of $1 is 0"; }
counts_no() { [ "$(counter "$1" "$2")" = 0 ] || claim "$2 of $1 is $(counter "$1" "$2")"; }
