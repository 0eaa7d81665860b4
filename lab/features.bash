# shellcheck shell=bash
# The features that a scenario says it needs (`# needs: wireguard, nftables`), and a try whether this kernel has them.

# lacks "NEED, NEED…": prints the first feature that is missing. Fails if none is; returns 2 for a feature that is
# unknown here.
lacks() {
    local need
    local -a wanted
    IFS=, read -r -a wanted <<<"$1"
    for need in "${wanted[@]}"; do
        need=${need# }
        [ -e "/run/has/$need" ] || [ -e "/run/lacks/$need" ] || {
            mkdir -p /run/has /run/lacks
            local status=0
            (has "$need") >/dev/null 2>&1 || status=$?
            case $status in 0) touch "/run/has/$need" ;; 99) echo "lab/features.bash does not know: $need" >&2; return 2 ;; *) touch "/run/lacks/$need" ;; esac
        }
        [ ! -e "/run/lacks/$need" ] || { echo "$need"; return 0; }
    done
    return 1
}

# has NEED: tries a feature, in a network namespace of its own, so that nothing is left behind. Exits with 99 if
# unknown.
has() {
    case $1 in
        'own kernel') [ "$OVLSNIFF_LAB" = own ] ;;
        iptables) iptables_tool ;;
        nftables) unshare --net nft add table inet try ;;
        flower) unshare --net sh -c 'tc qdisc add dev lo clsact && tc filter add dev lo egress protocol all prio 1 flower action skbedit mark 1' ;;
        mirred) unshare --net sh -c 'tc qdisc add dev lo clsact && tc filter add dev lo egress protocol all prio 1 matchall action mirred egress mirror dev lo' ;;
        tun) { modprobe tun || true; } && unshare --net ip tuntap add try mode tun ;;
        gre) unshare --net ip link add try type gre local 127.0.0.1 remote 127.0.0.2 ;;
        ipip) unshare --net ip link add try type ipip local 127.0.0.1 remote 127.0.0.2 ;;
        l2tp) { modprobe -a l2tp_netlink l2tp_eth || true; } && unshare --net sh -c 'ip link set lo up && ip l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp local 127.0.0.1 remote 127.0.0.2 udp_sport 1701 udp_dport 1701' ;;
        vti) unshare --net ip link add try type vti local 127.0.0.1 remote 127.0.0.2 key 9 ;;
        vrf) unshare --net ip link add try type vrf table 100 ;;
        vlan) unshare --net sh -c 'ip link add below type dummy && ip link add link below try type vlan id 1' ;;
        bond) { modprobe bonding || true; } && unshare --net ip link add try type bond ;;
        macvlan) unshare --net sh -c 'ip link add below type dummy && ip link add link below name try type macvlan' ;;
        'next-hop entries') unshare --net sh -c 'ip nexthop add id 1 via 192.0.2.1 fdb && ip nexthop add id 2 group 1 fdb' ;;
        macsec) unshare --net sh -c 'ip link add below type dummy && ip link add link below try type macsec' ;;
        # Some kernels take the port, and no tunnel that sends to it.
        fou)
            { modprobe fou || true; } && unshare --net ip fou add port 5555 ipproto 4 &&
                unshare --net ip link add f type ipip local 192.0.2.1 remote 192.0.2.2 encap fou encap-sport auto encap-dport 5555 ;;
        geneve) unshare --net ip link add try type geneve id 1 remote 127.0.0.1 ;;
        lwtunnel) unshare --net sh -c 'ip link add try type vxlan external dstport 4789 && ip link set try up && ip route add 10.42.0.2/32 encap ip id 42 dst 127.0.0.1 dev try' ;;
        'tunnel key') unshare --net sh -c 'tc qdisc add dev lo clsact && tc filter add dev lo egress protocol all prio 1 matchall action tunnel_key set src_ip 127.0.0.1 dst_ip 127.0.0.2 id 42' ;;
        openvswitch) { modprobe openvswitch || true; } && unshare --net sh -c 'ip link set lo up && ovs-dpctl add-dp try && ovs-dpctl show try' ;;
        wireguard) command -v wg && unshare --net ip link add try type wireguard ;;
        'xfrm interface') unshare --net ip link add try type xfrm dev lo if_id 1 ;;
        ipcomp) unshare --net ip xfrm state add src 127.0.0.1 dst 127.0.0.2 proto comp spi 0x100 comp deflate ;;
        ah) unshare --net ip xfrm state add src 127.0.0.1 dst 127.0.0.2 proto ah spi 1 auth 'hmac(sha256)' 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f ;;
        strongswan) timeout 120 chroot "${OVLSNIFF_LAB_CACHE:-/var/cache/ovlsniff}/ike-strongswan" swanctl --help ;;
        libreswan) timeout 120 chroot "${OVLSNIFF_LAB_CACHE:-/var/cache/ovlsniff}/ike-libreswan" /usr/libexec/ipsec/pluto --version ;;
        *) exit 99 ;;
    esac
}

# Prints the iptables that works on this kernel: iptables-legacy with the kernel's old tables, or iptables-nft.
iptables_tool() {
    local tool
    for tool in iptables-legacy iptables-nft; do
        if unshare --net "$tool" -t mangle -A OUTPUT -p udp -m u32 --u32 '0=0' -j MARK --set-mark 1 2>/dev/null; then echo $tool; return; fi
    done
    return 1
}
