//! Frames of captures of others for which ngrep is no measure: it reads memory behind their end, or not what they say.
//!
//! Both programs are given the capture without them. Each reason is a row of one of the tables in `docs/ngrep.md`.

use super::frames::{Format, Shot, file};
use super::packets::{Frame, extension, header_len};

/// The most bytes of a packet whose length has 16 bits.
const MOST: usize = 65535;

/// Why ngrep is no measure for this frame. `None` if it is one.
pub(crate) fn reason(frame: &Frame) -> Option<&'static str> {
    if let Some(reason) = of_link(frame) {
        return Some(reason);
    }
    if i32::try_from(frame.time.0).is_err() {
        return Some("times after 2038");
    }
    let at = frame.ip?;
    let packet = frame.bytes.get(at..)?;
    if frame.wire_len as usize > at + MOST {
        return Some("payloads of more than 65535 bytes (BIG TCP)");
    }
    match packet.first().map(|first| first >> 4) {
        None => Some("cut-headers"),
        Some(4) => of_ipv4(packet),
        Some(6) => of_ipv6(packet),
        Some(_) => Some("ip-version"),
    }
}

/// Why ngrep looks for IP at another place than the frame has it.
fn of_link(frame: &Frame) -> Option<&'static str> {
    let bytes = &frame.bytes[..];
    let several = Some("PPP, SLIP, pflog, Token Ring, other hardware in SLL");
    match frame.link {
        105 | 119 | 127 | 163 => Some("wireless"),
        8 | 117 => several,
        9 | 50 if !matches!(bytes, [0xff, 3, 0, 0x21 | 0x57, ..]) => several,
        6 if bytes.get(8).is_none_or(|first| first & 0x80 > 0) => several,
        113 if !matches!(bytes.get(2..4), Some([0, 1] | [3, 4] | [0xff, 0xfe])) => several,
        // In place of an EtherType there is the number of a header of 802.2, which ovlsniff reads.
        113 if bytes.get(14) == Some(&0) => several,
        // libpcap asks for the numbers of the BSDs and not for that of Linux: of NULL in the byte order of this machine, of LOOP in
        // that of the network.
        0 if !matches!(bytes, [2 | 24 | 28 | 30, 0, 0, 0, ..]) => Some("BSD loopback"),
        108 if !matches!(bytes, [0, 0, 0, 2 | 24 | 28 | 30, ..]) => Some("BSD loopback"),
        _ => None,
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
    let mut own = packet[..packet.len().min(40 + payload)].to_vec();
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

/// The snaplen that a file's header tells, of pcapng that of its first interface.
fn snaplen(file: &[u8]) -> Option<usize> {
    let four = |at: usize| file.get(at..)?.first_chunk::<4>().copied();
    let is_pcapng = four(0)? == [0x0a, 0x0d, 0x0d, 0x0a];
    let is_big = if is_pcapng { four(8)?[0] == 0x1a } else { four(0)?[0] == 0xa1 };
    let number =
        |at| four(at).map(|own| if is_big { u32::from_be_bytes(own) } else { u32::from_le_bytes(own) });
    let at = if is_pcapng { number(4)? as usize + 12 } else { 16 };
    number(at).map(|snaplen| snaplen as usize).filter(|&snaplen| snaplen > 0)
}

/// A capture without these frames, and the reasons for them. `None` if there are none.
pub(crate) fn without(read: &[u8], frames: &mut Vec<Frame>) -> Option<(Vec<u8>, Vec<&'static str>)> {
    let link = frames.first()?.link;
    let most = snaplen(read).unwrap_or(usize::MAX);
    let reason = |frame: &Frame| {
        reason(frame)
            .or_else(|| (frame.bytes.len() > most).then_some("frames longer than the snaplen of their file"))
    };
    let reasons: Vec<_> = frames.iter().filter_map(reason).collect();
    if reasons.is_empty() {
        return None;
    }
    frames.retain(|frame| reason(frame).is_none());
    let shots: Vec<Shot> = frames.iter().map(Frame::shot).collect();
    Some((file(Format::Micros, link, &shots, |shot| shot.bytes.clone()), reasons))
}
