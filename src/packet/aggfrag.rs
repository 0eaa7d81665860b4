//! AGGFRAG, RFC 9347 section 2.2: the payload of ESP with next header 144, as IP-TFS sends it.
//!
//! ```text
//! sub-type (1): 0 | 0 (1) | block offset (2) | data blocks …
//! sub-type (1): 1 | flags (1) | block offset (2) | congestion control (20) | data blocks …
//! ```
//!
//! A data block is an IPv4 or IPv6 packet, known by its version, or padding, whose first four bits are zero. The first
//! block begins behind as many bytes as the offset says, which are the end of an earlier packet. Only a first block that
//! begins and ends in this payload is decoded.

use super::Why;

/// The first data block of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First<'a> {
    /// The IP packet. Empty if the payload has nothing but padding.
    pub(super) packet: &'a [u8],
    /// True if another packet, or a part of one, follows.
    pub(super) more: bool,
}

/// Returns the first data block.
///
/// # Errors
/// [`Why::Unsupported`] if it is a part of a packet only, or if its form is not known.
pub(super) fn first(payload: &[u8]) -> Result<First<'_>, Why> {
    let &[kind, _, o0, o1, ..] = payload else { return Err(Why::Truncated) };
    let header = match kind {
        0 => 4,
        1 => 24,
        _ => return Err(Why::Unsupported),
    };
    let blocks = payload.get(header..).ok_or(Why::Truncated)?;
    if [o0, o1] != [0, 0] {
        return Err(Why::Unsupported);
    }
    let len = match *blocks {
        [0x40..=0x4f, _, high, low, ..] => usize::from(u16::from_be_bytes([high, low])),
        [0x60..=0x6f, _, _, _, high, low, ..] => 40 + usize::from(u16::from_be_bytes([high, low])),
        [] | [0..=0x0f, ..] => 0,
        _ => return Err(Why::Unsupported),
    };
    let (packet, rest) = blocks.split_at_checked(len).ok_or(Why::Unsupported)?;
    let more = len > 0 && rest.first().is_some_and(|&byte| byte > 0x0f);
    Ok(First { packet, more })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(len: u8) -> Vec<u8> {
        let mut packet = vec![0; usize::from(len)];
        (packet[0], packet[3]) = (0x45, len);
        packet
    }

    #[test]
    fn a_whole_packet_at_the_beginning_is_found() {
        let mut six = vec![0; 48];
        (six[0], six[5]) = (0x60, 8);
        let congestion = [&[1, 0, 0, 0][..], &[0xff; 20]].concat();
        for head in [&[0, 0, 0, 0][..], &congestion] {
            for packet in [ipv4(28), six.clone()] {
                let padded = [head, &packet, &[0; 9]].concat();
                assert_eq!(first(&padded), Ok(First { packet: &packet, more: false }));
                let two = [head, &packet, &ipv4(20)[..7]].concat();
                assert_eq!(first(&two), Ok(First { packet: &packet, more: true }));
            }
            assert_eq!(first(&[head, &[0; 40]].concat()), Ok(First { packet: &[], more: false }));
        }
    }

    #[test]
    fn a_part_of_a_packet_is_not_decoded() {
        let unsupported = Err(Why::Unsupported);
        // The end of an earlier packet comes first, the packet goes on in the next payload, or the form is not known.
        assert_eq!(first(&[&[0, 0, 0, 8][..], &[9; 8], &ipv4(20)].concat()), unsupported);
        assert_eq!(first(&[&[0, 0, 0, 0][..], &ipv4(40)[..39]].concat()), unsupported);
        assert_eq!(first(&[0, 0, 0, 0, 0x45, 0]), unsupported);
        assert_eq!(first(&[7, 0, 0, 0, 0x45, 0, 0, 20]), unsupported);
        assert_eq!(first(&[0, 0, 0]), Err(Why::Truncated));
        assert_eq!(first(&[1, 0, 0, 0, 0x45]), Err(Why::Truncated));
    }
}
