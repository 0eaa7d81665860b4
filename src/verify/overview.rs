//! The verdict on all overlay networks of a host.

use super::inventory::Overlay;
use super::occasion::Occasion;
use super::report::{Expectation, Report};
use super::verdict::Verdict;

/// A network of the inventory, with what came of its watch.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The network.
    pub overlay: Overlay,
    /// The report, or in one escaped sentence the reason why there is none.
    pub outcome: Result<Report, String>,
}

/// The outcomes of the watches of all networks.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// The networks, in the order of the inventory.
    pub networks: Vec<Judged>,
    /// The node, and the time when the last watch ended.
    pub occasion: Occasion,
    /// The reason why Docker's engine could not be asked.
    pub engine_unread: Option<String>,
    /// The network namespaces that could not be looked into, which may have more networks. Escaped.
    pub namespaces_unread: Option<String>,
}

impl Judged {
    /// Returns the verdict. A network that could not be watched is INCONCLUSIVE.
    pub fn verdict(&self) -> Verdict {
        self.outcome.as_ref().map_or(Verdict::Inconclusive, |report| report.verdict)
    }
}

impl Overview {
    /// Returns the overview, and the reports in it, of this occasion.
    #[must_use]
    pub fn on(mut self, occasion: &Occasion) -> Self {
        for report in self.networks.iter_mut().filter_map(|judged| judged.outcome.as_mut().ok()) {
            report.occasion = occasion.clone();
        }
        Self { occasion: occasion.clone(), ..self }
    }

    /// Returns the worst verdict, as `Verdict::worst` has it. A host without any network is INCONCLUSIVE: nothing was judged. One
    /// with namespaces that could not be looked into is so at best.
    pub fn verdict(&self, expected: Expectation) -> Verdict {
        let unseen = self.namespaces_unread.as_ref().map(|_| Verdict::Inconclusive);
        Verdict::worst(self.networks.iter().map(Judged::verdict).chain(unseen), expected)
    }

    /// Returns the verdict that decides on the exit status, which may be that on one direction of a network
    /// ([`Report::deciding`]).
    pub fn deciding(&self, expected: Expectation) -> Verdict {
        let of = |judged: &Judged| {
            judged.outcome.as_ref().map_or(Verdict::Inconclusive, |report| report.deciding(expected))
        };
        let unseen = self.namespaces_unread.as_ref().map(|_| Verdict::Inconclusive);
        Verdict::worst(self.networks.iter().map(of).chain(unseen), expected)
    }

    /// Returns the exit status, which is that of the worst verdict. If all are as expected, it is that of the network that
    /// keeps to its profile the least.
    pub fn exit_status(&self, expected: Expectation) -> u8 {
        let status = self.deciding(expected).exit_status(expected);
        let statuses = || {
            let reports = self.networks.iter().filter_map(|judged| judged.outcome.as_ref().ok());
            reports.map(|report| report.exit_status(expected))
        };
        match status {
            0 => [1, 3].into_iter().find(|worse| statuses().any(|status| status == *worse)).unwrap_or(0),
            _ => status,
        }
    }

    /// Returns the number of networks with this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.networks.iter().filter(|network| network.verdict() == verdict).count()
    }
}

impl Verdict {
    /// Returns the worst of several verdicts. What is known to be readable outweighs a network that delivers nothing, that one
    /// outweighs doubt, and doubt NOT-ENFORCED. Where clear networks are expected, those that are not outweigh the rest. Of none
    /// it is INCONCLUSIVE.
    pub(super) fn worst(verdicts: impl Iterator<Item = Self>, expected: Expectation) -> Self {
        use Verdict::{AuthOnly, Blackholed, Clear, Encrypted, Inconclusive, NotEnforced};
        let order = match expected {
            Expectation::Encrypted => [Clear, AuthOnly, Blackholed, Inconclusive, NotEnforced, Encrypted],
            Expectation::Clear => [AuthOnly, Encrypted, NotEnforced, Blackholed, Inconclusive, Clear],
        };
        let rank = |verdict: &Self| order.iter().position(|each| each == verdict);
        verdicts.min_by_key(rank).unwrap_or(Inconclusive)
    }

    /// Returns the exit status: 0 if the verdict is as expected, 1 if not, 3 if it is inconclusive, 4 if nothing
    /// arrives.
    pub fn exit_status(self, expected: Expectation) -> u8 {
        match (self, expected) {
            (Self::Inconclusive, _) => 3,
            (Self::Blackholed, _) => 4,
            (Self::Encrypted, Expectation::Encrypted) | (Self::Clear, Expectation::Clear) => 0,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{Circumstances, Question, Tally, judge};

    fn overview(verdicts: &[Option<Verdict>]) -> Overview {
        let report =
            |verdict| Report { verdict, ..judge(&Tally::new(Question::default()), Circumstances::default()) };
        let judged = |verdict: &Option<Verdict>| Judged {
            overlay: Overlay::default(),
            outcome: verdict.map(report).ok_or_else(|| "no interface".to_owned()),
        };
        Overview {
            networks: verdicts.iter().map(judged).collect(),
            engine_unread: None,
            ..Overview::default()
        }
    }

    #[test]
    fn networks_that_could_not_be_looked_for_leave_no_verdict_on_all() {
        let of = |verdict| Overview {
            namespaces_unread: Some("permission denied".to_owned()),
            ..overview(&[Some(verdict)])
        };
        assert_eq!(of(Verdict::Encrypted).exit_status(Expectation::Encrypted), 3);
        assert_eq!(of(Verdict::Clear).exit_status(Expectation::Encrypted), 1);
        assert_eq!(of(Verdict::Clear).exit_status(Expectation::Clear), 3);
    }

    #[test]
    fn what_is_readable_wins_then_what_is_broken_then_doubt_then_what_is_not_enforced() {
        use Verdict::{AuthOnly, Blackholed, Clear, Encrypted, NotEnforced};
        let (encrypted, open, broken) = (Some(Encrypted), Some(NotEnforced), Some(Blackholed));
        for (verdicts, exit) in [
            (vec![], 3),
            (vec![encrypted, encrypted], 0),
            (vec![encrypted, open], 1),
            (vec![open, None, encrypted], 3),
            (vec![None, broken], 4),
            (vec![broken, None, Some(AuthOnly)], 1),
            (vec![None, Some(Clear)], 1),
        ] {
            assert_eq!(overview(&verdicts).exit_status(Expectation::Encrypted), exit, "{verdicts:?}");
        }
        for (verdicts, exit) in [
            (vec![], 3),
            (vec![Some(Clear), Some(Clear)], 0),
            (vec![Some(Clear), None], 3),
            (vec![None, broken], 4),
            (vec![broken, encrypted, Some(Clear)], 1),
        ] {
            assert_eq!(overview(&verdicts).exit_status(Expectation::Clear), exit, "{verdicts:?}");
        }
    }
}
