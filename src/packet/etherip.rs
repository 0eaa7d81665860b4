//! EtherIP (RFC 3378): Ethernet in IP, protocol 97.
//!
//! ```text
//! version 3 (4 bits), reserved (12) | destination (6) | source (6) | type (2) | …
//! ```

use super::Why;

/// Returns the frame behind the header.
pub(super) fn split(bytes: &[u8]) -> Result<&[u8], Why> {
    let (&[version, _], rest) = bytes.split_first_chunk::<2>().ok_or(Why::Truncated)?;
    if version >> 4 != 3 {
        return Err(Why::Unsupported);
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_version_3_is_known() {
        assert_eq!(split(&[0x30, 0, 1, 2]), Ok(&[1, 2][..]));
        // OpenBSD once had the two halves of the byte the other way round.
        assert_eq!(split(&[0x03, 0, 1, 2]), Err(Why::Unsupported));
        assert_eq!(split(&[0x30]), Err(Why::Truncated));
    }
}
