//! Colours: when they are used, and their escape sequences, which are the only ones that are ever written.

use owo_colors::Style;

/// The choice made with `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColorChoice {
    /// Colour as the environment and the terminal suggest.
    #[default]
    Auto,
    /// Colour always.
    Always,
    /// Colour never.
    Never,
}

/// Decides whether to colour. `no_color` and `force` are the values of `NO_COLOR` and `CLICOLOR_FORCE`; `terminal` is
/// true if the output is a terminal that knows colours ([`knows_colors`]). The option beats the environment. `NO_COLOR`
/// with any value beats `CLICOLOR_FORCE` with any value but `0`, and an empty variable counts as unset (no-color.org,
/// bixense.com/clicolors).
pub fn use_color(choice: ColorChoice, no_color: Option<&str>, force: Option<&str>, terminal: bool) -> bool {
    let set = |value: Option<&str>| value.is_some_and(|v| !v.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set(no_color) => false,
        ColorChoice::Auto => (set(force) && force != Some("0")) || terminal,
    }
}

/// Returns true unless the terminal's name (`TERM`) says that it knows no escape sequences. A terminal without a name is
/// taken for one that knows none, as other programs do.
pub fn knows_colors(term: Option<&str>) -> bool {
    term.is_some_and(|name| !matches!(name, "" | "dumb"))
}

/// The bytes before and after a coloured run; empty if there is no colour.
#[derive(Clone, Debug, Default)]
pub(super) struct Palette {
    /// Written before the run.
    pub(super) start: Vec<u8>,
    /// Written after it.
    pub(super) stop: Vec<u8>,
}

impl Palette {
    /// Returns the colours of bytes that matched.
    pub(super) fn matches(color: bool) -> Self {
        Self::new(color, Style::new().red().bold())
    }

    /// Returns the colours of a packet's header line, which is to stand out among the payloads.
    pub(super) fn header(color: bool) -> Self {
        Self::new(color, Style::new().bold())
    }

    /// Returns ngrep's colours of bytes that matched.
    pub(super) fn ngrep() -> Self {
        Self { start: b"\x1b[01;31m".into(), stop: b"\x1b[00m".into() }
    }

    fn new(color: bool, style: Style) -> Self {
        if !color {
            return Self::default();
        }
        Self {
            start: style.prefix_formatter().to_string().into_bytes(),
            stop: style.suffix_formatter().to_string().into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_beats_the_environment_and_that_beats_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        for (choice, no_color, force, terminal, expected) in [
            (Auto, None, None, true, true),
            (Auto, None, None, false, false),
            (Auto, Some("1"), None, true, false),
            (Auto, Some(""), None, true, true),
            (Auto, None, Some("1"), false, true),
            (Auto, None, Some("0"), false, false),
            (Auto, None, Some("0"), true, true),
            (Auto, Some("1"), Some("1"), true, false),
            (Always, Some("1"), None, false, true),
            (Never, None, Some("1"), true, false),
        ] {
            let told = use_color(choice, no_color, force, terminal);
            assert_eq!(told, expected, "{choice:?} {no_color:?} {force:?} {terminal}");
        }
    }

    #[test]
    fn a_terminal_that_knows_no_sequences_gets_none() {
        for (term, expected) in [
            (None, false),
            (Some(""), false),
            (Some("dumb"), false),
            (Some("xterm"), true),
            (Some("linux"), true),
        ] {
            assert_eq!(knows_colors(term), expected, "{term:?}");
        }
    }

    #[test]
    fn matches_are_bold_and_red_as_in_grep_and_headers_bold() {
        let palette = Palette::header(true);
        assert_eq!((palette.start.as_slice(), palette.stop.as_slice()), (&b"\x1b[1m"[..], &b"\x1b[0m"[..]));
        let palette = Palette::matches(true);
        assert_eq!(
            (palette.start.as_slice(), palette.stop.as_slice()),
            (&b"\x1b[31;1m"[..], &b"\x1b[0m"[..])
        );
        assert!(Palette::matches(false).start.is_empty() && Palette::header(false).start.is_empty());
    }
}
