//! The numbers of the protocols that IP carries, from IANA's registry of protocol numbers.
//!
//! IPv6's extension headers are among them: its next-header field and IPv4's protocol field share one registry.

/// IPv6's hop-by-hop options (RFC 8200).
pub const HOP_BY_HOP: u8 = 0;
/// ICMP (RFC 792).
pub const ICMP: u8 = 1;
/// IGMP (RFC 3376).
pub const IGMP: u8 = 2;
/// IPv4 in IP (RFC 2003).
pub const IPV4: u8 = 4;
/// TCP (RFC 9293).
pub const TCP: u8 = 6;
/// UDP (RFC 768).
pub const UDP: u8 = 17;
/// IPv6 in IP (RFC 2473).
pub const IPV6: u8 = 41;
/// IPv6's routing header (RFC 8200).
pub const ROUTING: u8 = 43;
/// IPv6's fragment header (RFC 8200).
pub const FRAGMENT: u8 = 44;
/// GRE (RFC 2784).
pub const GRE: u8 = 47;
/// ESP (RFC 4303).
pub const ESP: u8 = 50;
/// AH (RFC 4302).
pub const AH: u8 = 51;
/// ICMPv6 (RFC 4443).
pub const ICMPV6: u8 = 58;
/// Nothing follows this IPv6 header (RFC 8200).
pub const NO_NEXT_HEADER: u8 = 59;
/// IPv6's destination options (RFC 8200).
pub const DESTINATION_OPTIONS: u8 = 60;
/// Ethernet in IP (RFC 3378).
pub const ETHERIP: u8 = 97;
/// PIM, multicast routing (RFC 7761).
pub const PIM: u8 = 103;
/// Compressed payload (RFC 3173).
pub const IPCOMP: u8 = 108;
/// L2TP version 3 (RFC 3931).
pub const L2TP: u8 = 115;
/// SCTP (RFC 9260).
pub const SCTP: u8 = 132;
/// MPLS in IP (RFC 4023).
pub const MPLS: u8 = 137;
/// Wrapped ESP (RFC 5840).
pub const WESP: u8 = 141;
/// Aggregated and fragmented packets in ESP, as of IP-TFS (RFC 9347).
pub const AGGFRAG: u8 = 144;
/// Ethernet in IP without a header of its own (RFC 8986 section 4.9).
pub const ETHERNET: u8 = 143;
/// Network service header (RFC 9491).
pub const NSH: u8 = 145;
