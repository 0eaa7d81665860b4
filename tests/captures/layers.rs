//! The layers of a decoded packet as one list, from the outside in, for tests to compare.

use std::fmt;
use std::net::IpAddr;

use arrayvec::ArrayVec;
use ovlsniff::packet::{Headers, Macs, Opaque, Packet, Ports, Spi, Transport, Tunnel, Vni};

/// A header, with the fields that identify it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Ethernet(Macs),
    Vlan(u16),
    Ip(IpAddr, IpAddr),
    Tcp(Ports, u8),
    Udp(Ports),
    Sctp(Ports),
    Icmp(u8, u8),
    Icmpv6(u8, u8),
    Igmp(u8),
    Vxlan(Vni),
    VxlanGpe(Vni),
    Geneve(Vni),
    Gre(Option<u32>),
    Nvgre(Vni),
    /// `None` if too little of the header is there.
    Esp(Option<Spi>),
    Ah(Spi),
    Psp(Spi),
    Macsec,
    Erspan(Option<u16>),
    Pptp,
    EtherIp,
    Mpls(u32),
    Nsh(u32),
    Pbb(u32),
    Pppoe(u16),
    Ieee80211,
    WireGuard(u8),
    IpComp,
    GtpU(u32),
    L2tp(u32),
    Teredo,
    Gue,
    Fou,
    Lisp(Option<Vni>),
    Pim,
}

/// The layers of a packet. There is space for more than any packet has: five levels of Ethernet, eight tags, IP,
/// transport and tunnel.
pub(crate) type Layers = ArrayVec<Seen, 64>;

/// Lists the layers of a packet. IP in IP gives two IP headers in a row. The headers in front of transport-mode ESP,
/// transport-mode AH and MACsec are listed once, although the decoder repeats them.
pub(crate) fn layers(packet: &Packet<'_>) -> Layers {
    let mut seen = Layers::new();
    let mut around: Option<(Tunnel, Headers)> = None;
    for wrapping in &packet.encapsulations {
        level(&mut seen, around, &wrapping.outer);
        seen.extend(tunnel(wrapping.tunnel));
        around = Some((wrapping.tunnel, wrapping.outer));
    }
    level(&mut seen, around, &packet.headers);
    seen.extend(packet.opaque.map(|opaque| match opaque {
        Opaque::Esp { spi, .. } => Seen::Esp(Some(spi)),
        Opaque::EspFragment | Opaque::EspTruncated => Seen::Esp(None),
        Opaque::WireGuard(message) => Seen::WireGuard(message.number()),
        Opaque::EspInTcp { spi } => Seen::Esp(spi),
        Opaque::Psp { spi, .. } => Seen::Psp(spi),
        Opaque::Macsec { .. } => Seen::Macsec,
        Opaque::Ieee80211 => Seen::Ieee80211,
        Opaque::IpComp { .. } => Seen::IpComp,
    }));
    seen
}

fn level(seen: &mut Layers, around: Option<(Tunnel, Headers)>, headers: &Headers) {
    let (link, ip) = match around {
        Some((Tunnel::Macsec { .. }, _)) => (false, true),
        Some((
            Tunnel::Esp { .. } | Tunnel::Ah { .. } | Tunnel::Psp { .. } | Tunnel::Gue | Tunnel::Fou,
            outer,
        )) => {
            // In tunnel mode, a new level begins. In transport mode, link layer and addresses are those of the outer
            // level.
            let ends = |headers: &Headers| headers.ip.map(|ip| (ip.source, ip.destination));
            let transport = headers.ether_type == outer.ether_type
                && (outer.ether_type.is_some() || ends(headers) == ends(&outer));
            (false, !transport)
        }
        _ => (true, true),
    };
    if link {
        seen.extend(headers.mac.map(Seen::Ethernet));
        seen.extend(headers.vlan.ids().iter().map(|&id| Seen::Vlan(id)));
    }
    if ip {
        seen.extend(headers.ip.map(|ip| Seen::Ip(ip.source, ip.destination)));
    }
    seen.extend(match headers.transport {
        Transport::Tcp { ports, flags } => Some(Seen::Tcp(ports, flags.0)),
        Transport::Udp(ports) => Some(Seen::Udp(ports)),
        Transport::Sctp(ports) => Some(Seen::Sctp(ports)),
        Transport::Icmp(message) => Some(Seen::Icmp(message.kind, message.code)),
        Transport::Icmpv6(message) => Some(Seen::Icmpv6(message.kind, message.code)),
        Transport::Igmp(message) => Some(Seen::Igmp(message.kind)),
        Transport::None => None,
    });
}

fn tunnel(tunnel: Tunnel) -> Option<Seen> {
    Some(match tunnel {
        Tunnel::Vxlan(vni) => Seen::Vxlan(vni),
        Tunnel::VxlanGpe(vni) => Seen::VxlanGpe(vni),
        Tunnel::Geneve(vni) => Seen::Geneve(vni),
        Tunnel::Nvgre(vni) => Seen::Nvgre(vni),
        Tunnel::Gre { key } => Seen::Gre(key),
        Tunnel::Esp { spi, .. } => Seen::Esp(Some(spi)),
        Tunnel::Ah { spi, .. } => Seen::Ah(spi),
        Tunnel::Psp { spi, .. } => Seen::Psp(spi),
        Tunnel::Macsec { .. } => Seen::Macsec,
        Tunnel::Erspan { session } => Seen::Erspan(session),
        Tunnel::Pptp { .. } => Seen::Pptp,
        Tunnel::EtherIp => Seen::EtherIp,
        Tunnel::Mpls { label, .. } => Seen::Mpls(label),
        Tunnel::Nsh { path, .. } => Seen::Nsh(path),
        Tunnel::Pbb { service } => Seen::Pbb(service),
        Tunnel::Pppoe { session } => Seen::Pppoe(session),
        Tunnel::GtpU { teid } => Seen::GtpU(teid),
        Tunnel::L2tp { session, .. } => Seen::L2tp(session.into()),
        Tunnel::L2tpV3 { session } => Seen::L2tp(session),
        Tunnel::Teredo => Seen::Teredo,
        Tunnel::Gue => Seen::Gue,
        Tunnel::Fou => Seen::Fou,
        Tunnel::Lisp(instance) => Seen::Lisp(instance),
        Tunnel::PimRegister => Seen::Pim,
        Tunnel::IpInIp => return None,
    })
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ethernet(mac) => write!(f, "eth {} > {}", mac.source, mac.destination),
            Self::Vlan(id) => write!(f, "vlan {id}"),
            Self::Ip(source, destination) => write!(f, "ip {source} > {destination}"),
            Self::Tcp(ports, flags) => write!(f, "tcp {} > {} {flags:#04x}", ports.source, ports.destination),
            Self::Udp(ports) => write!(f, "udp {} > {}", ports.source, ports.destination),
            Self::Sctp(ports) => write!(f, "sctp {} > {}", ports.source, ports.destination),
            Self::Icmp(kind, code) => write!(f, "icmp {kind} {code}"),
            Self::Icmpv6(kind, code) => write!(f, "icmpv6 {kind} {code}"),
            Self::Igmp(kind) => write!(f, "igmp {kind}"),
            Self::Vxlan(vni) | Self::VxlanGpe(vni) => write!(f, "vxlan {vni}"),
            Self::Geneve(vni) => write!(f, "geneve {vni}"),
            Self::Gre(Some(key)) => write!(f, "gre {key:#010x}"),
            Self::Gre(None) => write!(f, "gre"),
            Self::Nvgre(vni) => write!(f, "nvgre {vni}"),
            Self::Esp(Some(spi)) => write!(f, "esp {:#010x}", spi.0),
            Self::Esp(None) => write!(f, "esp"),
            Self::Ah(spi) => write!(f, "ah {:#010x}", spi.0),
            Self::Psp(spi) => write!(f, "psp {:#010x}", spi.0),
            Self::Macsec => write!(f, "macsec"),
            Self::Erspan(Some(session)) => write!(f, "erspan {session}"),
            Self::Erspan(None) => write!(f, "erspan"),
            Self::Pptp => write!(f, "pptp"),
            Self::EtherIp => write!(f, "etherip"),
            Self::Mpls(label) => write!(f, "mpls {label}"),
            Self::Nsh(path) => write!(f, "nsh {path}"),
            Self::Pbb(service) => write!(f, "pbb {service}"),
            Self::Ieee80211 => write!(f, "ieee80211"),
            Self::Pppoe(session) => write!(f, "pppoe {session}"),
            Self::WireGuard(message) => write!(f, "wireguard {message}"),
            Self::IpComp => write!(f, "ipcomp"),
            Self::GtpU(teid) => write!(f, "gtp {teid:#010x}"),
            Self::L2tp(session) => write!(f, "l2tp {session}"),
            Self::Teredo => write!(f, "teredo"),
            Self::Gue => write!(f, "gue"),
            Self::Fou => write!(f, "fou"),
            Self::Lisp(_) => write!(f, "lisp"),
            Self::Pim => write!(f, "pim"),
        }
    }
}
