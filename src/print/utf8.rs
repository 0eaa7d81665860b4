//! Bytes that may be UTF-8, character by character.

/// The bytes that begin a character of several bytes. Each other byte stands alone: it is ASCII, or never the first byte of
/// a character.
#[inline]
pub(super) fn is_lead(byte: u8) -> bool {
    byte.wrapping_sub(0xc2) <= 0xf4 - 0xc2
}

/// Reads the character at the beginning of `bytes`, which must not be empty, with the number of its bytes. Without a
/// character there, the number is that of the longest piece that could begin one, or 1: such pieces are those of
/// `utf8_chunks` of the standard library, which a test holds this to.
#[inline]
pub(super) fn first(bytes: &[u8]) -> (usize, Option<char>) {
    // No character continues with a zero.
    let byte = |n: usize| bytes.get(n).copied().unwrap_or(0);
    let continues = |n: usize| byte(n) & 0xc0 == 0x80;
    let (lead, second) = (byte(0), byte(1));
    if lead.is_ascii() {
        return (1, Some(char::from(lead)));
    }
    // In bytes that are no text, this is the end of most that look like a lead.
    if !is_lead(lead) || !continues(1) {
        return (1, None);
    }
    let pair = u32::from(lead & 0x1f) << 6 | u32::from(second & 0x3f);
    if lead < 0xe0 {
        return (2, char::from_u32(pair));
    }
    // Not every second byte is allowed: the others would be longer forms than needed, surrogates, or above U+10FFFF.
    let allowed = match lead {
        0xe0 => 0xa0..=0xbf,
        0xed => 0x80..=0x9f,
        0xf0 => 0x90..=0xbf,
        0xf4 => 0x80..=0x8f,
        _ => 0x80..=0xbf,
    };
    if !allowed.contains(&second) {
        return (1, None);
    }
    if !continues(2) {
        return (2, None);
    }
    let three = pair << 6 | u32::from(byte(2) & 0x3f);
    if lead < 0xf0 {
        return (3, char::from_u32(three));
    }
    if !continues(3) {
        return (3, None);
    }
    (4, char::from_u32((three << 6 | u32::from(byte(3) & 0x3f)) & 0x1f_ffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts bytes into characters and pieces that are none.
    fn pieces(mut bytes: &[u8]) -> Vec<(usize, Option<char>)> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let piece = first(bytes);
            assert!(is_lead(bytes[0]) || piece.0 == 1);
            all.push(piece);
            bytes = &bytes[piece.0..];
        }
        all
    }

    fn expected(bytes: &[u8]) -> Vec<(usize, Option<char>)> {
        let chunk = |chunk: std::str::Utf8Chunk<'_>| {
            let mut all: Vec<_> = chunk.valid().chars().map(|c| (c.len_utf8(), Some(c))).collect();
            all.extend(Some((chunk.invalid().len(), None)).filter(|&(len, _)| len > 0));
            all
        };
        bytes.utf8_chunks().flat_map(chunk).collect()
    }

    #[test]
    fn every_character_is_read_as_it_was_written() {
        let all: String = (0..=u32::from(char::MAX)).filter_map(char::from_u32).collect();
        assert!(pieces(all.as_bytes()).into_iter().eq(all.chars().map(|c| (c.len_utf8(), Some(c)))));
    }

    /// The bytes are those at the ends of each range of the standard's table, in every order.
    #[test]
    fn bytes_that_are_no_character_are_cut_as_the_standard_library_cuts_them() {
        const BYTES: &[u8] = b"\0a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff";
        for [a, b, c, d] in BYTES
            .iter()
            .flat_map(|a| BYTES.iter().map(move |b| [a, b]))
            .flat_map(|[a, b]| BYTES.iter().flat_map(move |c| BYTES.iter().map(move |d| [*a, *b, *c, *d])))
        {
            for len in 1..=4 {
                let bytes = &[a, b, c, d][..len];
                assert_eq!(pieces(bytes), expected(bytes), "{bytes:x?}");
            }
        }
    }
}
