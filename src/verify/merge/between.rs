//! Reports from between the nodes: a capture of the link, with the addresses of both ends as its own.
//!
//! Nobody who only listens on the way is one of the nodes, and what the link does not show may have gone another way. What it
//! could read it has read.

use super::matrix::{Seen, Standing};
use super::parse::{Heard, Series};
use crate::verify::report::{Counts, LegReport};
use crate::verify::verdict::Reason;
use crate::verify::way::Way;

/// Returns true if a report has both ends of a direction as its own addresses, on two hosts.
pub(super) fn is_between(series: &Series, heard: &Heard) -> bool {
    let is_own = |address| series.addresses.binary_search(&address).is_ok();
    heard.legs.iter().any(|seen| {
        let ends = seen.leg.from.zip(seen.leg.to);
        let is_of_one_host = seen.code == Reason::LocalOnly.code();
        !is_of_one_host && ends.is_some_and(|(from, to)| from != to && is_own(from) && is_own(to))
    })
}

/// Says of such a report how it counts.
pub(super) fn told(network: &str, heard: &Heard) -> String {
    format!(
        "its report on {network} is {}, and comes from between the nodes: what it could read counts, and it proves nothing",
        heard.gravest().name()
    )
}

/// Returns what counts of such a report: what it could read, with the weight of the report.
pub(super) fn readable(seen: Seen, standing: Standing) -> Option<Seen> {
    let standing =
        if matches!(standing, Standing::Counts | Standing::Contradictory) { seen.standing } else { standing };
    seen.leg.verdict.is_readable().then_some(Seen { standing, ..seen })
}

/// Returns the verdict on the whole as a direction of which no end is known, if it is readable and no direction bears it.
pub(super) fn whole(heard: &Heard) -> Option<Seen> {
    let is_borne = heard.legs.iter().any(|seen| seen.leg.verdict == heard.verdict);
    let leg = LegReport {
        from: None,
        to: None,
        way: Way::Out,
        verdict: heard.verdict,
        rung: None,
        reason: Reason::NoTraffic,
        counts: Counts::default(),
        esp: Vec::new(),
        wireguard: None,
        shown: None,
    };
    let (code, remedy) = (heard.reason.clone(), heard.remedy.clone());
    let seen = Seen { leg, code, remedy, standing: Standing::Counts };
    (heard.verdict.is_readable() && !is_borne).then_some(seen)
}
