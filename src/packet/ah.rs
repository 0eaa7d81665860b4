//! AH, RFC 4302: authenticates, never encrypts.

use etherparse::IpAuthHeaderSlice;
use etherparse::err::ip_auth::HeaderSliceError;

use super::{Spi, Tunnel, Why};

/// Splits a packet into the wrapping, the protocol of its payload, and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(Tunnel, u8, &[u8]), Why> {
    let header = IpAuthHeaderSlice::from_slice(bytes).map_err(|error| match error {
        HeaderSliceError::Len(_) => Why::Truncated,
        HeaderSliceError::Content(_) => Why::Malformed,
    })?;
    let tunnel = Tunnel::Ah { spi: Spi(header.spi()), sequence: header.sequence_number() };
    Ok((tunnel, header.next_header().0, bytes.get(header.slice().len()..).unwrap_or(&[])))
}
