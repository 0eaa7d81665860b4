//! `struct xfrm_usersa_info`, the state of an SA, and the attributes behind it.
//!
//! ```text
//!   0 selector (56)
//!  56 destination (16)
//!  72 SPI (4)
//!  76 protocol (1), padding
//!  80 source (16)
//!  96 lifetime limits (64): bytes (16), packets (16), seconds since it was added (soft at 128, hard at 136), since its first use (16)
//! 160 lifetime so far (32): bytes (8), packets (8, at 168), time of adding (8, at 176), of first use (8)
//! 192 statistics (12)
//! 204 sequence number (4)
//! 208 reqid (4)
//! 212 family (2)
//! 214 mode (1)
//! 215 replay window (1)
//! 216 flags (1), padding to 224
//!     attributes
//! ```

use std::net::IpAddr;

use super::algorithm::Algorithm;
use super::{
    XFRMA_ALG_AEAD, XFRMA_ALG_AUTH, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_CRYPT, XFRMA_ENCAP, XFRMA_LASTUSED,
    XFRMA_OFFLOAD_DEV, XFRMA_REPLAY_ESN_VAL, XFRMA_TFCPAD, address_in, attribute, bytes_at,
};
use crate::netlink::{u32_at, u64_at};
use crate::packet::Spi;

pub(crate) const DESTINATION: usize = 56;
pub(crate) const SPI: usize = 72;
pub(crate) const PROTO: usize = 76;
pub(crate) const SOURCE: usize = 80;
pub(crate) const SOFT_AGE: usize = 128;
pub(crate) const HARD_AGE: usize = 136;
pub(crate) const BYTES: usize = 160;
pub(crate) const PACKETS: usize = 168;
pub(crate) const ADDED: usize = 176;
pub(crate) const REQID: usize = 208;
pub(crate) const FAMILY: usize = 212;
pub(crate) const MODE: usize = 214;
pub(crate) const REPLAY: usize = 215;
pub(crate) const FLAGS: usize = 216;
pub(crate) const LEN: usize = 224;

pub(crate) const TRANSPORT: u8 = 0;
pub(crate) const TUNNEL: u8 = 1;
/// IP-TFS (RFC 9347): a tunnel that aggregates packets and cuts them up. Linux has it since 6.14.
pub(crate) const IPTFS: u8 = 5;
/// The kind of encapsulation of ESP in TCP (`TCP_ENCAP_ESPINTCP` in linux `include/uapi/linux/udp.h`).
const ESP_IN_TCP: u16 = 7;
/// The flag of an SA with extended sequence numbers.
pub(crate) const ESN: u8 = 128;

/// `struct xfrm_replay_state_esn`: `bmp_len`, `oseq`, `seq`, `oseq_hi`, `seq_hi`, `replay_window`, the bitmap.
pub(crate) mod replay {
    pub(crate) const SENT_HIGH: usize = 12;
    pub(crate) const RECEIVED_HIGH: usize = 16;
    pub(crate) const WINDOW: usize = 20;
    pub(crate) const LEN: usize = 24;
}

/// A view of an SA in a message of the kernel.
#[derive(Clone, Copy)]
pub(crate) struct UserSa<'a> {
    fixed: &'a [u8; LEN],
    attributes: &'a [u8],
}

impl<'a> UserSa<'a> {
    /// Makes a view of the body of a message. Returns `None` if the body is shorter than the struct.
    pub(crate) fn new_checked(body: &'a [u8]) -> Option<Self> {
        let (fixed, attributes) = body.split_first_chunk()?;
        Some(Self { fixed, attributes })
    }

    /// Returns the source, `None` if the family is not IP's. An SA for every source has the unspecified address.
    pub(crate) fn source(&self) -> Option<IpAddr> {
        address_in(self.fixed, SOURCE, self.family())
    }

    /// Returns the destination, `None` if the family is not IP's.
    pub(crate) fn destination(&self) -> Option<IpAddr> {
        address_in(self.fixed, DESTINATION, self.family())
    }

    /// Returns the SPI. It is 0 for a larval SA for which a key daemon has not chosen one yet.
    pub(crate) fn spi(&self) -> Spi {
        Spi(u32::from_be_bytes(bytes_at(self.fixed, SPI)))
    }

    /// Returns the IP protocol: ESP, AH, or another one.
    pub(crate) fn proto(&self) -> u8 {
        self.byte(PROTO)
    }

    /// Returns the number of packets that the SA has processed.
    pub(crate) fn packets(&self) -> u64 {
        u64::from_ne_bytes(bytes_at(self.fixed, PACKETS))
    }

    /// Returns the number of bytes that the SA has processed.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from_ne_bytes(bytes_at(self.fixed, BYTES))
    }

    /// Returns the time when the SA was added, in seconds since 1970.
    pub(crate) fn added(&self) -> u64 {
        u64::from_ne_bytes(bytes_at(self.fixed, ADDED))
    }

    /// Returns the age in seconds at which the kernel removes the SA, 0 for never.
    pub(crate) fn hard_age(&self) -> u64 {
        u64::from_ne_bytes(bytes_at(self.fixed, HARD_AGE))
    }

    /// Returns the age in seconds at which the kernel asks a key daemon for a new SA, 0 for never.
    pub(crate) fn soft_age(&self) -> u64 {
        u64::from_ne_bytes(bytes_at(self.fixed, SOFT_AGE))
    }

    /// Returns the number that ties the SA to policies.
    pub(crate) fn reqid(&self) -> u32 {
        u32::from_ne_bytes(bytes_at(self.fixed, REQID))
    }

    /// Returns the family, an `AF_*` number.
    pub(crate) fn family(&self) -> u16 {
        u16::from_ne_bytes(bytes_at(self.fixed, FAMILY))
    }

    /// Returns the mode: [`TRANSPORT`], [`TUNNEL`], [`IPTFS`], or another one.
    pub(crate) fn mode(&self) -> u8 {
        self.byte(MODE)
    }

    /// Returns true if the SA has extended sequence numbers.
    pub(crate) fn is_extended(&self) -> bool {
        self.byte(FLAGS) & ESN != 0
    }

    /// Returns the replay window in packets, 0 for no replay protection. The field of the struct has only one byte,
    /// so the attribute goes first.
    pub(crate) fn replay_window(&self) -> u32 {
        let wide = self.attribute(XFRMA_REPLAY_ESN_VAL).and_then(|state| u32_at(state, replay::WINDOW));
        wide.unwrap_or_else(|| u32::from(self.byte(REPLAY)))
    }

    /// Returns the greater of two high halves of extended sequence numbers: that of the last one sent, and that of the
    /// last one received.
    pub(crate) fn high_sequence(&self) -> u32 {
        let state = self.attribute(XFRMA_REPLAY_ESN_VAL).unwrap_or_default();
        let high = [replay::SENT_HIGH, replay::RECEIVED_HIGH].map(|at| u32_at(state, at).unwrap_or(0));
        high.into_iter().max().unwrap_or(0)
    }

    /// Returns the cipher that authenticates as well.
    pub(crate) fn aead(&self) -> Option<Algorithm<'a>> {
        Algorithm::with_length(self.attribute(XFRMA_ALG_AEAD)?)
    }

    /// Returns the cipher that does not authenticate.
    pub(crate) fn cipher(&self) -> Option<Algorithm<'a>> {
        Algorithm::plain(self.attribute(XFRMA_ALG_CRYPT)?)
    }

    /// Returns the keyed hash. The kernel sends it in two attributes; only the newer one has the length of the ICV.
    pub(crate) fn authentication(&self) -> Option<Algorithm<'a>> {
        match self.attribute(XFRMA_ALG_AUTH_TRUNC) {
            Some(value) => Algorithm::with_length(value),
            None => Algorithm::plain(self.attribute(XFRMA_ALG_AUTH)?),
        }
    }

    /// Returns true if its packets are carried in UDP (RFC 3948).
    pub(crate) fn is_in_udp(&self) -> bool {
        self.attribute(XFRMA_ENCAP).is_some() && !self.is_in_tcp()
    }

    /// Returns true if its packets are carried in TCP (RFC 9329).
    pub(crate) fn is_in_tcp(&self) -> bool {
        // `struct xfrm_encap_tmpl` begins with the kind.
        let kind = self.attribute(XFRMA_ENCAP).and_then(<[u8]>::first_chunk);
        kind.is_some_and(|&kind| u16::from_ne_bytes(kind) == ESP_IN_TCP)
    }

    /// Returns the length in bytes up to which payloads are padded (RFC 4303 section 2.7); 0 for no padding.
    pub(crate) fn padded_to(&self) -> u32 {
        self.attribute(XFRMA_TFCPAD).and_then(|value| u32_at(value, 0)).unwrap_or(0)
    }

    /// Returns true if the network card encrypts.
    pub(crate) fn is_offloaded(&self) -> bool {
        self.attribute(XFRMA_OFFLOAD_DEV).is_some()
    }

    /// Returns the time of the last packet in seconds since 1970, 0 for never.
    pub(crate) fn last_used(&self) -> u64 {
        self.attribute(XFRMA_LASTUSED).and_then(|value| u64_at(value, 0)).unwrap_or(0)
    }

    fn byte(&self, at: usize) -> u8 {
        let [byte] = bytes_at(self.fixed, at);
        byte
    }

    fn attribute(&self, kind: u16) -> Option<&'a [u8]> {
        attribute(self.attributes, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::push_attribute;
    use crate::netlink::xfrm::{AF_INET, AF_INET6};
    use crate::packet::protocol::ESP;

    /// Builds a message with every field and every attribute that is read, each with a different value.
    fn message(family: u16) -> Vec<u8> {
        let mut body = vec![0; LEN];
        body[DESTINATION..][..4].copy_from_slice(&[192, 0, 2, 2]);
        body[SPI..][..4].copy_from_slice(&[0xef, 0x7b, 0xaa, 0x5f]);
        body[PROTO] = ESP;
        body[SOURCE..][..4].copy_from_slice(&[192, 0, 2, 1]);
        body[PACKETS..][..8].copy_from_slice(&77u64.to_ne_bytes());
        for (at, value) in [(SOFT_AGE, 3000u64), (HARD_AGE, 3600), (BYTES, 7700), (ADDED, 1200)] {
            body[at..][..8].copy_from_slice(&value.to_ne_bytes());
        }
        body[REQID..][..4].copy_from_slice(&9u32.to_ne_bytes());
        body[FAMILY..][..2].copy_from_slice(&family.to_ne_bytes());
        (body[MODE], body[REPLAY], body[FLAGS]) = (TUNNEL, 32, ESN);
        let state: Vec<u8> =
            [4u32, 0, 0, 3, 5, 128, 0, 0, 0, 0].iter().flat_map(|n| n.to_ne_bytes()).collect();
        push_attribute(&mut body, XFRMA_REPLAY_ESN_VAL, &state);
        push_attribute(&mut body, XFRMA_ENCAP, &[0; 24]);
        push_attribute(&mut body, XFRMA_OFFLOAD_DEV, &[0; 8]);
        push_attribute(&mut body, XFRMA_LASTUSED, &1234u64.to_ne_bytes());
        body
    }

    #[test]
    fn every_field_is_read_where_it_is() {
        let body = message(AF_INET);
        let sa = UserSa::new_checked(&body).unwrap();
        assert_eq!(sa.source(), Some(IpAddr::from([192, 0, 2, 1])));
        assert_eq!(sa.destination(), Some(IpAddr::from([192, 0, 2, 2])));
        assert_eq!((sa.spi(), sa.proto(), sa.reqid()), (Spi(0xef7b_aa5f), ESP, 9));
        assert_eq!((sa.mode(), sa.is_extended(), sa.family()), (TUNNEL, true, AF_INET));
        assert_eq!((sa.packets(), sa.last_used()), (77, 1234));
        assert_eq!((sa.bytes(), sa.added(), sa.soft_age(), sa.hard_age()), (7700, 1200, 3000, 3600));
        assert_eq!((sa.replay_window(), sa.high_sequence()), (128, 5));
        assert!(sa.is_in_udp() && sa.is_offloaded());
        assert!(sa.aead().is_none() && sa.cipher().is_none() && sa.authentication().is_none());
    }

    #[test]
    fn without_attributes_the_struct_stands_for_itself() {
        let mut body = message(AF_INET6);
        body.truncate(LEN);
        let sa = UserSa::new_checked(&body).unwrap();
        assert_eq!((sa.replay_window(), sa.high_sequence(), sa.last_used()), (32, 0, 0));
        assert!(!sa.is_in_udp() && !sa.is_offloaded());
        assert_eq!(sa.source(), Some("c000:201::".parse().unwrap()));
    }

    #[test]
    fn what_hides_the_lengths_of_packets_is_read() {
        let mut body = vec![0; LEN];
        body[MODE] = IPTFS;
        push_attribute(&mut body, XFRMA_TFCPAD, &1400u32.to_ne_bytes());
        let encap = [&ESP_IN_TCP.to_ne_bytes()[..], &[0; 22]].concat();
        push_attribute(&mut body, XFRMA_ENCAP, &encap);
        let sa = UserSa::new_checked(&body).unwrap();
        assert_eq!((sa.mode(), sa.padded_to()), (IPTFS, 1400));
        assert!(sa.is_in_tcp() && !sa.is_in_udp());
        let plain = UserSa::new_checked(&body[..LEN]).unwrap();
        assert!(plain.padded_to() == 0 && !plain.is_in_tcp());
    }

    #[test]
    fn an_address_of_another_family_is_none() {
        let body = message(0);
        assert_eq!(UserSa::new_checked(&body).unwrap().source(), None);
    }

    #[test]
    fn a_message_cut_off_anywhere_is_none_or_lacks_attributes() {
        let body = message(AF_INET);
        for len in 0..=body.len() {
            let sa = UserSa::new_checked(&body[..len]);
            assert_eq!(sa.is_some(), len >= LEN);
            let Some(sa) = sa else { continue };
            assert_eq!((sa.spi(), sa.is_in_udp()), (Spi(0xef7b_aa5f), len >= LEN + 44 + 28));
            let _ = (sa.replay_window(), sa.high_sequence(), sa.last_used(), sa.is_offloaded());
        }
    }
}
