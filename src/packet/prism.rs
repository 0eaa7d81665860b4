//! Two old headers in front of 802.11 frames: Prism's, and AVS.
//!
//! ```text
//! Prism: message (4) | length (4) | device (16) | ten values (12 each) | 802.11 …
//! AVS:   80211001 (4) | length (4) | … | 802.11 …
//! ```
//!
//! Prism's header has 144 bytes in the byte order of the capturing host; AVS is in network byte order. A capture with
//! the link type of Prism may hold AVS. Source: tcpdump.org `LINKTYPE_IEEE802_11_PRISM`, `LINKTYPE_IEEE802_11_AVS`.

use super::Why;

const PRISM_LEN: usize = 144;
/// The magic numbers of both versions of AVS.
const AVS: [[u8; 4]; 2] = [[0x80, 0x21, 0x10, 0x01], [0x80, 0x21, 0x10, 0x02]];

pub(super) fn split_prism(bytes: &[u8]) -> Result<&[u8], Why> {
    match bytes.first_chunk::<4>() {
        Some(magic) if AVS.contains(magic) => split_avs(bytes),
        _ => bytes.get(PRISM_LEN..).ok_or(Why::Truncated),
    }
}

pub(super) fn split_avs(bytes: &[u8]) -> Result<&[u8], Why> {
    let (&[_, _, _, _, l0, l1, l2, l3], _) = bytes.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    match u32::from_be_bytes([l0, l1, l2, l3]) as usize {
        0..8 => Err(Why::Malformed),
        len => bytes.get(len..).ok_or(Why::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avs_is_known_by_its_magic_number() {
        let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 9, 1][..], &[0x88]].concat();
        assert_eq!(split_prism(&avs), Ok(&[0x88][..]));
        assert_eq!(split_avs(&avs), Ok(&[0x88][..]));
        let prism = [&[0x44][..], &[0; 143], &[0x88]].concat();
        assert_eq!(split_prism(&prism), Ok(&[0x88][..]));
        assert_eq!(split_prism(&prism[..143]), Err(Why::Truncated));
        assert_eq!(split_avs(&[0x80, 0x21, 0x10, 1, 0, 0, 0, 7]), Err(Why::Malformed));
    }
}
