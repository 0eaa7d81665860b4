# shellcheck shell=bash disable=SC2034,SC2154 # one program with lab/leaks.sh
# Scenarios in which all that a's kernel sends is ESP, and copies of the overlay's frames leave beside it in clear, inside
# of something else. lab/leaks/frames.pl makes the copies. They go to b's address and to nobody's MAC, so that nothing
# answers them.

carries() {
    both_encrypted_setup
    copies "$1" eth0 02:00:00:00:00:99
}
# copies FORM CARD MAC: a sends each frame that leaves by its overlay's device once more, by CARD.
copies() {
    ip netns exec "$lab-a" perl lab/leaks/frames.pl "$1" "$2" "$3" "$a" "$b" secure > "$work/copies" &
    taps+=($!)
    wait_for grep -q ready "$work/copies"
}
# carried FILTER: claims that ESP left, all that b sent was ESP, and readable copies left as FILTER says.
carried() { sends a "$esp"; sends a "$1"; readable a; all_esp b; delivered; }

# The copies are VXLAN in UDP.
carrier_other_port_setup() { carries other-port; }
carrier_other_port_claims() { carried "$(vxlan 42 12345)"; }
carrier_other_vni_setup() { carries other-vni; }
carrier_other_vni_claims() { carried "$(vxlan 99)"; sends_no a "$(vxlan 42)"; }
carrier_options_setup() { carries options; }
carrier_options_claims() { carried 'ip[0] = 0x47 and ip[9] = 17 and ip[30:2] = 4789'; }
carrier_fragments_setup() { carries fragments; }
carrier_fragments_claims() { carried 'ip[9] = 17 and ip[6:2] & 0x1fff = 1 and ip[20:4] = 0x08000000'; }
carrier_tags_setup() { carries tags; }
carrier_tags_claims() { carried 'ether[12:2] = 0x88a8 and ether[20:2] = 0x9100'; }

# On the port of ESP in UDP, the first bytes of VXLAN look like an SPI.
carrier_port_4500_setup() { carries port-4500; }
carrier_port_4500_claims() { carried "$(vxlan 42 4500)"; }
carrier_from_4500_setup() { carries from-4500; }
carrier_from_4500_claims() { carried "udp src port 4500 and $(vxlan 42)"; }
carrier_marker_4500_setup() { carries marker-4500; }
carrier_marker_4500_claims() { carried 'udp port 4500 and udp[8:4] = 0 and udp[12:4] = 0x08000000'; }

# Other transports than UDP.
carrier_udp_lite_setup() { carries udp-lite; }
carrier_udp_lite_claims() { carried 'ip proto 136'; }
carrier_tcp_setup() { carries tcp; }
carrier_tcp_claims() { carried 'tcp dst port 4789'; }

# Tunnels of IP packets.
carrier_mpls_setup() { carries mpls; }
carrier_mpls_claims() { carried 'ether proto 0x8847'; }
carrier_mpls_in_ip_setup() { carries mpls-in-ip; }
carrier_mpls_in_ip_claims() { carried 'ip proto 137'; }
carrier_mpls_in_udp_setup() { carries mpls-in-udp; }
carrier_mpls_in_udp_claims() { carried 'udp dst port 6635'; }
carrier_fou_setup() { carries fou; }
carrier_fou_claims() { carried 'udp dst port 5555'; }
carrier_gue_setup() { carries gue; }
carrier_gue_claims() { carried 'udp dst port 6080'; }
carrier_gtp_setup() { carries gtp; }
carrier_gtp_claims() { carried 'udp dst port 2152'; }
carrier_pppoe_setup() { carries pppoe; }
carrier_pppoe_claims() { carried 'ether proto 0x8864'; }
carrier_hsr_setup() { carries hsr; }
carrier_hsr_claims() { carried 'ether proto 0x892f'; }
carrier_snap_setup() { carries snap; }
carrier_snap_claims() { carried 'ether[12:2] <= 1500 and ether[14:4] = 0xaaaa0300'; }
carrier_6in4_setup() { carries 6in4; }
carrier_6in4_claims() { carried 'ip proto 41'; }

# Compression hides the bytes from a search.
carrier_ipcomp_setup() { carries ipcomp; }
carrier_ipcomp_claims() { sends a "$esp"; sends a 'ip proto 108'; all_esp b; delivered; }

# Tunnels of Ethernet frames.
carrier_etherip_setup() { carries etherip; }
carrier_etherip_claims() { carried 'ip proto 97'; }
carrier_pbb_setup() { carries pbb; }
carrier_pbb_claims() { carried 'ether proto 0x88e7'; }
carrier_batman_setup() { carries batman; }
carrier_batman_claims() { carried 'ether proto 0x4305'; }
carrier_nsh_setup() { carries nsh; }
carrier_nsh_claims() { carried 'ether proto 0x894f'; sends_no a "$(vxlan 42)"; }
carrier_l2tpv3_setup() { carries l2tpv3; }
carrier_l2tpv3_claims() { carried 'ip proto 115'; sends_no a "$(vxlan 42)"; }
carrier_geneve_setup() { carries geneve; }
carrier_geneve_claims() { carried 'udp dst port 6081'; sends_no a "$(vxlan 42)"; }
carrier_experimental_setup() { carries experimental; }
carrier_experimental_claims() { carried 'ether proto 0x88b5'; sends_no a "$(vxlan 42)"; }

# WESP says itself that it does not encrypt, and the other form is ESP of an SA that no kernel has.
carrier_wesp_setup() { carries wesp; }
carrier_wesp_claims() { carried 'ip proto 141'; }
carrier_esp_null_setup() { carries esp-null; }
carrier_esp_null_claims() { carried 'ip[9] = 50 and ip[20:4] = 0x5eed and ip[36:4] = 0x08000000'; }

# tc mirrors what goes into the overlay to a second tunnel of the kernel's own, which nothing protects.
mirrored_to() {
    modprobe -a act_mirred cls_matchall 2>/dev/null || true
    both_encrypted_setup
    ip -n "$lab-a" link add copies "$@"
    ip -n "$lab-a" link set copies up
    in_a tc qdisc add dev secure clsact
    in_a tc filter add dev secure egress protocol all prio 1 matchall action mirred egress mirror dev copies
}
mirror_gretap_setup() { mirrored_to type gretap local 192.0.2.1 remote 192.0.2.9; nobody 192.0.2.9; }
mirror_gretap_claims() { carried 'ip proto 47'; }
mirror_vxlan_setup() { mirrored_to type vxlan id 42 dstport 8472 remote 192.0.2.9; nobody 192.0.2.9; }
mirror_vxlan_claims() { carried "$(vxlan 42 8472)"; }
# nobody ADDRESS [CARD]: a sends to ADDRESS without asking for its MAC, and nobody takes it.
nobody() { ip -n "$lab-a" neigh replace "$1" lladdr 02:00:00:00:00:99 dev "${2:-eth0}" nud permanent; }

# All kinds of packets that are not the overlay's pass between the hosts, some of them undecoded. They are no leak.
other_packets_setup() {
    both_encrypted_setup
    ip netns exec "$lab-a" perl lab/leaks/chatter.pl eth0 "$a" "$b" > "$work/chatter" &
    taps+=($!)
    wait_for grep -q ready "$work/chatter"
    ip netns exec "$lab-b" perl lab/leaks/chatter.pl eth0 "$b" "$a" > "$work/chatter-b" &
    taps+=($!)
}
other_packets_claims() {
    local host filter
    for host in a b; do
        for filter in "$esp" 'ip proto 89' 'ip proto 112' 'ether proto 0x88cc' 'tcp dst port 443' 'udp dst port 514'; do sends $host "$filter"; done
        sends_no $host "$(vxlan 42)"; unreadable $host
    done
    delivered
}
