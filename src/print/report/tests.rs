//! The formats beside text and JSON, on networks whose names attack them.

use super::*;
use crate::packet::{Timestamp, Vni};
use crate::verify::{
    Acceptable, Circumstances, Compliance, Finding, Judged, Network, Occasion, Overlay, Overview,
    ProfileFinding,
};
use crate::verify::{Peer, Question, Source, Tally, Terms, judge};

const HOSTILE: &str = "a\"b'c\\d\ne<script>&]]>|\u{1b}[2J\u{9b}2J\u{7f}\u{202e}\u{0}";
const ESCAPED: &str = "a\"b'c\\d\\ne<script>&]]>|\\u{1b}[2J\\u{9b}2J\\u{7f}\\u{202e}\\u{0}";

fn now() -> Timestamp {
    Timestamp::new(1_795_806_000, 0, 9)
}

fn report(name: &str, verdict: Verdict) -> Report {
    let peer = Peer { underlay: [192, 0, 2, 2].into(), overlay: Vec::new(), behind: Vec::new() };
    let network = Network {
        name: name.to_owned(),
        source: Source::Docker,
        vnis: vec![Vni::new(4098).unwrap()],
        locals: vec![[192, 0, 2, 1].into()],
        peers: vec![peer],
        ..Network::default()
    };
    let judged = judge(&Tally::new(Question { network, ..Question::default() }), Circumstances::default());
    let legs = judged
        .legs
        .iter()
        .map(|leg| LegReport { verdict, reason: Reason::NoTraffic, ..leg.clone() })
        .collect();
    let occasion = Occasion { node: Some("node\n1".to_owned()), ended: Some(now()) };
    Report { verdict, reason: Reason::NoTraffic, legs, occasion, ..judged }
}

fn judged(name: &str, outcome: Option<Verdict>) -> Judged {
    let network = Network { name: name.to_owned(), vnis: vec![Vni::new(7).unwrap()], ..Network::default() };
    let outcome = outcome.map(|verdict| report(name, verdict)).ok_or_else(|| format!("no {HOSTILE}"));
    Judged { overlay: Overlay { network, ..Overlay::default() }, outcome }
}

fn overview_of(networks: Vec<Judged>) -> Overview {
    Overview { networks, ..Overview::default() }
}

#[test]
fn a_hostile_name_stays_within_its_place_in_every_format() {
    let all = || overview_of(vec![judged(HOSTILE, Some(Verdict::Clear)), judged(HOSTILE, None)]);
    let expected = Expectation::Encrypted;
    for text in [
        junit(&report(HOSTILE, Verdict::Clear), expected),
        overview_junit(&all(), expected),
        nagios(&report(HOSTILE, Verdict::Clear), expected),
        overview_nagios(&all(), expected),
        prometheus(&report(HOSTILE, Verdict::Clear), expected, now(), &mut Proofs::default()),
        overview_prometheus(&all(), expected, now(), &mut Proofs::default()),
        json(&report(HOSTILE, Verdict::Clear), expected),
        overview_json(&all(), expected),
    ] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{text:?}");
        assert!(text.contains("d\\"), "{text}");
    }
    let line = nagios(&report(HOSTILE, Verdict::Clear), expected);
    assert_eq!((line.lines().count(), line.matches('|').count()), (1, 1), "{line}");
    let xml = junit(&report(HOSTILE, Verdict::Clear), expected);
    assert!(!xml.contains("<script") && !xml.contains("]]>"), "{xml}");
    let metrics = prometheus(&report(HOSTILE, Verdict::Clear), expected, now(), &mut Proofs::default());
    let label = ESCAPED.replace('\\', "\\\\").replace('"', "\\\"");
    assert!(
        metrics.contains(&format!("ovlsniff_as_expected{{network=\"{label}\",vni=\"4098\"}} 0.0\n")),
        "{metrics}"
    );
}

#[test]
fn nagios_has_states_and_exit_statuses_of_its_own() {
    use Verdict::{AuthOnly, Blackholed, Clear, Encrypted, Inconclusive, NotEnforced};
    let states = |expected| {
        [Encrypted, NotEnforced, Clear, AuthOnly, Blackholed, Inconclusive].map(|verdict| {
            let line = nagios(&report("n", verdict), expected);
            (line.split(' ').nth(1).unwrap().to_owned(), Nagios::of(verdict, expected).exit_status())
        })
    };
    let named = |of: [(&str, u8); 6]| of.map(|(name, status)| (name.to_owned(), status));
    let (ok, warning, critical, unknown) = (("OK", 0), ("WARNING", 1), ("CRITICAL", 2), ("UNKNOWN", 3));
    assert_eq!(states(Expectation::Encrypted), named([ok, warning, critical, critical, critical, unknown]));
    assert_eq!(states(Expectation::Clear), named([critical, critical, ok, critical, critical, unknown]));
    assert_eq!(nagios_error("no\nkernel"), "OVLSNIFF UNKNOWN - no\\nkernel\n");
}

#[test]
fn nagios_counts_the_networks_and_names_those_that_are_not_encrypted() {
    let networks =
        vec![judged("a", Some(Verdict::Encrypted)), judged("b", Some(Verdict::Clear)), judged("c", None)];
    assert_eq!(
        overview_nagios(&overview_of(networks), Expectation::Encrypted),
        "OVLSNIFF CRITICAL - 1 of 3 networks ENCRYPTED, 1 CLEAR (b no-traffic), 1 INCONCLUSIVE (c not watched) | networks=3;;;0 \
         encrypted=1;;;0 clear=1;;;0 auth_only=0;;;0 not_enforced=0;;;0 blackholed=0;;;0 inconclusive=1;;;0\n"
    );
    let none = overview_nagios(&Overview::default(), Expectation::Encrypted);
    assert!(none.starts_with("OVLSNIFF UNKNOWN - no overlay network was found on this host"), "{none}");
}

#[test]
fn junit_takes_doubt_for_an_error_and_skips_what_does_not_count() {
    let xml = |verdict| junit(&report("n", verdict), Expectation::Encrypted);
    assert_eq!(xml(Verdict::Clear).matches("<failure message=\"no-traffic: ").count(), 3);
    assert_eq!(xml(Verdict::Inconclusive).matches("<error message=\"no-traffic: ").count(), 3);
    assert!(!xml(Verdict::Encrypted).contains("message="));
    // The nodes that could be reached decide, and another one could not.
    let mut partly = report("n", Verdict::Encrypted);
    partly.legs[1].verdict = Verdict::Inconclusive;
    let xml = junit(&partly, Expectation::Encrypted);
    assert!(xml.contains("tests=\"3\" skipped=\"1\" errors=\"0\" failures=\"0\""), "{xml}");
    let none = overview_junit(&Overview::default(), Expectation::Encrypted);
    assert!(none.contains("errors=\"1\"") && none.contains("no overlay network was found"), "{none}");
}

#[test]
fn each_network_has_one_verdict_and_no_sample_stands_twice() {
    let networks = vec![judged("a", Some(Verdict::Clear)), judged("a", None), judged("b", None)];
    let text =
        overview_prometheus(&overview_of(networks), Expectation::Encrypted, now(), &mut Proofs::default());
    let samples: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').unwrap().0)
        .collect();
    let distinct: std::collections::HashSet<&&str> = samples.iter().collect();
    assert_eq!(distinct.len(), samples.len(), "{text}");
    let ones = text.lines().filter(|line| line.starts_with("ovlsniff_verdict{") && line.ends_with(" 1.0"));
    assert_eq!(
        ones.collect::<Vec<_>>(),
        [
            "ovlsniff_verdict{network=\"a\",vni=\"7\",verdict=\"CLEAR\"} 1.0",
            "ovlsniff_verdict{network=\"a\",vni=\"7\",copy=\"2\",verdict=\"INCONCLUSIVE\"} 1.0",
            "ovlsniff_verdict{network=\"b\",vni=\"7\",verdict=\"INCONCLUSIVE\"} 1.0",
        ]
    );
}

#[test]
fn the_last_proof_outlives_a_doubt_and_goes_with_its_node() {
    let mut proofs = Proofs::default();
    let mut proven = |report: &Report| {
        let text = prometheus(report, Expectation::Encrypted, now(), &mut proofs);
        let is_proof = |line: &&str| line.starts_with("ovlsniff_last_proof_timestamp_seconds{");
        text.lines()
            .filter(is_proof)
            .map(|line| line.rsplit_once(' ').unwrap().1.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(proven(&report("n", Verdict::Inconclusive)), [""; 0]);
    assert_eq!(proven(&report("n", Verdict::Encrypted)), ["1795806000.0", "1795806000.0"]);
    let mut later = report("n", Verdict::Inconclusive);
    later.legs[0].verdict = Verdict::Encrypted;
    later.occasion.ended = Some(Timestamp::new(1_795_806_060, 0, 9));
    assert_eq!(proven(&later), ["1795806060.0", "1795806000.0"]);
    later.legs.truncate(1);
    assert_eq!(proven(&later), ["1795806060.0"]);
}

#[test]
fn a_finding_that_was_accepted_raises_no_alarm() {
    let findings = vec![
        Finding { code: "peers-only", text: String::new() },
        Finding { code: "short-icv", text: String::new() },
    ];
    let accepted: Vec<Acceptable> = vec!["peers-only".parse().unwrap()];
    let terms = Terms { accepted, ..Terms::default() };
    let report = Report { findings, terms, ..report("n", Verdict::Encrypted) };
    let text = prometheus(&report, Expectation::Encrypted, now(), &mut Proofs::default());
    assert!(text.contains("code=\"short-icv\"} 1.0") && !text.contains("peers-only"), "{text}");
    let line = nagios(&report, Expectation::Encrypted);
    assert!(line.contains("; finding short-icv |"), "{line}");
}

fn under_a_profile(met: Option<bool>) -> Report {
    let finding = ProfileFinding { code: "key-length", text: "a key of 128 bits".to_owned() };
    let compliance = Compliance { profile: "cnsa".to_owned(), met, findings: vec![finding] };
    Report { compliance: Some(compliance), ..report("n", Verdict::Encrypted) }
}

#[test]
fn a_profile_that_is_not_met_is_no_success_in_junit() {
    for (met, counted) in [
        (Some(true), "errors=\"0\" failures=\"0\""),
        (Some(false), "errors=\"0\" failures=\"1\""),
        (None, "errors=\"1\" failures=\"0\""),
    ] {
        let xml = junit(&under_a_profile(met), Expectation::Encrypted);
        assert!(xml.contains(counted) && xml.contains("name=\"profile cnsa\""), "{met:?}: {xml}");
        assert_eq!(xml.contains("key-length: a key of 128 bits"), met != Some(true), "{xml}");
    }
}

#[test]
fn an_encrypted_direction_of_a_network_that_should_be_clear_is_told_in_every_format() {
    let mixed = || {
        let mut report = report("n", Verdict::Clear);
        report.legs[1].verdict = Verdict::Encrypted;
        report
    };
    let expected = Expectation::Clear;
    assert_eq!(report("n", Verdict::Clear).exit_status(expected), 0);
    assert_eq!((mixed().exit_status(expected), mixed().exit_status(Expectation::Encrypted)), (1, 1));
    let said = "192.0.2.2 -> 192.0.2.1 is ENCRYPTED";
    assert!(text(&mixed(), expected).contains(&format!("not as expected: {said}\n")));
    let line = nagios(&mixed(), expected);
    assert!(line.starts_with("OVLSNIFF CRITICAL") && line.contains(said), "{line}");
    assert!(junit(&mixed(), expected).contains("failures=\"2\""), "{}", junit(&mixed(), expected));
    let metrics = prometheus(&mixed(), expected, now(), &mut Proofs::default());
    assert!(metrics.contains("ovlsniff_as_expected{network=\"n\",vni=\"4098\"} 0.0\n"), "{metrics}");
    let all = overview_of(vec![Judged { outcome: Ok(mixed()), ..judged("n", None) }, judged("m", None)]);
    assert_eq!((all.exit_status(expected), Nagios::of_all(&all, expected).exit_status()), (1, 2));
}

#[test]
fn metrics_do_not_say_as_expected_where_the_profile_makes_the_exit_status() {
    for (met, value) in [(Some(true), "1.0"), (Some(false), "0.0"), (None, "0.0")] {
        let text = prometheus(&under_a_profile(met), Expectation::Encrypted, now(), &mut Proofs::default());
        for line in [
            format!("ovlsniff_as_expected{{network=\"n\",vni=\"4098\"}} {value}\n"),
            format!("ovlsniff_profile_met{{network=\"n\",vni=\"4098\",profile=\"cnsa\"}} {value}\n"),
        ] {
            assert!(text.contains(&line), "{met:?}: {text}");
        }
    }
}

#[test]
fn networks_that_a_host_may_have_beyond_those_that_were_found_are_a_metric() {
    let unread = |engine_unread, namespaces_unread| {
        let all = Overview { engine_unread, namespaces_unread, ..overview_of(vec![judged("a", None)]) };
        let text = overview_prometheus(&all, Expectation::Encrypted, now(), &mut Proofs::default());
        text.lines().filter(|line| line.starts_with("ovlsniff_unread")).collect::<Vec<_>>().join(" ")
    };
    let why = || Some("permission denied".to_owned());
    assert_eq!(unread(None, None), "");
    assert_eq!(unread(None, why()), "ovlsniff_unread{code=\"namespaces-unread\"} 1.0");
    assert_eq!(unread(why(), None), "ovlsniff_unread{code=\"engine-unread\"} 1.0");
}
