//! A packet's first line: ngrep's header for the innermost packet, then the wrappings around it, from the inside out.
//!
//! ```text
//! T 10.0.1.6:49142 -> 10.0.1.3:80 [AP] vxlan:4097 192.0.2.1 -> 192.0.2.2 #394
//! ? 192.0.2.1 -> 192.0.2.2 esp:0x9aa3ee15 sealed #12
//! U 10.0.0.1 -> 10.0.0.2 +4660@40:40 #2
//! I fe80::1 -> ff02::1 135:0 vlan:5 #3
//! ? 02:42:ac:1f:00:02 -> ff:ff:ff:ff:ff:ff arp #4
//! ```
//!
//! The line goes beyond ngrep's. An IPv6 address with a port has brackets, and the protocol behind a `?` is named
//! (`sctp`, `proto:89`, `arp`, `llc`, `0x88b5`). There is `vlan:ID` for each 802.1Q tag, at the level that it belongs to,
//! outermost first, and `vlan:+N` for N tags after the eighth. The line also says why a packet is opaque or not decoded, and
//! where it was cut off. If several wrappings share a
//! pair of addresses (VXLAN in transport-mode ESP), the pair is named once, after the last of them.
//!
//! With names, an address that has one stands in brackets behind it, and so does the name of a network behind its VNI:
//!
//! ```text
//! T web.1(10.0.1.6):49142 -> db(fd00::3):80 [AP] vxlan:4097(insecure) 192.0.2.1 -> 192.0.2.2 #394
//! ```

use std::net::IpAddr;

use super::Shown;
use super::clock::Clock;
use super::numbers::{address, decimal, ipv4_and_port, mac, text};
use crate::escape::escape;
use crate::host::docker::names::Ends;
use crate::packet::protocol::{ICMP, ICMPV6, IGMP, SCTP, TCP, UDP};
use crate::packet::{Fragment, Headers, Opaque, Ports, Sealed, Transport, Tunnel};
use crate::search::Overlap;

/// Writes the line, without `#N` and without its end.
pub(super) fn header(out: &mut Vec<u8>, shown: &Shown<'_>, clock: &mut Clock) {
    let headers = &shown.packet.headers;
    out.extend_from_slice(&[letter(headers), b' ']);
    clock.stamp(out, shown.frame.time);
    match shown.ends(0) {
        None => ends(out, headers, headers.transport.ports()),
        Some(names) => named_ends(out, headers, headers.transport.ports(), names),
    }
    transport(out, headers.transport);
    if let Some(fragment) = headers.ip.and_then(|ip| ip.fragment) {
        fragment_tail(out, fragment);
    }
    if shown.packet.opaque.is_none() {
        other_protocol(out, headers);
    }
    vlans(out, headers);
    if let Some(opaque) = shown.packet.opaque {
        sealed(out, opaque);
    }
    wrappings(out, shown);
    if let Some(interface) = shown.interface {
        out.push(b' ');
        out.extend_from_slice(escape(interface).as_bytes());
    }
    if let Some(undecoded) = shown.packet.undecoded(shown.frame) {
        text(out, &format_args!(" (not decoded: {undecoded})"));
    } else if let Some(stop) = shown.packet.stop {
        text(out, &format_args!(" ({} in {})", stop.why.name(), stop.layer.name()));
    }
    if shown.stream.is_some_and(|stretch| stretch.overlap == Overlap::Differs) {
        out.extend_from_slice(b" (overlap: other stacks read other bytes)");
    }
    // The file stands next to the frame's number, which counts within this file.
    if let Some(file) = shown.file {
        out.push(b' ');
        out.extend_from_slice(escape(file).as_bytes());
    }
}

/// Returns ngrep's letter for the protocol number, which a later fragment has as well.
fn letter(headers: &Headers) -> u8 {
    match headers.ip.map(|ip| ip.protocol) {
        Some(TCP) => b'T',
        Some(UDP) => b'U',
        Some(ICMP | ICMPV6) => b'I',
        Some(IGMP) => b'G',
        _ => b'?',
    }
}

/// Writes the two ends of a level: by IP, or else by MAC, or else `-`. No blank follows.
fn ends(out: &mut Vec<u8>, headers: &Headers, ports: Option<Ports>) {
    if let Some(ip) = headers.ip {
        end(out, ip.source, ports.map(|p| p.source));
        out.extend_from_slice(b" -> ");
        end(out, ip.destination, ports.map(|p| p.destination));
    } else if let Some(macs) = headers.mac {
        mac(out, macs.source);
        out.extend_from_slice(b" -> ");
        mac(out, macs.destination);
    } else {
        out.push(b'-');
    }
}

fn end(out: &mut Vec<u8>, ip: IpAddr, port: Option<u16>) {
    match (ip, port) {
        (ip, None) => address(out, ip),
        (IpAddr::V4(v4), Some(port)) => ipv4_and_port(out, v4, port),
        (v6, Some(port)) => {
            out.push(b'[');
            address(out, v6);
            out.extend_from_slice(b"]:");
            decimal(out, u64::from(port));
        }
    }
}

/// Writes the two ends of a level with the names that they have. A MAC address has none.
#[cold]
fn named_ends(out: &mut Vec<u8>, headers: &Headers, ports: Option<Ports>, names: Ends<'_>) {
    let Some(ip) = headers.ip else { return ends(out, headers, ports) };
    named(out, ip.source, ports.map(|p| p.source), names.source);
    out.extend_from_slice(b" -> ");
    named(out, ip.destination, ports.map(|p| p.destination), names.destination);
}

/// Writes an end with its name, as ngrep does: `web(10.0.1.3):80`. IPv6 needs no other brackets then.
fn named(out: &mut Vec<u8>, ip: IpAddr, port: Option<u16>, name: Option<&str>) {
    let Some(name) = name else { return end(out, ip, port) };
    out.extend_from_slice(name.as_bytes());
    out.push(b'(');
    address(out, ip);
    out.push(b')');
    if let Some(port) = port {
        out.push(b':');
        decimal(out, u64::from(port));
    }
}

fn transport(out: &mut Vec<u8>, transport: Transport) {
    match transport {
        Transport::Tcp { flags, .. } => {
            let letters = flags.letters();
            if !letters.is_empty() {
                out.extend_from_slice(b" [");
                out.extend_from_slice(&letters);
                out.push(b']');
            }
        }
        Transport::Icmp(message) | Transport::Icmpv6(message) | Transport::Igmp(message) => {
            out.push(b' ');
            decimal(out, u64::from(message.kind));
            out.push(b':');
            decimal(out, u64::from(message.code));
        }
        Transport::None | Transport::Udp(_) | Transport::Sctp(_) => {}
    }
}

/// Writes ngrep's `ID@OFFSET:LEN`, with `+` in front of it for any but the first fragment. Unlike ngrep, it also
/// stands on the first fragment of an IPv4 datagram.
fn fragment_tail(out: &mut Vec<u8>, fragment: Fragment) {
    out.push(b' ');
    if fragment.offset > 0 {
        out.push(b'+');
    }
    decimal(out, u64::from(fragment.id));
    out.push(b'@');
    decimal(out, u64::from(fragment.offset));
    out.push(b':');
    decimal(out, u64::from(fragment.len));
}

/// Writes the protocol where the letter does not tell it.
fn other_protocol(out: &mut Vec<u8>, headers: &Headers) {
    match (headers.ip, headers.ether_type) {
        (Some(ip), _) => match ip.protocol {
            ICMP | IGMP | TCP | UDP | ICMPV6 => {}
            SCTP => out.extend_from_slice(b" sctp"),
            other => text(out, &format_args!(" proto:{other}")),
        },
        (None, Some(0x0806)) => out.extend_from_slice(b" arp"),
        (None, Some(0x88cc)) => out.extend_from_slice(b" lldp"),
        // A smaller number is the length of an IEEE 802.3 frame.
        (None, Some(0..=0x05ff)) if headers.mac.is_some() => out.extend_from_slice(b" llc"),
        (None, Some(other)) => text(out, &format_args!(" {other:#06x}")),
        (None, None) => {}
    }
}

fn vlans(out: &mut Vec<u8>, headers: &Headers) {
    for &id in headers.vlan.ids() {
        out.extend_from_slice(b" vlan:");
        decimal(out, u64::from(id));
    }
    if headers.vlan.more() > 0 {
        text(out, &format_args!(" vlan:+{}", headers.vlan.more()));
    }
}

fn sealed(out: &mut Vec<u8>, opaque: Opaque) {
    match opaque {
        Opaque::Esp { spi, udp, why, .. } => {
            text(out, &format_args!(" {}:{spi} sealed", if udp { "esp-in-udp" } else { "esp" }));
            match why {
                Sealed::NoKey => {}
                other => text(out, &format_args!(" ({})", other.name())),
            }
        }
        Opaque::WireGuard(message) => text(out, &format_args!(" wireguard:{} sealed", message.number())),
        Opaque::EspInTcp { spi: Some(spi) } => text(out, &format_args!(" esp-in-tcp:{spi} sealed")),
        Opaque::Psp { spi, .. } => text(out, &format_args!(" psp:{spi} sealed")),
        Opaque::Macsec { sci: Some(sci) } => text(out, &format_args!(" macsec:{sci} sealed")),
        Opaque::IpComp { cpi: Some(cpi) } => text(out, &format_args!(" ipcomp:{cpi} compressed")),
        Opaque::IpComp { cpi: None } => out.extend_from_slice(b" ipcomp compressed"),
        Opaque::EspFragment
        | Opaque::EspTruncated
        | Opaque::EspInTcp { spi: None }
        | Opaque::Macsec { sci: None }
        | Opaque::Ieee80211 => {
            text(out, &format_args!(" {} sealed", opaque.name()));
        }
    }
}

/// Writes the wrappings from the inside out, and addresses once for neighbours that share them.
// It has two callers, and is a call for every packet without this.
#[allow(clippy::inline_always)]
#[inline(always)]
pub(super) fn wrappings(out: &mut Vec<u8>, shown: &Shown<'_>) {
    let encapsulations = &shown.packet.encapsulations;
    let mut inside_out = encapsulations.iter().rev().peekable();
    while let Some(wrapping) = inside_out.next() {
        out.push(b' ');
        tunnel(out, wrapping.tunnel);
        if let Some(network) = shown.network(wrapping.tunnel) {
            out.push(b'(');
            out.extend_from_slice(network.as_bytes());
            out.push(b')');
        }
        if inside_out.peek().is_some_and(|next| same_ends(&next.outer, &wrapping.outer)) {
            continue;
        }
        if wrapping.outer.ip.is_some() || wrapping.outer.mac.is_some() {
            out.push(b' ');
            match shown.ends(encapsulations.len() - inside_out.len()) {
                None => ends(out, &wrapping.outer, None),
                Some(names) => named_ends(out, &wrapping.outer, None, names),
            }
        }
        vlans(out, &wrapping.outer);
    }
}

fn same_ends(a: &Headers, b: &Headers) -> bool {
    let by_ip = |h: &Headers| h.ip.map(|ip| (ip.source, ip.destination));
    by_ip(a) == by_ip(b) && (a.ip.is_some() || a.mac == b.mac)
}

fn tunnel(out: &mut Vec<u8>, tunnel: Tunnel) {
    out.extend_from_slice(tunnel.name().as_bytes());
    match tunnel {
        Tunnel::Vxlan(vni) | Tunnel::VxlanGpe(vni) | Tunnel::Geneve(vni) | Tunnel::Nvgre(vni) => {
            number(out, vni.value());
        }
        Tunnel::Pbb { service } => number(out, service),
        Tunnel::Gre { key: Some(key) } => number(out, key),
        Tunnel::Mpls { label, .. } => number(out, label),
        Tunnel::Nsh { path, .. } => number(out, path),
        Tunnel::Pptp { call } => number(out, call.into()),
        Tunnel::Esp { spi, .. } | Tunnel::Ah { spi, .. } | Tunnel::Psp { spi, .. } => {
            text(out, &format_args!(":{spi}"));
        }
        Tunnel::Pppoe { session } | Tunnel::Erspan { session: Some(session) } => number(out, session.into()),
        Tunnel::GtpU { teid: number } | Tunnel::L2tpV3 { session: number } => {
            out.push(b':');
            decimal(out, u64::from(number));
        }
        Tunnel::L2tp { tunnel, session } => text(out, &format_args!(":{tunnel}/{session}")),
        Tunnel::Lisp(Some(instance)) => text(out, &format_args!(":{instance}")),
        Tunnel::Gre { key: None }
        | Tunnel::IpInIp
        | Tunnel::EtherIp
        | Tunnel::Erspan { session: None }
        | Tunnel::Teredo
        | Tunnel::Gue
        | Tunnel::Fou
        | Tunnel::Lisp(None)
        | Tunnel::PimRegister
        | Tunnel::Macsec { .. } => {}
    }
}

fn number(out: &mut Vec<u8>, number: u32) {
    out.push(b':');
    decimal(out, u64::from(number));
}

#[cfg(test)]
mod tests;
