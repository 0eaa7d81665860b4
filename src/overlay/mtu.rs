//! How large an inner packet may be so that what leaves is not fragmented.

use super::spec::Cipher;
use std::net::IpAddr;

/// UDP 8, VXLAN 8, inner Ethernet 14.
const VXLAN: u32 = 30;
/// SPI and sequence number 8, initialization vector 8.
const ESP: u32 = 16;
/// Pad length and next header, behind the padding to four bytes.
const TRAILER: u32 = 2;

/// The largest inner MTU that an underlay MTU carries in one packet. 0 where nothing fits.
///
/// With ESP in transport mode: the largest M with IP + 16 + align4(M + 32) + ICV within the underlay's MTU.
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
}
