//! Tests that need xmllint, which reads XML by a schema.

use std::io::Write;
use std::process::{Command, Stdio};

use ovlsniff::print::report;
use ovlsniff::verify::{
    Circumstances, Expectation, Judged, Network, Occasion, Overlay, Overview, Question, Tally, judge,
};

use crate::run::ovlsniff;
use crate::swarm;

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
    for (net, more) in [("secure", &[][..]), ("insecure", &["--node", "a\"<\u{1b}>&"]), ("typo", &[])] {
        check(&swarm::verify(net, &[&["--format", "junit"], more].concat()).out);
    }
    let [verify, read, file, local, address, ..] = swarm::NODE1;
    let nodes = ["--vni", "4098", "--peer", "192.0.2.2,198.51.100.9", "--require", "reachable"];
    let words = [&[verify, read, file, local, address][..], &nodes, &["--format", "junit"]].concat();
    check(&ovlsniff(&words).out);
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
