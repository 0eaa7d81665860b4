//! Numbers and addresses, appended to a line without the formatting machinery. Each packet has two addresses, so its
//! cost would add up.

use std::io::Write;
use std::net::IpAddr;

use crate::packet::MacAddress;

pub(super) fn decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes the first `shown` digits of a decimal number that is filled up with zeros to `width` digits.
pub(super) fn padded(out: &mut Vec<u8>, mut value: u64, width: usize, shown: usize) {
    let mut digits = [b'0'; 20];
    for digit in digits[..width].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&digits[..shown.min(width)]);
}

/// Writes an address: IPv4 dotted, IPv6 as in RFC 5952, without brackets.
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            for (n, byte) in v4.octets().into_iter().enumerate() {
                if n > 0 {
                    out.push(b'.');
                }
                decimal(out, u64::from(byte));
            }
        }
        IpAddr::V6(v6) => text(out, &v6),
    }
}

/// Writes six bytes in hex, with colons between them.
pub(super) fn mac(out: &mut Vec<u8>, mac: MacAddress) {
    for (n, byte) in mac.0.into_iter().enumerate() {
        if n > 0 {
            out.push(b':');
        }
        out.extend_from_slice(&hex(byte));
    }
}

/// Returns two lower-case digits.
pub(super) fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Writes anything that formats itself. This is for parts that not every packet has.
pub(super) fn text(out: &mut Vec<u8>, value: &dyn std::fmt::Display) {
    // Writing into a Vec cannot fail.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for value in [0, 7, 10, 255, 65_535, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(written(|out| decimal(out, value)), value.to_string());
        }
        assert_eq!(written(|out| padded(out, 7, 9, 9)), "000000007");
        assert_eq!(written(|out| padded(out, 123_456_789, 9, 6)), "123456");
        for text in ["0.0.0.0", "192.0.2.255", "2001:db8::1", "::ffff:1.2.3.4"] {
            assert_eq!(written(|out| address(out, text.parse().unwrap())), text);
        }
        assert_eq!(written(|out| mac(out, MacAddress([2, 0x42, 0xac, 0x1f, 0, 0xff]))), "02:42:ac:1f:00:ff");
    }
}
