//! The innermost frame in one piece, even if it was not so on the wire.

use super::{InnerFrame, LinkType, Packet};

impl Packet<'_> {
    /// Returns the innermost frame and its link type. A frame in parts is put together in `scratch`: the IP header's
    /// protocol, length and checksum (RFC 791, RFC 8200) are made to fit.
    ///
    /// IPv6's extension headers are left out. A packet above 64 KiB has a zero length field, as offloaded ones have.
    pub fn rebuild_inner<'s>(&'s self, scratch: &'s mut Vec<u8>) -> (LinkType, &'s [u8]) {
        let (ip, protocol, segment) = match self.inner {
            InnerFrame::Whole { link, bytes } => return (link, bytes),
            InnerFrame::Parts { ip, protocol, segment } => (ip, protocol, segment),
        };
        scratch.clear();
        scratch.extend_from_slice(ip);
        match scratch.as_mut_slice() {
            [0x40..=0x4f, _, l0, l1, _, _, f0, f1, _, next, c0, c1, ..] => {
                let len = u16::try_from(ip.len() + segment.len()).unwrap_or(0);
                [*l0, *l1] = len.to_be_bytes();
                // The datagram is whole, so of the flags only "don't fragment" stays.
                [*f0, *f1] = [*f0 & 0x40, 0];
                *next = protocol;
                [*c0, *c1] = [0, 0];
                let checksum =
                    etherparse::checksum::Sum16BitWords::new().add_slice(scratch).ones_complement();
                // The sum is over words in memory order, so its bytes go back as they are.
                if let Some(place) = scratch.get_mut(10..12) {
                    place.copy_from_slice(&checksum.to_be().to_be_bytes());
                }
            }
            [0x60..=0x6f, _, _, _, l0, l1, next, ..] => {
                [*l0, *l1] = u16::try_from(segment.len()).unwrap_or(0).to_be_bytes();
                *next = protocol;
            }
            _ => {}
        }
        scratch.extend_from_slice(segment);
        (LinkType::RAW, scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ip_header_is_made_to_fit_what_it_carries() {
        // The header of a fragment of an ESP packet. Its length, protocol, flags, offset and checksum have to change.
        let ip = [0x45, 0, 0, 99, 0, 7, 0x20, 9, 64, 50, 1, 2, 192, 0, 2, 1, 192, 0, 2, 2];
        let inner = InnerFrame::Parts { ip: &ip, protocol: 17, segment: b"segment" };
        let packet = Packet { inner, ..Packet::default() };
        let mut scratch = Vec::new();
        let (link, bytes) = packet.rebuild_inner(&mut scratch);
        assert_eq!(link, LinkType::RAW);
        assert_eq!(bytes.len(), 27);
        let header = etherparse::Ipv4Header::from_slice(bytes).unwrap().0;
        assert_eq!((header.total_len, header.protocol.0), (27, 17));
        assert_eq!(header.header_checksum, header.calc_header_checksum());
        assert_eq!((header.more_fragments, header.fragment_offset.value()), (false, 0));
    }
}
