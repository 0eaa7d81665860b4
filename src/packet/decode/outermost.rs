//! ngrep's view of a frame: the outermost IP header, one header behind that, and the rest as it is.
//!
//! Tunnels stay payload here, and so does what is encrypted: nothing is opaque. Each fragment is taken alone. The payload
//! begins where ngrep lets it begin: behind the header of TCP or UDP, behind the first four bytes of ICMP, ICMPv6 and IGMP,
//! and behind the IP header for every other protocol, AH among them.
//!
//! It differs where ngrep searches what is no payload. The length is that of the IP header, so that padding is none, and the
//! extension headers of IPv6 are skipped. A later fragment has data where ngrep reads flags, or type and code. Headers that
//! were not captured are not read from memory: ports and flags are those that are there, and nothing is payload.
//!
//! An IPv4 header that contradicts itself is taken for one of 20 bytes or more, with all of the frame behind it, since a host
//! that sends such packets is not to stay unseen. If the extension headers of IPv6 are unsound, all that follows the
//! fixed header is payload.

use std::net::IpAddr;

use super::{Decoder, Fragments, Next, Walk};
use crate::packet::protocol::{FRAGMENT, ICMP, ICMPV6, IGMP, TCP, UDP};
use crate::packet::{Fragment, Frame, InnerFrame, Ip, Packet, Stop, transport};

impl Decoder {
    /// Decodes a frame up to the header behind the outermost IP header, into an empty `packet`.
    ///
    /// A frame without IP has no payload. Where something stands between the link layer and IP, such as PPPoE or MPLS, it
    /// is among the encapsulations.
    #[inline]
    pub fn outermost_into<'a>(&mut self, frame: &Frame<'a>, packet: &mut Packet<'a>) {
        packet.direction = frame.direction;
        packet.frames = 1;
        let declared = (frame.wire_len as usize).max(frame.bytes.len());
        self.walk(packet, frame.bytes, declared, Fragments::Outermost).run(Next::Link(frame.link));
        if packet.headers.ip.is_none() {
            packet.payload = &[];
        }
        packet.inner = InnerFrame::Whole { link: frame.link, bytes: frame.bytes };
        packet.opaque = None;
    }
}

impl Walk<'_, '_> {
    /// Goes behind the outermost IP header, which is unsound if it has a fault.
    #[cold]
    #[inline(never)]
    pub(super) fn behind_outermost(&mut self, fault: Option<Stop>) {
        self.repair(fault);
        self.packet.stop = fault;
        if let Some(ip) = self.packet.headers.ip {
            self.header_behind(ip);
        }
    }

    /// Makes the IP header what ngrep takes it for.
    fn repair(&mut self, fault: Option<Stop>) {
        let at = (self.packet.ip_header.as_ptr() as usize).checked_sub(self.whole.as_ptr() as usize);
        let whole = at.and_then(|at| self.whole.get(at..)).unwrap_or(&[]);
        match (&mut self.packet.headers.ip, fault) {
            (None, None) => {}
            (None, Some(_)) => self.unsound_ipv4(),
            (Some(ip), _) => {
                let (next_header, id) =
                    (self.packet.ip_header.get(6), whole.get(44..).and_then(<[u8]>::first_chunk));
                let is_v6 = ip.source.is_ipv6();
                match (next_header, id) {
                    (Some(&next_header), _) if is_v6 && fault.is_some() => {
                        (ip.protocol, ip.fragment) = (next_header, None);
                    }
                    // ngrep tells of the header of an atomic fragment too (RFC 6946).
                    (Some(&FRAGMENT), Some(id)) if is_v6 && ip.fragment.is_none() => {
                        let len = self.declared.min(usize::from(u16::MAX)) as u16;
                        let id = u32::from_be_bytes(*id);
                        ip.fragment = Some(Fragment { id, offset: 0, more: false, len });
                    }
                    _ => {}
                }
            }
        }
    }

    /// Takes what a header of IPv4 says whose lengths are not sound, if it has its fixed part.
    #[cold]
    fn unsound_ipv4(&mut self) {
        let Some((header, _)) = self.rest.split_first_chunk::<20>() else { return };
        let &[first, _, _, _, i0, i1, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = header;
        if first >> 4 != 4 {
            return;
        }
        let (id, field) = (u16::from_be_bytes([i0, i1]), u16::from_be_bytes([f0, f1]));
        let (offset, more) = ((field & 0x1fff) << 3, field & 0x2000 != 0);
        let rest = self.rest.get(usize::from(first & 15).max(5) * 4..).unwrap_or(&[]);
        let len = rest.len().min(usize::from(u16::MAX)) as u16;
        self.packet.headers.ip = Some(Ip {
            source: IpAddr::from([s0, s1, s2, s3]),
            destination: IpAddr::from([d0, d1, d2, d3]),
            protocol,
            fragment: (offset > 0 || more).then_some(Fragment { id: id.into(), offset, more, len }),
        });
        self.packet.ip_header = header;
        self.advance(rest);
    }

    /// Goes behind the header that ngrep reads, which a later fragment has not.
    #[inline]
    fn header_behind(&mut self, ip: Ip) {
        let bytes = self.rest;
        let len = match ip.protocol {
            _ if ip.fragment.is_some_and(|fragment| fragment.offset > 0) => return,
            // The length is taken as it stands, even where it is less than that of a header.
            TCP => bytes.get(12).map_or(20, |offset| usize::from(offset >> 4) * 4),
            UDP => 8,
            ICMP | ICMPV6 | IGMP => 4,
            _ => return,
        };
        self.packet.headers.transport = transport::cut(ip.protocol, bytes);
        self.advance(bytes.get(len..).unwrap_or(&[]));
    }
}
