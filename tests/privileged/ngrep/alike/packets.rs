//! The IP packets of a capture, found by a small reader of its own, and the form in which ngrep reads them rightly.

use std::path::Path;

use ovlsniff::capture::bpf::Filter;
use ovlsniff::capture::savefile::Savefile;
use ovlsniff::packet::LinkType;

use crate::ngrep::alike::frames::{Format, Shot, file};

/// A frame of a capture.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) link: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) wire_len: u32,
    /// Seconds, and millionths of a second.
    pub(crate) time: (u32, u32),
    /// Billionths of a second, and the digits that the file has.
    pub(crate) nanos: (u32, u8),
    /// The place of the IP header. `None` if there is none in a place that is known here.
    pub(crate) ip: Option<usize>,
    /// The number of VLAN tags in front of it.
    pub(crate) tags: usize,
}

/// What is odd about an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    pub(crate) version: u8,
    pub(crate) protocol: u8,
    pub(crate) id: u32,
    pub(crate) offset: usize,
    /// The bytes behind the IP header that are of the packet and were captured.
    pub(crate) len: usize,
    /// The bytes of the header behind that of IP, if this is a first fragment.
    pub(crate) header: usize,
}

/// True if a file has a damage.
pub(crate) fn is_damaged(path: &Path) -> bool {
    let Ok(mut file) = Savefile::open(path) else { return false };
    loop {
        match file.next() {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// The frames of a file, up to the first damage.
pub(crate) fn frames(path: &Path) -> Vec<Frame> {
    let mut frames = Vec::new();
    let Ok(mut file) = Savefile::open(path) else { return frames };
    while let Ok(Some(frame)) = file.next() {
        let nanos = frame.time.nanos;
        let seconds = u32::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(u32::MAX);
        let micros = u32::try_from(nanos.rem_euclid(1_000_000_000) / 1000).unwrap_or(0);
        let time = (seconds, micros);
        let (ip, tags) = ip_at(frame.link, frame.bytes);
        frames.push(Frame {
            link: link_number(frame.link),
            bytes: frame.bytes.to_vec(),
            wire_len: frame.wire_len,
            time,
            nanos: (u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0), frame.time.digits),
            ip,
            tags,
        });
    }
    frames
}

fn link_number(link: LinkType) -> u32 {
    link.0.into()
}

fn ip_at(link: LinkType, bytes: &[u8]) -> (Option<usize>, usize) {
    let at = match link_number(link) {
        1 => return behind_ethernet(bytes),
        0 | 108 => 4,
        12 | 101 | 228 | 229 => 0,
        113 => 16,
        276 => 20,
        _ => return (None, 0),
    };
    let ether_type = match link_number(link) {
        113 => bytes.get(14..16),
        276 => bytes.get(..2),
        _ => None,
    };
    let is_ip = |&first: &u8| matches!(first >> 4, 4 | 6);
    let named = ether_type.is_none_or(|kind| matches!(kind, [8, 0] | [0x86, 0xdd]));
    (bytes.get(at).filter(|first| named && is_ip(first)).map(|_| at), 0)
}

fn behind_ethernet(bytes: &[u8]) -> (Option<usize>, usize) {
    let (mut at, mut tags) = (12, 0);
    loop {
        match bytes.get(at..at + 2) {
            Some([0x81 | 0x91, 0] | [0x88, 0xa8]) => (at, tags) = (at + 4, tags + 1),
            Some([8, 0] | [0x86, 0xdd]) => return (Some(at + 2), tags),
            _ => return (None, tags),
        }
    }
}

/// Where the packet ends in the frame, by the length in its header. The frame's end if that is no length.
fn end(bytes: &[u8], ip: usize) -> usize {
    let packet = &bytes[ip..];
    let number =
        |at: usize| packet.get(at..at + 2).map_or(0, |two| usize::from(u16::from_be_bytes([two[0], two[1]])));
    let len = match packet.first().map(|first| first >> 4) {
        Some(4) if number(2) >= 20 => number(2),
        Some(6) => 40 + number(4),
        _ => packet.len(),
    };
    ip + len.min(packet.len())
}

impl Fragment {
    /// The length of the payload, as far as it was captured.
    pub(crate) fn payload(self) -> usize {
        self.len.saturating_sub(self.header)
    }
}

/// The length of the header of this protocol.
pub(crate) fn header_len(protocol: u8, bytes: &[u8]) -> usize {
    match protocol {
        6 => bytes.get(12).map_or(20, |offset| usize::from(offset >> 4) * 4),
        17 => 8,
        1 | 2 | 58 => 4,
        _ => 0,
    }
}

impl Frame {
    /// The packet in the form that ngrep reads rightly, and the rows of the table for what is wrong with the frame's own.
    pub(crate) fn plain(&self) -> (Vec<u8>, Vec<&'static str>) {
        let mut rows = Vec::new();
        let Some(ip) = self.ip else { return (self.bytes.clone(), rows) };
        let end = end(&self.bytes, ip);
        if end < self.bytes.len() {
            rows.push("padding");
        }
        let mut bytes = self.bytes[..end].to_vec();
        if bytes.get(ip).is_some_and(|first| first >> 4 == 6) {
            while let Some(len) = extension(&bytes[ip..]) {
                rows.push("extension-headers");
                let next = bytes[ip + 40];
                bytes.drain(ip + 40..ip + 40 + len);
                bytes[ip + 6] = next;
                let rest = (bytes.len() - ip - 40) as u16;
                bytes[ip + 4..ip + 6].copy_from_slice(&rest.to_be_bytes());
            }
        }
        rows.dedup();
        (bytes, rows)
    }

    /// The frame, to be written again.
    pub(crate) fn shot(&self) -> Shot {
        let wire_len = self.wire_len as usize;
        Shot { bytes: self.bytes.clone(), wire_len, plain: None, time: Some(self.time) }
    }

    /// The frame without its VLAN tags.
    pub(crate) fn untagged(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.drain(12..12 + 4 * self.tags);
        bytes
    }

    /// What the IP header says of fragments.
    pub(crate) fn fragment(&self) -> Option<Fragment> {
        let ip = self.ip?;
        let packet = &self.bytes[ip..end(&self.bytes, ip)];
        let field = |at: usize| packet.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
        match packet.first()? >> 4 {
            4 => {
                let flags = field(6)?;
                let header = usize::from(packet[0] & 15) * 4;
                let offset = usize::from(flags & 0x1fff) * 8;
                (offset > 0 || flags & 0x2000 != 0).then_some(Fragment {
                    version: 4,
                    protocol: *packet.get(9)?,
                    id: u32::from(field(4)?),
                    offset,
                    len: packet.len().saturating_sub(header),
                    header: if offset > 0 { 0 } else { header_len(*packet.get(9)?, packet.get(header..)?) },
                })
            }
            6 if *packet.get(6)? == 44 => {
                let offset = usize::from(field(42)? & 0xfff8);
                let id = u32::from(field(44)?) << 16 | u32::from(field(46)?);
                let len = packet.len().saturating_sub(48);
                Some(Fragment { version: 6, protocol: *packet.get(40)?, id, offset, len, header: 0 })
            }
            _ => None,
        }
    }
}

/// The length of the extension header behind the fixed header of IPv6, if there is one.
pub(crate) fn extension(packet: &[u8]) -> Option<usize> {
    let next = *packet.get(6)?;
    let words = usize::from(*packet.get(41)?);
    let len = match next {
        0 | 43 | 60 | 135 | 139 | 140 => (words + 1) * 8,
        _ => return None,
    };
    (packet.len() >= 40 + len).then_some(len)
}

/// True if a filter moves the place where libpcap looks for headers.
pub(crate) fn speaks_of_tags(filter: &str) -> bool {
    ["vlan", "pppoes"].iter().any(|word| filter.contains(word))
}

/// The places of the frames with IP behind at most two tags that pass a filter: one that does not speak of tags as if there
/// were none, and one that does as it stands. Of other link types than Ethernet, the packet is asked about if the filter is for
/// packets.
pub(crate) fn passing(real: &[Frame], plain: &[Frame], filter: Option<&str>) -> Vec<usize> {
    let text = filter.unwrap_or_default();
    let link = real.first().map_or(1, |frame| frame.link as u16);
    let compile = |link| Filter::compile(text, LinkType(link)).ok();
    let speaks = speaks_of_tags(text);
    let mut of_packets = if link == 1 { None } else { compile(101) };
    let mut of_frames = compile(link);
    let mut places = Vec::new();
    for (at, (real, plain)) in real.iter().zip(plain).enumerate() {
        let Some(ip) = plain.ip.filter(|_| speaks || link != 1 || real.ip.is_some()) else { continue };
        let passes = if let Some(filter) = &mut of_packets {
            let packet = &plain.bytes[ip..];
            filter.matches(packet, packet.len() as u32)
        } else {
            let bytes = if speaks || link != 1 { real.bytes.clone() } else { real.untagged() };
            let asked = speaks || real.tags <= 2;
            asked && of_frames.as_mut().is_some_and(|filter| filter.matches(&bytes, real.wire_len))
        };
        places.extend(passes.then_some(at));
    }
    places
}

/// A file in the form that ngrep reads rightly, and the rows for what was changed. `None` if it reads the file as it is.
pub(crate) fn plain(frames: &[Frame]) -> Option<(Vec<&'static str>, Vec<u8>)> {
    let own = frames.first()?.link;
    let mut rows = Vec::new();
    // Raw IPv4 and IPv6 are what ngrep reads as raw IP.
    let link = if matches!(own, 228 | 229) { 12 } else { own };
    if link != own {
        rows.push("link-types");
    }
    let mut shots = Vec::new();
    for frame in frames {
        let (bytes, why) = frame.plain();
        rows.extend(why);
        shots.push(Shot { bytes, ..frame.shot() });
    }
    rows.sort_unstable();
    rows.dedup();
    if rows.is_empty() {
        return None;
    }
    Some((rows, file(Format::Micros, link, &shots, |shot| shot.bytes.clone())))
}
