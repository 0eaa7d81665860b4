//! The transport headers: TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), and the message headers of ICMP (RFC 792),
//! ICMPv6 (RFC 4443) and IGMP (RFC 3376).

use etherparse::UdpHeaderSlice;

use super::{Ports, TcpFlags, TypeCode, Why};

/// Reads ports, flags and the length of the header. The fixed 20 bytes are needed; the options need not be complete.
pub(super) fn tcp(bytes: &[u8]) -> Result<(Ports, TcpFlags, usize), Why> {
    let (&[s0, s1, d0, d1, _, _, _, _, _, _, _, _, offset, flags, ..], _) =
        bytes.split_first_chunk::<20>().ok_or(Why::Truncated)?;
    let len = usize::from(offset >> 4) * 4;
    if len < 20 {
        return Err(Why::Malformed);
    }
    Ok((ports([s0, s1, d0, d1]), TcpFlags(flags), len))
}

/// Reads a UDP header. Returns the ports, the length of the payload (`None` for a zero length field, as in a
/// jumbogram or an offload super-frame), and the rest.
pub(super) fn udp(bytes: &[u8]) -> Result<(Ports, Option<usize>, &[u8]), Why> {
    let header = UdpHeaderSlice::from_slice(bytes).map_err(|_| Why::Truncated)?;
    let len = match usize::from(header.length()) {
        0 => None,
        len => Some(len.checked_sub(8).ok_or(Why::Malformed)?),
    };
    let ports = Ports { source: header.source_port(), destination: header.destination_port() };
    Ok((ports, len, bytes.get(8..).unwrap_or(&[])))
}

/// Reads the ports. Returns them with the chunks that follow the common header of 12 bytes.
pub(super) fn sctp(bytes: &[u8]) -> Result<(Ports, &[u8]), Why> {
    let (&[s0, s1, d0, d1, ..], rest) = bytes.split_first_chunk::<12>().ok_or(Why::Truncated)?;
    Ok((ports([s0, s1, d0, d1]), rest))
}

/// Reads type and code. The rest after the checksum is the payload, as in ngrep: identifier and sequence number are
/// part of it.
pub(super) fn message(bytes: &[u8]) -> Result<(TypeCode, &[u8]), Why> {
    let (&[kind, code, _, _], rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    Ok((TypeCode { kind, code }, rest))
}

fn ports([s0, s1, d0, d1]: [u8; 4]) -> Ports {
    Ports { source: u16::from_be_bytes([s0, s1]), destination: u16::from_be_bytes([d0, d1]) }
}
