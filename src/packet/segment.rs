//! A TCP segment (RFC 9293 section 3.1) of a decoded packet.
//!
//! Most packets are asked for their ports and flags only, so the decoder keeps no more. Whoever follows a connection has the
//! header read once more.

use std::net::IpAddr;

use super::protocol::TCP;
use super::{InnerFrame, Packet, TcpFlags, Transport, Tunnel, Why, ipv4, ipv6};

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct TcpSegment<'a> {
    /// The sequence number of its first byte, or of the SYN.
    pub sequence: u32,
    /// The acknowledgement number. It means something only if the flag ACK is set.
    pub acknowledgement: u32,
    /// The flags.
    pub flags: TcpFlags,
    /// The window field, not scaled.
    pub window: u16,
    /// The captured part of the options.
    pub options: &'a [u8],
    /// The captured part of the payload.
    pub payload: &'a [u8],
    /// The length of the payload by the headers: more than that of `payload` where the snaplen cut it.
    pub declared: usize,
    /// The captured bytes, from the header on.
    bytes: &'a [u8],
    /// The length of the header with all of its options.
    header: usize,
    ends: (IpAddr, IpAddr),
}

/// The worth of a segment's checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpChecksum {
    /// It is right.
    Right,
    /// It cannot be right yet: the sum of the pseudo-header alone, or zero, as where the network card is to finish it. Or not
    /// all of the segment was captured.
    Unfinished,
    /// It is wrong, so that a receiver discards the segment. Cards that join segments show this too.
    Wrong,
}

impl Packet<'_> {
    /// Returns the packet's TCP segment. `None` if it is something else, if the first 20 bytes of the header were not captured,
    /// if its lengths contradict each other, if it is a fragment without the others, since no receiver ever has that, and if
    /// it is opaque, as ESP in TCP is.
    pub fn tcp_segment(&self) -> Option<TcpSegment<'_>> {
        let (Transport::Tcp { .. }, Some(ip), None) = (self.headers.transport, self.headers.ip, self.opaque)
        else {
            return None;
        };
        if ip.fragment.is_some() {
            return None;
        }
        let (bytes, declared) = self.segment_bytes()?;
        let (&[_, _, _, _, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, _, _], _) =
            bytes.split_first_chunk::<20>()?;
        let header = usize::from(offset >> 4) * 4;
        let declared = declared.checked_sub(header).filter(|_| header >= 20)?;
        Some(TcpSegment {
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            acknowledgement: u32::from_be_bytes([a0, a1, a2, a3]),
            flags: TcpFlags(flags),
            window: u16::from_be_bytes([w0, w1]),
            options: bytes.get(20..header).or_else(|| bytes.get(20..)).unwrap_or(&[]),
            payload: bytes.get(header..).unwrap_or(&[]),
            declared,
            bytes,
            header,
            ends: (ip.source, ip.destination),
        })
    }

    /// Returns the captured bytes from the TCP header on, and their length by the headers in front of them.
    fn segment_bytes(&self) -> Option<(&[u8], usize)> {
        match self.inner {
            InnerFrame::Whole { bytes, .. } => {
                let at = (self.ip_header.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize)?;
                behind_ip(bytes.get(at..)?)
            }
            InnerFrame::Parts { segment, .. }
                if !self.stop.is_some_and(|stop| stop.why == Why::Truncated) =>
            {
                Some((segment, segment.len()))
            }
            InnerFrame::Parts { ip, segment, .. } => {
                // The capture cut it. AH stands in between, and the IP header has the length of both. Where ESP ends is not
                // known then.
                let last = self.encapsulations.last()?;
                let Tunnel::Ah { .. } = last.tunnel else { return None };
                let between = (segment.as_ptr() as usize).checked_sub(ip.as_ptr_range().end as usize)?;
                let declared = ip_payload_len(ip)?.checked_sub(between)?;
                (declared >= segment.len()).then_some((segment, declared))
            }
        }
    }
}

fn ip_payload_len(ip: &[u8]) -> Option<usize> {
    match *ip {
        [0x40..=0x4f, _, l0, l1, ..] => usize::from(u16::from_be_bytes([l0, l1])).checked_sub(ip.len()),
        [0x60..=0x6f, _, _, _, l0, l1, ..] => Some(u16::from_be_bytes([l0, l1]).into()),
        _ => None,
    }
}

/// Returns what is behind an IP header and its extension headers, if that is TCP, and its length on the wire.
fn behind_ip(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (mut ip, rest, mut declared, is_6) = match bytes.first()? >> 4 {
        4 => {
            let (header, rest) = ipv4::split(bytes).ok()?;
            (header.ip, rest, header.payload_len, false)
        }
        6 => {
            let (header, rest) = ipv6::split(bytes).ok()?;
            (header.ip, rest, header.payload_len, true)
        }
        _ => return None,
    };
    let mut rest = rest.get(..declared).unwrap_or(rest);
    if is_6 && ip.protocol != TCP {
        rest = ipv6::skip_extensions(&mut ip, rest, &mut declared).ok()?;
    }
    (ip.protocol == TCP).then_some((rest, declared))
}

impl TcpSegment<'_> {
    const FIN: u8 = 0x01;
    const SYN: u8 = 0x02;
    const RST: u8 = 0x04;
    const ACK: u8 = 0x10;
    const URG: u8 = 0x20;

    /// Returns true if the flag SYN is set.
    pub fn has_syn(&self) -> bool {
        self.flags.0 & Self::SYN != 0
    }

    /// Returns true if the flag ACK is set.
    pub fn has_ack(&self) -> bool {
        self.flags.0 & Self::ACK != 0
    }

    /// Returns true if the flag FIN is set.
    pub fn has_fin(&self) -> bool {
        self.flags.0 & Self::FIN != 0
    }

    /// Returns true if the flag RST is set.
    pub fn has_rst(&self) -> bool {
        self.flags.0 & Self::RST != 0
    }

    /// Returns true if the flag URG is set.
    pub fn is_urgent(&self) -> bool {
        self.flags.0 & Self::URG != 0
    }

    /// Returns the sequence number of the urgent byte, as Linux reads the pointer: it is behind that byte.
    pub fn urgent(&self) -> Option<u32> {
        let pointer: &[u8; 2] = self.bytes.get(18..20)?.try_into().ok()?;
        let ahead = u32::from(u16::from_be_bytes(*pointer)).saturating_sub(1);
        self.is_urgent().then(|| self.sequence.wrapping_add(ahead))
    }

    /// Returns the window scale (RFC 7323 section 2), at most 14, if it is among the options.
    pub fn window_scale(&self) -> Option<u8> {
        self.option(3).and_then(|value| value.first()).map(|&scale| scale.min(14))
    }

    /// Returns the sender's timestamp (RFC 7323 section 3), if it is among the options.
    #[inline]
    pub fn timestamp(&self) -> Option<u32> {
        let value = match *self.options {
            // Almost all stacks write it so.
            [1, 1, 8, 10, a, b, c, d, ..] => return Some(u32::from_be_bytes([a, b, c, d])),
            _ => self.option(8)?,
        };
        value.first_chunk().filter(|_| value.len() == 8).map(|chunk| u32::from_be_bytes(*chunk))
    }

    /// Returns true if there is a signature among the options (RFC 2385, RFC 5925).
    #[inline]
    pub fn is_signed(&self) -> bool {
        let has_timestamp_only = self.options.len() == 12 && self.options.starts_with(&[1, 1, 8, 10]);
        !self.options.is_empty()
            && !has_timestamp_only
            && [19, 29].iter().any(|kind| self.option(*kind).is_some())
    }

    fn option(&self, wanted: u8) -> Option<&[u8]> {
        let mut rest = self.options;
        loop {
            match *rest {
                [] | [0, ..] | [_] => return None,
                [1, ref more @ ..] => rest = more,
                [kind, len, ref more @ ..] => {
                    let len = usize::from(len).checked_sub(2)?;
                    let value = more.get(..len)?;
                    if kind == wanted {
                        return Some(value);
                    }
                    rest = more.get(len..)?;
                }
            }
        }
    }

    /// Adds up the checksum, over all bytes of the segment.
    pub fn checksum(&self) -> TcpChecksum {
        let (Some(bytes), Some(&[c0, c1])) = (
            self.bytes.get(..self.header + self.declared),
            self.bytes.get(16..).and_then(<[u8]>::first_chunk),
        ) else {
            return TcpChecksum::Unfinished;
        };
        let ends = match self.ends {
            (IpAddr::V4(from), IpAddr::V4(to)) => u64::from(from.to_bits()) + u64::from(to.to_bits()),
            (from, to) => [from, to].iter().map(|end| bits(*end)).sum(),
        };
        let pseudo = ends + u64::from(TCP);
        let all = fold(pseudo + bytes.len() as u64 + sum(bytes));
        let written = u16::from_be_bytes([c0, c1]);
        if all == 0xffff {
            return TcpChecksum::Right;
        }
        // A card that cuts the segment adds the lengths.
        let begun = [fold(pseudo + bytes.len() as u64), fold(pseudo)];
        let is_begun = written == 0 || begun.contains(&written) || begun.contains(&!written);
        if is_begun { TcpChecksum::Unfinished } else { TcpChecksum::Wrong }
    }
}

fn bits(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.segments().iter().map(|word| u64::from(*word)).sum(),
    }
}

/// Adds 32-bit words, of which a sum has room for 2^32.
fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(4);
    let rest = words.remainder();
    let mut last = [0; 4];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    let word = |chunk: &[u8]| chunk.first_chunk().map_or(0, |word| u64::from(u32::from_be_bytes(*word)));
    words.map(word).sum::<u64>() + u64::from(u32::from_be_bytes(last))
}

fn fold(sum: u64) -> u16 {
    let mut sum = sum;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests;
