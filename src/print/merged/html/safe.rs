//! Texts that are safe in a page, and verdicts in it.

use std::fmt::{self, Display, Write as _};

use crate::escape::escape;
use crate::verify::Verdict;

/// A text that is safe between tags and within quotes. Characters that do not show, or turn the direction of text around,
/// are spelled out first.
pub(super) struct Safe<'t>(pub &'t str);

impl Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in escape(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Returns a verdict in its colour and form.
pub(super) fn badge(verdict: Verdict) -> String {
    format!("<span class=\"badge {}\">{}</span>", class(verdict), verdict.name())
}

/// Returns the class that gives a verdict its colour and form.
pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Encrypted => "e",
        Verdict::Clear => "c",
        Verdict::AuthOnly => "a",
        Verdict::NotEnforced => "n",
        Verdict::Blackholed => "b",
        Verdict::Inconclusive => "q",
    }
}
