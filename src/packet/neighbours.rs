//! The neighbours of ESP in UDP: QUIC, OpenVPN and others that use port 4500, on one end or the other.
//!
//! ESP has no magic number, and everything on its port but IKE and keep-alives is ESP by RFC 3948. But ESP is a multiple
//! of four bytes (RFC 4303 section 2.4), which three of four datagrams of other protocols are not, and a packet that opens
//! a QUIC connection names its version (RFC 8999 section 5.1):
//!
//! ```text
//! 1 1 … (1) | version (4) | length (1) | destination ID (≤ 20) | length (1) | source ID (≤ 20) | …
//! ```
//!
//! One of either shows that other packets between the same two ends are not ESP. IKE between them takes that back. Where
//! both ports are 4500 nothing is remembered, since these are IPsec's ends, and a forged datagram must not hide what they
//! send.

use std::net::IpAddr;

use super::Ports;
use super::pairs::{Pairs, pair};

const NAT_TRAVERSAL: u16 = 4500;

/// The pairs of ends between which something else than ESP was seen.
pub(super) type Neighbours = Pairs<32>;

impl Neighbours {
    /// Returns true if a datagram of this length between these ends cannot be ESP, or only by chance looks like it.
    pub(super) fn has(
        &mut self,
        ends: (IpAddr, IpAddr),
        ports: Ports,
        datagram: &[u8],
        declared: usize,
    ) -> bool {
        let certain = declared % 4 != 0 || opens_quic(datagram);
        if ports.source == NAT_TRAVERSAL && ports.destination == NAT_TRAVERSAL {
            return certain;
        }
        let pair = pair(ends, ports);
        if certain {
            self.learn(pair);
        }
        certain || self.knows(pair)
    }

    /// Forgets what was seen between these ends, since IKE is there.
    pub(super) fn has_ike(&mut self, ends: (IpAddr, IpAddr), ports: Ports) {
        self.forget(pair(ends, ports));
    }
}

/// Returns true for a packet with a long header of QUIC: version 1 (RFC 9000), version 2 (RFC 9369), or a draft. What the
/// capture cut off counts as right.
fn opens_quic(datagram: &[u8]) -> bool {
    const LONGEST: u8 = 20;
    const VERSIONS: [&[u8]; 3] = [&[0, 0, 0, 1], &[0x6b, 0x33, 0x43, 0xcf], &[0xff, 0, 0]];
    let [0xc0..=0xff, rest @ ..] = datagram else { return false };
    let version = rest.get(..4).unwrap_or(rest);
    let known = VERSIONS.iter().any(|known| known.starts_with(version) || version.starts_with(known));
    let fits = |at: usize| rest.get(at).is_none_or(|&len| len <= LONGEST);
    let destination = rest.get(4).copied().unwrap_or(0);
    known && fits(4) && fits(5 + usize::from(destination))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: (&str, &str) = ("192.0.2.1", "192.0.2.2");

    fn has(neighbours: &mut Neighbours, (source, destination): (u16, u16), datagram: &[u8]) -> bool {
        let ends = (ENDS.0.parse().unwrap(), ENDS.1.parse().unwrap());
        neighbours.has(ends, Ports { source, destination }, datagram, datagram.len())
    }

    fn initial() -> Vec<u8> {
        [&[0xc3, 0, 0, 0, 1, 8][..], &[9; 8], &[0], &[0x5a; 1185]].concat()
    }

    #[test]
    fn what_opens_quic_makes_the_rest_of_the_connection_known() {
        let short = [&[0x4a, 0xbc, 0xde, 0xf0][..], &[0x5a; 60]].concat();
        let mut neighbours = Neighbours::new();
        assert!(!has(&mut neighbours, (4500, 443), &short));
        assert!(has(&mut neighbours, (4500, 443), &initial()));
        assert!(has(&mut neighbours, (4500, 443), &short));
        assert!(!has(&mut neighbours, (4500, 444), &short), "other ends");
        let ends = (ENDS.0.parse().unwrap(), ENDS.1.parse().unwrap());
        neighbours.has_ike(ends, Ports { source: 4500, destination: 443 });
        assert!(!has(&mut neighbours, (4500, 443), &short), "IKE was there");
    }

    #[test]
    fn a_length_that_esp_cannot_have_shows_another_protocol() {
        let mut neighbours = Neighbours::new();
        // OpenVPN: a reset of 14 bytes, then data.
        let reset = [&[0x38][..], &[7; 8], &[0; 5]].concat();
        assert!(has(&mut neighbours, (40_000, 4500), &reset));
        assert!(has(&mut neighbours, (40_000, 4500), &[0x48; 64]));
    }

    #[test]
    fn between_two_ends_of_ipsec_one_datagram_says_nothing_of_others() {
        let mut neighbours = Neighbours::new();
        assert!(has(&mut neighbours, (4500, 4500), &initial()));
        assert!(has(&mut neighbours, (4500, 4500), &[0x48; 63]));
        assert!(!has(&mut neighbours, (4500, 4500), &[0x48; 64]));
    }

    #[test]
    fn an_spi_like_the_first_byte_of_quic_is_esp_all_the_same() {
        for esp in
            [[0xc3, 0, 0, 0, 0, 0, 0, 1], [0xc3, 0, 0, 0, 1, 21, 0, 0], [0xc3, 0x12, 0x34, 0x56, 0, 0, 0, 1]]
        {
            assert!(!opens_quic(&[&esp[..], &[0x5a; 60]].concat()), "{esp:?}");
        }
        for len in 4..40 {
            assert!(opens_quic(&initial()[..len]), "cut to {len}");
        }
    }
}
