//! LISP's data (RFC 9300 section 5), in UDP to port 4341, with the generic protocol extension (RFC 9305).
//!
//! ```text
//! N L E V I P K K | nonce or map version (3) | instance (3), with I, or locator bits | locator bits (1) | IP
//! with P: … | nonce (2) | next protocol (1) | …
//! ```
//!
//! No field has a fixed value, so a datagram counts only if a whole packet is inside. With the two bits K its payload is
//! encrypted (RFC 8061).

use super::{Vni, sound};

const NONCE: u8 = 0x80;
const ECHO: u8 = 0x20;
const VERSIONS: u8 = 0x10;
const INSTANCE: u8 = 0x08;
const EXTENSION: u8 = 0x04;
const KEYS: u8 = 0x03;

/// The payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    Ip,
    Ethernet,
}

/// Splits a datagram of this length into the instance, where it has one, and the payload. Returns `None` if it has
/// another form.
pub(super) fn split(datagram: &[u8], declared: usize) -> Option<(Option<Vni>, Inside, &[u8])> {
    let (&[flags, _, _, next, i0, i1, i2, _], rest) = datagram.split_first_chunk::<8>()?;
    let has = |flag: u8| flags & flag != 0;
    if has(KEYS) || has(NONCE) && has(VERSIONS) || has(ECHO) && !has(NONCE) {
        return None;
    }
    let left = declared.checked_sub(8)?;
    let inside = match (has(EXTENSION), next) {
        (true, 1 | 2) | (false, _) if sound::is_ip(rest, left) => Inside::Ip,
        (true, 3) if sound::is_ethernet(rest, left) => Inside::Ethernet,
        _ => return None,
    };
    Some((has(INSTANCE).then(|| Vni::from_be_bytes([i0, i1, i2])), inside, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: [u8; 24] =
        [0x45, 0, 0, 24, 0, 0, 0, 0, 64, 99, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 0, 0, 0];

    fn read(header: [u8; 8], payload: &[u8]) -> Option<(Option<Vni>, Inside)> {
        let bytes = [&header[..], payload].concat();
        split(&bytes, bytes.len()).map(|(instance, inside, _)| (instance, inside))
    }

    #[test]
    fn the_instance_is_there_with_its_flag() {
        assert_eq!(read([0x88, 1, 2, 3, 0, 1, 0, 9], &PACKET), Some((Vni::new(256), Inside::Ip)));
        assert_eq!(read([0xc0, 1, 2, 3, 0, 1, 0, 9], &PACKET), Some((None, Inside::Ip)));
        let frame = [&[2; 12][..], &[8, 0], &PACKET].concat();
        assert_eq!(read([0x0c, 0, 0, 3, 0, 0, 5, 0], &frame), Some((Vni::new(5), Inside::Ethernet)));
        assert_eq!(read([0x0c, 0, 0, 1, 0, 0, 5, 0], &PACKET), Some((Vni::new(5), Inside::Ip)));
    }

    #[test]
    fn flags_that_exclude_one_another_and_other_payloads_are_no_lisp() {
        for flags in [0x01, 0x02, 0x90, 0x20] {
            assert_eq!(read([flags, 0, 0, 0, 0, 0, 0, 0], &PACKET), None, "{flags:x}");
        }
        assert_eq!(read([0x80, 0, 0, 0, 0, 0, 0, 0], b"text that is no packet"), None);
        assert_eq!(read([0x0c, 0, 0, 4, 0, 0, 5, 0], &PACKET), None, "NSH");
        assert_eq!(read([0x80, 0, 0, 0, 0, 0, 0, 0], &PACKET[..19]), None);
    }
}
