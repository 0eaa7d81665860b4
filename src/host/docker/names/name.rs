//! Names as they are shown.

use std::fmt::Write as _;

/// The most characters of a name.
const LONGEST: usize = 64;
/// The character at the end of a name that was cut. No engine allows it in a name.
const CUT: char = '~';

/// Returns a name as it is shown. Letters and digits of ASCII, `_`, `.` and `-` stay, and an engine allows no others. All
/// others are spelled out, so that a name can hold no blank, bracket or colon, which would fake another part of a line,
/// and nothing that a terminal would act on. A long name is cut, and ends with `~` then. `None` for no name.
pub(super) fn shown(name: &str) -> Option<Box<str>> {
    let mut safe = String::with_capacity(name.len().min(LONGEST + 16));
    for c in name.chars() {
        if safe.len() >= LONGEST {
            safe.push(CUT);
            break;
        }
        if c.is_ascii_alphanumeric() || "_.-".contains(c) {
            safe.push(c);
        } else {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        }
    }
    (!safe.is_empty()).then(|| safe.into_boxed_str())
}

/// Returns the name of a Swarm task without its identifiers: `web.1` of `web.1.tgy7xcuab6l3vd5dfwmx1vnqs`. A task of a
/// global service has its node's identifier in place of a number, and is named like the service. Other names stay.
pub(super) fn of_task(name: &str) -> &str {
    let is_identifier = |text: &str| {
        text.len() == 25 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let shorter = |name: &str| {
        name.rsplit_once('.').filter(|(_, last)| is_identifier(last)).map(|(before, _)| before.len())
    };
    let once = &name[..shorter(name).unwrap_or(name.len())];
    if once.len() == name.len() { name } else { &once[..shorter(once).unwrap_or(once.len())] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_fake_another_part_of_a_line() {
        for (name, expected) in [
            ("web.1_a-B", "web.1_a-B"),
            ("a b(c):80 -> d", r"a\u{20}b\u{28}c\u{29}\u{3a}80\u{20}-\u{3e}\u{20}d"),
            ("\x1b[2J\u{202e}", r"\u{1b}\u{5b}2J\u{202e}"),
            ("grün", r"gr\u{fc}n"),
        ] {
            assert_eq!(shown(name).as_deref(), Some(expected));
        }
        assert_eq!(shown(""), None);
    }

    #[test]
    fn long_names_are_cut_and_say_so() {
        assert_eq!(shown(&"a".repeat(64)).unwrap().len(), 64);
        assert_eq!(*shown(&"a".repeat(65)).unwrap(), format!("{}~", "a".repeat(64)));
        assert!(shown(&"\u{10ffff}".repeat(1000)).unwrap().len() < LONGEST + 12);
    }

    #[test]
    fn tasks_lose_their_identifiers_and_nothing_else() {
        for (name, expected) in [
            ("web.1.tgy7xcuab6l3vd5dfwmx1vnqs", "web.1"),
            ("my.web.12.tgy7xcuab6l3vd5dfwmx1vnqs", "my.web.12"),
            ("agent.9s4l2mx0dwkq3x1ykbmh5f4ze.tgy7xcuab6l3vd5dfwmx1vnqs", "agent"),
            ("web.1", "web.1"),
            ("web.1.TGY7xcuab6l3vd5dfwmx1vnqs", "web.1.TGY7xcuab6l3vd5dfwmx1vnqs"),
            (".", "."),
            ("", ""),
        ] {
            assert_eq!(of_task(name), expected);
        }
    }
}
