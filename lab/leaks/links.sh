# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # one program with lab/leaks.sh
# Scenarios in which the underlay is a link on top of another one. On some of them a capture shows the wire, on others
# something else.

# on_bridge, on_bond, on_vlan…: move the hosts' addresses from eth0 to a link on top of it. The same packet passes a tap on
# each of the two.
stacked() {
    hosts
    modprobe -a bonding macvlan 2>/dev/null || true
    ip -n "$lab-a" addr flush dev eth0; ip -n "$lab-b" addr flush dev eth0
    at_once both_on "$@"
}
both_on() { local host; for host in a b; do "$@" $host; done; }
address_of() { if [ "$1" = a ]; then echo $a/24; else echo $b/24; fi; }
on_bridge() {
    on "$1" link add under0 type bridge
    on "$1" link set eth0 master under0
    on "$1" link set under0 up
    on "$1" addr add "$(address_of "$1")" dev under0
}
on_bond() {
    on "$1" link set eth0 down
    on "$1" link add under0 type bond mode active-backup miimon 100
    on "$1" link set eth0 master under0
    on "$1" link set under0 up
    on "$1" addr add "$(address_of "$1")" dev under0
}
on_bridge_vlan() {
    on "$1" link add under0 type bridge
    on "$1" link set eth0 master under0
    on "$1" link set under0 up
    on "$1" link add link under0 name under0.100 type vlan id 100
    on "$1" link set under0.100 up
    on "$1" addr add "$(address_of "$1")" dev under0.100
}
on_macvlan() {
    on "$1" link add link eth0 name mv0 type macvlan mode bridge
    on "$1" link set mv0 up
    on "$1" addr add "$(address_of "$1")" dev mv0
}
encrypted_on() { stacked "$@"; overlay secure 42 10.42.0; protect; pings 10.42.0.2; }
clear_on() { stacked "$@"; overlay secure 42 10.42.0; pings 10.42.0.2; }

bridge_setup() { encrypted_on on_bridge; }
bridge_claims() { both_encrypted_claims; }
bridge_clear_setup() { clear_on on_bridge; }
bridge_clear_claims() { clear_claims; }
bond_setup() { encrypted_on on_bond; }
bond_claims() { both_encrypted_claims; }
bond_clear_setup() { clear_on on_bond; }
bond_clear_claims() { clear_claims; }
bridge_vlan_setup() { encrypted_on on_bridge_vlan; }
bridge_vlan_claims() { vlan_claims; }
bridge_vlan_clear_setup() { clear_on on_bridge_vlan; }
bridge_vlan_clear_claims() { vlan_clear_claims; }
macvlan_setup() { encrypted_on on_macvlan; }
macvlan_claims() { both_encrypted_claims; }
macvlan_clear_setup() { clear_on on_macvlan; }
macvlan_clear_claims() { clear_claims; }

# tunnel_lan TYPE [option…]: the VTEPs' addresses are on a tunnel's device, a network of its own between the hosts.
tunnel_lan() {
    local host near far
    hosts
    modprobe -a ip_gre ipip l2tp_eth 2>/dev/null || true
    for host in a b; do
        near=$a far=$b; [ $host = a ] || near=$b far=$a
        ip -n "$lab-$host" link add tun0 type "$1" local $near remote $far "${@:2}"
    done
    on_tunnel_lan tun0
}
on_tunnel_lan() {
    local host
    for host in a b; do ip -n "$lab-$host" link set "$1" mtu 1400 up; done
    a=10.99.0.1 b=10.99.0.2
    ip -n "$lab-a" addr add $a/24 dev "$1"; ip -n "$lab-b" addr add $b/24 dev "$1"
    overlay_mtu=1300
    overlay secure 42 10.42.0
    pings 10.42.0.2
}
# protects_tunnel SELECTOR-WORD…: ESP for the tunnel itself, in both directions on both hosts.
protects_tunnel() {
    local a=192.0.2.1 b=192.0.2.2 host
    associations
    for host in a b; do
        ip -n "$lab-$host" xfrm policy add src $a dst $b "$@" dir "$(way $host ab)" tmpl src $a dst $b proto esp reqid $reqid mode transport
        ip -n "$lab-$host" xfrm policy add src $b dst $a "$@" dir "$(way $host ba)" tmpl src $b dst $a proto esp reqid $reqid mode transport
    done
}
# below FILTER: claims that each host sent readable packets of the overlay that FILTER names, and no ESP.
below() { local host; for host in a b; do sends $host "$1"; sends_no $host "$esp"; readable $host; done; delivered; }

gretap_esp_setup() { tunnel_lan gretap; protects_tunnel proto gre; }
gretap_esp_claims() { both_encrypted_claims; }
gretap_clear_setup() { tunnel_lan gretap; }
gretap_clear_claims() { below 'ip proto 47'; }
ipip_esp_setup() { tunnel_lan ipip; protects_tunnel proto ipencap; }
ipip_esp_claims() { both_encrypted_claims; }
ipip_clear_setup() { tunnel_lan ipip; }
ipip_clear_claims() { below 'ip proto 4'; }

l2tp_hosts() {
    local host near far
    hosts
    modprobe -a l2tp_netlink l2tp_eth 2>/dev/null || true
    for host in a b; do
        near=$a far=$b; [ $host = a ] || near=$b far=$a
        ip -n "$lab-$host" l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp local $near remote $far udp_sport 1701 udp_dport 1701
        ip -n "$lab-$host" l2tp add session name l2tpeth0 tunnel_id 1 session_id 1 peer_session_id 1
    done
    on_tunnel_lan l2tpeth0
}
l2tp_esp_setup() { l2tp_hosts; protects_tunnel proto udp dport 1701; }
l2tp_esp_claims() { both_encrypted_claims; }
l2tp_clear_setup() { l2tp_hosts; }
l2tp_clear_claims() { below 'udp port 1701'; }

# program_hosts DEVICE tun|tap [plain]: a program's device is the underlay, and the program encrypts or does not.
program_hosts() {
    local host far
    hosts
    modprobe tun 2>/dev/null || true
    for host in a b; do
        far=$b; [ $host = a ] || far=$a
        ip netns exec "$lab-$host" perl lab/leaks/wireguard-like.pl $far "$@" &
        taps+=($!)
        wait_for ip -n "$lab-$host" link show "${1/\%d/0}" > /dev/null
    done
}
tun_program_setup() { program_hosts tun%d tun; on_tunnel_lan tun0; }
tun_program_claims() { opaque_transport_claims; }
tun_program_clear_setup() { program_hosts tun%d tun plain; on_tunnel_lan tun0; }
tun_program_clear_claims() { below 'udp port 51820'; }

# The program's device is the only port of a bridge, and the bridge has the address.
tap_on_bridge() {
    local host
    program_hosts tap%d tap "$@"
    for host in a b; do
        ip -n "$lab-$host" link add under0 type bridge
        ip -n "$lab-$host" link set tap0 mtu 1400 master under0 up
    done
    on_tunnel_lan under0
}
tap_bridge_setup() { tap_on_bridge; }
tap_bridge_claims() { opaque_transport_claims; }
tap_bridge_clear_setup() { tap_on_bridge plain; }
tap_bridge_clear_claims() { below 'udp port 51820'; }
