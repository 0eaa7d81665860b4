# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios of a Docker network whose engine cannot be asked, as in a container without the engine's socket.

# sandboxes: two hosts with a network as Docker makes it. The sandbox of a ($lab-c) has the overlay's device, a bridge and the
# gateway's address, which is the same on every node; the one container of a is $lab-x. Those of b are $lab-d and $lab-y.
sandboxes() {
    local host box guest last here
    hosts
    for host in a b; do
        box=c guest=x last=3 here=$a
        [ $host = a ] || box=d guest=y last=4 here=$b
        ip netns add "$lab-$box"
        ip netns add "$lab-$guest"
        for net in $box $guest; do
            ip netns exec "$lab-$net" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link set lo up'
        done
        ip -n "$lab-$host" link add secure mtu 1400 type vxlan id 42 local $here dstport $port nolearning proxy l2miss l3miss
        ip -n "$lab-$host" link set secure netns "$lab-$box"
        ip -n "$lab-$box" -batch - <<NETWORK
link add br0 type bridge
addr add 10.42.0.1/24 dev br0
link set br0 up
link set secure master br0 up
link add veth0 mtu 1400 type veth peer name eth0 mtu 1400 address 02:42:0a:2a:00:0$last netns $lab-$guest
link set veth0 master br0 up
NETWORK
        ip -n "$lab-$guest" addr add 10.42.0.$last/24 dev eth0
        ip -n "$lab-$guest" link set eth0 up
    done
    knows c secure 02:42:0a:2a:00:04 10.42.0.4 $b
    knows d secure 02:42:0a:2a:00:03 10.42.0.3 $a
}
docker_encrypts() {
    local host
    sandboxes; associations
    for host in a b; do docker_sends_by $host; iptables_marks $host 42; iptables_drops_clear $host 42; done
}
# sees NAMESPACE… [-]: ovlsniff sees these namespaces, and no others; with -, no keys, policies and rules.
sees() {
    local without=()
    [ "${*: -1}" != - ] || { without=(setpriv --bounding-set=-net_admin --inh-caps=-all); set -- "${@:1:$#-1}"; }
    as sh -c 'mkdir "$1" && mount -t tmpfs tmpfs "$1" || exit; into=$1; shift
        while [ "$1" != -- ]; do touch "$into/$1" && mount --bind "/run/netns/$1" "$into/$1" || exit; shift; done
        mount --rbind "$into" /run/netns && shift && exec "$@"' sh "$work/netns" "${@/#/$lab-}" -- "${without[@]}"
}
# guests_talk [COUNT]: the container of a pings that of b, all the time, or so many times.
guests_talk() {
    ip netns exec "$lab-x" ping -n -i 0.3 -p "$pattern" ${1:+-c $1} 10.42.0.4 > "$work/ping" 2>&1 &
    pings+=($!)
    [ $# = 0 ] || wait $! || true
}
# no_esp: what arrives at b as ESP is lost.
no_esp() { ip netns exec "$lab-b" "$iptables" -t raw -A PREROUTING -p esp -j DROP; }

docker_unread_setup() { docker_encrypts; guests_talk; sees c x; }
docker_unread_claims() { all_esp a; all_esp b; delivered; }
# No container's namespace is seen, so that probes leave with the gateway's address. Nothing else passes.
docker_unread_idle_setup() { docker_encrypts; sees c; }
docker_unread_idle_claims() { sends a "$esp"; sends_no a "$(vxlan 42)"; sends_no b ip; guests_talk 3; delivered; }
# The same, and packets pass that the keys open.
docker_unread_busy_setup() { docker_encrypts; guests_talk; sees c; }
docker_unread_busy_claims() { docker_unread_claims; }
# The same without the keys.
docker_unread_keyless_setup() { docker_encrypts; guests_talk; sees c -; }
docker_unread_keyless_claims() { docker_unread_claims; }
docker_unread_clear_setup() { sandboxes; guests_talk; sees c; }
docker_unread_clear_claims() { all_clear a; all_clear b; delivered; }
docker_unread_blocked_setup() { docker_encrypts; no_esp; guests_talk; sees c x; }
docker_unread_blocked_claims() { sends a "$esp"; sends_no a "$(vxlan 42)"; sends_no b "$esp"; lost; }
docker_unread_shut_setup() { docker_encrypts; no_esp; guests_talk; sees c; }
docker_unread_shut_claims() { docker_unread_blocked_claims; }
