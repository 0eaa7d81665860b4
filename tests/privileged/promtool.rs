//! Tests that need promtool, Prometheus' own reader of metrics.

use std::io::Write;
use std::process::{Command, Stdio};

use ovlsniff::packet::{Timestamp, Vni};
use ovlsniff::print::report::{self, Proofs};
use ovlsniff::verify::{
    Circumstances, Expectation, Judged, Network, Overlay, Overview, Question, Tally, judge,
};

use crate::swarm;

/// Gives metrics to promtool, which refuses what Prometheus would not read, and complains about names and helps.
fn check(metrics: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    assert!(output.status.success() && said.concat().is_empty(), "{said:?}\n{metrics}");
}

#[test]
#[ignore = "needs promtool"]
fn the_metrics_of_a_capture_are_prometheus_own() {
    for net in ["secure", "insecure", "typo"] {
        check(&swarm::verify(net, &["--format", "prometheus"]).out);
    }
}

#[test]
#[ignore = "needs promtool"]
fn names_that_attack_the_format_stay_labels_and_no_sample_stands_twice() {
    let judged = |name: &str, is_watched: bool| {
        let vnis = vec![Vni::new(7).unwrap()];
        let network = Network { name: name.to_owned(), vnis, ..Network::default() };
        let question = Question { network: network.clone(), ..Question::default() };
        let report = judge(&Tally::new(question), Circumstances::default());
        let outcome = if is_watched { Ok(report) } else { Err("no interface".to_owned()) };
        Judged { overlay: Overlay { network, ..Overlay::default() }, outcome }
    };
    let hostile = "a\"} 1\novlsniff_verdict{x=\"\\\u{1b}\u{202e}\u{0}é";
    let networks = [hostile, hostile, "", "plain", "plain"].map(|name| judged(name, name != "plain"));
    let overview = Overview { networks: networks.into(), ..Overview::default() };
    let now = Timestamp::new(1_795_806_000, 0, 9);
    check(&report::overview_prometheus(&overview, Expectation::Encrypted, now, &mut Proofs::default()));
    check(&report::overview_prometheus(
        &Overview::default(),
        Expectation::Encrypted,
        now,
        &mut Proofs::default(),
    ));
}
