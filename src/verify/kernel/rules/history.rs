//! The firewall rules that the kernel had, one moment after the other. A rule that is away for a second drops nothing in
//! that second.
//!
//! Of nf_tables, the kernel tells that the rules of a table changed, and not to what. So they are read again, and what they
//! were between two readings is known for the tables only that stayed as they were. Nobody tells of the old tables of
//! iptables, which are read before and after.

use std::os::fd::{AsFd, BorrowedFd};
use std::thread::{Builder, JoinHandle};

use serde::{Deserialize, Serialize};

use super::{Arriving, Enforcement, Rules};
use crate::keeper;
use crate::netlink::nftables::{RuleChange, RuleChanges};

/// The most moments that are remembered.
const MOST: usize = 64;
/// The most bytes of rules that are remembered, about.
const MOST_BYTES: usize = 64 << 20;
/// The most tables that are remembered as changed since the rules were read.
const MOST_TABLES: usize = 256;

/// The firewall rules of an earlier moment of the watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
            // A frame that one table drops is dropped, whatever the others do.
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
    /// The reading under way. A host may have very many rules, and nobody takes frames from the rings meanwhile otherwise.
    reading: Option<JoinHandle<Rules>>,
}

/// The rules of each moment, as they were read.
#[derive(Debug, Default)]
struct Moments {
    last: Rules,
    earlier: Vec<EarlierRules>,
    /// The changes since the rules were read, and before another reading began.
    before: Span,
    /// The changes since the reading under way began. It may have seen them or not.
    during: Option<Span>,
}

/// The changes of a time.
#[derive(Clone, Debug, Default)]
struct Span {
    transactions: usize,
    /// The tables that they touched, by family and name.
    touched: Vec<(u8, String)>,
    /// True if they may have touched any table.
    any: bool,
}

impl RuleHistory {
    /// Subscribes to the kernel's notices in the network namespace of this thread, and reads the rules of this moment.
    pub(in crate::verify) fn open() -> Self {
        let changes = super::has_nf_tables().then(RuleChanges::open).and_then(Result::ok);
        Self { changes, moments: Moments { last: Rules::read(), ..Moments::default() }, reading: None }
    }

    /// Takes the notices that have come, and the rules if a reading has ended. Never waits.
    pub(in crate::verify) fn take(&mut self) {
        if let Some(changes) = &mut self.changes {
            changes.take(|change| self.moments.change(change));
        }
        if self.reading.as_ref().is_some_and(JoinHandle::is_finished) {
            self.end_reading();
        }
    }

    /// Returns true if the rules changed since they were read, and may be read again.
    pub(in crate::verify) fn is_stale(&self) -> bool {
        self.reading.is_none() && self.moments.before.transactions > 0 && self.moments.have_room()
    }

    /// Begins to read the rules, in the network namespace of this thread.
    pub(in crate::verify) fn begin_reading(&mut self) {
        // A thread stays in the namespace that it was started in, and has to be told of the one that this one would be in.
        let place = keeper::place();
        self.reading = Builder::new().spawn(|| place.run(Rules::read)).ok();
        self.moments.during = self.reading.as_ref().map(|_| Span::default());
    }

    /// Waits for the reading under way, if there is one.
    pub(in crate::verify) fn end_reading(&mut self) {
        let read = self.reading.take().and_then(|reading| reading.join().ok());
        if let Some(changes) = &mut self.changes {
            changes.take(|change| self.moments.change(change));
        }
        self.moments.read(read);
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

impl Span {
    fn change(&mut self, change: RuleChange) {
        match change {
            RuleChange::Done => self.transactions += 1,
            RuleChange::Table { family, name } => self.touch((family, name)),
            RuleChange::Lost => (self.transactions, self.any) = (self.transactions + 2, true),
        }
    }

    fn touch(&mut self, table: (u8, String)) {
        if self.touched.len() >= MOST_TABLES {
            self.any = true;
        } else if !self.touched.contains(&table) {
            self.touched.push(table);
        }
    }

    fn add(&mut self, other: Self) {
        self.transactions += other.transactions;
        self.any |= other.any;
        other.touched.into_iter().for_each(|table| self.touch(table));
    }
}

impl Moments {
    fn change(&mut self, change: RuleChange) {
        self.during.as_mut().unwrap_or(&mut self.before).change(change);
    }

    /// Yields the moments since the rules were read: that one, and those between two transactions.
    fn since(&self) -> impl Iterator<Item = EarlierRules> {
        let mut span = self.before.clone();
        self.during.iter().for_each(|during| span.add(during.clone()));
        let stayed = || if span.any { Rules::default() } else { self.last.without(&span.touched) };
        let between = (span.transactions > 1).then(|| EarlierRules::AtLeast(stayed()));
        std::iter::once(EarlierRules::Known(self.last.clone())).chain(between)
    }

    /// Takes the rules that were read, or learns that they could not be.
    fn read(&mut self, now: Option<Rules>) {
        let Some(now) = now else {
            let during = self.during.take().unwrap_or_default();
            self.before.add(during);
            return;
        };
        let since: Vec<_> = self.since().collect();
        self.earlier.extend(since);
        self.last = now;
        // A change during the reading is a reason to read again.
        self.before = self.during.take().unwrap_or_default();
    }

    fn have_room(&self) -> bool {
        let size = |moment: &EarlierRules| match moment {
            EarlierRules::Known(rules) | EarlierRules::AtLeast(rules) => rules.size(),
        };
        self.earlier.len() < MOST && self.earlier.iter().map(size).sum::<usize>() < MOST_BYTES
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
        let mut moments = Moments { last: rules(before), ..Moments::default() };
        for change in changes {
            moments.change(change);
        }
        moments.read(Some(rules(after)));
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

    #[test]
    fn many_moments_or_large_rules_fill_the_memory() {
        let have_room = |tables: &[&str], readings| {
            let mut moments = Moments { last: rules(tables), ..Moments::default() };
            (0..readings).for_each(|_| moments.read(Some(rules(tables))));
            moments.have_room()
        };
        assert!(have_room(&["docker"], 63) && !have_room(&["docker"], 64));
        let name = "x".repeat(1 << 23);
        assert!(have_room(&[&name], 7) && !have_room(&[&name], 8));
    }

    #[test]
    fn what_changes_during_a_reading_is_read_again() {
        let mut moments = Moments { last: rules(&["docker"]), ..Moments::default() };
        let gone = || [table("docker"), RuleChange::Done].into_iter();
        gone().for_each(|change| moments.change(change));
        moments.during = Some(Span::default());
        gone().for_each(|change| moments.change(change));
        // The reading may have been before the second change or behind it.
        moments.read(Some(rules(&["docker"])));
        assert!(matches!(moments.earlier[..], [EarlierRules::Known(_), EarlierRules::AtLeast(_)]));
        assert_eq!(moments.before.transactions, 1);
        moments.during = Some(Span::default());
        moments.read(None);
        assert_eq!((moments.before.transactions, moments.earlier.len()), (1, 2));
        moments.read(Some(rules(&[])));
        assert_eq!(moments.earlier.len(), 3);
    }
}
