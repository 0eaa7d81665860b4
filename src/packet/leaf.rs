//! The leaves: protocols that are known and carry no other host's packets. What is behind their names is readable, and is
//! searched whole.
//!
//! A protocol that is in neither table may be a tunnel or may encrypt. A packet of it counts as not decoded.

use super::protocol;

/// Returns true for the Ethernet type of a leaf (IEEE's EtherType registry; tcpdump's `ethertype.h`).
#[cold]
pub(super) fn is_ethernet(ether_type: u16) -> bool {
    matches!(
        ether_type,
        // Addresses and names: ARP, RARP, AppleTalk ARP, Wake-on-LAN.
        0x0806 | 0x8035 | 0x80f3 | 0x0842
        // Links: slow protocols (LACP, OAM), EAPOL, its pre-authentication, LLDP, MAC control (pause).
        | 0x8809 | 0x888e | 0x88c7 | 0x88cc | 0x8808
        // Time and faults: PTP, CFM, E-LMI, the loopback test.
        | 0x88f7 | 0x8902 | 0x88ee | 0x9000
        // VLANs, streams and rings: MVRP, MMRP, MSRP, AVTP, L2 IS-IS, MRP, PRP's and HSR's supervision, TRILL's RBridge channel.
        | 0x88f5 | 0x88f6 | 0x22ea | 0x22f0 | 0x22f4 | 0x88e3 | 0x88fb | 0x8946
        // Other networks: XNS, IPX, AppleTalk, DECnet with MOP and LAT, VINES, TIPC, LLTD, the
        // heartbeats of Windows' load balancing.
        | 0x0600 | 0x8137 | 0x809b | 0x6001..=0x6004 | 0x0bad | 0x88ca | 0x88d9 | 0x886f
        // Storage and machines: AoE, FCoE and FIP, RoCE, PROFINET, EtherCAT, POWERLINK, GOOSE, GSE, sampled values, SERCOS.
        | 0x88a2 | 0x8906 | 0x8914 | 0x8915 | 0x8892 | 0x88a4 | 0x88ab | 0x88b8..=0x88ba | 0x88cd
        // Homes and cars: HomePlug and its MME, IEEE 1905, GeoNetworking.
        | 0x887b | 0x88e1 | 0x893a | 0x8947
    )
}

/// Returns true for a number of a leaf's that is none of Ethernet's, and that GRE uses: keep-alives, which are empty, OSI, CDP
/// and NHRP.
#[cold]
pub(super) fn is_gre(protocol: u16, payload: &[u8]) -> bool {
    matches!(protocol, 0x00fe | 0x2000 | 0x2001) || protocol == 0 && payload.is_empty()
}

/// Returns true for the protocol of a leaf in an LLC/SNAP header with this organisation code.
#[cold]
pub(super) fn is_snap(organisation: [u8; 3], protocol: u16) -> bool {
    matches!(
        (organisation, protocol),
        // Bridged spanning tree.
        ([0, 0x80, 0xc2], 0x000e)
        // Cisco: PAgP, PVST+, VLAN bridging, UDLD, CDP, CGMP, VTP, DTP.
        | ([0, 0, 0x0c], 0x0104 | 0x010b | 0x010c | 0x0111 | 0x2000 | 0x2001 | 0x2003 | 0x2004)
        // AppleTalk; the discovery of Nortel, Extreme and Foundry.
        | ([8, 0, 7], 0x809b)
        | ([0, 0, 0x81], 0x01a1..=0x01a5)
        | ([0, 0xe0, 0x2b], 0x00bb)
        | ([0, 0xe0, 0x52], 0x2000)
    )
}

/// Returns true if an LLC header (IEEE 802.2) is that of a leaf. `rest` follows its first three bytes.
#[cold]
pub(super) fn is_llc(service: u8, control: u8, rest: &[u8]) -> bool {
    // XID and TEST, with or without the poll bit, ask the station itself.
    if matches!(control & 0xef, 0xaf | 0xe3) {
        return true;
    }
    match service {
        // SNA, XNS, VINES, spanning tree, IPX (also as Novell began it, without LLC), NetBIOS, IBM's
        // management, remote program load.
        0x04 | 0x05 | 0x08 | 0x0c | 0x80 | 0xbc | 0x42 | 0xe0 | 0xff | 0xf0 | 0xf4 | 0xf8 | 0xfc => true,
        // OSI: CLNP, ES-IS and IS-IS (ISO/IEC TR 9577).
        0xfe => matches!(rest, [0x81..=0x83, ..]),
        _ => false,
    }
}

/// Returns true for the IP protocol of a leaf (IANA's protocol numbers).
///
/// PIM's register messages carry the first packets of a group, which are searched with the rest.
#[cold]
pub(super) fn is_ip(protocol: u8) -> bool {
    matches!(
        protocol,
        protocol::NO_NEXT_HEADER
        // Routing: GGP, CBT, EGP, IGRP, IDRP, EIGRP, OSPF, PIM, PNNI, IS-IS, and what keeps routers ready: VRRP or CARP,
        // RSVP, NARP, MANET.
        | 3 | 7 | 8 | 9 | 45 | 88 | 89 | 103 | 102 | 124 | 112 | 46 | 54 | 138
        // Transports: ST, HMP, RDP, DCCP, PGM, SCPS, UDP-Lite, HIP, Shim6, and mobility's own messages.
        | 5 | 20 | 27 | 33 | 113 | 105 | 136 | 139 | 140 | 135
        // The states of OpenBSD's firewall (pfsync), which took its number.
        | 240
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_carry_packets_or_is_free_for_experiments_is_no_leaf() {
        // Tags, MPLS, PPPoE, MACsec, NSH, B.A.T.M.A.N., HSR, TRILL, 802.1ah, ERSPAN, and IEEE's two for experiments.
        for ether_type in [
            0x8100, 0x8847, 0x8848, 0x8864, 0x88e5, 0x894f, 0x4305, 0x892f, 0x22f3, 0x88e7, 0x88be, 0x22eb,
            0x88b5, 0x88b6, 0x0800, 0x86dd, 0x6558, 0x880b,
        ] {
            assert!(!is_ethernet(ether_type), "{ether_type:#06x}");
        }
        // IPv4, IPv6, GRE, ESP, AH, minimal encapsulation, IPIP, EtherIP, encapsulation, IPComp, L2TP, MPLS, Ethernet,
        // NSH, any private scheme, and those for experiments.
        for ip in [4, 41, 47, 50, 51, 55, 94, 97, 98, 108, 115, 137, 143, 145, 99, 253, 254, 255, 6, 17] {
            assert!(!is_ip(ip), "{ip}");
        }
        assert!(!is_snap([0, 0x80, 0xc2], 7) && !is_snap([0, 0, 0x0c], 3));
        assert!(!is_llc(0x06, 3, &[0x45]) && !is_llc(0xaa, 3, &[]) && !is_llc(0xfe, 3, &[0xcc]));
    }
}
