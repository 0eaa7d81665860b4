//! Wrappings and opaque packets as serde makes them: see the tests of the record.

use serde::Serialize;

use crate::ipsec::docker_tag;
use crate::packet::{Encapsulation, Headers, Opaque, Sci, Spi, Tunnel, Vni};
use crate::print::Shown;
use crate::print::json::record::tests::Level;

#[derive(Serialize)]
pub(in crate::print::json) struct Wrapping<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    vni: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a str>,
    #[serde(flatten)]
    numbers: Numbers,
    #[serde(flatten)]
    seal: Seal,
    outer: Level<'a>,
}

impl<'a> Wrapping<'a> {
    pub(in crate::print::json) fn new(wrapping: &'a Encapsulation, shown: &Shown<'a>, level: usize) -> Self {
        let tunnel = wrapping.tunnel;
        let seal = match tunnel {
            Tunnel::Esp { spi, sequence, udp, .. } => {
                Seal::numbered(spi, sequence, Some(udp)).marked(spi, &wrapping.outer)
            }
            Tunnel::Ah { spi, sequence } => Seal::numbered(spi, sequence, None),
            Tunnel::Psp { spi, .. } => Seal::named(spi),
            Tunnel::Macsec { sci } => Seal::channel(sci),
            _ => Seal::default(),
        };
        Self {
            kind: tunnel.name(),
            vni: tunnel.vni().map(Vni::value),
            network: shown.network(tunnel),
            numbers: Numbers::of(tunnel),
            seal,
            outer: Level::new(&wrapping.outer, shown.ends(level).unwrap_or_default()),
        }
    }
}

/// The members that identify the keys of a wrapping or of an opaque packet.
#[derive(Default, Serialize)]
struct Seal {
    #[serde(skip_serializing_if = "Option::is_none")]
    spi: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    udp: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    docker_key_tag: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    docker_key_variant: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sci: Option<String>,
}

impl Seal {
    fn numbered(spi: Spi, sequence: u32, udp: Option<bool>) -> Self {
        Self { spi: Some(spi.to_string()), sequence: Some(sequence), udp, ..Self::default() }
    }

    fn named(spi: Spi) -> Self {
        Self { spi: Some(spi.to_string()), ..Self::default() }
    }

    /// Adds the tag of Docker's key, if Docker derived the SPI of ESP between these addresses.
    fn marked(self, spi: Spi, outer: &Headers) -> Self {
        let found = outer.ip.and_then(|ip| docker_tag(ip.source, ip.destination, spi));
        Self {
            docker_key_tag: found.map(|found| found.tag),
            docker_key_variant: found.map(|found| found.variant.name()),
            ..self
        }
    }

    fn channel(sci: Option<Sci>) -> Self {
        Self { sci: sci.map(|sci| sci.to_string()), ..Self::default() }
    }
}

#[derive(Serialize)]
pub(in crate::print::json) struct Sealed {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(flatten)]
    seal: Seal,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clear: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpi: Option<u16>,
}

impl Sealed {
    /// Makes the object. `outer` are the headers in front of the opaque part.
    pub(in crate::print::json) fn new(opaque: Opaque, outer: &Headers) -> Self {
        let (why, seal, message) = match opaque {
            Opaque::Esp { spi, sequence, udp, why } => {
                (Some(why.name()), Seal::numbered(spi, sequence, Some(udp)).marked(spi, outer), None)
            }
            Opaque::EspFragment | Opaque::EspTruncated | Opaque::Ieee80211 | Opaque::IpComp { .. } => {
                (None, Seal::default(), None)
            }
            Opaque::WireGuard(message) => (None, Seal::default(), Some(message.number())),
            Opaque::EspInTcp { spi } => (None, spi.map(Seal::named).unwrap_or_default(), None),
            Opaque::Psp { spi, .. } => (None, Seal::named(spi), None),
            Opaque::Macsec { sci } => (None, Seal::channel(sci), None),
        };
        let clear = match opaque {
            Opaque::Psp { clear, .. } => Some(clear),
            _ => None,
        };
        let cpi = match opaque {
            Opaque::IpComp { cpi } => cpi,
            _ => None,
        };
        Self { kind: opaque.name(), why, seal, message, clear, cpi }
    }
}

/// The numbers by which a wrapping is told from others of its kind, each where the kind has it.
#[derive(Default, Serialize)]
struct Numbers {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    teid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u8>,
}

impl Numbers {
    fn of(tunnel: Tunnel) -> Self {
        let none = Self::default();
        match tunnel {
            Tunnel::Gre { key } => Self { key, ..none },
            Tunnel::GtpU { teid } => Self { teid: Some(teid), ..none },
            Tunnel::L2tp { tunnel, session } => {
                Self { tunnel: Some(tunnel), session: Some(session.into()), ..none }
            }
            Tunnel::L2tpV3 { session } => Self { session: Some(session), ..none },
            Tunnel::Pppoe { session } => Self { session: Some(session.into()), ..none },
            Tunnel::Erspan { session } => Self { session: session.map(u32::from), ..none },
            Tunnel::Pptp { call } => Self { call: Some(call), ..none },
            Tunnel::Mpls { label, labels } => Self { label: Some(label), labels: Some(labels), ..none },
            Tunnel::Pbb { service } => Self { service: Some(service), ..none },
            Tunnel::Nsh { path, index } => Self { path: Some(path), index: Some(index), ..none },
            _ => none,
        }
    }
}
