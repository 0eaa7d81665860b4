//! The user's terms for the verdict on the whole: the nodes that count, and the findings to live with.
//!
//! The judge knows no terms. They are applied to its report, and can only turn a doubt or NOT-ENFORCED into what the
//! legs that count say. What is readable stays readable on any terms.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;

use strsim::levenshtein;

use super::{Report, worst};
use crate::verify::verdict::{Reason, Verdict};

/// The terms. The default asks for all nodes, and accepts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The nodes that count for the verdict on the whole.
    pub require: Require,
    /// The findings that the user accepts.
    pub accepted: Vec<Acceptable>,
}

/// The nodes that count for the verdict on the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Require {
    /// All nodes.
    #[default]
    All,
    /// The nodes that could be reached, if there are any.
    Reachable,
}

/// The code of a finding that may be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acceptable(&'static str);

/// The reasons why a word is no [`Acceptable`] code. Clap names the word.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAcceptable {
    /// The code has its place in the verdict, or says that something is broken.
    #[error("this can never be accepted; what can is: {}", Acceptable::ALL.join(", "))]
    Never,
    /// The code is not known, but nearly that of a finding.
    #[error("there is no such finding; did you mean '{0}'?")]
    Near(&'static str),
    /// The code is not known.
    #[error("there is no such finding; use one of: {}", Acceptable::ALL.join(", "))]
    Unknown,
}

impl Terms {
    /// Returns true if the finding with this code is accepted.
    pub fn accepts(&self, code: &str) -> bool {
        self.accepted.iter().any(|accepted| accepted.0 == code)
    }
}

impl Require {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Reachable => "reachable",
        }
    }
}

impl Acceptable {
    /// The codes that may be accepted. Each tells of a weakness beside the frames that were seen; none tells that
    /// frames could be read.
    pub const ALL: [&'static str; 17] = [
        "not-enforced",
        "enforcement-unknown",
        "peers-only",
        "level-use",
        "latent-leak",
        "no-replay-protection",
        "short-icv",
        "esp-offload",
        "rekeyed",
        "engine-mix",
        "key-skew",
        "fragments",
        "clear-elsewhere",
        "stranger",
        "kernel-unknown",
        "engine-unread",
        "namespaces-unread",
    ];

    /// Returns the code.
    pub fn code(self) -> &'static str {
        self.0
    }
}

impl FromStr for Acceptable {
    type Err = NotAcceptable;

    fn from_str(word: &str) -> Result<Self, NotAcceptable> {
        if let Some(code) = Self::ALL.into_iter().find(|code| *code == word) {
            return Ok(Self(code));
        }
        if word == "sa-not-encrypting" || Reason::ALL.iter().any(|reason| reason.code() == word) {
            return Err(NotAcceptable::Never);
        }
        // A long word that was typed is compared by its beginning, which is enough to see that it is none of these.
        let typed: String = word.chars().take(64).flat_map(char::to_lowercase).collect();
        let nearest = Self::ALL.into_iter().map(|code| (levenshtein(&typed, code), code)).min();
        let near = nearest.filter(|(changes, _)| *changes <= 2 + typed.len() / 4);
        Err(near.map_or(NotAcceptable::Unknown, |(_, code)| NotAcceptable::Near(code)))
    }
}

impl Report {
    /// Returns the report with the verdict on the whole as these terms want it.
    #[must_use]
    pub fn on(mut self, terms: Terms) -> Self {
        self.terms = terms;
        (self.verdict, self.reason) = self.settled();
        self
    }

    fn settled(&self) -> (Verdict, Reason) {
        let judged = (self.verdict, self.reason);
        match self.verdict {
            Verdict::NotEnforced if self.terms.accepts(Reason::NotEnforced.code()) => worst(self.legs.iter()),
            Verdict::Inconclusive | Verdict::Blackholed if self.terms.require == Require::Reachable => {
                self.without_the_unreachable().unwrap_or(judged)
            }
            _ => judged,
        }
    }

    /// Returns the verdict without the nodes that could not be reached. Returns `None` if there are none of these, if
    /// there are no others, or if the doubt is one about the whole, such as a control network that failed.
    fn without_the_unreachable(&self) -> Option<(Verdict, Reason)> {
        let nodes = self.nodes();
        let unreachable: BTreeSet<IpAddr> =
            nodes.iter().filter(|node| !node.reachable).map(|node| node.address).collect();
        let of_a_leg = self.legs.iter().any(|leg| (leg.verdict, leg.reason) == (self.verdict, self.reason));
        if unreachable.is_empty() || unreachable.len() == nodes.len() || !of_a_leg {
            return None;
        }
        let counts = |node: Option<IpAddr>| node.is_none_or(|node| !unreachable.contains(&node));
        let (verdict, reason) = worst(self.legs.iter().filter(|leg| counts(leg.node())));
        let open = Reason::NotEnforced.code();
        let open = self.findings.iter().any(|finding| finding.code == open) && !self.terms.accepts(open);
        Some(if verdict == Verdict::Encrypted && open {
            (Verdict::NotEnforced, Reason::NotEnforced)
        } else {
            (verdict, reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_code_or_the_error_helps() {
        for code in Acceptable::ALL {
            assert_eq!(code.parse::<Acceptable>().map(Acceptable::code), Ok(code));
        }
        for never in ["clear", "auth-only", "esp-null", "drops", "no-policy", "sa-not-encrypting"] {
            // The verdict's own word is no code, but too far from every code to be taken for one.
            let expected = if never == "auth-only" { NotAcceptable::Unknown } else { NotAcceptable::Never };
            assert_eq!(never.parse::<Acceptable>(), Err(expected), "{never}");
        }
        assert_eq!("not-enforce".parse::<Acceptable>(), Err(NotAcceptable::Near("not-enforced")));
        assert_eq!("Peers-Only".parse::<Acceptable>(), Err(NotAcceptable::Near("peers-only")));
        assert_eq!("".parse::<Acceptable>(), Err(NotAcceptable::Unknown));
        assert_eq!("x".repeat(1 << 20).parse::<Acceptable>(), Err(NotAcceptable::Unknown));
    }

    #[test]
    fn no_code_that_explains_readable_frames_can_be_accepted() {
        use Reason as R;
        let readable =
            [R::Clear, R::NotConfigured, R::TypoOption, R::NoPolicy, R::NoMark, R::IcmpQuote, R::EspNull];
        for reason in readable.into_iter().chain([R::EspGmac, R::AhOnly, R::MacsecIntegrity, R::PspIntegrity])
        {
            assert_eq!(reason.code().parse::<Acceptable>(), Err(NotAcceptable::Never));
        }
    }
}
