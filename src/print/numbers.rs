//! Numbers and addresses, appended to a line without the formatting machinery. Each packet has two addresses, so its
//! cost would add up.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::MacAddress;

/// The digits of every number of two digits.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Every byte in decimal with a dot behind it, and the number of these characters.
static OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut n = 0;
    while n < 256 {
        let digits = [b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
        octets[n] = match n {
            0..10 => ([digits[2], b'.', 0, 0], 2),
            10..100 => ([digits[1], digits[2], b'.', 0], 3),
            _ => ([digits[0], digits[1], digits[2], b'.'], 4),
        };
        n += 1;
    }
    octets
};

/// The two lower-case digits of every byte.
static HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    digits
};

/// Appends the first `len` of `bytes`. To copy all of them and drop some again costs less than to copy a number that the
/// compiler does not know.
#[inline]
fn append<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N], len: usize) {
    out.extend_from_slice(&bytes);
    out.truncate(out.len() - N + len);
}

/// Returns the eight digits of a number below 100,000,000.
#[inline]
fn eight(value: u32) -> [u8; 8] {
    let [a, b] = PAIRS[(value / 1_000_000 % 100) as usize];
    let [c, d] = PAIRS[(value / 10_000 % 100) as usize];
    let [e, f] = PAIRS[(value / 100 % 100) as usize];
    let [g, h] = PAIRS[(value % 100) as usize];
    [a, b, c, d, e, f, g, h]
}

#[inline]
pub(super) fn decimal(out: &mut Vec<u8>, value: u64) {
    match u32::try_from(value) {
        Ok(value @ 0..10) => out.push(b'0' + value as u8),
        Ok(value @ 10..100_000_000) => {
            let zeros = 7 - value.ilog10();
            let digits = u64::from_be_bytes(eight(value)) << (8 * zeros);
            append(out, digits.to_be_bytes(), 8 - zeros as usize);
        }
        _ => long(out, value),
    }
}

/// Writes a number that does not fit eight digits.
fn long(out: &mut Vec<u8>, value: u64) {
    decimal(out, value / 100_000_000);
    out.extend_from_slice(&eight((value % 100_000_000) as u32));
}

/// Writes the last two digits of a number, such as the minute of a time.
#[inline]
pub(super) fn two(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&PAIRS[(value % 100) as usize]);
}

/// Writes the first `digits` digits of a part of a second, at most all nine.
#[inline]
pub(super) fn nanoseconds(out: &mut Vec<u8>, nanos: u32, digits: u8) {
    let [a, b, c, d, e, f, g, h] = eight(nanos / 10);
    append(out, [a, b, c, d, e, f, g, h, b'0' + (nanos % 10) as u8], usize::from(digits.min(9)));
}

/// Writes an address: IPv4 dotted, IPv6 as in RFC 5952, without brackets.
#[inline]
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => dotted(out, v4),
        IpAddr::V6(v6) => ipv6(out, v6),
    }
}

#[inline]
fn dotted(out: &mut Vec<u8>, address: Ipv4Addr) {
    let mut text = [0; 16];
    let len = dots(&mut text, address);
    append(out, text, len - 1);
}

/// Writes an IPv4 address, a colon and a port. All of it is put into place first, and appended once.
// It has two callers, and is two calls for every packet without this.
#[allow(clippy::inline_always)]
#[inline(always)]
pub(super) fn ipv4_and_port(out: &mut Vec<u8>, address: Ipv4Addr, port: u16) {
    let mut text = [0; 24];
    let at = dots(&mut text, address);
    text[at - 1] = b':';
    let zeros = 7 - (port | 1).ilog10();
    let digits = u64::from_be_bytes(eight(port.into())) << (8 * zeros);
    text[at..at + 8].copy_from_slice(&digits.to_be_bytes());
    append(out, text, at + 8 - zeros as usize);
}

/// Puts an address and one more dot at the beginning of `text`, and returns the number of these characters, 8 to 16.
#[inline]
fn dots(text: &mut [u8], address: Ipv4Addr) -> usize {
    let mut at = 0;
    for byte in address.octets() {
        let (octet, len) = OCTETS[usize::from(byte)];
        text[at..at + 4].copy_from_slice(&octet);
        at += usize::from(len);
    }
    at
}

/// Writes the address as the standard library does, which takes a thousand instructions for it.
fn ipv6(out: &mut Vec<u8>, address: Ipv6Addr) {
    if let Some(mapped) = address.to_ipv4_mapped() {
        out.extend_from_slice(b"::ffff:");
        return dotted(out, mapped);
    }
    let segments = address.segments();
    // The first of the longest runs of zeros, if one is longer than 1.
    let (mut zeros, mut start) = (0..0, 0);
    for (n, &segment) in segments.iter().enumerate() {
        if segment != 0 {
            start = n + 1;
        } else if n > start && n + 1 - start > zeros.len() {
            zeros = start..n + 1;
        }
    }
    for (n, &segment) in segments.iter().enumerate() {
        if zeros.contains(&n) {
            if n == zeros.start {
                out.extend_from_slice(b"::");
            }
            continue;
        }
        if n > 0 && n != zeros.end {
            out.push(b':');
        }
        let [[a, b], [c, d]] = segment.to_be_bytes().map(hex);
        let blank = (segment | 1).leading_zeros() / 4;
        let digits = u32::from_be_bytes([a, b, c, d]) << (8 * blank);
        append(out, digits.to_be_bytes(), 4 - blank as usize);
    }
}

/// Writes six bytes in hex, with colons between them.
#[inline]
pub(super) fn mac(out: &mut Vec<u8>, mac: MacAddress) {
    let mut text = [b':'; 17];
    for (digits, byte) in text.chunks_mut(3).zip(mac.0) {
        digits[..2].copy_from_slice(&hex(byte));
    }
    out.extend_from_slice(&text);
}

/// Returns two lower-case digits.
#[inline]
pub(super) fn hex(byte: u8) -> [u8; 2] {
    HEX[usize::from(byte)]
}

/// Writes anything that formats itself. This is for parts that not every packet has.
pub(super) fn text(out: &mut Vec<u8>, value: &dyn std::fmt::Display) {
    // Writing into a Vec cannot fail.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV4;

    use proptest::prelude::*;

    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        let ends = (1..20).map(|power| 10_u64.pow(power)).flat_map(|ten| [ten - 1, ten, ten + 1]);
        for value in ends.chain([0, 255, 65_535, u64::from(u32::MAX), u64::MAX]) {
            assert_eq!(written(|out| decimal(out, value)), value.to_string());
        }
        assert_eq!(written(|out| two(out, 7)), "07");
        for digits in 0..=12 {
            let all = "012345678";
            assert_eq!(
                written(|out| nanoseconds(out, 12_345_678, digits)),
                all[..all.len().min(digits.into())]
            );
        }
        for text in ["0.0.0.0", "192.0.2.255", "2001:db8::1", "::ffff:1.2.3.4"] {
            assert_eq!(written(|out| address(out, text.parse().unwrap())), text);
        }
        assert_eq!(written(|out| mac(out, MacAddress([2, 0x42, 0xac, 0x1f, 0, 0xff]))), "02:42:ac:1f:00:ff");
    }
    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for byte in 0..=u8::MAX {
            let v4 = IpAddr::from([byte, 255 - byte, 0, byte]);
            assert_eq!(written(|out| address(out, v4)), v4.to_string());
        }
        // Each segment is one of these: zeros are in every place, in runs of every length.
        for number in 0..3_usize.pow(8) {
            let segment = |n: u32| [0, 1, 0xab0][number / 3_usize.pow(n) % 3];
            let v6 = IpAddr::from([0, 1, 2, 3, 4, 5, 6, 7].map(segment));
            assert_eq!(written(|out| address(out, v6)), v6.to_string());
        }
        for text in [
            "::1",
            "::",
            "::ffff:0:0",
            "::ffff:255.0.9.10",
            "::1.2.3.4",
            "64:ff9b::c000:201",
            "ff02::1:ff00:1",
        ] {
            let v6: IpAddr = text.parse().unwrap();
            assert_eq!(written(|out| address(out, v6)), v6.to_string());
        }
    }

    proptest! {
        #[test]
        fn any_number_and_any_address_are_those_of_the_standard_library(value: u64, high: u128, low in 0..128_u32) {
            prop_assert_eq!(written(|out| decimal(out, value)), value.to_string());
            prop_assert_eq!(written(|out| decimal(out, value >> (low / 2))), (value >> (low / 2)).to_string());
            let v6 = IpAddr::from(std::net::Ipv6Addr::from_bits(high & (u128::MAX >> low)));
            prop_assert_eq!(written(|out| address(out, v6)), v6.to_string());
        }

        #[test]
        fn any_end_is_that_of_the_standard_library(bits: u32, port: u16, few in 0..16_u32) {
            for end in [SocketAddrV4::new(bits.into(), port), SocketAddrV4::new(bits.into(), port >> few)] {
                prop_assert_eq!(written(|out| ipv4_and_port(out, *end.ip(), end.port())), end.to_string());
            }
        }
    }
}
