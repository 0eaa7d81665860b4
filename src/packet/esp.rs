//! ESP, RFC 4303: the header, and recognising packets that are not encrypted.
//!
//! ```text
//! SPI (4) | sequence (4) | [IV] | payload | padding 1 2 3 … | padding length (1) | next header (1) | ICV
//! ```

mod clear;
mod layout;

pub(super) use clear::{Around, may_be_clear, recognise};
#[cfg(test)]
pub(super) use layout::Layout;
pub(super) use layout::Learned;

use super::{Spi, Why};

#[inline]
pub(super) fn header(esp: &[u8]) -> Result<(Spi, u32), Why> {
    let (&[s0, s1, s2, s3, n0, n1, n2, n3], _) = esp.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    Ok((Spi(u32::from_be_bytes([s0, s1, s2, s3])), u32::from_be_bytes([n0, n1, n2, n3])))
}
