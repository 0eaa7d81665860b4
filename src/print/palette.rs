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
/// true if the output is a terminal. The option beats the environment. `NO_COLOR` with any value beats
/// `CLICOLOR_FORCE` with any value but `0`, and an empty variable counts as unset (no-color.org,
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

/// The bytes before and after a coloured run; empty if there is no colour.
#[derive(Clone, Debug, Default)]
pub(super) struct Palette {
    /// Written before bytes that matched.
    pub(super) start: Vec<u8>,
    /// Written after them.
    pub(super) stop: Vec<u8>,
}

impl Palette {
    pub(super) fn new(color: bool) -> Self {
        if !color {
            return Self::default();
        }
        let style = Style::new().red().bold();
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
    fn matches_are_bold_and_red_as_in_grep() {
        let palette = Palette::new(true);
        assert_eq!(
            (palette.start.as_slice(), palette.stop.as_slice()),
            (&b"\x1b[31;1m"[..], &b"\x1b[0m"[..])
        );
        assert!(Palette::new(false).start.is_empty());
    }
}
