//! Radiotap: what a wireless card tells of a frame, in front of it.
//!
//! ```text
//! version 0 (1) | pad (1) | length (2) | present (4, with bit 31 another one follows) … | fields … | 802.11 …
//! ```
//!
//! All numbers are little-endian, and fields are aligned to their size. Bit 0 of the first word of present is the time
//! (8 bytes), bit 1 the flags (1 byte). Source: radiotap.org.

use super::Why;

/// The flags that change how the frame is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    /// The frame ends with its check sequence.
    pub(super) fcs: bool,
    /// There is padding behind the header of a data frame, up to a multiple of four bytes.
    pub(super) padded: bool,
}

pub(super) fn split(bytes: &[u8]) -> Result<(Flags, &[u8]), Why> {
    let (&[version, _, l0, l1, p0, p1, p2, p3], _) = bytes.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    let len = usize::from(u16::from_le_bytes([l0, l1]));
    if version != 0 {
        return Err(Why::Unsupported);
    }
    if len < 8 {
        return Err(Why::Malformed);
    }
    let (header, rest) = bytes.split_at_checked(len).ok_or(Why::Truncated)?;
    let present = u32::from_le_bytes([p0, p1, p2, p3]);
    // One word follows another as long as the last one says so.
    let words = header
        .get(4..)
        .unwrap_or(&[])
        .chunks_exact(4)
        .take_while(|word| matches!(word, [.., 0x80..=0xff]))
        .count();
    let fields = 8 + 4 * words;
    let mut flags = Flags::default();
    if present & 2 != 0 {
        let at = if present & 1 != 0 { fields.next_multiple_of(8) + 8 } else { fields };
        let byte = header.get(at).ok_or(Why::Malformed)?;
        flags = Flags { fcs: byte & 0x10 != 0, padded: byte & 0x20 != 0 };
    }
    Ok((flags, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_stand_behind_the_words_and_the_time() {
        let both = Flags { fcs: true, padded: true };
        for (header, flags) in [
            (&[0, 0, 8, 0, 0, 0, 0, 0][..], Flags::default()),
            (&[0, 0, 9, 0, 2, 0, 0, 0, 0x30], both),
            (&[0, 0, 17, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x30], both),
            (&[0, 0, 13, 0, 2, 0, 0, 0x80, 0, 0, 0, 0, 0x30], both),
            (
                &[0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x10],
                Flags { fcs: true, padded: false },
            ),
        ] {
            let bytes = [header, &[0x88]].concat();
            assert_eq!(split(&bytes), Ok((flags, &[0x88][..])), "{header:02x?}");
        }
    }

    #[test]
    fn a_header_is_cut_or_lies() {
        assert_eq!(split(&[0, 0, 9, 0, 2, 0, 0, 0]), Err(Why::Truncated));
        assert_eq!(split(&[0, 0, 7, 0, 2, 0, 0, 0]), Err(Why::Malformed));
        assert_eq!(split(&[0, 0, 8, 0, 2, 0, 0, 0]), Err(Why::Malformed));
        assert_eq!(split(&[1, 0, 8, 0, 2, 0, 0, 0]), Err(Why::Unsupported));
    }
}
