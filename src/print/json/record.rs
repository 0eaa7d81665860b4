//! The JSON object that is written for a packet. Members that a packet does not have are left out.

use super::date::Dates;
use super::object::{number, object, quoted, truth, word};
use super::string::{base64, string};
use super::wrapping::{opaque, wrapping};
use crate::packet::{Headers, Layer, Packet, Stop, Transport, Why, protocol};
use crate::print::numbers::{address, decimal, mac};
use crate::print::{Outcome, Shown};

/// Writes the object, with at most `limit` bytes of the payload.
pub(super) fn write(out: &mut Vec<u8>, dates: &mut Dates, shown: &Shown<'_>, limit: usize) {
    let Shown { frame, packet, .. } = *shown;
    out.extend_from_slice(br#"{"v":1,"number":"#);
    decimal(out, frame.number);
    word(out, r#","outcome":"#, shown.outcome.name());
    if frame.time.known {
        out.extend_from_slice(br#","time":"#);
        quoted(out, |out| dates.write(out, frame.time));
        out.extend_from_slice(if frame.time.nanos < 0 { br#","time_ns":"-"# } else { br#","time_ns":""# });
        decimal(out, frame.time.nanos.unsigned_abs());
        out.push(b'"');
    }
    for (name, value) in [(r#","file":"#, shown.file), (r#","interface":"#, shown.interface)] {
        if let Some(value) = value {
            out.extend_from_slice(name.as_bytes());
            string(out, value.as_bytes());
        }
    }
    let direction = packet.direction.or(frame.direction);
    word(out, r#","direction":"#, direction.map(crate::packet::Direction::name));
    number(out, r#","link_type":"#, u64::from(frame.link.0));
    number(out, r#","wire_len":"#, u64::from(frame.wire_len));
    number(out, r#","captured_len":"#, frame.bytes.len() as u64);
    number(out, r#","frames":"#, u64::from(packet.frames));
    // Flags of TCP that were cut off are left out: that they look unset says nothing.
    let cut = packet.stop == Some(Stop { layer: Layer::Tcp, why: Why::Truncated });
    level(out, &packet.headers, cut);
    out.extend_from_slice(br#","encapsulations":"#);
    list(out, packet.encapsulations.iter().rev(), wrapping);
    if let Some(kind) = packet.opaque {
        opaque(out, kind, &packet.headers);
    }
    if let Some(stop) = packet.stop {
        word(out, r#","stop":{"layer":"#, stop.layer.name());
        word(out, r#","why":"#, stop.why.name());
        out.push(b'}');
    }
    if let Some(undecoded) = packet.undecoded(frame) {
        word(out, r#","not_decoded":{"why":"#, undecoded.name());
        number(out, r#","number":"#, undecoded.number().map(u64::from));
        out.push(b'}');
    }
    let spans = if shown.outcome == Outcome::Match { shown.spans } else { &[] };
    out.extend_from_slice(br#","spans":"#);
    list(out, spans, |out, span| list(out, [span.start, span.end], |out, end| decimal(out, end as u64)));
    payload(out, packet, limit);
    out.push(b'}');
}

/// Writes a list, each element by `each`.
#[inline]
fn list<T>(out: &mut Vec<u8>, elements: impl IntoIterator<Item = T>, each: impl Fn(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (n, element) in elements.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        each(out, element);
    }
    out.push(b']');
}

/// Writes the members for the headers of the packet itself, or of those in front of a wrapping. `cut` leaves out flags of
/// TCP if none is set.
pub(super) fn level(out: &mut Vec<u8>, headers: &Headers, cut: bool) {
    if let Some(macs) = headers.mac {
        out.extend_from_slice(br#","mac":{"source":""#);
        mac(out, macs.source);
        out.extend_from_slice(br#"","destination":""#);
        mac(out, macs.destination);
        out.extend_from_slice(br#""}"#);
    }
    let vlans = headers.vlan.ids();
    if !vlans.is_empty() {
        out.extend_from_slice(br#","vlan":"#);
        list(out, vlans, |out, &id| decimal(out, id.into()));
    }
    number(out, r#","vlan_more":"#, Some(headers.vlan.more().into()).filter(|&more| more > 0));
    number(out, r#","ether_type":"#, headers.ether_type.map(u64::from));
    flow(out, headers, cut);
}

fn flow(out: &mut Vec<u8>, headers: &Headers, cut: bool) {
    let Some(ip) = headers.ip else { return };
    out.extend_from_slice(br#","flow":"#);
    object(out, |out| {
        word(out, r#","protocol":"#, protocol_name(ip.protocol));
        number(out, r#","protocol_number":"#, u64::from(ip.protocol));
        let ports = headers.transport.ports();
        out.extend_from_slice(br#","source":"#);
        quoted(out, |out| address(out, ip.source));
        number(out, r#","source_port":"#, ports.map(|ports| ports.source.into()));
        out.extend_from_slice(br#","destination":"#);
        quoted(out, |out| address(out, ip.destination));
        number(out, r#","destination_port":"#, ports.map(|ports| ports.destination.into()));
        match headers.transport {
            Transport::Tcp { flags, .. } => {
                let letters = flags.letters();
                if !(cut && letters.is_empty()) {
                    out.extend_from_slice(br#","tcp_flags":"#);
                    quoted(out, |out| out.extend_from_slice(&letters));
                }
            }
            Transport::Icmp(message) | Transport::Icmpv6(message) | Transport::Igmp(message) => {
                number(out, r#","icmp_type":"#, u64::from(message.kind));
                number(out, r#","icmp_code":"#, u64::from(message.code));
            }
            Transport::None | Transport::Udp(_) | Transport::Sctp(_) => {}
        }
        if let Some(fragment) = ip.fragment {
            number(out, r#","fragment":{"id":"#, u64::from(fragment.id));
            number(out, r#","offset":"#, u64::from(fragment.offset));
            truth(out, r#","more":"#, fragment.more);
            number(out, r#","len":"#, u64::from(fragment.len));
            out.push(b'}');
        }
    });
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

fn payload(out: &mut Vec<u8>, packet: &Packet<'_>, limit: usize) {
    number(out, r#","payload":{"len":"#, packet.payload.len() as u64);
    let readable = packet.readable();
    if packet.opaque.is_none() || !readable.is_empty() {
        let shown = readable.get(..limit).unwrap_or(readable);
        out.extend_from_slice(br#","text":"#);
        string(out, shown);
        out.extend_from_slice(br#","base64":"#);
        base64(out, shown);
    }
    out.push(b'}');
}

#[cfg(test)]
pub(super) mod tests;
