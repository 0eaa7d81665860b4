//! The verdicts as JUnit's XML, which CI servers show: a suite for each network, with a test for its verdict, one for each
//! direction, and one for the profile if one was asked for.
//!
//! A verdict that is not as expected is a failure, and one that is none (INCONCLUSIVE, a network that could not be watched) an
//! error, so that doubt never looks like a success. A direction that does not count for the verdict on the network, such as one
//! to a node that need not be reachable, is skipped.

use std::net::IpAddr;
use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::time::rfc3339;
use crate::escape::escape;
use crate::verify::{Compliance, Expectation, LegReport, Occasion, Overview, Reason, Report, Verdict};

/// Returns the report on one network.
pub fn junit(report: &Report, expected: Expectation) -> String {
    xml(vec![suite(report, expected)])
}

/// Returns the reports on all networks of a host.
pub fn overview_junit(overview: &Overview, expected: Expectation) -> String {
    let suites = overview.networks.iter().map(|judged| match &judged.outcome {
        Ok(report) => suite(report, expected),
        Err(why) => {
            let network = &judged.overlay.network.name;
            let mut suite = empty(network, &overview.occasion);
            suite.add_test_case(case(network, "network", error("not watched", why)));
            suite
        }
    });
    let mut suites: Vec<TestSuite> = suites.collect();
    if suites.is_empty() {
        let mut none = empty("networks", &overview.occasion);
        let why = "no overlay network was found on this host, so nothing was judged";
        none.add_test_case(case("networks", "network", error("INCONCLUSIVE", why)));
        suites.push(none);
    }
    xml(suites)
}

fn xml(suites: Vec<TestSuite>) -> String {
    let mut all = quick_junit::Report::new("ovlsniff verify");
    all.add_test_suites(suites);
    // Writing to memory does not fail, and every text is escaped to what XML can hold.
    let text = all.to_string().unwrap_or_default();
    // The schema of Jenkins has the number of skipped tests with each suite, and refuses it for all of them.
    let skipped = format!(" skipped=\"{}\"", all.skipped);
    text.replacen(&skipped, "", 1)
}

fn empty(network: &str, occasion: &Occasion) -> TestSuite {
    let mut suite = TestSuite::new(&*escape(network));
    // Jenkins takes a time without a zone.
    let ended = occasion.ended.map(|ended| rfc3339(ended.nanos / 1_000_000_000 * 1_000_000_000));
    let of_suite = [
        ("timestamp", ended.map(|ended| ended.trim_end_matches('Z').to_owned())),
        ("hostname", occasion.node.clone()),
    ];
    for (name, value) in of_suite {
        if let Some(value) = value {
            suite.extra.insert(name.into(), (&*escape(&value)).into());
        }
    }
    suite
}

fn suite(report: &Report, expected: Expectation) -> TestSuite {
    let mut suite = empty(&report.network, &report.occasion);
    let took = Duration::from_nanos(report.nanos.unsigned_abs());
    suite.set_time(took);
    let (verdict, reason) = report
        .unlike_clear(expected)
        .map_or((report.verdict, report.reason), |leg| (leg.verdict, leg.reason));
    let remedy = reason.remedy_for(report.source);
    let status = status(verdict, reason, remedy, expected, &super::text(report, expected));
    let mut whole = case(&report.network, "network", status);
    whole.set_time(took);
    suite.add_test_case(whole);
    suite.add_test_cases(report.compliance.iter().map(|found| profile(&report.network, found)));
    let counts = verdict.exit_status(expected) != 0;
    suite.add_test_cases(report.legs.iter().map(|leg| direction(report, leg, expected, counts)));
    suite
}

/// Makes the test of a profile, which fails if it is not met, whatever the verdict is.
fn profile(network: &str, found: &Compliance) -> TestCase {
    let codes: Vec<&str> = found.findings.iter().map(|finding| finding.code).collect();
    let texts: Vec<String> =
        found.findings.iter().map(|finding| format!("{}: {}", finding.code, finding.text)).collect();
    let (kind, name) = match found.met {
        Some(true) => return case(network, &profiled(found), TestCaseStatus::success()),
        Some(false) => (NonSuccessKind::Failure, "not met"),
        None => (NonSuccessKind::Error, "unknown"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(name).set_message(codes.join(", ")).set_description(texts.join("\n"));
    case(network, &profiled(found), status)
}

fn profiled(found: &Compliance) -> String {
    format!("profile {}", found.profile)
}

/// Makes the test of a direction, which fails only if it is among the causes of a verdict that is not as expected.
fn direction(report: &Report, leg: &LegReport, expected: Expectation, counts: bool) -> TestCase {
    let end = |address: Option<IpAddr>| address.map_or_else(|| "?".to_owned(), |address| address.to_string());
    let name = format!("{} -> {}", end(leg.from), end(leg.to));
    let remedy = leg.reason.remedy_for(report.source);
    let evidence = super::evidence(leg);
    let status = if counts || leg.verdict.exit_status(expected) == 0 {
        status(leg.verdict, leg.reason, remedy, expected, &evidence)
    } else {
        let mut skipped = TestCaseStatus::skipped();
        skipped.set_message(format!(
            "{}: {}, which need not be otherwise",
            leg.verdict.name(),
            leg.reason.code()
        ));
        skipped
    };
    case(&report.network, &name, status)
}

fn case(network: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(&*escape(name), status);
    // A dot would be taken for the end of a package's name.
    case.set_classname(format!("ovlsniff.{}", escape(network).replace('.', "_")));
    case
}

fn error(kind: &str, why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind).set_message(&*escape(why));
    status
}

fn status(
    verdict: Verdict,
    reason: Reason,
    remedy: &str,
    expected: Expectation,
    text: &str,
) -> TestCaseStatus {
    let kind = match (verdict, verdict.exit_status(expected)) {
        (_, 0) => return TestCaseStatus::success(),
        (Verdict::Inconclusive, _) => NonSuccessKind::Error,
        _ => NonSuccessKind::Failure,
    };
    let mut status = TestCaseStatus::non_success(kind);
    let remedy = if remedy.is_empty() { String::new() } else { format!(": {remedy}") };
    status.set_type(verdict.name()).set_message(format!("{}{remedy}", reason.code())).set_description(text);
    status
}
