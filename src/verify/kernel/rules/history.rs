//! The firewall rules that the kernel had, one moment after the other. A rule that is away for a second drops nothing in
//! that second.
//!
//! Of nf_tables, the kernel tells that the rules of a table changed, and not to what. So they are read again, and what they
//! were between two readings is known for the tables only that stayed as they were. Nobody tells of the old tables of
//! iptables, which are read before and after.

use std::os::fd::{AsFd, BorrowedFd};

use super::{Arriving, Enforcement, Rules};
use crate::netlink::nftables::{RuleChange, RuleChanges};

/// The most moments that are remembered.
const MOST: usize = 64;
/// The most tables that are remembered as changed since the rules were read.
const MOST_TABLES: usize = 256;

/// The firewall rules of an earlier moment of the watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarlierRules {
    /// All of them.
    Known(Rules),
    /// Those that were there all the time. There may have been others.
    AtLeast(Rules),
}

impl EarlierRules {
    /// Returns the decision on clear frames that arrive like this one.
    pub fn enforcement(&self, frame: &Arriving<'_>) -> Enforcement {
        match self {
            Self::Known(rules) => rules.enforcement(frame),
            // What one table drops is dropped, whatever the others do.
            Self::AtLeast(rules) => match rules.enforcement(frame) {
                Enforcement::Dropped => Enforcement::Dropped,
                _ => Enforcement::Unknown,
            },
        }
    }
}

/// The rules of each moment of a watch.
#[derive(Debug)]
pub(in crate::verify) struct RuleHistory {
    /// `None` if the kernel has no nf_tables, or does not tell this user.
    changes: Option<RuleChanges>,
    moments: Moments,
}

/// The rules of each moment, as they were read.
#[derive(Debug, Default)]
struct Moments {
    last: Rules,
    earlier: Vec<EarlierRules>,
    /// The number of transactions since the rules were read.
    transactions: usize,
    /// The tables that they touched, by family and name. `None` for all.
    touched: Option<Vec<(u8, String)>>,
}

impl RuleHistory {
    /// Subscribes to the kernel's notices in the network namespace of this thread, and reads the rules of this moment.
    pub(in crate::verify) fn open() -> Self {
        let changes = super::has_nf_tables().then(RuleChanges::open).and_then(Result::ok);
        Self {
            changes,
            moments: Moments { last: Rules::read(), touched: Some(Vec::new()), ..Moments::default() },
        }
    }

    /// Takes the notices that have come. Never waits.
    pub(in crate::verify) fn take(&mut self) {
        if let Some(changes) = &mut self.changes {
            changes.take(|change| self.moments.change(change));
        }
    }

    /// Returns true if the rules changed since they were read, and may be read again.
    pub(in crate::verify) fn is_stale(&self) -> bool {
        self.moments.transactions > 0 && self.moments.earlier.len() < MOST
    }

    /// Reads the rules of this moment, in the network namespace of this thread.
    pub(in crate::verify) fn read(&mut self) {
        let now = Rules::read();
        // A transaction that came meanwhile may be in what was read, or not.
        self.take();
        self.moments.read(now);
    }

    /// Returns the rules of the moments before these last ones.
    pub(in crate::verify) fn before(&self, last: &Rules) -> Vec<EarlierRules> {
        self.moments.before(last)
    }

    /// Returns the descriptor that is readable when there are notices.
    pub(in crate::verify) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.changes.as_ref().map(AsFd::as_fd)
    }
}

impl Moments {
    fn change(&mut self, change: RuleChange) {
        match (change, &mut self.touched) {
            (RuleChange::Done, _) => self.transactions += 1,
            (RuleChange::Table { family, name }, Some(touched)) => {
                let table = (family, name);
                if touched.len() >= MOST_TABLES {
                    self.touched = None;
                } else if !touched.contains(&table) {
                    touched.push(table);
                }
            }
            (RuleChange::Lost, _) => (self.transactions, self.touched) = (self.transactions + 2, None),
            (RuleChange::Table { .. }, None) => {}
        }
    }

    /// Yields the moments since the rules were read: that one, and those between two transactions.
    fn since(&self) -> impl Iterator<Item = EarlierRules> {
        let stayed = || match &self.touched {
            Some(touched) => self.last.without(touched),
            None => Rules::default(),
        };
        let between = (self.transactions > 1).then(|| EarlierRules::AtLeast(stayed()));
        std::iter::once(EarlierRules::Known(self.last.clone())).chain(between)
    }

    fn read(&mut self, now: Rules) {
        let since: Vec<_> = self.since().collect();
        self.earlier.extend(since);
        self.last = now;
        (self.transactions, self.touched) = (0, Some(Vec::new()));
    }

    fn before(&self, last: &Rules) -> Vec<EarlierRules> {
        let all = self.earlier.iter().cloned().chain(self.since());
        all.filter(|moment| !matches!(moment, EarlierRules::Known(rules) if rules == last)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{IpVersion, Vni};

    const IP: u8 = 2;

    fn rules(tables: &[&str]) -> Rules {
        let table = |name: &&str| {
            format!(
                "table ip {name} {{\n\tchain in {{\n\t\ttype filter hook input priority raw; policy accept;\n\
                 \t\tudp dport 4789 meta ipsec missing drop\n\t}}\n}}\n"
            )
        };
        let nft = Some(tables.iter().map(table).collect());
        Rules { iptables: Some(String::new()), ip6tables: Some(String::new()), nft }
    }

    fn table(name: &str) -> RuleChange {
        RuleChange::Table { family: IP, name: name.to_owned() }
    }

    /// The decisions of each moment before the last, after these changes and a reading.
    fn decisions(before: &[&str], changes: Vec<RuleChange>, after: &[&str]) -> Vec<Enforcement> {
        let mut moments = Moments { last: rules(before), touched: Some(Vec::new()), ..Moments::default() };
        for change in changes {
            moments.change(change);
        }
        moments.read(rules(after));
        let (version, vni) = (IpVersion::V4, Vni::new(42).unwrap());
        let frame = Arriving { version, vni, port: 4789, link: None };
        let of = |moment: &EarlierRules| moment.enforcement(&frame);
        moments.before(&rules(&["docker", "other"])).iter().map(of).collect()
    }

    #[test]
    fn a_rule_that_is_read_as_away_dropped_nothing_then() {
        let gone = || vec![table("docker"), RuleChange::Done];
        assert_eq!(decisions(&["docker"], gone(), &[]), [Enforcement::Dropped, Enforcement::Accepted]);
    }

    #[test]
    fn what_was_between_two_transactions_is_known_of_the_tables_that_stayed() {
        let twice = |name| vec![table(name), RuleChange::Done, table(name), RuleChange::Done];
        let (dropped, unknown) = (Enforcement::Dropped, Enforcement::Unknown);
        assert_eq!(decisions(&["docker"], twice("docker"), &["docker"]), [dropped, unknown, dropped]);
        assert_eq!(decisions(&["docker"], twice("other"), &["docker"]), [dropped, dropped, dropped]);
        // In one transaction there is no moment between.
        let renewed = vec![table("docker"), table("docker"), RuleChange::Done];
        assert_eq!(decisions(&["docker"], renewed, &["docker"]), [dropped, dropped]);
    }

    #[test]
    fn changes_that_are_not_known_may_be_of_any_table() {
        let decided = decisions(&["docker"], vec![RuleChange::Lost], &["docker"]);
        assert_eq!(decided, [Enforcement::Dropped, Enforcement::Unknown, Enforcement::Dropped]);
        let many = (0..1000).map(|n| table(&n.to_string())).chain([RuleChange::Done, RuleChange::Done]);
        assert!(decisions(&["docker"], many.collect(), &["docker"]).contains(&Enforcement::Unknown));
    }
}
