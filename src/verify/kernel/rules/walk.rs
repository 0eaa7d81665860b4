//! Chains of rules, walked as the kernel walks them with one frame.

use std::collections::HashMap;

use super::Enforcement;

/// Jumps from chain to chain that are followed, one inside of another.
const MOST_JUMPS: usize = 16;
/// Rules that are looked at: chains that jump to each other again and again may ask for any number.
const MOST_RULES: u32 = 1_000_000;

/// Whether a rule is for the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Surely,
    Maybe,
    No,
}

impl Match {
    pub(super) fn when(fits: bool) -> Self {
        if fits { Self::Surely } else { Self::No }
    }

    /// All of a rule's conditions have to hold.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Surely, Self::Surely) => Self::Surely,
            _ => Self::Maybe,
        }
    }
}

/// What a rule does with what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    Accept,
    Drop,
    Return,
    Jump(&'a str),
    /// A jump from which there is no way back.
    Goto(&'a str),
    /// Logs, marks, counts.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Rule<'a> {
    pub(super) matched: Match,
    pub(super) target: Target<'a>,
}

#[derive(Debug, Default)]
pub(super) struct Chain<'a> {
    pub(super) rules: Vec<Rule<'a>>,
    /// What comes to its end is dropped.
    pub(super) drops: bool,
}

/// Chains by their names.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    pub(super) chains: HashMap<&'a str, Chain<'a>>,
}

/// What was met on the way.
#[derive(Clone, Copy, Default)]
struct Met {
    accepted: bool,
    /// Something may have let it in.
    doubt: bool,
    /// Something may have dropped it.
    maybe_dropped: bool,
    /// Rules that may still be looked at.
    rules: u32,
}

impl Met {
    fn dropped(self) -> Enforcement {
        match self {
            Self { accepted: true, .. } => Enforcement::Bypassed,
            Self { doubt: true, .. } => Enforcement::Unknown,
            _ => Enforcement::Dropped,
        }
    }
}

impl Table<'_> {
    /// What becomes of the frame in a chain that the kernel begins with.
    pub(super) fn judge(&self, chain: &str) -> Enforcement {
        let mut met = Met { rules: MOST_RULES, ..Met::default() };
        if let Some(end) = self.walk(chain, &mut met, 0) {
            return end;
        }
        match self.chains.get(chain) {
            Some(chain) if chain.drops => met.dropped(),
            _ if met.maybe_dropped && !met.accepted => Enforcement::Unknown,
            _ => Enforcement::Accepted,
        }
    }

    /// How a chain ends; `None` when it is left at its end or by a return.
    fn walk(&self, chain: &str, met: &mut Met, jumps: usize) -> Option<Enforcement> {
        for rule in &self.chains.get(chain)?.rules {
            met.rules = met.rules.saturating_sub(1);
            if met.rules == 0 {
                return Some(Enforcement::Unknown);
            }
            match (rule.matched, rule.target) {
                (Match::No, _) | (_, Target::Nothing) => {}
                (Match::Surely, Target::Accept) => met.accepted = true,
                (Match::Surely, Target::Drop) => return Some(met.dropped()),
                (Match::Surely, Target::Return) => return None,
                (Match::Maybe, Target::Accept | Target::Return) => met.doubt = true,
                (Match::Maybe, Target::Drop) => met.maybe_dropped = true,
                (matched, Target::Jump(target) | Target::Goto(target)) if jumps < MOST_JUMPS => {
                    let mut inside = *met;
                    let end = self.walk(target, &mut inside, jumps + 1);
                    met.rules = inside.rules;
                    if matched == Match::Surely {
                        *met = inside;
                        if end.is_some() || matches!(rule.target, Target::Goto(_)) {
                            return end;
                        }
                    } else {
                        met.doubt |= inside.doubt || inside.accepted;
                        met.maybe_dropped |= inside.maybe_dropped || end.is_some();
                    }
                }
                (_, Target::Jump(_) | Target::Goto(_)) => {}
            }
        }
        None
    }
}

/// Of several chains that a frame passes one after the other: accepted in one, it is only let on to the next.
pub(super) fn together(chains: impl Iterator<Item = Enforcement>) -> Enforcement {
    let rank = |enforcement: &Enforcement| match enforcement {
        Enforcement::Accepted => 0,
        Enforcement::Bypassed => 1,
        Enforcement::Unknown => 2,
        Enforcement::Dropped => 3,
    };
    chains.max_by_key(rank).unwrap_or(Enforcement::Accepted)
}

/// Words, of which those in quotes may hold blanks.
pub(super) fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}
