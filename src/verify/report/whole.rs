//! The rules that a report as a whole has to satisfy, whoever wrote it. As those of a direction, they follow from the judge.
//!
//! A readable whole is asked for nothing: a rule too many would hide a leak.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Acceptable, LegReport, NotAcceptable, Report, severity};
use crate::verify::verdict::{Reason, Verdict};

/// The findings beside which the judge proves nothing: the capture is not whole.
const NOT_WHOLE: [(&str, &str); 3] = [
    ("cut-short", "the capture was cut short, and a direction is ENCRYPTED"),
    ("undecoded", "there are frames that were not decoded, and a direction is ENCRYPTED"),
    ("left-out", "an interface was left out, and a direction is ENCRYPTED"),
];

/// The parts of a report that its verdict on the whole has to agree with.
#[derive(Clone, Debug)]
pub(in crate::verify) struct Whole<'r> {
    /// The verdict on the whole.
    pub verdict: Verdict,
    /// The number of frames that were observed; `None` if the report does not say.
    pub frames: Option<u64>,
    /// The number of frames that the capture lost; `None` if the report does not say.
    pub dropped: Option<u64>,
    /// The directions.
    pub legs: Vec<&'r LegReport>,
    /// The verdicts on the nodes at the other ends; `None` if the report has no list of them.
    pub nodes: Option<Vec<(IpAddr, Verdict)>>,
    /// The codes of the findings. The second is true for one that is accepted.
    pub findings: Vec<(&'r str, bool)>,
}

impl Whole<'_> {
    /// Returns the contradiction in the report, as a clause; `None` if there is none.
    pub(in crate::verify) fn contradiction(&self) -> Option<&'static str> {
        if self.verdict.is_readable() {
            return None;
        }
        let never = |code: &str| code.parse::<Acceptable>() == Err(NotAcceptable::Never);
        if self.findings.iter().any(|(code, accepted)| *accepted && never(code)) {
            return Some("a finding is accepted that cannot be");
        }
        let open = (Reason::NotEnforced.code(), false);
        if self.verdict == Verdict::Encrypted && self.findings.contains(&open) {
            return Some("the whole is ENCRYPTED, with a finding that it is not enforced");
        }
        if self.has_proof() {
            let has = |code| self.findings.iter().any(|(found, _)| *found == code);
            if let Some((_, said)) = NOT_WHOLE.iter().find(|(code, _)| has(*code)) {
                return Some(said);
            }
            if self.dropped.is_some_and(|dropped| dropped > 0) {
                return Some("the capture lost frames, and a direction is ENCRYPTED");
            }
            if self.frames == Some(0) {
                return Some("no frame was observed, and a direction is ENCRYPTED");
            }
        }
        self.nodes.as_ref().and_then(|nodes| self.other_nodes(nodes))
    }

    /// Returns true if a direction is ENCRYPTED.
    pub(in crate::verify) fn has_proof(&self) -> bool {
        self.legs.iter().any(|leg| leg.verdict == Verdict::Encrypted)
    }

    /// Returns what is wrong with the list of the nodes: each has the worse verdict of its directions.
    fn other_nodes(&self, nodes: &[(IpAddr, Verdict)]) -> Option<&'static str> {
        let mut judged: BTreeMap<IpAddr, Verdict> = BTreeMap::new();
        for (node, verdict) in self.legs.iter().filter_map(|leg| Some((leg.node()?, leg.verdict))) {
            let worst = judged.entry(node).or_insert(verdict);
            if severity(verdict) < severity(*worst) {
                *worst = verdict;
            }
        }
        let listed: BTreeMap<IpAddr, Verdict> = nodes.iter().copied().collect();
        (listed != judged).then_some("the verdicts on its nodes are not those on their directions")
    }
}

impl Report {
    /// Returns the contradiction in the report, as a clause; `None` if there is none. Its directions have
    /// [`LegReport::contradiction`].
    pub fn contradiction(&self) -> Option<&'static str> {
        let nodes = self.nodes();
        let found = self.findings.iter().map(|finding| (finding.code, self.terms.accepts(finding.code)));
        let whole = Whole {
            verdict: self.verdict,
            frames: Some(self.frames),
            dropped: self.dropped,
            legs: self.legs.iter().collect(),
            nodes: Some(nodes.iter().map(|node| (node.address, node.verdict)).collect()),
            findings: found.collect(),
        };
        whole.contradiction()
    }
}
