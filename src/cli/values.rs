//! Values as they are typed.

use std::time::Duration;

use ovlsniff::packet::Vni;

/// A number of bytes: `262144`, `64K`, `32M`, `32MiB`, `1G`. Units are powers of 1024.
pub(super) fn size(typed: &str) -> Result<u32, String> {
    let digits = typed.find(|c: char| !c.is_ascii_digit()).unwrap_or(typed.len());
    let (number, unit) = typed.split_at(digits);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err("use a number of bytes, with K, M or G behind it if you like".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "use a number of bytes, such as 32M".to_owned())?;
    number
        .checked_mul(1 << shift)
        .and_then(|bytes| u32::try_from(bytes).ok())
        .ok_or_else(|| "at most 4 GiB less one byte".to_owned())
}

/// A virtual network identifier.
pub(super) fn vni(typed: &str) -> Result<Vni, String> {
    let number = match typed.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => typed.parse().ok(),
    };
    number.and_then(Vni::new).ok_or_else(|| "a VNI is a number from 0 to 16777215".to_owned())
}

/// A time: `10s`, `1m30s`, `500ms`, or seconds without a unit. At most a day, and not nothing.
pub(super) fn duration(typed: &str) -> Result<Duration, String> {
    let wrong = || "use a time such as 10s, 500ms or 1m30s".to_owned();
    let mut rest = typed.trim();
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let millis = match unit {
            "ms" => 1,
            "s" | "" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let part = number.checked_mul(millis).map(Duration::from_millis);
        sum = part.and_then(|part| sum.checked_add(part)).ok_or_else(wrong)?;
        rest = after;
    }
    let bounds = Duration::from_millis(1)..=Duration::from_secs(86_400);
    if bounds.contains(&sum) { Ok(sum) } else { Err("from 1ms to 24h".to_owned()) }
}

/// A UDP port that datagrams are sent to: any but 0.
pub(super) fn port() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..)
}

/// A character that stands for what cannot be printed.
pub(super) fn replacement(typed: &str) -> Result<char, String> {
    let mut characters = typed.chars();
    match (characters.next(), characters.next()) {
        (Some(character @ ' '..='~'), None) => Ok(character),
        _ => Err("use one visible ASCII character or a blank".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_in_powers_of_1024() {
        for (typed, bytes) in [
            ("1", Some(1)),
            ("64b", Some(64)),
            ("64K", Some(65_536)),
            ("32MiB", Some(32 << 20)),
            ("3gb", Some(3 << 30)),
        ] {
            assert_eq!(size(typed).ok(), bytes, "{typed}");
        }
        for wrong in ["", "K", "4G", "-1", "1.5M", "12 apples", "64bbb", "64ib", "99999999999999999999"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_have_units() {
        for (typed, millis) in [("10s", 10_000), ("1m30s", 90_000), ("500ms", 500), ("7", 7000)] {
            assert_eq!(duration(typed), Ok(Duration::from_millis(millis)), "{typed}");
        }
        for wrong in ["", "0s", "s", "1d", "-1s", "25h", "1.5s", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(duration(&format!("{}ms", u64::MAX).repeat(1001)).is_err());
    }

    #[test]
    fn a_vni_has_24_bits() {
        assert_eq!(vni("16777215").map(Vni::value), Ok(16_777_215));
        assert_eq!(vni("0x1001").map(Vni::value), Ok(4097));
        assert!(vni("16777216").is_err());
    }
}
