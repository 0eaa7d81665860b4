//! Chains of rules, walked as the kernel walks them with one frame. Rules of `iptables` and of `nft` look the same
//! here: their readers have already decided for each rule whether it matches the frame.

use std::collections::HashMap;

use super::Enforcement;

/// The most jumps from chain to chain that are followed, one inside another.
const MOST_JUMPS: usize = 16;
/// The most rules that are looked at. Chains that jump to each other again and again would ask for any number.
const MOST_RULES: u32 = 1_000_000;

/// The certainty that a rule matches the frame. A condition that is not understood gives [`Self::Maybe`].
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

    /// Returns the certainty of the opposite.
    pub(super) fn not(self) -> Self {
        match self {
            Self::Surely => Self::No,
            Self::Maybe => Self::Maybe,
            Self::No => Self::Surely,
        }
    }

    /// Joins two conditions of a rule, both of which have to hold.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Surely, Self::Surely) => Self::Surely,
            _ => Self::Maybe,
        }
    }
}

/// The name of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Name<'a> {
    Given(&'a str),
    /// The chain stands in the rule that leads to it. The number tells it from others of its table.
    None(usize),
}

/// The action of a rule on a frame that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    Accept,
    Drop,
    Return,
    Jump(Name<'a>),
    /// A jump from which there is no way back.
    Goto(Name<'a>),
    /// The rule logs, marks or counts, and the walk goes on.
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
    /// True if a frame that comes to the end of the chain is dropped.
    pub(super) drops: bool,
}

/// Chains by their names.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    pub(super) chains: HashMap<Name<'a>, Chain<'a>>,
}

/// A summary of the rules that were met so far.
#[derive(Clone, Copy, Default)]
struct Met {
    accepted: bool,
    /// A rule may have accepted the frame.
    doubt: bool,
    /// A rule may have dropped the frame.
    maybe_dropped: bool,
    /// The number of rules that may still be looked at.
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
    /// Returns the decision on the frame of a chain that the kernel begins with.
    pub(super) fn judge(&self, chain: &str) -> Enforcement {
        let chain = Name::Given(chain);
        let mut met = Met { rules: MOST_RULES, ..Met::default() };
        if let Some(end) = self.walk(chain, &mut met, 0) {
            return end;
        }
        match self.chains.get(&chain) {
            Some(chain) if chain.drops => met.dropped(),
            _ if met.maybe_dropped && !met.accepted => Enforcement::Unknown,
            _ => Enforcement::Accepted,
        }
    }

    /// Walks a chain and returns its decision; `None` if it is left at its end or by a return.
    fn walk(&self, chain: Name<'_>, met: &mut Met, jumps: usize) -> Option<Enforcement> {
        for rule in &self.chains.get(&chain)?.rules {
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
                // It is the target of an extension, which may accept frames or drop them.
                (_, Target::Jump(target)) if !self.chains.contains_key(&target) => {
                    (met.doubt, met.maybe_dropped) = (true, true);
                }
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

/// Joins the decisions of chains that a frame passes one after the other. A frame that one chain accepts only goes on
/// to the next.
pub(super) fn of_all(chains: impl Iterator<Item = Enforcement>) -> Enforcement {
    let rank = |enforcement: &Enforcement| match enforcement {
        Enforcement::Accepted => 0,
        Enforcement::Bypassed => 1,
        Enforcement::Unknown => 2,
        Enforcement::Dropped => 3,
    };
    chains.max_by_key(rank).unwrap_or(Enforcement::Accepted)
}

/// Splits a line into words. Words in quotes may hold blanks.
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
