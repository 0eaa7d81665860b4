//! The record as serde makes it, by declarations and with allocations: slow, and independent of what is written by hand.
//! [`line`] is what every line in these tests is compared with.

use std::fmt;
use std::io::{self, Write};
use std::net::IpAddr;
use std::ops::Range;

use base64::display::Base64Display;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

use crate::escape::is_plain;
use crate::host::docker::names::Ends;
use crate::packet::{
    Fragment, Headers, Layer, Macs, Packet, Stop, Timestamp, Transport, Undecoded, Why, protocol,
};
use crate::print::json::wrapping::tests::{Sealed, Wrapping};
use crate::print::{Outcome, Shown};
use crate::search::{EndWhy, Stretch};

/// Returns the line of a packet.
pub(in crate::print::json) fn line(shown: &Shown<'_>, limit: usize) -> Vec<u8> {
    let mut line = Vec::new();
    Record::new(shown, limit)
        .serialize(&mut serde_json::Serializer::with_formatter(&mut line, Ascii))
        .unwrap();
    line.push(b'\n');
    line
}

/// A formatter that escapes everything that is not plain text.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            if is_plain(c) {
                write!(writer, "{c}")?;
            } else {
                c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))?;
            }
        }
        Ok(())
    }
}

/// The object of one line. Members that a packet does not have are left out.
#[derive(Serialize)]
struct Record<'a> {
    v: u8,
    number: u64,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<AsText<Rfc3339>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_ns: Option<AsText<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    link_type: u16,
    wire_len: u32,
    captured_len: usize,
    frames: u32,
    #[serde(flatten)]
    headers: Level<'a>,
    encapsulations: Vec<Wrapping<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opaque: Option<Sealed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<Stopped>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_decoded: Option<NotDecoded>,
    spans: Vec<[usize; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<Stream>,
    payload: Payload<'a>,
}

impl<'a> Record<'a> {
    /// Makes the object, with at most `limit` bytes of the payload.
    fn new(shown: &Shown<'a>, limit: usize) -> Self {
        let Shown { frame, packet, .. } = *shown;
        let spans: &[Range<usize>] = if shown.outcome == Outcome::Match { shown.spans } else { &[] };
        Self {
            v: 1,
            number: frame.number,
            outcome: shown.outcome.name(),
            time: frame.time.known.then_some(AsText(Rfc3339(frame.time))),
            time_ns: frame.time.known.then_some(AsText(frame.time.nanos)),
            file: shown.file,
            interface: shown.interface,
            direction: packet.direction.or(frame.direction).map(crate::packet::Direction::name),
            link_type: frame.link.0,
            wire_len: frame.wire_len,
            captured_len: shown.stream.map_or(frame.bytes.len(), |stretch| stretch.captured_len as usize),
            frames: packet.frames,
            headers: Level::of(shown),
            encapsulations: (packet.encapsulations.iter().rev().enumerate())
                .map(|(n, wrapping)| Wrapping::new(wrapping, shown, n + 1))
                .collect(),
            opaque: packet.opaque.map(|opaque| Sealed::new(opaque, &packet.headers)),
            stop: packet.stop.map(Stopped::new),
            not_decoded: packet.undecoded(frame).map(NotDecoded::new),
            spans: spans.iter().map(|span| [span.start, span.end]).collect(),
            stream: shown.stream.map(Stream::new),
            payload: Payload::new(packet, limit),
        }
    }
}

/// The place of the payload in its stream.
#[derive(Serialize)]
struct Stream {
    connection: u64,
    first_frame: u64,
    last_frame: u64,
    offset: u64,
    length: u64,
    begun: &'static str,
    gap_before: bool,
    overlap: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<&'static str>,
}

impl Stream {
    fn new(stretch: &Stretch<'_>) -> Self {
        Self {
            connection: stretch.connection,
            first_frame: stretch.frames.0,
            last_frame: stretch.frames.1,
            offset: stretch.offset,
            length: stretch.len,
            begun: stretch.begun.name(),
            gap_before: stretch.gap_before,
            overlap: stretch.overlap.name(),
            closed: stretch.closed.map(EndWhy::name),
        }
    }
}

/// The headers of the packet itself, or those in front of a wrapping.
#[derive(Serialize)]
pub(in crate::print::json) struct Level<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<Mac>,
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    vlan: &'a [u16],
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan_more: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ether_type: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<Flow<'a>>,
}

impl<'a> Level<'a> {
    /// Makes the innermost level. Flags of TCP that were cut off are left out: that they look unset says nothing.
    fn of(shown: &Shown<'a>) -> Self {
        let packet = shown.packet;
        let cut = packet.stop == Some(Stop { layer: Layer::Tcp, why: Why::Truncated });
        let mut level = Self::new(&packet.headers, shown.ends(0).unwrap_or_default());
        if let Some(flow) = level.flow.as_mut().filter(|_| cut) {
            flow.tcp_flags = flow.tcp_flags.take().filter(|flags| !flags.is_empty());
        }
        level
    }

    pub(in crate::print::json) fn new(headers: &'a Headers, names: Ends<'a>) -> Self {
        Self {
            mac: headers.mac.map(Mac::new),
            vlan: headers.vlan.ids(),
            vlan_more: Some(headers.vlan.more()).filter(|&more| more > 0),
            ether_type: headers.ether_type,
            flow: Flow::new(headers, names),
        }
    }
}

#[derive(Serialize)]
struct Mac {
    source: String,
    destination: String,
}

impl Mac {
    fn new(macs: Macs) -> Self {
        Self { source: macs.source.to_string(), destination: macs.destination.to_string() }
    }
}

#[derive(Serialize)]
struct Flow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    protocol_number: u8,
    source: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_port: Option<u16>,
    destination: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp_flags: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fragment: Option<Piece>,
}

impl<'a> Flow<'a> {
    fn new(headers: &Headers, names: Ends<'a>) -> Option<Self> {
        let ip = headers.ip?;
        let ports = headers.transport.ports();
        let tcp_flags = match headers.transport {
            Transport::Tcp { flags, .. } => Some(flags.letters().into_iter().map(char::from).collect()),
            _ => None,
        };
        let message = match headers.transport {
            Transport::Icmp(message) | Transport::Icmpv6(message) | Transport::Igmp(message) => Some(message),
            _ => None,
        };
        Some(Self {
            protocol: protocol_name(ip.protocol),
            protocol_number: ip.protocol,
            source: ip.source,
            source_name: names.source,
            source_port: ports.map(|p| p.source),
            destination: ip.destination,
            destination_name: names.destination,
            destination_port: ports.map(|p| p.destination),
            tcp_flags,
            icmp_type: message.map(|m| m.kind),
            icmp_code: message.map(|m| m.code),
            fragment: ip.fragment.map(Piece::new),
        })
    }
}

/// Returns the usual name of an IANA protocol number, for the protocols that this program knows.
fn protocol_name(number: u8) -> Option<&'static str> {
    Some(match number {
        protocol::ICMP => "icmp",
        protocol::IGMP => "igmp",
        protocol::IPV4 => "ipv4",
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::IPV6 => "ipv6",
        protocol::GRE => "gre",
        protocol::ESP => "esp",
        protocol::ETHERIP => "etherip",
        protocol::MPLS => "mpls",
        protocol::NSH => "nsh",
        protocol::PIM => "pim",
        protocol::IPCOMP => "ipcomp",
        protocol::L2TP => "l2tp",
        protocol::WESP => "wesp",
        protocol::ETHERNET => "ethernet",
        protocol::AH => "ah",
        protocol::ICMPV6 => "icmpv6",
        protocol::SCTP => "sctp",
        _ => return None,
    })
}

#[derive(Serialize)]
struct Piece {
    id: u32,
    offset: u16,
    more: bool,
    len: u16,
}

impl Piece {
    fn new(fragment: Fragment) -> Self {
        Self { id: fragment.id, offset: fragment.offset, more: fragment.more, len: fragment.len }
    }
}

#[derive(Serialize)]
struct Stopped {
    layer: &'static str,
    why: &'static str,
}

impl Stopped {
    fn new(stop: Stop) -> Self {
        Self { layer: stop.layer.name(), why: stop.why.name() }
    }
}

/// The reason why the packet is not decoded to its end.
#[derive(Serialize)]
struct NotDecoded {
    why: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u16>,
}

impl NotDecoded {
    fn new(undecoded: Undecoded) -> Self {
        Self { why: undecoded.name(), number: undecoded.number() }
    }
}

#[derive(Serialize)]
struct Payload<'a> {
    len: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<AsText<Lossy<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<AsText<Base64<'a>>>,
}

impl<'a> Payload<'a> {
    fn new(packet: &'a Packet<'_>, limit: usize) -> Self {
        let readable = packet.readable();
        let shown = (packet.opaque.is_none() || !readable.is_empty())
            .then(|| readable.get(..limit).unwrap_or(readable));
        Self {
            len: packet.payload.len(),
            text: shown.map(|bytes| AsText(Lossy(bytes))),
            base64: shown.map(|bytes| AsText(Base64Display::new(bytes, &STANDARD))),
        }
    }
}

/// Base64 with `+` and `/`, and with padding.
type Base64<'a> = Base64Display<'a, 'static, GeneralPurpose>;

/// The text that a value displays, as a string.
struct AsText<D>(D);

impl<D: fmt::Display> Serialize for AsText<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A time in UTC, with the digits that the capture has.
struct Rfc3339(Timestamp);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 64 bits of nanoseconds reach from the year 1677 to 2262. Jiff knows the dates of all of them.
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(self.0.nanos)).unwrap_or_default();
        write!(f, "{stamp:.*}", usize::from(self.0.digits))
    }
}

/// UTF-8 text with U+FFFD in place of each invalid piece.
struct Lossy<'a>(&'a [u8]);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}
