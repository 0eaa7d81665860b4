//! The members for wrappings, and for the part of a packet that nobody can read.

use super::level::level as headers;
use super::object::{displayed, named, number, object, truth, word};
use crate::ipsec::docker_tag;
use crate::packet::{Encapsulation, Headers, Opaque, Sci, Spi, Tunnel, Vni};
use crate::print::Shown;

/// Writes the object of a wrapping: of the innermost for level 1, of the next one for 2.
pub(super) fn wrapping(out: &mut Vec<u8>, shown: &Shown<'_>, wrapping: &Encapsulation, level: usize) {
    let Encapsulation { tunnel, outer } = wrapping;
    object(out, |out| {
        word(out, r#","kind":"#, tunnel.name());
        number(out, r#","vni":"#, tunnel.vni().map(Vni::value).map(u64::from));
        named(out, r#","network":"#, shown.network(*tunnel));
        numbers(out, *tunnel);
        match *tunnel {
            Tunnel::Esp { spi, sequence, udp, .. } => esp(out, spi, sequence, udp, outer),
            Tunnel::Ah { spi, sequence } => numbered(out, spi, sequence),
            Tunnel::Psp { spi, .. } => index(out, Some(spi)),
            Tunnel::Macsec { sci } => channel(out, sci),
            _ => {}
        }
        out.extend_from_slice(br#","outer":"#);
        object(out, |out| headers(out, outer, false, shown.ends(level).as_ref()));
    });
}

/// Writes the numbers by which a wrapping is told from others of its kind, each where the kind has it.
fn numbers(out: &mut Vec<u8>, tunnel: Tunnel) {
    match tunnel {
        Tunnel::Gre { key } => number(out, r#","key":"#, key.map(u64::from)),
        Tunnel::GtpU { teid } => number(out, r#","teid":"#, u64::from(teid)),
        Tunnel::L2tp { tunnel, session } => {
            number(out, r#","tunnel":"#, u64::from(tunnel));
            number(out, r#","session":"#, u64::from(session));
        }
        Tunnel::L2tpV3 { session } => number(out, r#","session":"#, u64::from(session)),
        Tunnel::Pppoe { session } => number(out, r#","session":"#, u64::from(session)),
        Tunnel::Erspan { session } => number(out, r#","session":"#, session.map(u64::from)),
        Tunnel::Pptp { call } => number(out, r#","call":"#, u64::from(call)),
        Tunnel::Mpls { label, labels } => {
            number(out, r#","label":"#, u64::from(label));
            number(out, r#","labels":"#, u64::from(labels));
        }
        Tunnel::Pbb { service } => number(out, r#","service":"#, u64::from(service)),
        Tunnel::Nsh { path, index } => {
            number(out, r#","path":"#, u64::from(path));
            number(out, r#","index":"#, u64::from(index));
        }
        _ => {}
    }
}

/// Writes the member for the part of a packet that nobody can read. `outer` are the headers in front of it.
pub(super) fn opaque(out: &mut Vec<u8>, opaque: Opaque, outer: &Headers) {
    word(out, r#","opaque":{"kind":"#, opaque.name());
    match opaque {
        Opaque::Esp { spi, sequence, udp, why } => {
            word(out, r#","why":"#, why.name());
            esp(out, spi, sequence, udp, outer);
        }
        Opaque::WireGuard(message) => number(out, r#","message":"#, u64::from(message.number())),
        Opaque::EspInTcp { spi } => index(out, spi),
        Opaque::Psp { spi, clear } => {
            index(out, Some(spi));
            number(out, r#","clear":"#, u64::from(clear));
        }
        Opaque::Macsec { sci } => channel(out, sci),
        Opaque::IpComp { cpi } => number(out, r#","cpi":"#, cpi.map(u64::from)),
        Opaque::EspFragment | Opaque::EspTruncated | Opaque::Ieee80211 => {}
    }
    out.push(b'}');
}

/// Writes the members of ESP, with the tag of Docker's key if Docker derived the SPI between these addresses.
fn esp(out: &mut Vec<u8>, spi: Spi, sequence: u32, udp: bool, outer: &Headers) {
    numbered(out, spi, sequence);
    truth(out, r#","udp":"#, udp);
    let found = outer.ip.and_then(|ip| docker_tag(ip.source, ip.destination, spi));
    if let Some(found) = found {
        number(out, r#","docker_key_tag":"#, u64::from(found.tag));
        word(out, r#","docker_key_variant":"#, found.variant.name());
    }
}

fn numbered(out: &mut Vec<u8>, spi: Spi, sequence: u32) {
    index(out, Some(spi));
    number(out, r#","sequence":"#, u64::from(sequence));
}

fn index(out: &mut Vec<u8>, spi: Option<Spi>) {
    displayed(out, r#","spi":"#, spi);
}

fn channel(out: &mut Vec<u8>, sci: Option<Sci>) {
    displayed(out, r#","sci":"#, sci);
}

#[cfg(test)]
pub(super) mod tests;
