//! WESP, Wrapped ESP (RFC 5840): IP protocol 141, and in UDP on port 4500 behind the bytes 0 0 0 2.
//!
//! ```text
//! next header (1) | header length (1) | trailer length (1) | version (2 bits): 0 | E | P | 0 (4 bits) | [padding (4), with P] | ESP
//! ```
//!
//! With E, the ESP inside is encrypted, and the other fields are zero. Without E, it is only authenticated, and the fields
//! say where in it the payload is: the header's length counts from the beginning of WESP to the payload, the trailer's is
//! that of the ICV. The ESP trailer must agree with them. Where it was not captured, the beginning of the payload must.

use super::protocol::{IPV4, IPV6, TCP, UDP};
use super::{EspKind, Why, sound, transport};

const ENCRYPTED: u8 = 0x20;
const PADDED: u8 = 0x10;
/// The version, and the bits that are zero.
const FIXED: u8 = 0xcf;
/// The length of the ESP trailer without its padding: padding length and next header.
const TRAILER: usize = 2;

/// The place of the payload in ESP that does not encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) next_header: u8,
    /// The number of bytes in front of the payload, from the SPI on.
    pub(super) offset: usize,
    /// The length of the ICV.
    icv: usize,
}

/// Splits a packet into the place of a payload in clear, if it has one, and ESP.
pub(super) fn split(bytes: &[u8]) -> Result<(Option<Plain>, &[u8]), Why> {
    let (&[next_header, header_len, icv, flags], rest) =
        bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    if flags & FIXED != 0 {
        return Err(Why::Malformed);
    }
    let (wesp, rest) =
        if flags & PADDED == 0 { (4, rest) } else { (8, rest.get(4..).ok_or(Why::Truncated)?) };
    if flags & ENCRYPTED != 0 {
        return Ok((None, rest));
    }
    let offset = usize::from(header_len).checked_sub(wesp).filter(|&offset| offset >= 8 && offset % 4 == 0);
    let offset = offset.ok_or(Why::Malformed)?;
    Ok((Some(Plain { next_header, offset, icv: usize::from(icv) }), rest))
}

impl Plain {
    /// Returns the kind of ESP. An IV of 8 bytes is the form of GMAC (RFC 4543).
    pub(super) fn kind(self) -> EspKind {
        if self.offset == 16 { EspKind::Gmac } else { EspKind::Null }
    }

    /// Returns true if these bytes may begin a payload of the next header's protocol, of this length with its padding.
    fn begins(self, payload: &[u8], len: usize) -> bool {
        match self.next_header {
            IPV4 | IPV6 => sound::may_be_ip(payload, len),
            UDP => transport::udp(payload).is_ok_and(|(_, udp, _)| {
                let udp = udp.map_or(0, |udp| udp + 8);
                len.checked_sub(udp).is_some_and(|padding| padding < 256)
            }),
            TCP => transport::tcp(payload).is_ok_and(|(.., header)| header <= len),
            _ => false,
        }
    }

    /// Returns the length of the payload in ESP of this length. Returns `None` if that does not agree. Where the trailer was
    /// not captured, its padding counts as payload.
    pub(super) fn payload_len(self, packet: &[u8], declared: usize) -> Option<usize> {
        let len = declared.checked_sub(self.icv + TRAILER + self.offset)?;
        let Some(before) = packet.get(..declared).and_then(|whole| whole.get(..declared - self.icv)) else {
            let payload = packet.get(self.offset..)?;
            return self.begins(payload, len).then_some(len);
        };
        let (before, &[padding, next_header]) = before.split_last_chunk::<TRAILER>()?;
        let len = len.checked_sub(usize::from(padding))?;
        // RFC 4303 section 2.4: the padding is a sequence.
        let sequence = before.get(self.offset + len..)?.iter().zip(1u8..).all(|(&byte, n)| byte == n);
        (sequence && next_header == self.next_header).then_some(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ESP with eight bytes of payload, two of padding and an ICV of twelve.
    fn esp() -> Vec<u8> {
        [&[0, 0, 1, 0, 0, 0, 0, 1][..], b"payload.", &[1, 2, 2, UDP], &[0xee; 12]].concat()
    }

    #[test]
    fn the_header_says_where_the_payload_is() {
        let bytes = [&[UDP, 12, 12, 0][..], &esp()].concat();
        let (plain, rest) = split(&bytes).unwrap();
        assert_eq!(plain, Some(Plain { next_header: UDP, offset: 8, icv: 12 }));
        let plain = plain.unwrap();
        assert_eq!(plain.payload_len(rest, rest.len()), Some(8));
        assert_eq!(plain.payload_len(&rest[..20], rest.len()), None, "cut, and no UDP to be seen");
        let udp = [&rest[..8], &[0, 7, 0, 9, 0, 8, 0, 0]].concat();
        assert_eq!(plain.payload_len(&udp, rest.len()), Some(10), "cut behind UDP's header");
        let (other, short) = (Plain { next_header: 6, ..plain }, Plain { icv: 16, ..plain });
        assert_eq!((other.payload_len(rest, rest.len()), short.payload_len(rest, rest.len())), (None, None));
        // With IPv6's padding, the length counts four bytes more.
        let padded = [&[UDP, 16, 12, 0x10, 0, 0, 0, 0][..], &esp()].concat();
        assert_eq!(split(&padded), Ok((Some(plain), rest)));
    }

    #[test]
    fn encrypted_esp_has_no_place() {
        let bytes = [&[0, 0, 0, 0x20][..], &esp()].concat();
        assert_eq!(split(&bytes), Ok((None, &esp()[..])));
    }

    #[test]
    fn fields_that_the_rfc_excludes_are_malformed() {
        for head in [[UDP, 8, 12, 0], [UDP, 13, 12, 0], [UDP, 12, 12, 0x40], [UDP, 12, 12, 1]] {
            assert_eq!(split(&[&head[..], &esp()].concat()), Err(Why::Malformed), "{head:?}");
        }
        assert_eq!(split(&[0, 0, 0]), Err(Why::Truncated));
        assert_eq!(split(&[UDP, 16, 12, 0x10, 0]), Err(Why::Truncated));
    }
}
