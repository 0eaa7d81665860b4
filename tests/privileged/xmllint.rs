//! Tests that need xmllint, which reads XML by a schema.

use std::io::Write;
use std::process::{Command, Stdio};

use ovlsniff::print::report;
use ovlsniff::verify::{
    Circumstances, Expectation, Judged, Network, Occasion, Overlay, Overview, Question, Tally, judge,
};

use crate::run::ovlsniff;

fn check(xml: &str) {
    let mut xmllint = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema", "tests/privileged/xmllint/junit.xsd", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    xmllint.stdin.take().unwrap().write_all(xml.as_bytes()).unwrap();
    let output = xmllint.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{xml}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "needs xmllint"]
fn reports_in_junits_form_are_by_its_schema() {
    let swarm = "tests/fixtures/swarm/";
    let [pcap, inspect, keys] =
        ["swarm-node1.pcap", "network-inspect.json", "xfrm-state.txt"].map(|name| format!("{swarm}{name}"));
    let words = ["verify", "-r", &pcap, "--local", "192.0.2.1", "--docker-inspect", &inspect, "--sa", &keys];
    for more in [
        &["--net", "secure"][..],
        &["--net", "insecure", "--node", "a\"<\u{1b}>&"],
        &["--net", "typo"],
        &["--vni", "4098", "--peer", "192.0.2.2,198.51.100.9", "--require", "reachable"],
    ] {
        let words = if more[0] == "--vni" { [&words[..5], &words[7..]].concat() } else { words.to_vec() };
        check(&ovlsniff(&[&words[..], more, &["--format", "junit"]].concat()).out);
    }
}

#[test]
#[ignore = "needs xmllint"]
fn names_that_attack_the_form_stay_text() {
    let hostile = "a\"/><testsuite>]]><!-- & \u{0}\u{1}\u{b}\u{fffe}\u{202e}\n--><script>";
    let network = Network { name: hostile.to_owned(), ..Network::default() };
    let question = Question { network: network.clone(), ..Question::default() };
    let report = judge(&Tally::new(question), Circumstances::default());
    let overlay = Overlay { network, ..Overlay::default() };
    let networks = [Ok(report), Err(hostile.to_owned())];
    let networks = networks.map(|outcome| Judged { overlay: overlay.clone(), outcome });
    let occasion = Occasion { node: Some(hostile.to_owned()), ended: None };
    let overview = Overview { networks: networks.into(), ..Overview::default() }.on(&occasion);
    check(&report::overview_junit(&overview, Expectation::Encrypted));
    check(&report::overview_junit(&Overview::default(), Expectation::Encrypted));
}
