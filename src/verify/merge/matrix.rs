//! The matrix: networks, nodes and directed pairs, as the reports of all nodes have them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::packet::Timestamp;
use crate::verify::report::{Acceptable, Expectation, LegReport};
use crate::verify::verdict::Verdict;

/// The terms of a merge.
#[derive(Clone, Debug)]
pub struct MergeTerms {
    /// The time that the ages of reports are counted to.
    pub at: Timestamp,
    /// The age from which on a report is stale. One may be ahead of [`Self::at`] by as much.
    pub stale: Duration,
    /// The pairs that have to be reported.
    pub pairs: Pairs,
    /// The findings that the user accepts, of all nodes.
    pub accepted: Vec<Acceptable>,
}

/// The pairs of nodes that have to be reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pairs {
    /// Each node with each other, as in a full mesh. Of a network that is routed into WireGuard, as [`Self::Known`].
    #[default]
    All,
    /// Only those that some report names, in both directions.
    Known,
}

/// All networks of these reports.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The terms.
    pub terms: MergeTerms,
    /// The number of reports that are the newest of their nodes, whatever their standing.
    pub reports: usize,
    /// The networks, by name.
    pub networks: Vec<MergedNetwork>,
    /// The faults of the reports.
    pub problems: Vec<Problem>,
    /// The number of problems that are not in the list, because there are too many.
    pub more_problems: u64,
    /// True if something may be missing that a network does not show, such as a report that cannot be read.
    pub in_doubt: bool,
}

/// A problem of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The stable code.
    pub code: &'static str,
    /// The file that the report came from; empty if it is about several.
    pub file: String,
    /// The problem in a sentence, which may hold any character.
    pub text: String,
}

/// One network, as all its nodes report it.
#[derive(Clone, Debug)]
pub struct MergedNetwork {
    /// The names that nodes give it, the most frequent first. They may hold any character.
    pub names: Vec<String>,
    /// Its VNIs.
    pub vnis: Vec<u32>,
    /// The nodes, those with a report and those that others name.
    pub nodes: Vec<MergedNode>,
    /// The directed pairs that have to be reported, by sender and then by receiver.
    pub pairs: Vec<Pair>,
    /// The readable directions that are in no pair, each of which counts for the whole.
    pub unplaced: Vec<Unplaced>,
    /// The findings of the nodes.
    pub findings: Vec<MergedFinding>,
    /// The worst verdict, whatever is expected: one readable direction is enough for CLEAR.
    pub verdict: Verdict,
}

/// A node of a network.
#[derive(Clone, Debug)]
pub struct MergedNode {
    /// Its name, if it is known. It may hold any character.
    pub name: Option<String>,
    /// Its underlay addresses.
    pub addresses: Vec<IpAddr>,
    /// Its newest reports; none for a node that others name only. There are several if it calls the network differently
    /// in each.
    pub reports: Vec<Word>,
}

/// A report, in short.
#[derive(Clone, Debug)]
pub struct Word {
    /// The file that it came from.
    pub file: String,
    /// The verdict on the network, as the node sees it.
    pub verdict: Verdict,
    /// The code of the reason, or the error of a network that could not be watched. It may hold any character.
    pub reason: String,
    /// The remedy. It may hold any character.
    pub remedy: String,
    /// The end of the watch by the node's clock.
    pub ended: Option<Timestamp>,
    /// The weight of the report.
    pub standing: Standing,
    /// True if the verdict is a doubt about the whole, or NOT-ENFORCED, that no direction shows and nobody accepts.
    pub of_the_whole: bool,
    /// The profile, as the node judged it.
    pub profile: Profiled,
}

/// The outcome of the profile that a node was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profiled {
    /// None was asked for, or it is met.
    #[default]
    Fine,
    /// It is not met.
    NotMet,
    /// Too little is known to tell.
    Unknown,
}

/// A finding of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedFinding {
    /// The position of the node.
    pub node: usize,
    /// The code. It may hold any character.
    pub code: String,
    /// The finding in a sentence, which may hold any character.
    pub text: String,
    /// True if the node's user accepts it, or whoever merges.
    pub accepted: bool,
}

/// One direction between two nodes.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The position of the sender.
    pub from: usize,
    /// The position of the receiver.
    pub to: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// The origin of the verdict.
    pub basis: Basis,
    /// The sender's reports of it, the gravest first.
    pub sent: Vec<Seen>,
    /// The receiver's reports of it, the gravest first.
    pub received: Vec<Seen>,
}

/// A direction as one report has it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Verdict, rung and figures. The reason in it means nothing: see [`Self::code`].
    pub leg: LegReport,
    /// The code of the reason. A newer version may have others, and it may hold any character.
    pub code: String,
    /// The remedy, which may hold any character.
    pub remedy: String,
    /// The weight of what it says.
    pub standing: Standing,
}

/// A readable direction that is in no pair: an end is unknown, both are one node's, or its reporter is neither.
#[derive(Clone, Debug)]
pub struct Unplaced {
    /// The file of the report.
    pub file: Arc<str>,
    /// The direction, which counts.
    pub seen: Seen,
}

/// The weight of a report, or of a direction in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It counts.
    Counts,
    /// It is too old to count.
    Stale,
    /// Its time is too far ahead.
    Ahead,
    /// It does not say when it was made.
    Undated,
    /// Its verdict and its figures contradict each other.
    Contradictory,
}

impl Standing {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::Stale => "stale",
            Self::Ahead => "ahead",
            Self::Undated => "undated",
            Self::Contradictory => "contradictory",
        }
    }
}

/// The origin of the verdict on a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The sender says so.
    Sender,
    /// The sender says ENCRYPTED, and the receiver as well.
    Both,
    /// The receiver found readable frames, and the sender has no report, or one that proves nothing.
    Receiver,
    /// The sender says ENCRYPTED, and the receiver found readable frames.
    Contradicted,
    /// The only report is that of the receiver, which may see decrypted packets.
    SenderSilent,
    /// The reports are too old.
    Stale,
    /// The reports are from the future.
    Ahead,
    /// The reports have no time.
    Undated,
    /// The sender's report contradicts itself.
    Contradictory,
    /// The sender has a report, which says why it could not watch the network.
    NotWatched,
    /// The sender has a report, and does not know the receiver.
    NoPeer,
    /// Nobody reported it.
    Unreported,
}

impl Basis {
    /// Returns the code for it; `None` where the reason of a report says more.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Sender | Self::Both | Self::Receiver => None,
            Self::Contradicted => Some("contradicted"),
            Self::SenderSilent => Some("sender-silent"),
            Self::Stale => Some("stale"),
            Self::Ahead => Some("ahead"),
            Self::Undated => Some("undated"),
            Self::Contradictory => Some("contradictory"),
            Self::NotWatched => Some("not-watched"),
            Self::NoPeer => Some("not-a-peer"),
            Self::Unreported => Some("unreported"),
        }
    }

    /// Returns the meaning in a sentence, and what to do.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Sender => "the sender says so",
            Self::Both => "the sender says so, and the receiver agrees",
            Self::Receiver => {
                "the receiver found it, and the sender has no report, or is in doubt: run verify on the sender"
            }
            Self::Contradicted => {
                "the sender says ENCRYPTED, and the receiver found frames that can be read: look for what decrypts, or sends in the \
                 sender's name, between the two"
            }
            Self::SenderSilent => {
                "there is no report of the sender, and what arrives does not tell how it left: run verify on the sender"
            }
            Self::Stale => {
                "the reports are too old: run verify again, or say how old they may be with --stale"
            }
            Self::Ahead => {
                "the reports are from the future: set the clocks of these nodes, or say with --at when the reports were made"
            }
            Self::Undated => {
                "the reports do not say when they were made: run verify again, with a version that does"
            }
            Self::Contradictory => {
                "the report contradicts itself, so it proves nothing: run verify again, and look who could write to the reports"
            }
            Self::NotWatched => "the sender could not watch the network, and its report says why",
            Self::NoPeer => {
                "the sender's report does not name the receiver: run verify there with --peer, or leave such pairs out with --pairs known"
            }
            Self::Unreported => "nobody reported it: run verify on the sender",
        }
    }
}

impl Pair {
    /// Returns the code of the reason.
    pub fn code(&self) -> &str {
        self.basis.code().or_else(|| self.grounds().map(|seen| seen.code.as_str())).unwrap_or_default()
    }

    /// Returns the report of the direction on which the verdict stands, where there is one.
    pub fn grounds(&self) -> Option<&Seen> {
        match self.basis {
            Basis::Receiver => self.received.first(),
            _ => self.sent.first(),
        }
    }
}

impl MergeTerms {
    /// Returns true if the finding with this code is accepted.
    pub fn accepts(&self, code: &str) -> bool {
        self.accepted.iter().any(|accepted| accepted.code() == code)
    }
}

impl MergedNetwork {
    /// Returns the number of pairs with this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.pairs.iter().filter(|pair| pair.verdict == verdict).count()
    }

    /// Returns the heading name, which may hold any character.
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Yields the verdicts that count: those of the pairs, of what is in none, and of nodes on the whole.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        let words = self.nodes.iter().flat_map(|node| &node.reports);
        // A report that does not count shows in its pairs. One without a single pair has nothing else to show it.
        let of_words = words.filter(|word| word.of_the_whole).map(|word| match word.standing {
            Standing::Counts => word.verdict,
            _ => Verdict::Inconclusive,
        });
        let unplaced = self.unplaced.iter().map(|unplaced| unplaced.seen.leg.verdict);
        self.pairs.iter().map(|pair| pair.verdict).chain(unplaced).chain(of_words)
    }
}

impl MergedNetwork {
    /// Returns the worst of the verdicts that count. Where clear networks are expected, that is a direction which is not clear.
    pub(super) fn worst(&self, expected: Expectation) -> Verdict {
        Verdict::worst(self.verdicts(), expected)
    }
}

impl MergedNode {
    /// Returns the name, or else an address. It may hold any character.
    pub fn label(&self) -> String {
        let address = || self.addresses.first().map_or_else(|| "?".to_owned(), ToString::to_string);
        self.name.clone().unwrap_or_else(address)
    }
}

impl Merged {
    /// Returns the worst verdict, in the order of `verify --all`. Without a network, or with doubts about the reports, it is
    /// INCONCLUSIVE at best.
    pub fn verdict(&self, expected: Expectation) -> Verdict {
        let doubt = self.in_doubt.then_some(Verdict::Inconclusive);
        Verdict::worst(self.networks.iter().map(|network| network.verdict).chain(doubt), expected)
    }

    /// Returns the exit status, which is that of the worst direction, node or doubt. If all are as expected, a profile that some node does not
    /// meet makes it 1, and one of which too little is known 3, as in a node's own report.
    pub fn exit_status(&self, expected: Expectation) -> u8 {
        let words = || self.networks.iter().flat_map(|network| &network.nodes).flat_map(|node| &node.reports);
        let any = |profile| words().any(|word| word.profile == profile);
        let doubt = self.in_doubt.then_some(Verdict::Inconclusive);
        let worst = self.networks.iter().map(|network| network.worst(expected)).chain(doubt);
        match Verdict::worst(worst, expected).exit_status(expected) {
            0 if any(Profiled::NotMet) => 1,
            0 if any(Profiled::Unknown) => 3,
            status => status,
        }
    }
}
