//! IPv6, RFC 8200, with its extension headers.
//!
//! Hop-by-hop options, routing, destination options, mobility, HIP and Shim6 are skipped. A fragment header is read.
//! AH and ESP are wrappings of their own here.

use std::net::IpAddr;

use etherparse::err::ipv6::HeaderSliceError;
use etherparse::{IpNumber, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice};

use super::protocol::{FRAGMENT, NO_NEXT_HEADER};
use super::{Fragment, Ip, Why};

pub(super) struct Header<'a> {
    pub(super) ip: Ip,
    /// The fixed header's 40 bytes.
    pub(super) bytes: &'a [u8],
    /// Length of what follows the fixed header, extension headers included.
    pub(super) payload_len: usize,
}

pub(super) fn split(bytes: &[u8]) -> Result<(Header<'_>, &[u8]), Why> {
    let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|error| match error {
        HeaderSliceError::Len(_) => Why::Truncated,
        HeaderSliceError::Content(_) => Why::Malformed,
    })?;
    let rest = bytes.get(40..).unwrap_or(&[]);
    let protocol = header.next_header().0;
    let payload_len = match usize::from(header.payload_length()) {
        // A jumbogram (RFC 2675) or an offload super-frame: its length does not fit the field.
        0 if rest.len() > usize::from(u16::MAX) && protocol != NO_NEXT_HEADER => rest.len(),
        len => len,
    };
    let ip = Ip {
        source: IpAddr::from(header.source()),
        destination: IpAddr::from(header.destination()),
        protocol,
        fragment: None,
    };
    Ok((Header { ip, bytes: header.slice(), payload_len }, rest))
}

/// Skips extension headers. Sets the protocol after them and the fragment, and returns the rest.
///
/// `declared` is the length of `bytes` by the IPv6 header, and is reduced by what was skipped. This stops after the
/// first fragment header, because what follows in a later fragment is data (RFC 8200 section 4.5).
pub(super) fn skip_extensions<'a>(
    ip: &mut Ip,
    bytes: &'a [u8],
    declared: &mut usize,
) -> Result<&'a [u8], Why> {
    let mut rest = bytes;
    loop {
        let len = if ip.protocol == FRAGMENT {
            let header = Ipv6FragmentHeaderSlice::from_slice(rest).map_err(|_| Why::Truncated)?;
            let offset = header.fragment_offset().value() * 8;
            let len = declared.checked_sub(8).ok_or(Why::Malformed)?;
            ip.protocol = header.next_header().0;
            // RFC 6946: without an offset and without more fragments this is an atomic fragment, which is a whole
            // datagram.
            if offset > 0 || header.more_fragments() {
                ip.fragment = Some(Fragment {
                    id: header.identification(),
                    offset,
                    more: header.more_fragments(),
                    len: len.min(usize::from(u16::MAX)) as u16,
                });
            }
            8
        } else if Ipv6RawExtHeaderSlice::header_type_supported(IpNumber(ip.protocol)) {
            let header = Ipv6RawExtHeaderSlice::from_slice(rest).map_err(|_| Why::Truncated)?;
            ip.protocol = header.next_header().0;
            header.slice().len()
        } else {
            return Ok(rest);
        };
        *declared = declared.checked_sub(len).ok_or(Why::Malformed)?;
        rest = rest.get(len..).unwrap_or(&[]);
        if ip.fragment.is_some() {
            return Ok(rest);
        }
    }
}
