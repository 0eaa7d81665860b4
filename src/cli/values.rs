//! Parsers for the kinds of value that only the command line has: sizes, times, numbers in a range and a character.
//! VNIs, UDP ports, MTUs, addresses and names of devices are parsed by the library instead, because the overlay's file
//! and `--opt` have them too and must take the same spellings.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use ovlsniff::packet::digits;

/// Parses a number of bytes that fits 32 bits.
pub(super) fn size(typed: &str) -> Result<u32, String> {
    u32::try_from(bytes(typed)?).map_err(|_| "use at most 4 GiB less one byte".to_owned())
}

/// Parses the length of the longest match in a stream.
pub(super) fn window(typed: &str) -> Result<usize, String> {
    let window = bytes(typed)?;
    let is_right = (1 << 10..=16 << 20).contains(&window);
    if is_right { Ok(window as usize) } else { Err("use a size from 1K to 16M".to_owned()) }
}

/// Parses a number of bytes of a payload, which may be as large as an address (`usize`).
pub(super) fn depth(typed: &str) -> Result<usize, String> {
    usize::try_from(bytes(typed)?).map_err(|_| "use fewer bytes: memory cannot hold so many".to_owned())
}

/// Parses a number of bytes: `262144`, `64K`, `32M`, `32MiB`, `1G`. Units are powers of 1024, in either case.
fn bytes(typed: &str) -> Result<u64, String> {
    let (number, unit) = typed.split_at(end_of_number(typed));
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err("use a number of bytes, with K, M or G behind it if you like".to_owned()),
    };
    let number: u64 = digits(number).ok_or_else(|| "use a number of bytes, such as 32M".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "use fewer bytes: 64 bits cannot count so many".to_owned())
}

/// Takes a network's name, which is anything but nothing.
pub(super) fn network_name(typed: &str) -> Result<String, String> {
    if typed.is_empty() {
        return Err("give the name of a network; 'ovlsniff interfaces' lists those of this host".to_owned());
    }
    Ok(typed.to_owned())
}

/// Parses the length or the interval of a watch, from a millisecond to a day.
pub(super) fn watch(typed: &str) -> Result<Duration, String> {
    let bounds = Duration::from_millis(1)..=Duration::from_secs(86_400);
    let time = parse_duration(typed).filter(|time| bounds.contains(time));
    time.ok_or_else(|| "use a time from 1ms to 24h, such as 10s, 500ms or 1m30s".to_owned())
}

/// Parses a time: `10s`, `1m30s`, `500ms`, `7d`, or a number without a unit, which is in seconds.
pub(super) fn duration(typed: &str) -> Result<Duration, String> {
    parse_duration(typed).ok_or_else(|| "use a time such as 10s, 500ms, 1m30s or 7d".to_owned())
}

/// Adds up the parts of a time, such as `1m` and `30s`. Only a single number may be without a unit: the end of `1h30`
/// could be minutes or seconds. Returns `None` for everything else, and for a sum that a `Duration` cannot hold.
fn parse_duration(typed: &str) -> Option<Duration> {
    let mut parts = typed.trim();
    if let Some(seconds) = digits(parts) {
        return Some(Duration::from_secs(seconds));
    }
    let mut sum = Duration::ZERO;
    loop {
        let (number, rest) = parts.split_at(end_of_number(parts));
        let (unit, rest) = rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()));
        sum = sum.checked_add(part(digits(number)?, unit)?)?;
        if rest.is_empty() {
            return Some(sum);
        }
        parts = rest;
    }
}

fn part(number: u64, unit: &str) -> Option<Duration> {
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// Returns the length in bytes of the number that the text begins with.
fn end_of_number(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())
}

/// Returns a parser for whole numbers in a range.
pub(super) fn number<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |typed| {
        let number = digits(typed).filter(|number| range.contains(number));
        number.ok_or_else(|| match range.end().to_string() {
            // Nobody types so much, and the number would be hard to read.
            end if end.len() > 10 => format!("use a whole number, {} or more", range.start()),
            end => format!("use a number from {} to {end}", range.start()),
        })
    }
}

/// Parses ngrep's number of columns. Its layout takes five of them, and 0 stands for the default.
pub(super) fn columns_or_zero(typed: &str) -> Result<u32, String> {
    let number = digits(typed).filter(|number| matches!(number, 0 | 6..=65_536));
    number.ok_or_else(|| "use a number from 6 to 65536, or 0 for the width of the terminal".to_owned())
}

/// Parses the character that stands for bytes that cannot be printed.
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
        for wrong in
            ["", "K", "+64K", "4G", "-1", "1.5M", "12 apples", "64bbb", "64ib", "99999999999999999999"]
        {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(depth("5000000000"), Ok(5_000_000_000), "a payload may be longer than 32 bits can count");
        assert_eq!(depth("4K"), Ok(4096));
    }

    #[test]
    fn times_have_units() {
        for (typed, millis) in [
            ("10s", 10_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("7", 7000),
            ("1d12h", 129_600_000),
            ("0s", 0),
            (" 10s ", 10_000),
        ] {
            assert_eq!(duration(typed), Ok(Duration::from_millis(millis)), "{typed}");
        }
        for wrong in
            ["", " ", "s", "1w", "-1s", "1.5s", "1m-30s", "+5m", "1h30", "30 s", "99999999999999999999s"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(duration(&u64::MAX.to_string()), Ok(Duration::from_secs(u64::MAX)));
        assert!(
            duration(&format!("{}ms", u64::MAX).repeat(1001)).is_err(),
            "the sum is beyond what can be held"
        );
    }

    #[test]
    fn nobody_watches_for_longer_than_a_day_or_not_at_all() {
        assert_eq!(watch("1d"), Ok(Duration::from_secs(86_400)));
        for wrong in ["0s", "25h", "1d1ms", "1w"] {
            assert_eq!(
                watch(wrong),
                Err("use a time from 1ms to 24h, such as 10s, 500ms or 1m30s".to_owned()),
                "{wrong}"
            );
        }
    }

    #[test]
    fn columns_of_ngrep_leave_room_for_a_byte() {
        for (typed, columns) in [("0", Some(0)), ("6", Some(6)), ("300", Some(300)), ("5", None), ("x", None)]
        {
            assert_eq!(columns_or_zero(typed).ok(), columns, "{typed}");
        }
    }

    #[test]
    fn numbers_are_told_with_their_range() {
        assert_eq!(number(8..=65_536)("80"), Ok(80));
        for wrong in ["7", "65537", "some", ""] {
            assert_eq!(number(8..=65_536)(wrong), Err("use a number from 8 to 65536".to_owned()), "{wrong}");
        }
    }
}
