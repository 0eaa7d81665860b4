//! The tag that Docker hashes into its SPIs.
//!
//! Docker derives the SPIs of its encrypted overlays from the outer addresses and from a small number, the tag, which
//! its managers count up with every key. The SPI is the 32-bit FNV-1a hash of source (16 bytes), tag (4 bytes,
//! big-endian) and destination (16 bytes), with IPv4 addresses in their IPv6-mapped form (moby,
//! `libnetwork/drivers/overlay/encryption.go`). So a capture without any key can tell Docker's ESP, and which
//! generation of keys a node sends with. The tag is no proof that anything is encrypted.

use std::net::IpAddr;

use crate::packet::Spi;

/// The tag in an SPI of Docker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DockerTag {
    /// The number of the key, below 2^18. It starts at random below 65,536 and goes up by about 2 every 12 hours.
    pub tag: u32,
    /// The way in which the engine hashed the addresses.
    pub variant: Variant,
}

/// The two ways in which engines hash IPv4 addresses. Engines that differ in it cannot talk to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// As 16 bytes: all engines except those of [`Self::Short`].
    Mapped,
    /// As 4 bytes: Docker 29.0 and 29.1, and some later builds of 25.0 (moby issue 51798).
    Short,
}

impl Variant {
    /// Returns the stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Short => "4-byte",
        }
    }
}

/// Returns the tag in an SPI of ESP from `source` to `destination`. Returns `None` if the SPI is not Docker's, or if a
/// NAT has changed the addresses by which the nodes know each other.
///
/// In each variant, one in 2^14 of all SPIs has a tag by chance. Only the four values of one byte of the tag are tried:
/// FNV-1a can be walked backwards from its end, and two more bytes follow from there. The highest byte is always 0.
pub fn docker_tag(source: IpAddr, destination: IpAddr, spi: Spi) -> Option<DockerTag> {
    let found = |tag, variant| DockerTag { tag, variant };
    if let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) {
        let mapped = search(&source.to_ipv6_mapped().octets(), &destination.to_ipv6_mapped().octets(), spi.0);
        let short = || search(&source.octets(), &destination.octets(), spi.0);
        mapped
            .map(|tag| found(tag, Variant::Mapped))
            .or_else(|| short().map(|tag| found(tag, Variant::Short)))
    } else {
        let octets = |address| match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        search(&octets(source), &octets(destination), spi.0).map(|tag| found(tag, Variant::Mapped))
    }
}

const OFFSET: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;
/// `PRIME * INVERSE == 1` modulo 2^32.
const INVERSE: u32 = 0x359c_449b;

/// The end of the range of a tag's third byte, counted from the lowest. Tags are below 2^18, so this byte is below 4,
/// and the fourth is 0.
const THIRD_BYTE_END: u8 = 4;

fn search(source: &[u8], destination: &[u8], spi: u32) -> Option<u32> {
    let before = source.iter().fold(OFFSET, |hash, &byte| step(hash, byte));
    // This is the state between tag and destination, before its last multiplication.
    let after =
        destination.iter().rev().fold(spi, |hash, &byte| hash.wrapping_mul(INVERSE) ^ u32::from(byte));
    let after = after.wrapping_mul(INVERSE);
    let before = step(before, 0);
    (0..THIRD_BYTE_END).find_map(|third| {
        let [second, first] = two_bytes(step(before, third), after)?;
        Some(u32::from_be_bytes([0, third, second, first]))
    })
}

/// Returns the two bytes that lead from the state `before` to the state `after`. `after` lacks its last multiplication.
///
/// Let `x` be the low byte of `before ^ second`; the rest of that number is a multiple of 256. Its product with the
/// prime, 2^24 + 403, is `base + x * 2^24 + x * 403`. The product must agree with `after` except in the low byte, for
/// which `first` makes up. The bits below 2^24 depend on `x` only through `x * 403`, and because 403 is greater than
/// 255, at most one `x` fits.
fn two_bytes(before: u32, after: u32) -> Option<[u8; 2]> {
    let base = (before & !0xff).wrapping_mul(PRIME);
    let distance = (after & !0xff).wrapping_sub(base) & 0xff_ffff;
    let x = if distance > 0xff_ff00 { 0 } else { distance.div_ceil(PRIME & 0xff_ffff) };
    let second = u8::try_from(x).ok()? ^ before as u8;
    let first = u8::try_from(step(before, second) ^ after).ok()?;
    Some([second, first])
}

fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spi(parts: [&[u8]; 3]) -> Spi {
        Spi(parts.concat().iter().fold(OFFSET, |hash, &byte| step(hash, byte)))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_inverse_is_the_primes() {
        assert_eq!(PRIME.wrapping_mul(INVERSE), 1);
    }

    #[test]
    fn every_tag_is_found_again() {
        let mapped = |last| [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, last];
        for tag in (0..1 << 18).step_by(97).chain([0, 1, (1 << 18) - 1]) {
            let spi = spi([&mapped(1), &u32::to_be_bytes(tag), &mapped(2)]);
            let found = docker_tag(ip("192.0.2.1"), ip("192.0.2.2"), spi);
            assert_eq!(found, Some(DockerTag { tag, variant: Variant::Mapped }));
        }
    }

    #[test]
    fn the_two_bytes_are_those_that_a_search_through_all_finds() {
        for n in 0..300u32 {
            let (before, random) =
                (n.wrapping_mul(2_654_435_761), n.wrapping_mul(0x9e37_79b9).rotate_left(7));
            let reachable = step(before, (random >> 9) as u8) ^ (random & 0xff);
            for after in [random, reachable] {
                let searched = (0..=u8::MAX).find_map(|second| {
                    u8::try_from(step(before, second) ^ after).ok().map(|first| [second, first])
                });
                assert_eq!(two_bytes(before, after), searched);
                assert!(after != reachable || searched.is_some());
            }
        }
    }

    #[test]
    fn the_short_variant_of_docker_29_is_told_apart() {
        let spi = spi([&[192, 0, 2, 1], &u32::to_be_bytes(13_901), &[192, 0, 2, 2]]);
        let found = docker_tag(ip("192.0.2.1"), ip("192.0.2.2"), spi);
        assert_eq!(found, Some(DockerTag { tag: 13_901, variant: Variant::Short }));
    }

    #[test]
    fn ipv6_nodes_have_tags_too() {
        let octets = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
        let spi = spi([&octets("2001:db8::1"), &u32::to_be_bytes(7), &octets("2001:db8::2")]);
        let found = docker_tag(ip("2001:db8::1"), ip("2001:db8::2"), spi);
        assert_eq!(found, Some(DockerTag { tag: 7, variant: Variant::Mapped }));
    }

    #[test]
    fn other_spis_have_none() {
        let hits = (0..1000u32)
            .filter(|n| {
                docker_tag(ip("10.0.0.1"), ip("10.0.0.2"), Spi(n.wrapping_mul(2_654_435_761))).is_some()
            })
            .count();
        assert!(hits <= 3, "{hits} of 1000");
    }

    #[test]
    fn every_sa_of_a_real_swarm_has_a_tag_and_both_directions_agree() {
        let text = include_str!("../../tests/fixtures/swarm/xfrm-state.txt");
        let mut ends = (ip("::"), ip("::"));
        let mut tags = std::collections::BTreeMap::<u32, usize>::new();
        for line in text.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                ["src", source, "dst", destination] | ["tmpl", "src", source, "dst", destination] => {
                    ends = (ip(source), ip(destination));
                }
                ["proto", "esp", "spi", spi, ..] => {
                    let spi = Spi(u32::from_str_radix(&spi[2..], 16).unwrap());
                    let found = docker_tag(ends.0, ends.1, spi).expect(line);
                    assert_eq!(found.variant, Variant::Mapped);
                    *tags.entry(found.tag).or_default() += 1;
                }
                _ => {}
            }
        }
        // There are eight SAs and two policies, from three generations of keys, each in both directions.
        assert_eq!(tags.values().sum::<usize>(), 10);
        assert_eq!(tags.len(), 3);
    }
}
