# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Scenarios with underlays and forms of ESP that look different on the wire or to a tap.

# The kernel would learn the smaller MTU for its own packets. A locked MTU stays, as it does for packets of a bridge's
# members.
fragments_setup() {
    local host
    overlay_mtu=1450
    hosts; overlay secure 42 10.42.0; protect
    for host in a b; do ip -n "$lab-$host" route replace 10.42.0.0/24 dev secure mtu lock 1450; done
    pings 10.42.0.2 -s 1400
}
fragments_claims() { all_esp a; all_esp b; delivered; sends a 'ip[6:2] & 0x3fff != 0'; sends b 'ip[6:2] & 0x3fff != 0'; }

vlan_hosts() {
    local host
    hosts
    for host in a b; do
        ip -n "$lab-$host" addr flush dev eth0
        ip -n "$lab-$host" link add link eth0 name eth0.100 type vlan id 100
        ip -n "$lab-$host" link set eth0.100 up
    done
    ip -n "$lab-a" addr add $a/24 dev eth0.100
    ip -n "$lab-b" addr add $b/24 dev eth0.100
}
vlan_setup() { vlan_hosts; overlay secure 42 10.42.0; protect; pings 10.42.0.2; asks -i eth0; }
vlan_claims() { for host in a b; do sends $host "vlan 100 and $esp"; sends_no $host "vlan 100 and $(vxlan 42)"; unreadable $host; done; delivered; }

vlan_clear_setup() { vlan_hosts; overlay secure 42 10.42.0; pings 10.42.0.2; asks -i eth0; }
vlan_clear_claims() { for host in a b; do sends_no $host "vlan 100 and $esp"; sends $host "vlan 100 and $(vxlan 42)"; readable $host; done; delivered; }

ipv6_setup() { ipv6_hosts; overlay secure 42 10.42.0; protect; pings 10.42.0.2; }
ipv6_claims() { for host in a b; do sends $host 'ip6 proto 50'; sends_no $host "$(vxlan6 42)"; unreadable $host; done; delivered; }

ipv6_clear_setup() { ipv6_hosts; overlay secure 42 10.42.0; pings 10.42.0.2; }
ipv6_clear_claims() { for host in a b; do sends_no $host 'ip6 proto 50'; sends $host "$(vxlan6 42)"; readable $host; done; delivered; }

# udp_encapsulation_socket HOST: opens a socket with UDP_ENCAP (udp(7)), which a host needs to receive ESP in UDP.
udp_encapsulation_socket() {
    ip netns exec "$lab-$1" perl -MSocket=:DEFAULT,IPPROTO_UDP -e '
        socket(my $s, PF_INET, SOCK_DGRAM, IPPROTO_UDP) or die; bind($s, sockaddr_in(4500, INADDR_ANY)) or die;
        setsockopt($s, IPPROTO_UDP, 100, pack("i", 2)) or die; sleep' &
}
esp_in_udp_setup() {
    local none=0.0.0.0
    hosts; overlay secure 42 10.42.0; policies
    udp_encapsulation_socket a; udp_encapsulation_socket b
    sa ab "a b" "" ab encap espinudp 4500 4500 $none; sa ba "a b" "" ba encap espinudp 4500 4500 $none
    pings 10.42.0.2
}
esp_in_udp_claims() { for host in a b; do sends $host 'udp port 4500'; sends_no $host "$(vxlan 42)"; unreadable $host; done; delivered; }

# After decryption the kernel passes a tunnel-mode frame through the device once more, so a tap also sees it in clear.
tunnel_mode_setup() { mode=tunnel; both_encrypted_setup; taps tap.pcap a eth0 -Q in; }
tunnel_mode_claims() { all_esp a; all_esp b; delivered; sends tap "$esp"; sends tap "$(vxlan 42)"; }

# With receive offload a tap sees arriving frames in clear only, though all of them were ESP on the wire.
esp_gro_setup() {
    modprobe esp4_offload
    both_encrypted_setup
    # A veth receives like a real card if its peer passes on no segments that are larger than a frame.
    in_w ethtool -K port-a tso off
    in_a ethtool -K eth0 gro on
    taps tap.pcap a eth0 -Q in
}
esp_gro_claims() { all_esp a; all_esp b; delivered; sends tap "$(vxlan 42)"; sends_no tap "$esp"; }

# A tunnel that only its two ends can read, with messages that look like WireGuard's, for kernels without WireGuard.
opaque_hosts() {
    local host far _
    hosts
    modprobe tun
    for host in a b; do
        far=$b; [ $host = a ] || far=$a
        ip netns exec "$lab-$host" perl lab/leaks/wireguard-like.pl $far &
        wait_for ip -n "$lab-$host" link show wg0 > /dev/null
        ip -n "$lab-$host" link set wg0 mtu 1420 up
    done
    a=10.99.0.1 b=10.99.0.2
    ip -n "$lab-a" addr add $a/24 dev wg0
    ip -n "$lab-b" addr add $b/24 dev wg0
}
opaque_transport_setup() { opaque_hosts; overlay_mtu=1350; overlay secure 42 10.42.0; pings 10.42.0.2; }
opaque_transport_claims() {
    for host in a b; do sends $host 'udp port 51820 and udp[8:4] = 0x04000000'; sends_no $host "udp dst port 4789"; unreadable $host; done; delivered
}
opaque_transport_beneath_setup() { opaque_transport_setup; asks -i eth0; }
opaque_transport_beneath_claims() { opaque_transport_claims; }

# The kernel's own WireGuard.
wireguard_hosts() {
    local host near far
    hosts
    for host in a b; do (umask 077; wg genkey > "$work/key-$host"); done
    for host in a b; do
        near=$a far=$b; [ $host = a ] || near=$b far=$a
        ip -n "$lab-$host" link add wg0 mtu 1420 type wireguard
        ip netns exec "$lab-$host" wg set wg0 private-key "$work/key-$host" listen-port 51820 \
            peer "$(wg pubkey < "$work/key-$([ $host = a ] && echo b || echo a)")" endpoint "$far:51820" allowed-ips 10.99.0.0/24
        ip -n "$lab-$host" link set wg0 up
    done
    a=10.99.0.1 b=10.99.0.2
    ip -n "$lab-a" addr add $a/24 dev wg0
    ip -n "$lab-b" addr add $b/24 dev wg0
}
wireguard_setup() { wireguard_hosts; overlay_mtu=1350; overlay secure 42 10.42.0; pings 10.42.0.2; }
wireguard_claims() { opaque_transport_claims; }
wireguard_beneath_setup() { wireguard_setup; asks -i eth0; }
wireguard_beneath_claims() { wireguard_claims; }

macsec_setup() {
    macsec_hosts on
    overlay_mtu=1350
    overlay secure 42 10.42.0; pings 10.42.0.2
}
macsec_hosts() { # on|off: MACsec encrypts, or only authenticates
    hosts
    local host far number
    for host in a b; do
        far=b number=1; [ $host = a ] || far=a number=2
        ip -n "$lab-$host" addr flush dev eth0
        ip -n "$lab-$host" link add link eth0 macsec0 type macsec sci "000000000000000$number" encrypt "$1"
        ip -n "$lab-$host" macsec add macsec0 tx sa 0 pn 1 on key 01 "$(key macsec-$host 32 | cut -c 3-)"
        ip -n "$lab-$host" macsec add macsec0 rx sci "000000000000000$((3 - number))" on
        ip -n "$lab-$host" macsec add macsec0 rx sci "000000000000000$((3 - number))" sa 0 pn 1 on key 02 "$(key macsec-$far 32 | cut -c 3-)"
        ip -n "$lab-$host" link set macsec0 up
    done
    ip -n "$lab-a" addr add $a/24 dev macsec0
    ip -n "$lab-b" addr add $b/24 dev macsec0
}
macsec_claims() { for host in a b; do sends $host 'ether proto 0x88e5'; sends_no $host 'udp dst port 4789'; unreadable $host; done; delivered; }

# The same with a VLAN on top of MACsec. On the VLAN's device nothing shows that it is not the wire.
macsec_vlan_setup() {
    local host
    macsec_hosts on
    for host in a b; do
        ip -n "$lab-$host" addr flush dev macsec0
        ip -n "$lab-$host" link add link macsec0 name vlan100 type vlan id 100
        ip -n "$lab-$host" link set vlan100 up
    done
    ip -n "$lab-a" addr add $a/24 dev vlan100
    ip -n "$lab-b" addr add $b/24 dev vlan100
    overlay_mtu=1350
    overlay secure 42 10.42.0; pings 10.42.0.2
}
macsec_vlan_claims() { macsec_claims; }
macsec_vlan_named_setup() { macsec_vlan_setup; asks -i vlan100; }
macsec_vlan_named_claims() { macsec_claims; }

macsec_signs_setup() { macsec_hosts off; overlay_mtu=1350; overlay secure 42 10.42.0; pings 10.42.0.2; }
macsec_signs_claims() { for host in a b; do sends $host 'ether proto 0x88e5'; readable $host; done; delivered; }

# tunnel_hosts TYPE [option…]: the VTEPs' addresses are on loopbacks, and the device of a tunnel leads to them. All
# frames are in clear on that device, and only the link below shows the wire.
tunnel_hosts() {
    local host near far
    hosts
    modprobe -a ip_gre ip_vti 2>/dev/null || true
    a=10.255.0.1 b=10.255.0.2
    for host in a b; do
        near=192.0.2.1 far=192.0.2.2; [ $host = a ] || near=192.0.2.2 far=192.0.2.1
        ip -n "$lab-$host" link add tun0 type "$1" local $near remote $far "${@:2}"
        ip -n "$lab-$host" link set tun0 mtu 1420 up
    done
    ip -n "$lab-a" addr add $a/32 dev lo; ip -n "$lab-b" addr add $b/32 dev lo
    ip -n "$lab-a" route add $b dev tun0 src $a; ip -n "$lab-b" route add $a dev tun0 src $b
    overlay_mtu=1350
    overlay secure 42 10.42.0
}
over_gre_setup() { tunnel_hosts gre; pings 10.42.0.2; }
over_gre_claims() { for host in a b; do sends $host 'ip proto 47'; sends_no $host "$esp"; readable $host; done; delivered; }

# All of GRE is protected, and frames that arrive outside of GRE are accepted.
over_gre_esp_setup() {
    tunnel_hosts gre
    local a=192.0.2.1 b=192.0.2.2 host
    associations
    for host in a b; do
        ip -n "$lab-$host" xfrm policy add src $a dst $b proto gre dir "$(way $host ab)" tmpl src $a dst $b proto esp reqid $reqid mode transport
        ip -n "$lab-$host" xfrm policy add src $b dst $a proto gre dir "$(way $host ba)" tmpl src $b dst $a proto esp reqid $reqid mode transport
    done
    pings 10.42.0.2
}
way() { case $1$2 in aab|bba) echo out ;; *) echo in ;; esac; }
over_gre_esp_claims() { for host in a b; do sends $host "$esp"; sends_no $host 'ip proto 47'; unreadable $host; done; delivered; }

# With receive offload a tap on the link below sees arriving GRE in clear only, though all of it was ESP on the wire.
over_gre_gro_setup() {
    modprobe esp4_offload
    over_gre_esp_setup
    in_w ethtool -K port-a tso off
    in_a ethtool -K eth0 gro on
    taps tap.pcap a eth0 -Q in
}
over_gre_gro_claims() { over_gre_esp_claims; sends tap 'ip proto 47'; sends_no tap "$esp"; }

# The overlay's own frames are encrypted, and a applies no policy to frames that arrive on the tunnel's device.
over_gre_exempt_setup() {
    tunnel_hosts gre; protect
    in_a sh -c 'echo 1 > /proc/sys/net/ipv4/conf/tun0/disable_policy'
    pings 10.42.0.2
}
over_gre_exempt_claims() { for host in a b; do sends $host 'ip proto 47'; unreadable $host; done; delivered; }

# ESP and clear broadcasts inside of GRE, seen on the tunnel's device. The ESP proves nothing for the frames beside it.
over_gre_half_setup() { tunnel_hosts gre; protect_unicast; asks -i tun0; }
over_gre_half_claims() { sends a 'ip proto 47'; sends b 'ip proto 47'; unreadable a; delivered; }
over_gre_half_below_setup() { tunnel_hosts gre; protect_unicast; }
over_gre_half_below_claims() { over_gre_half_claims; }

# VTI encrypts by route: the packets that are routed to the device are encrypted.
over_vti_setup() {
    tunnel_hosts vti key 9
    local mode=tunnel host dir
    (
        a=192.0.2.1 b=192.0.2.2
        associations
        for host in a b; do
            for dir in ab ba; do
                # shellcheck disable=SC2046
                ip -n "$lab-$host" xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir "$(way $host $dir)" mark 9 tmpl $(ends $dir) proto esp reqid $reqid mode tunnel
            done
        done
    )
    pings 10.42.0.2
}
over_vti_claims() { for host in a b; do all_esp $host; done; delivered; }

# The same with an xfrm interface, to which policies and SAs belong by its number (if_id).
over_xfrm_interface_setup() {
    local host dir near far mode=tunnel
    hosts
    for host in a b; do
        ip -n "$lab-$host" link add tun0 type xfrm dev eth0 if_id 9
        ip -n "$lab-$host" link set tun0 mtu 1400 up
    done
    (
        a=192.0.2.1 b=192.0.2.2
        sa ab "a b" "" ab if_id 9; sa ba "a b" "" ba if_id 9
        for host in a b; do
            for dir in ab ba; do
                # shellcheck disable=SC2046
                ip -n "$lab-$host" xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir "$(way $host $dir)" if_id 9 tmpl $(ends $dir) proto esp reqid $reqid mode tunnel
            done
        done
    )
    a=10.255.0.1 b=10.255.0.2
    ip -n "$lab-a" addr add $a/32 dev lo; ip -n "$lab-b" addr add $b/32 dev lo
    ip -n "$lab-a" route add $b dev tun0 src $a; ip -n "$lab-b" route add $a dev tun0 src $b
    overlay_mtu=1300
    overlay secure 42 10.42.0
    pings 10.42.0.2
}
over_xfrm_interface_claims() { for host in a b; do all_esp $host; done; delivered; }

# The VTEPs' addresses are on loopbacks, and a tunnel between the hosts' other addresses leads to them. Arriving packets
# pass the tap once more in clear, between addresses that no ESP packet has.
tunnel_elsewhere_setup() {
    local host far near
    hosts
    a=10.255.0.1 b=10.255.0.2
    ip -n "$lab-a" addr add $a/32 dev lo; ip -n "$lab-b" addr add $b/32 dev lo
    ip -n "$lab-a" route add $b via 192.0.2.2 src $a; ip -n "$lab-b" route add $a via 192.0.2.1 src $b
    overlay_mtu=1350
    overlay secure 42 10.42.0
    algorithm tunnel
    for host in a b; do
        ip -n "$lab-$host" xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1ab reqid $reqid mode tunnel replay-window 32 "${words[@]}"
        ip -n "$lab-$host" xfrm state add src 192.0.2.2 dst 192.0.2.1 proto esp spi 0x1ba reqid $reqid mode tunnel replay-window 32 "${words[@]}"
    done
    led a out $a $b 192.0.2.1 192.0.2.2; led a in $b $a 192.0.2.2 192.0.2.1
    led b out $b $a 192.0.2.2 192.0.2.1; led b in $a $b 192.0.2.1 192.0.2.2
    pings 10.42.0.2
    taps tap.pcap a eth0 -Q in
}
led() { ip -n "$lab-$1" xfrm policy add src "$3" dst "$4" dir "$2" tmpl src "$5" dst "$6" proto esp reqid $reqid mode tunnel; }
tunnel_elsewhere_claims() { all_esp a; all_esp b; delivered; sends tap "$esp"; sends tap "$(vxlan 42)"; }

tunnel_elsewhere_no_keys_setup() { tunnel_elsewhere_setup; as setpriv --bounding-set=-all,+net_raw --inh-caps=-all; }
tunnel_elsewhere_no_keys_claims() { tunnel_elsewhere_claims; }

# The underlay is a VRF, whose own device shows outgoing packets before they are encrypted.
vrf_setup() { vrf_hosts; protect; pings 10.42.0.2; }
vrf_hosts() {
    local host
    modprobe vrf 2>/dev/null || true
    hosts
    for host in a b; do
        ip -n "$lab-$host" link add red type vrf table 100
        ip -n "$lab-$host" link set red up
        ip -n "$lab-$host" link set eth0 master red
    done
    vtep a secure 02:00:00:00:2a:01 10.42.0.1 id 42 local $a dev red
    vtep b secure 02:00:00:00:2a:02 10.42.0.2 id 42 local $b dev red
    knows a secure 02:00:00:00:2a:02 10.42.0.2 $b; knows b secure 02:00:00:00:2a:01 10.42.0.1 $a
}
vrf_claims() { all_esp a; all_esp b; delivered; }
vrf_named_setup() { vrf_setup; asks -i red; }
vrf_named_claims() { vrf_claims; }
vrf_clear_setup() { vrf_hosts; pings 10.42.0.2; }
vrf_clear_claims() { clear_claims; }

# Two peers are on two networks of the underlay, and a's VTEP sends from the address that the route gives.
two_homed_setup() {
    hosts
    ip netns add "$lab-c"; ip -n "$lab-c" link set lo up
    ip -n "$lab-a" link add eth1 type veth peer name eth0 netns "$lab-c"
    in_a sh -c 'echo 1 > /proc/sys/net/ipv6/conf/eth1/disable_ipv6'
    ip netns exec "$lab-c" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'
    ip -n "$lab-a" link set eth1 up; ip -n "$lab-c" link set eth0 up
    ip -n "$lab-a" addr add 198.51.100.1/24 dev eth1; ip -n "$lab-c" addr add 198.51.100.3/24 dev eth0
    vtep a secure 02:00:00:00:2a:01 10.42.0.1 id 42
    vtep b secure 02:00:00:00:2a:02 10.42.0.2 id 42 local $b
    vtep c secure 02:00:00:00:2a:03 10.42.0.3 id 42 local 198.51.100.3
    knows a secure 02:00:00:00:2a:02 10.42.0.2 $b; knows b secure 02:00:00:00:2a:01 10.42.0.1 $a
    knows a secure 02:00:00:00:2a:03 10.42.0.3 198.51.100.3; knows c secure 02:00:00:00:2a:01 10.42.0.1 198.51.100.1
    protect
    (
        a=198.51.100.1 b=198.51.100.3
        sa ab "a c" 0x2ab; sa ba "a c" 0x2ba; sends_by a; accepts_by a
        ip -n "$lab-c" xfrm policy add src $b dst $a proto udp dport 4789 dir out priority 100 tmpl src $b dst $a proto esp reqid $reqid mode transport
        ip -n "$lab-c" xfrm policy add src $a dst $b proto udp dport 4789 dir in priority 100 tmpl src $a dst $b proto esp reqid $reqid mode transport
    )
    pings 10.42.0.2; pings_too 10.42.0.3
    taps c.pcap c eth0 -Q out; taps ac.pcap c eth0 -Q in
}
two_homed_claims() { all_esp a; all_esp b; delivered; for tap in c ac; do sends $tap "$esp"; sends_no $tap "$(vxlan 42)"; done; }
