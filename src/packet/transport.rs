//! The transport headers: TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), and the message headers of ICMP (RFC 792),
//! ICMPv6 (RFC 4443) and IGMP (RFC 3376).

use etherparse::UdpHeaderSlice;

use super::protocol::{ICMP, ICMPV6, IGMP, SCTP, TCP, UDP};
use super::{Ports, TcpFlags, Transport, TypeCode, Why};

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

/// Returns what the beginning of a header tells that the capture cut off: ports from four bytes on, type and code from two
/// (IGMP's type from one). TCP's flags are empty if they were not captured.
pub(super) fn cut(protocol: u8, bytes: &[u8]) -> Transport {
    let ports = bytes.first_chunk().copied().map(ports);
    let code = bytes.first_chunk().map(|&[kind, code]| TypeCode { kind, code });
    let flags = TcpFlags(bytes.get(13).copied().unwrap_or(0));
    let kind = || bytes.first().map(|&kind| TypeCode { kind, code: 0 });
    let found = match protocol {
        TCP => ports.map(|ports| Transport::Tcp { ports, flags }),
        UDP => ports.map(Transport::Udp),
        SCTP => ports.map(Transport::Sctp),
        ICMP => code.map(Transport::Icmp),
        ICMPV6 => code.map(Transport::Icmpv6),
        IGMP => code.or_else(kind).map(Transport::Igmp),
        _ => None,
    };
    found.unwrap_or_default()
}

fn ports([s0, s1, d0, d1]: [u8; 4]) -> Ports {
    Ports { source: u16::from_be_bytes([s0, s1]), destination: u16::from_be_bytes([d0, d1]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_header_tells_what_it_has() {
        let tcp = [0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 2, 0, 0, 0];
        let known = Ports { source: 40_000, destination: 80 };
        for len in 0..tcp.len() {
            let flags = TcpFlags(if len < 14 { 0 } else { 0x18 });
            let right = if len < 4 { Transport::None } else { Transport::Tcp { ports: known, flags } };
            assert_eq!(cut(TCP, &tcp[..len]), right, "{len}");
        }
        assert_eq!(cut(UDP, &tcp[..7]), Transport::Udp(known));
        assert_eq!(cut(SCTP, &tcp[..11]), Transport::Sctp(known));
        let echo = TypeCode { kind: 8, code: 0 };
        assert_eq!((cut(ICMP, &[8, 0, 1]), cut(ICMP, &[8])), (Transport::Icmp(echo), Transport::None));
        assert_eq!(cut(IGMP, &[8]), Transport::Igmp(echo));
        assert_eq!(cut(99, &tcp), Transport::None);
    }
}
