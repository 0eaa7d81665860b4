//! Packets and frames made by hand, for the tests here.

use std::net::IpAddr;
use std::ops::Range;

use super::{JsonOptions, Outcome, Printer, Shown, TextOptions};
use crate::packet::{
    Encapsulation, EspKind, Frame, Headers, InterfaceNumber, Ip, LinkType, MacAddress, Macs, Packet, Ports,
    Sci, Spi, TcpFlags, Timestamp, Transport, Tunnel, Vni,
};
use crate::search::{Begun, Overlap, Stretch};

/// 40 bytes.
pub(super) const REQUEST: &[u8] = b"GET /foo HTTP/1.1\r\nHost: example.org\r\n\r\n";

pub(super) fn ip(source: &str, destination: &str, protocol: u8) -> Ip {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    Ip { source: address(source), destination: address(destination), protocol, fragment: None }
}

pub(super) fn macs() -> Macs {
    Macs { source: MacAddress([2, 0x42, 0xac, 0x1f, 0, 2]), destination: MacAddress([0xff; 6]) }
}

pub(super) fn tcp(source: &str, destination: &str, ports: (u16, u16), flags: u8) -> Headers {
    let ports = Ports { source: ports.0, destination: ports.1 };
    Headers {
        ip: Some(ip(source, destination, 6)),
        ether_type: Some(0x0800),
        transport: Transport::Tcp { ports, flags: TcpFlags(flags) },
        ..Headers::default()
    }
}

pub(super) fn request() -> Packet<'static> {
    packet(tcp("10.0.0.1", "10.0.0.2", (1234, 80), 0x18), REQUEST)
}

pub(super) fn packet(headers: Headers, payload: &[u8]) -> Packet<'_> {
    Packet { headers, payload, frames: 1, ..Packet::default() }
}

/// Headers of a level that have nothing but two hosts and a protocol.
pub(super) fn hosts(source: &str, destination: &str, protocol: u8) -> Headers {
    Headers { ip: Some(ip(source, destination, protocol)), ..Headers::default() }
}

pub(super) fn vxlan(vni: u32) -> Encapsulation {
    let ports = Ports { source: 50000, destination: 4789 };
    let transport = Transport::Udp(ports);
    Encapsulation {
        tunnel: Tunnel::Vxlan(Vni::new(vni).unwrap()),
        outer: Headers { transport, mac: Some(macs()), ..hosts("192.0.2.1", "192.0.2.2", 17) },
    }
}

/// Returns tunnels of every kind, with and without what is optional.
pub(super) fn tunnels() -> Vec<Tunnel> {
    let (vni, spi, sequence) = (Vni::new(0xff_ffff).unwrap(), Spi(0x100), u32::MAX);
    let all = [
        Tunnel::Vxlan(vni),
        Tunnel::VxlanGpe(vni),
        Tunnel::Geneve(vni),
        Tunnel::Gre { key: None },
        Tunnel::Gre { key: Some(u32::MAX) },
        Tunnel::Nvgre(vni),
        Tunnel::IpInIp,
        Tunnel::GtpU { teid: u32::MAX },
        Tunnel::L2tp { tunnel: 7, session: u16::MAX },
        Tunnel::L2tpV3 { session: u32::MAX },
        Tunnel::Teredo,
        Tunnel::Gue,
        Tunnel::Fou,
        Tunnel::Lisp(None),
        Tunnel::Lisp(Some(vni)),
        Tunnel::PimRegister,
        Tunnel::Esp { spi, sequence, kind: EspKind::Null, udp: false },
        Tunnel::Esp { spi, sequence, kind: EspKind::Gmac, udp: true },
        Tunnel::Esp { spi, sequence, kind: EspKind::Opened, udp: false },
        Tunnel::Ah { spi, sequence },
        Tunnel::Psp { spi, hides: true },
        Tunnel::Macsec { sci: None },
        Tunnel::Macsec { sci: Some(Sci([0, 0, 0, 0, 0, 0, 0, 1])) },
        Tunnel::Erspan { session: None },
        Tunnel::Erspan { session: Some(0x3ff) },
        Tunnel::Pptp { call: u16::MAX },
        Tunnel::EtherIp,
        Tunnel::Mpls { label: 0xf_ffff, labels: u8::MAX },
        Tunnel::Nsh { path: 0xff_ffff, index: 0 },
        Tunnel::Pbb { service: 0xff_ffff },
        Tunnel::Pppoe { session: u16::MAX },
    ];
    all.map(listed).into()
}

/// Returns the tunnel. A kind that is not named here belongs into the list of [`tunnels`] as well.
fn listed(tunnel: Tunnel) -> Tunnel {
    match tunnel {
        Tunnel::Vxlan(_)
        | Tunnel::VxlanGpe(_)
        | Tunnel::Geneve(_)
        | Tunnel::Gre { .. }
        | Tunnel::Nvgre(_)
        | Tunnel::IpInIp
        | Tunnel::GtpU { .. }
        | Tunnel::L2tp { .. }
        | Tunnel::L2tpV3 { .. }
        | Tunnel::Teredo
        | Tunnel::Gue
        | Tunnel::Fou
        | Tunnel::Lisp(_)
        | Tunnel::PimRegister
        | Tunnel::Esp { .. }
        | Tunnel::Ah { .. }
        | Tunnel::Psp { .. }
        | Tunnel::Macsec { .. }
        | Tunnel::Erspan { .. }
        | Tunnel::Pptp { .. }
        | Tunnel::EtherIp
        | Tunnel::Mpls { .. }
        | Tunnel::Nsh { .. }
        | Tunnel::Pbb { .. }
        | Tunnel::Pppoe { .. } => tunnel,
    }
}

pub(super) fn esp(kind: EspKind) -> Encapsulation {
    Encapsulation {
        tunnel: Tunnel::Esp { spi: Spi(0x9aa3_ee15), sequence: 7, kind, udp: false },
        outer: Headers { mac: Some(macs()), ..hosts("192.0.2.1", "192.0.2.2", 50) },
    }
}

pub(super) fn frame(number: u64) -> Frame<'static> {
    Frame {
        number,
        time: Timestamp::new(1_700_000_000, 500_000_000, 6),
        link: LinkType::ETHERNET,
        interface: InterfaceNumber(0),
        direction: None,
        wire_len: 93,
        bytes: &[0; 93],
    }
}

pub(super) fn shown<'a>(
    frame: &'a Frame<'a>,
    packet: &'a Packet<'a>,
    spans: &'a [Range<usize>],
) -> Shown<'a> {
    let outcome = if packet.opaque.is_some() { Outcome::Opaque } else { Outcome::Match };
    Shown { frame, packet, spans, outcome, interface: None, file: None, names: None, stream: None }
}

/// A match in frames 3 to 5 of a stream.
pub(super) fn stretch() -> Stretch<'static> {
    Stretch {
        connection: 2,
        frames: (3, 5),
        offset: 4096,
        len: 10,
        begun: Begun::Syn,
        gap_before: false,
        overlap: Overlap::None,
        closed: None,
        captured_len: 93,
        written: &[],
    }
}

pub(super) fn text_printer(options: &TextOptions) -> Printer<Vec<u8>> {
    Printer::Text(super::Text::new(Vec::new(), options))
}

pub(super) fn json_printer(options: JsonOptions) -> Printer<Vec<u8>> {
    Printer::Json(super::Json::new(Vec::new(), options))
}

/// Prints one packet, in a frame with number 3, as text.
pub(super) fn text(options: &TextOptions, packet: &Packet<'_>, spans: &[Range<usize>]) -> String {
    let mut printer = text_printer(options);
    printer.packet(&shown(&frame(3), packet, spans)).unwrap();
    String::from_utf8(printer.writer().clone()).unwrap()
}
