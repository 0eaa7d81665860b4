//! The verdict as a plugin of Nagios says it: one line with its state, a sentence and figures. The plugin guidelines of Monitoring
//! Plugins define the line and the exit status, which is another than that of the other formats.

use super::nodes;
use crate::escape::{counted, escape};
use crate::verify::{Expectation, Judged, Overview, Report, Verdict};

/// The most characters of a name in the line. Nagios takes 4 KiB in all, and some of its transports less.
const LONGEST: usize = 64;
/// The most networks that are named.
const MOST: usize = 8;

/// A state of a service, with the exit status of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nagios {
    /// As expected: 0.
    Ok,
    /// Encrypted, but not enforced: 1.
    Warning,
    /// Not as expected, or nothing arrives: 2.
    Critical,
    /// Inconclusive, or an error: 3.
    Unknown,
}

impl Nagios {
    /// Returns the state for a verdict.
    pub fn of(verdict: Verdict, expected: Expectation) -> Self {
        match (verdict, expected) {
            (Verdict::Inconclusive, _) => Self::Unknown,
            (Verdict::NotEnforced, Expectation::Encrypted) => Self::Warning,
            _ if verdict.exit_status(expected) == 0 => Self::Ok,
            _ => Self::Critical,
        }
    }

    /// Returns the state of one network. A profile that is not met is a warning.
    pub fn of_one(report: &Report, expected: Expectation) -> Self {
        Self::of(report.deciding(expected), expected).under(report.exit_status(expected))
    }

    /// Returns the state of all networks.
    pub fn of_all(overview: &Overview, expected: Expectation) -> Self {
        Self::of(overview.deciding(expected), expected).under(overview.exit_status(expected))
    }

    /// Returns the state where the verdict alone would be OK, and the profile makes the exit status this one.
    fn under(self, status: u8) -> Self {
        match (self, status) {
            (Self::Ok, 1) => Self::Warning,
            (Self::Ok, 3) => Self::Unknown,
            _ => self,
        }
    }

    /// Returns the exit status by which Nagios knows the state.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Returns the line on one network.
pub fn nagios(report: &Report, expected: Expectation) -> String {
    let state = Nagios::of_one(report, expected);
    let all = report.nodes();
    let mut said =
        format!("{} is {} ({})", name(&report.network), report.verdict.name(), report.reason.code());
    said.push_str(&nodes::clause(report));
    let mut findings = report.findings.iter().filter(|finding| !report.terms.accepts(finding.code));
    if let Some(finding) = findings.next() {
        let more = findings.count();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        said = format!("{said}; finding {}{more}", finding.code);
    }
    if let Some(found) = report.compliance.as_ref().filter(|found| found.met != Some(true)) {
        let met = if found.met.is_none() { "not known to be met" } else { "not met" };
        said = format!("{said}; profile {} {met}", name(&found.profile));
    }
    let remedy = report.reason.remedy_for(report.source);
    if let Some(leg) = report.unlike_clear(expected) {
        said = format!("{said}; {} is {}", super::between(leg), leg.verdict.name());
    } else if state != Nagios::Ok && !remedy.is_empty() {
        said = format!("{said}; {remedy}");
    }
    let encrypted = all.iter().filter(|node| node.reachable && node.verdict == Verdict::Encrypted).count();
    let unreachable = all.iter().filter(|node| !node.reachable).count();
    let dropped = report.dropped.map_or_else(|| "U".to_owned(), |dropped| dropped.to_string());
    let seconds = format!("{}.{:03}", report.nanos / 1_000_000_000, report.nanos / 1_000_000 % 1000);
    let figures = format!(
        "nodes={};;;0 encrypted={encrypted};;;0 unreachable={unreachable};;;0 frames={};;;0 dropped={dropped};;;0 time={seconds}s;;;0",
        all.len(),
        report.frames
    );
    line(state, &said, &figures)
}

/// Returns the line on all networks of a host.
pub fn overview_nagios(overview: &Overview, expected: Expectation) -> String {
    // NOT-ENFORCED is no more than a warning, and doubt outweighs it.
    let state = Nagios::of_all(overview, expected);
    let count = |verdict| overview.count(verdict);
    let all = overview.networks.len();
    let mut said =
        format!("{} of {} ENCRYPTED", count(Verdict::Encrypted), counted(all as u64, "network", "networks"));
    if all == 0 {
        "no overlay network was found on this host, so nothing was judged".clone_into(&mut said);
    }
    for verdict in super::overview::VERDICTS.into_iter().skip(1).filter(|verdict| count(*verdict) > 0) {
        let names: Vec<String> = overview
            .networks
            .iter()
            .filter(|judged| judged.verdict() == verdict)
            .take(MOST)
            .map(named)
            .collect();
        let more = if count(verdict) > MOST { ", …" } else { "" };
        said = format!("{said}, {} {} ({}{more})", count(verdict), verdict.name(), names.join(", "));
    }
    if overview.engine_unread.is_some() {
        said.push_str("; Docker's engine could not be asked");
    }
    if overview.namespaces_unread.is_some() {
        said.push_str("; network namespaces could not be looked into");
    }
    let figures: Vec<String> = super::overview::VERDICTS
        .map(|verdict| format!("{}={};;;0", verdict.name().to_lowercase().replace('-', "_"), count(verdict)))
        .to_vec();
    line(state, &said, &format!("networks={all};;;0 {}", figures.join(" ")))
}

/// Returns the line on an error: nothing was judged.
pub fn nagios_error(sentence: &str) -> String {
    line(Nagios::Unknown, sentence, "")
}

fn named(judged: &Judged) -> String {
    match &judged.outcome {
        Ok(report) => format!("{} {}", name(&report.network), report.reason.code()),
        Err(_) => format!("{} not watched", name(&judged.overlay.network.name)),
    }
}

fn name(name: &str) -> String {
    let mut cut: String = name.chars().take(LONGEST).collect();
    if cut.len() < name.len() {
        cut.push('…');
    }
    escape(&cut).into_owned()
}

/// Puts the line together. A bar would begin the figures, so it is none of the sentence's.
fn line(state: Nagios, said: &str, figures: &str) -> String {
    let said = escape(said).replace('|', "\\u{7c}");
    let figures = if figures.is_empty() { String::new() } else { format!(" | {figures}") };
    format!("OVLSNIFF {} - {said}{figures}\n", state.name())
}
