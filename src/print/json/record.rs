//! The JSON object that is written for a packet. Members that a packet does not have are left out.

use super::date::Dates;
use super::level::level;
use super::object::{list, number, quoted, truth, word};
use super::string::{base64, string};
use super::wrapping::{opaque, wrapping};
use crate::packet::{Layer, Packet, Stop, Why};
use crate::print::numbers::decimal;
use crate::print::{Outcome, Shown};
use crate::search::{EndWhy, Stretch};

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
    let captured = shown.stream.map_or(frame.bytes.len() as u64, |stretch| stretch.captured_len.into());
    number(out, r#","captured_len":"#, captured);
    number(out, r#","frames":"#, u64::from(packet.frames));
    // Flags of TCP that were cut off are left out: that they look unset says nothing.
    let cut = packet.stop == Some(Stop { layer: Layer::Tcp, why: Why::Truncated });
    level(out, &packet.headers, cut, shown.ends(0).as_ref());
    out.extend_from_slice(br#","encapsulations":"#);
    let inside_out = packet.encapsulations.iter().rev().zip(1..);
    list(out, inside_out, |out, (one, level)| wrapping(out, shown, one, level));
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
    if let Some(stretch) = shown.stream {
        stream(out, stretch);
    }
    payload(out, packet, limit);
    out.push(b'}');
}

/// Writes the place of the payload in its stream.
#[cold]
fn stream(out: &mut Vec<u8>, stretch: &Stretch<'_>) {
    number(out, r#","stream":{"connection":"#, stretch.connection);
    number(out, r#","first_frame":"#, stretch.frames.0);
    number(out, r#","last_frame":"#, stretch.frames.1);
    number(out, r#","offset":"#, stretch.offset);
    number(out, r#","length":"#, stretch.len);
    word(out, r#","begun":"#, stretch.begun.name());
    truth(out, r#","gap_before":"#, stretch.gap_before);
    word(out, r#","overlap":"#, stretch.overlap.name());
    word(out, r#","closed":"#, stretch.closed.map(EndWhy::name));
    out.push(b'}');
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
