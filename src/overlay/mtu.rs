//! The MTU of a network's device: its packets have to leave this host unfragmented.

use std::net::IpAddr;
use std::str::FromStr;

use super::cipher::Cipher;
use crate::packet::digits;

/// The MTU of a device that carries IP: from 68 bytes (RFC 791) to 65535, the length of the longest packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mtu(u32);

impl Mtu {
    /// The least MTU that IPv4 demands of a link, in bytes.
    pub const LEAST: u32 = 68;

    /// Returns `None` below 68 and above 65535 bytes.
    pub fn new(bytes: u32) -> Option<Self> {
        (Self::LEAST..=65_535).contains(&bytes).then_some(Self(bytes))
    }

    /// Returns the MTU in bytes.
    pub fn value(self) -> u32 {
        self.0
    }
}

/// The error for a text that is no MTU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an MTU is a number of bytes from 68 to 65535")]
pub struct NotAnMtu;

impl FromStr for Mtu {
    type Err = NotAnMtu;

    fn from_str(text: &str) -> Result<Self, NotAnMtu> {
        digits(text).and_then(Self::new).ok_or(NotAnMtu)
    }
}

/// The bytes of UDP (8), VXLAN (8) and inner Ethernet (14).
const VXLAN: u32 = 30;
/// The bytes ahead of the ciphertext: SPI and sequence number (8), initialization vector (8).
const ESP: u32 = 16;
/// The bytes of pad length and next header. With them and the padding ahead of them, the ciphertext has a multiple
/// of four bytes.
const TRAILER: u32 = 2;

/// Returns the largest inner MTU that an underlay MTU carries in one packet, or 0 if nothing fits.
///
/// With ESP in transport mode this is the largest M with IP + 16 + align4(M + 32) + ICV <= underlay MTU.
pub fn inner_mtu(underlay_mtu: u32, underlay: IpAddr, cipher: Option<Cipher>) -> u32 {
    let ip = if underlay.is_ipv4() { 20 } else { 40 };
    if cipher.is_none() {
        return underlay_mtu.saturating_sub(ip + VXLAN);
    }
    let ciphertext = underlay_mtu.saturating_sub(ip + ESP + Cipher::ICV_BYTES) & !3;
    ciphertext.saturating_sub(VXLAN + TRAILER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_table_for_an_underlay_of_1500() {
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        let gcm = Some(Cipher::Aes256Gcm);
        assert_eq!(inner_mtu(1500, v4, None), 1450);
        assert_eq!(inner_mtu(1500, v6, None), 1430);
        assert_eq!(inner_mtu(1500, v4, gcm), 1416);
        assert_eq!(inner_mtu(1500, v6, gcm), 1396);
        assert_eq!(inner_mtu(60, v6, gcm), 0);
    }

    #[test]
    fn an_mtu_holds_an_ip_header_and_no_more_than_a_packet() {
        assert_eq!("1416".parse().map(Mtu::value), Ok(1416));
        for wrong in ["", "67", "65536", "-1", "1.4K"] {
            assert_eq!(wrong.parse::<Mtu>(), Err(NotAnMtu), "{wrong}");
        }
    }
}
