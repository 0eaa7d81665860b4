//! Frames of captures of others for which ngrep is no measure: it reads memory behind their end, or not what they say.
//!
//! Both programs are given the capture without them. Each reason is a row of one of the tables in `docs/ngrep.md`.

use super::frames::{Format, Shot, file};
use super::packets::{Frame, extension, header_len};

/// The most bytes of a packet whose length has 16 bits.
const MOST: usize = 65535;

/// Why ngrep is no measure for this frame. `None` if it is one.
pub(crate) fn reason(frame: &Frame) -> Option<&'static str> {
    if matches!(frame.link, 105 | 119 | 127 | 163) {
        return Some("wireless");
    }
    if i32::try_from(frame.time.0).is_err() {
        return Some("times after 2038");
    }
    let at = frame.ip?;
    let packet = frame.bytes.get(at..)?;
    if frame.wire_len as usize > at + MOST {
        return Some("BIG TCP");
    }
    match packet.first().map(|first| first >> 4) {
        None => Some("cut-headers"),
        Some(4) => of_ipv4(packet),
        Some(6) => of_ipv6(packet),
        Some(_) => Some("ip-version"),
    }
}

fn of_ipv4(packet: &[u8]) -> Option<&'static str> {
    let Some(header) = packet.first_chunk::<20>() else { return Some("cut-headers") };
    let len = usize::from(header[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if len < 20 || (total > 0 && total < len) {
        return Some("unsound-lengths");
    }
    let is_later = (header[6] & 0x1f) | header[7] > 0;
    // What is behind the packet's own end is padding, which ngrep takes for a header where there is none.
    let own = &packet[..if total > 0 { total.min(packet.len()) } else { packet.len() }];
    let Some(rest) = own.get(len..) else { return Some("cut-headers") };
    behind(header[9], rest, is_later)
}

fn of_ipv6(packet: &[u8]) -> Option<&'static str> {
    let Some(header) = packet.first_chunk::<40>() else { return Some("cut-headers") };
    let payload = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let end = if payload > 0 { packet.len().min(40 + payload) } else { packet.len() };
    let mut own = packet[..end].to_vec();
    let mut is_behind = false;
    while let Some(len) = extension(&own) {
        own[6] = own[40];
        own.drain(40..40 + len);
        is_behind = true;
    }
    match own[6] {
        0 | 43 | 60 | 135 | 139 | 140 => Some("cut-headers"),
        44 if is_behind => Some("IPv6 fragments behind other extension headers"),
        44 => match own.get(40..48) {
            None => Some("cut-headers"),
            // Behind the fragment's header there may be others.
            Some([0 | 43 | 44 | 60 | 135 | 139 | 140, ..]) => Some("extension-headers"),
            Some(fields) => behind(fields[0], &own[48..], fields[2] > 0 || fields[3] & 0xf8 > 0),
        },
        protocol => behind(protocol, &own[40..], false),
    }
}

/// Why ngrep is no measure for the header behind that of IP.
fn behind(protocol: u8, rest: &[u8], is_later: bool) -> Option<&'static str> {
    let fixed = match protocol {
        6 => 20,
        17 => 8,
        1 | 2 | 58 => 4,
        _ => 0,
    };
    if !is_later && rest.len() < fixed {
        return Some("cut-headers");
    }
    let unsound = protocol == 6 && !is_later && !(20..=rest.len()).contains(&header_len(6, rest));
    unsound.then_some("unsound-lengths")
}

/// A capture without these frames, and the reasons for them. `None` if there are none.
pub(crate) fn without(frames: &mut Vec<Frame>) -> Option<(Vec<u8>, Vec<&'static str>)> {
    let link = frames.first()?.link;
    let reasons: Vec<_> = frames.iter().filter_map(reason).collect();
    if reasons.is_empty() {
        return None;
    }
    frames.retain(|frame| reason(frame).is_none());
    let shots: Vec<Shot> = frames.iter().map(Frame::shot).collect();
    Some((file(Format::Micros, link, &shots, |shot| shot.bytes.clone()), reasons))
}
