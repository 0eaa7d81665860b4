//! PSP, the PSP Security Protocol: UDP to port 1000 (PSP Architecture Specification; linux `include/net/psp/types.h`).
//!
//! ```text
//! next header (1) | length (1) | 0(2) crypt offset(6) | S D version(4) V 1 | SPI (4) | IV (8) | [cookie (8), when V=1] |
//! payload | ICV (16)
//! ```
//!
//! The length counts units of 8 bytes after the first one. The crypt offset counts units of 4 bytes after the IV. What
//! lies before it is in clear, the cookie first, and so usually are the ports of the payload. Versions 0 and 1 encrypt
//! (AES-GCM with keys of 128 and 256 bits), versions 2 and 3 only authenticate (AES-GMAC). The next header is IP in tunnel
//! mode.
//!
//! The port is no proof, because IANA has given it to another service (`cadlock2`). So the form has to fit in every
//! field that is fixed, which one in 2^18 random datagrams does. A datagram that is taken for PSP by mistake is not
//! searched where it seems encrypted. It never proves that anything is encrypted.

use super::Spi;
use super::protocol::{GRE, ICMP, ICMPV6, IPV4, IPV6, SCTP, TCP, UDP};

/// The length of the header without a cookie.
const HEADER: usize = 16;
const COOKIE: usize = 8;
/// The length of the integrity check value.
const ICV: usize = 16;

/// The header of a PSP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) spi: Spi,
    /// The protocol of the payload.
    pub(super) protocol: u8,
    /// The length of the header in bytes.
    pub(super) len: usize,
    /// The length of the payload in bytes, without the ICV.
    pub(super) payload_len: usize,
    /// The number of bytes of the payload that are in clear, at its beginning.
    pub(super) clear: usize,
}

impl Header {
    /// Returns true if a part of the payload is encrypted. An empty payload shows nothing either.
    pub(super) fn hides(self) -> bool {
        self.clear < self.payload_len || self.payload_len == 0
    }
}

/// Reads the header, if a UDP payload of this length by its header has the form of PSP.
pub(super) fn header(payload: &[u8], declared: usize) -> Option<Header> {
    let (&[next_header, units, offset, flags, s0, s1, s2, s3], _) = payload.split_first_chunk::<8>()?;
    let (version, cookie, one) = (flags >> 2 & 0x0f, flags & 2 != 0, flags & 1 != 0);
    let known = matches!(next_header, ICMP | IPV4 | TCP | UDP | IPV6 | GRE | ICMPV6 | SCTP);
    if !known || units != 1 + u8::from(cookie) || offset & 0xc0 != 0 || version > 3 || !one {
        return None;
    }
    let len = if cookie { HEADER + COOKIE } else { HEADER };
    let payload_len = declared.checked_sub(len + ICV).filter(|_| payload.len() >= len)?;
    let clear_end = HEADER + usize::from(offset) * 4;
    // The ciphertext begins at the latest where the payload ends.
    if clear_end > len + payload_len {
        return None;
    }
    let clear = if version < 2 { clear_end.saturating_sub(len) } else { payload_len };
    let spi = Spi(u32::from_be_bytes([s0, s1, s2, s3]));
    Some(Header { spi, protocol: next_header, len, payload_len, clear })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a PSP packet with `payload` bytes of payload.
    fn packet(offset: u8, flags: u8, payload: usize) -> Vec<u8> {
        let cookie = if flags & 2 == 0 { 0 } else { COOKIE };
        let head = [UDP, if flags & 2 == 0 { 1 } else { 2 }, offset, flags, 0x9a, 0x34, 0x56, 0x78];
        [&head[..], &[0; 8], &vec![0; cookie + payload + ICV]].concat()
    }

    fn read(bytes: &[u8]) -> Option<(usize, usize, usize)> {
        header(bytes, bytes.len()).map(|header| (header.len, header.payload_len, header.clear))
    }

    #[test]
    fn the_crypt_offset_counts_words_behind_the_iv() {
        assert_eq!(read(&packet(0, 1, 100)), Some((16, 100, 0)));
        assert_eq!(read(&packet(6, 5, 100)), Some((16, 100, 24)));
        // The cookie is the first that the offset leaves in clear.
        assert_eq!(read(&packet(6, 3, 100)), Some((24, 100, 16)));
        assert_eq!(read(&packet(1, 3, 100)), Some((24, 100, 0)));
        assert_eq!(header(&packet(1, 1, 9), 41).map(|header| header.spi), Some(Spi(0x9a34_5678)));
    }

    #[test]
    fn versions_2_and_3_hide_nothing() {
        for (flags, hides) in [(0x01, true), (0x05, true), (0x09, false), (0x0d, false)] {
            let bytes = packet(0, flags, 60);
            assert_eq!(header(&bytes, bytes.len()).map(Header::hides), Some(hides), "{flags}");
        }
    }

    #[test]
    fn another_service_on_the_port_does_not_have_the_form() {
        let good = packet(0, 1, 100);
        for (at, byte) in [(0, 0), (0, 99), (1, 0), (1, 2), (2, 0x40), (2, 0x80), (3, 0), (3, 0x11), (3, 3)] {
            let mut other = good.clone();
            other[at] = byte;
            assert_eq!(read(&other), None, "byte {at} is {byte}");
        }
        // Samples and drops are marked by the two upper bits.
        let mut marked = good;
        marked[3] |= 0xc0;
        assert!(read(&marked).is_some());
    }

    #[test]
    fn lengths_have_to_agree() {
        assert_eq!(read(&packet(5, 1, 20)), Some((16, 20, 20)));
        assert_eq!(read(&packet(6, 1, 20)), None);
        let bytes = packet(0, 3, 0);
        assert_eq!(read(&bytes), Some((24, 0, 0)));
        // The ICV is not there, and a header that was not captured whole cannot be read.
        assert_eq!(read(&bytes[..39]), None);
        assert_eq!(header(&bytes[..23], 40), None);
        for len in 0..bytes.len() {
            let _ = header(&bytes[..len], bytes.len());
        }
    }
}
