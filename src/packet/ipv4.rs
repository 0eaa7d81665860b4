//! IPv4, RFC 791.

use std::net::IpAddr;

use etherparse::Ipv4HeaderSlice;
use etherparse::err::ipv4::HeaderSliceError;

use super::{Fragment, Ip, Why};

/// An IPv4 header and the length of what it carries.
pub(super) struct Header<'a> {
    pub(super) ip: Ip,
    /// The header's bytes, options included.
    pub(super) bytes: &'a [u8],
    /// Length of the payload by the total length field.
    pub(super) payload_len: usize,
}

pub(super) fn split(bytes: &[u8]) -> Result<(Header<'_>, &[u8]), Why> {
    let header = Ipv4HeaderSlice::from_slice(bytes).map_err(|error| match error {
        HeaderSliceError::Len(_) => Why::Truncated,
        HeaderSliceError::Content(_) => Why::Malformed,
    })?;
    let header_len = header.slice().len();
    let rest = bytes.get(header_len..).unwrap_or(&[]);
    let payload_len = match usize::from(header.total_len()) {
        // A super-frame above 64 KiB of segmentation offload. It is captured before its length could be filled in.
        0 => rest.len(),
        total => total.checked_sub(header_len).ok_or(Why::Malformed)?,
    };
    let offset = header.fragments_offset().value() * 8;
    let fragment = (offset > 0 || header.more_fragments()).then(|| Fragment {
        id: u32::from(header.identification()),
        offset,
        more: header.more_fragments(),
        len: payload_len.min(usize::from(u16::MAX)) as u16,
    });
    let ip = Ip {
        source: IpAddr::from(header.source()),
        destination: IpAddr::from(header.destination()),
        protocol: header.protocol().0,
        fragment,
    };
    Ok((Header { ip, bytes: header.slice(), payload_len }, rest))
}

/// Returns true if these bytes begin with a header without options whose checksum is right: the sum of all its words,
/// carried around, is then 0xffff.
pub fn has_sound_checksum(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<20>() else { return false };
    let word = |pair: &[u8]| pair.first_chunk().map_or(0, |word| u32::from(u16::from_be_bytes(*word)));
    let sum: u32 = header.chunks_exact(2).map(word).sum();
    (sum & 0xffff) + (sum >> 16) == 0xffff
}
