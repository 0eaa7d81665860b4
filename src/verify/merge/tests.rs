//! The join, on reports as they are on the disk.

mod between;
mod newest;
mod places;
mod silent;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::verify::{Expectation, Verdict};

const AT: &str = "2026-11-27T19:00:00Z";

/// Makes a leg from one address to another. Its way is that of the node that reports it.
fn leg(way: &str, from: u8, to: u8, verdict: &str) -> Value {
    let reason = match verdict {
        "ENCRYPTED" => "opened",
        "CLEAR" => "not-configured",
        "AUTH-ONLY" => "esp-null",
        _ => "no-answer",
    };
    let [clear, authenticated] =
        ["CLEAR", "AUTH-ONLY"].map(|readable| if verdict == readable { 20 } else { 0 });
    json!({
        "from": format!("192.0.2.{from}"), "to": format!("192.0.2.{to}"), "way": way, "verdict": verdict, "rung": "E4",
        "reason": reason, "remedy": "", "counts": {"esp": 5, "opened": 5, "clear": clear, "auth_only": authenticated},
        "esp": [{"spi": "0x000001ab", "packets": 5, "algorithm": null}], "wireguard": null, "shown": null,
    })
}

/// Makes the report of a node, `out` and `back` are its peers with their verdicts.
fn report(node: u8, out: &[(u8, &str)], back: &[(u8, &str)]) -> Value {
    let leaving = out.iter().map(|(to, verdict)| leg("out", node, *to, verdict));
    let arriving = back.iter().map(|(from, verdict)| leg("in", *from, node, verdict));
    let legs: Vec<Value> = leaving.chain(arriving).collect();
    let has = |verdict: &str| legs.iter().find(|leg| leg["verdict"] == verdict);
    let worst = ["CLEAR", "INCONCLUSIVE"].iter().find_map(|verdict| has(verdict)).or(legs.first());
    json!({
        "v": 1, "node": {"name": format!("node{node}"), "addresses": [format!("192.0.2.{node}")]}, "ended": AT,
        "network": "secure", "source": "docker overlay", "vnis": [4098], "any_vni": false, "port": null,
        "verdict": worst.map_or("INCONCLUSIVE".into(), |leg| leg["verdict"].clone()),
        "reason": worst.map_or("local-only".into(), |leg| leg["reason"].clone()), "remedy": "",
        "directions": legs, "findings": [],
    })
}

fn with(mut report: Value, member: &str, value: impl Into<Value>) -> Value {
    report[member] = value.into();
    report
}

fn terms() -> MergeTerms {
    MergeTerms {
        at: moment(AT).unwrap(),
        stale: Duration::from_secs(3600),
        pairs: Pairs::All,
        accepted: Vec::new(),
    }
}

fn merged_with(reports: &[Value], change: impl FnOnce(&mut MergeTerms)) -> Merged {
    let mut terms = terms();
    change(&mut terms);
    let mut read = Reports::at(Some(terms.at), terms.stale);
    for (at, report) in reports.iter().enumerate() {
        read.read(&format!("{at}.json"), report.to_string().as_bytes()).unwrap();
    }
    Merged::of(read, terms)
}

fn merged(reports: &[Value]) -> Merged {
    merged_with(reports, |_| {})
}

/// Returns the verdict and the code of each pair of the only network.
fn pairs(merged: &Merged) -> Vec<String> {
    assert_eq!(merged.networks.len(), 1, "{:?}", merged.problems);
    let of =
        |pair: &Pair| format!("{}>{} {} {}", pair.from + 1, pair.to + 1, pair.verdict.name(), pair.code());
    merged.networks[0].pairs.iter().map(of).collect()
}

fn codes(merged: &Merged) -> Vec<&'static str> {
    merged.problems.iter().map(|problem| problem.code).collect()
}

fn exit(merged: &Merged) -> u8 {
    merged.exit_status(Expectation::Encrypted)
}

const E: &str = "ENCRYPTED";
const C: &str = "CLEAR";
const I: &str = "INCONCLUSIVE";

#[test]
fn each_direction_is_judged_by_its_sender() {
    // Each node doubts what arrives, as it does with the kernel's own copies of what it decrypted.
    let all = merged(&[report(1, &[(2, E)], &[(2, I)]), report(2, &[(1, E)], &[(1, I)])]);
    assert_eq!(pairs(&all), ["1>2 ENCRYPTED opened", "2>1 ENCRYPTED opened"]);
    assert_eq!((exit(&all), codes(&all).len()), (0, 0));
    let leaky = merged(&[report(1, &[(2, E)], &[(2, E)]), report(2, &[(1, C)], &[(1, E)])]);
    assert_eq!(pairs(&leaky), ["1>2 ENCRYPTED opened", "2>1 CLEAR not-configured"]);
    assert_eq!(exit(&leaky), 1);
}

#[test]
fn a_receiver_that_read_frames_contradicts_a_sender_that_saw_none() {
    let all = merged(&[report(1, &[(2, E)], &[(2, E)]), report(2, &[(1, E)], &[(1, C)])]);
    assert_eq!(pairs(&all), ["1>2 INCONCLUSIVE contradicted", "2>1 ENCRYPTED opened"]);
    assert_eq!(exit(&all), 3);
}

#[test]
fn a_sender_in_doubt_does_not_hide_what_the_receiver_has_read() {
    for doubt in [I, "BLACKHOLED"] {
        for found in [C, "AUTH-ONLY"] {
            let all = merged(&[report(1, &[(2, doubt)], &[(2, E)]), report(2, &[(1, E)], &[(1, found)])]);
            let first = &all.networks[0].pairs[0];
            assert_eq!((first.verdict.name(), first.basis), (found, Basis::Receiver), "{doubt}");
            assert_eq!(exit(&all), 1, "{doubt} {found}");
        }
    }
}

#[test]
fn a_node_without_a_report_is_no_proof_and_a_leak_that_reached_another_is_one() {
    let all = merged(&[report(1, &[(2, E), (3, E)], &[(2, E), (3, C)])]);
    assert_eq!(
        pairs(&all),
        [
            "1>2 ENCRYPTED opened",
            "1>3 ENCRYPTED opened",
            "2>1 INCONCLUSIVE sender-silent",
            "2>3 INCONCLUSIVE unreported",
            "3>1 CLEAR not-configured",
            "3>2 INCONCLUSIVE unreported",
        ]
    );
    assert_eq!(exit(&all), 1);
}

#[test]
fn a_sender_that_does_not_know_a_node_leaves_that_pair_open() {
    let star = [
        report(1, &[(2, E), (3, E)], &[(2, E), (3, E)]),
        report(2, &[(1, E)], &[(1, E)]),
        report(3, &[(1, E)], &[(1, E)]),
    ];
    let all = merged(&star);
    assert!(pairs(&all).contains(&"2>3 INCONCLUSIVE not-a-peer".to_owned()));
    assert_eq!(exit(&all), 3);
    let known = merged_with(&star, |terms| terms.pairs = Pairs::Known);
    assert_eq!((pairs(&known).len(), exit(&known)), (4, 0));
    let wireguard = merged(&star.map(|report| with(report, "source", "wireguard device")));
    assert_eq!((pairs(&wireguard).len(), exit(&wireguard)), (4, 0));
}

#[test]
fn a_report_that_is_old_or_from_the_future_or_without_a_time_proves_nothing() {
    let fresh = report(1, &[(2, E)], &[(2, E)]);
    for (ended, code, verdict) in [
        (json!("2026-11-27T17:59:59Z"), "stale", I),
        (json!("2026-11-27T18:00:01Z"), "", E),
        (json!("2026-11-27T19:00:59Z"), "", E),
        (json!("2026-11-27T19:30:00Z"), "clock-ahead", E),
        (json!("2026-11-27T20:00:00Z"), "clock-ahead", E),
        (json!("2026-11-27T20:00:01Z"), "ahead", I),
        (json!(null), "undated", I),
    ] {
        let all = merged(&[fresh.clone(), with(report(2, &[(1, E)], &[(1, E)]), "ended", ended.clone())]);
        let why = if verdict == E { "opened" } else { code };
        assert_eq!(pairs(&all)[1], format!("2>1 {verdict} {why}"), "{ended}");
        assert_eq!(codes(&all).concat(), code, "{ended}");
        assert_eq!(exit(&all), if verdict == E { 0 } else { 3 }, "{ended}");
    }
}

#[test]
fn a_report_whose_figures_contradict_its_verdict_is_named_and_proves_nothing() {
    let peer = report(1, &[(2, E)], &[(2, E)]);
    let sound = report(2, &[(1, E)], &[(1, E)]);
    for (place, value) in [
        ("/directions/0/rung", json!("E0")),
        ("/directions/0/rung", json!(null)),
        ("/directions/0/counts", json!({"esp": 5})),
        ("/directions/0/counts/clear", json!(5)),
        ("/directions/0/counts/auth_only", json!(1)),
        ("/directions/0/reason", json!("no-traffic")),
    ] {
        let mut made_up = sound.clone();
        *made_up.pointer_mut(place).unwrap() = value.clone();
        let all = merged(&[peer.clone(), made_up]);
        assert_eq!(pairs(&all)[1], "2>1 INCONCLUSIVE contradictory", "{place} {value}");
        assert_eq!((codes(&all), exit(&all)), (vec!["contradictory"], 3), "{place} {value}");
        assert!(
            all.problems[0].text.contains("192.0.2.2 -> 192.0.2.1 is ENCRYPTED, and"),
            "{:?}",
            all.problems
        );
    }
    // A readable verdict needs a frame as well, or a network that should be clear would be as expected.
    let mut silent = report(2, &[(1, C)], &[(1, C)]);
    silent["directions"][0]["counts"]["clear"] = 0.into();
    let all = merged(&[report(1, &[(2, C)], &[(2, C)]), silent]);
    assert_eq!((pairs(&all)[1].as_str(), codes(&all)), ("2>1 CLEAR not-configured", vec!["contradictory"]));
    assert_eq!(all.networks[0].pairs[1].basis, Basis::Receiver);
    // A receiver that contradicts itself takes nothing from the sender's proof, and puts the whole in doubt.
    let mut doubtful = sound.clone();
    doubtful["directions"][1]["counts"]["clear"] = 5.into();
    let all = merged(&[peer.clone(), doubtful]);
    assert_eq!((pairs(&all)[0].as_str(), exit(&all)), ("1>2 ENCRYPTED opened", 3));
    // A verdict on the whole that no direction bears.
    let all = merged(&[
        peer,
        with(report(2, &[(1, I)], &[(1, E)]), "verdict", E),
        with(sound, "directions", json!([])),
    ]);
    assert!(codes(&all).contains(&"contradictory") && exit(&all) == 3);
}

#[test]
fn a_report_that_contradicts_itself_as_a_whole_is_named_and_proves_nothing() {
    let peer = report(1, &[(2, E)], &[(2, E)]);
    let found = |code: &str, accepted: bool| json!([{"reason": code, "text": "x", "accepted": accepted}]);
    let node = |verdict: &str| json!([{"address": "192.0.2.1", "verdict": verdict, "reason": "x", "reachable": true}]);
    let profile = json!({"name": "cnsa", "met": true, "findings": [{"reason": "key-length", "text": "x"}]});
    for (member, value, is_odd) in [
        ("findings", found("not-enforced", false), true),
        ("findings", found("not-enforced", true), false),
        ("findings", found("left-out", false), true),
        ("findings", found("cut-short", false), true),
        ("findings", found("undecoded", false), true),
        ("findings", found("sa-not-encrypting", true), true),
        // The judge itself writes this: the SA may be one that nothing uses.
        ("findings", found("sa-not-encrypting", false), false),
        ("findings", found("of-a-newer-version", true), false),
        ("dropped", 5.into(), true),
        ("dropped", 0.into(), false),
        ("frames", 0.into(), true),
        ("error", "no interface".into(), true),
        ("profile", profile, true),
        ("profile", json!({"name": "cnsa", "met": true, "findings": []}), false),
        ("nodes", node(E), false),
        ("nodes", node(C), true),
        ("nodes", json!([]), true),
    ] {
        let all = merged(&[peer.clone(), with(report(2, &[(1, E)], &[(1, E)]), member, value.clone())]);
        let second = if is_odd { "2>1 INCONCLUSIVE contradictory" } else { "2>1 ENCRYPTED opened" };
        assert_eq!(
            (pairs(&all)[1].as_str(), exit(&all)),
            (second, if is_odd { 3 } else { 0 }),
            "{member} {value}"
        );
        assert_eq!(codes(&all).contains(&"contradictory"), is_odd, "{member} {value}");
        // No rule takes a leak away.
        let leak = with(report(2, &[(1, C)], &[(1, E)]), member, value.clone());
        let all = merged(&[peer.clone(), leak]);
        assert_eq!(
            (pairs(&all)[1].as_str(), exit(&all)),
            ("2>1 CLEAR not-configured", 1),
            "{member} {value}"
        );
    }
}

#[test]
fn a_finding_that_is_accepted_is_told_as_such_and_not_enforced_no_longer_counts() {
    let open = |node: u8, peer: u8| {
        let report = with(report(node, &[(peer, E)], &[(peer, E)]), "verdict", "NOT-ENFORCED");
        let finding =
            json!([{"reason": "not-enforced", "text": "clear frames are taken", "accepted": false}]);
        with(with(report, "reason", "not-enforced"), "findings", finding)
    };
    let reports = [open(1, 2), open(2, 1)];
    let refused = merged(&reports);
    assert_eq!((refused.networks[0].verdict, exit(&refused)), (Verdict::NotEnforced, 1));
    let accepting = |code: &str| merged_with(&reports, |terms| terms.accepted = vec![code.parse().unwrap()]);
    let accepted = accepting("not-enforced");
    assert_eq!((accepted.networks[0].verdict, exit(&accepted)), (Verdict::Encrypted, 0));
    assert!(accepted.networks[0].findings.iter().all(|finding| finding.accepted));
    assert_eq!(exit(&accepting("peers-only")), 1, "another code accepts nothing of this");
    let leak = merged_with(&[open(1, 2), report(2, &[(1, C)], &[(1, E)])], |terms| {
        terms.accepted = vec!["not-enforced".parse().unwrap()];
    });
    assert_eq!(exit(&leak), 1, "what is readable is never accepted");
}

#[test]
fn two_overlays_between_the_same_nodes_both_count_though_they_share_a_vni() {
    let geneve = |report| with(with(report, "network", "gnv0"), "source", "geneve device");
    let reports = [
        report(1, &[(2, E)], &[(2, E)]),
        report(2, &[(1, E)], &[(1, E)]),
        geneve(report(1, &[(2, C)], &[(2, E)])),
        geneve(report(2, &[(1, E)], &[(1, C)])),
    ];
    let all = merged(&reports);
    assert_eq!(pairs(&all)[0], "1>2 CLEAR not-configured");
    assert_eq!((all.networks[0].names.len(), exit(&all)), (2, 1));
}

#[test]
fn networks_of_one_name_are_kept_apart_by_their_vnis_and_their_nodes() {
    let other_vni = with(report(1, &[(2, C)], &[(2, C)]), "vnis", json!([7]));
    let elsewhere = report(8, &[(9, E)], &[(9, E)]);
    let all =
        merged(&[report(1, &[(2, E)], &[(2, E)]), report(2, &[(1, E)], &[(1, E)]), other_vni, elsewhere]);
    let sizes: Vec<(usize, Verdict)> =
        all.networks.iter().map(|network| (network.nodes.len(), network.verdict)).collect();
    assert_eq!(sizes, [(2, Verdict::Clear), (2, Verdict::Encrypted), (2, Verdict::Inconclusive)]);
    assert_eq!(codes(&all), ["same-name"]);
}

#[test]
fn a_doubt_about_the_whole_is_no_proof_though_every_direction_is_encrypted() {
    let control = with(with(report(1, &[(2, E)], &[(2, E)]), "verdict", I), "reason", "control-failed");
    let all = merged(&[control, report(2, &[(1, E)], &[(1, E)])]);
    assert_eq!((pairs(&all)[0].as_str(), exit(&all)), ("1>2 ENCRYPTED opened", 3));
    let open =
        with(with(report(1, &[(2, E)], &[(2, E)]), "verdict", "NOT-ENFORCED"), "reason", "not-enforced");
    let all = merged(&[open, report(2, &[(1, E)], &[(1, E)])]);
    assert_eq!((all.networks[0].verdict, exit(&all)), (Verdict::NotEnforced, 1));
    // A node on which the network could not be watched.
    let error = json!({"v": 1, "node": {"name": "node2", "addresses": []}, "ended": AT, "network": "secure", "namespace": null,
        "source": "docker overlay", "verdict": I, "exit": 3, "error": "no interface"});
    let all = merged(&[report(1, &[(2, E)], &[(2, E)]), report(2, &[(1, E)], &[(1, E)]), error]);
    assert_eq!((pairs(&all).len(), exit(&all)), (2, 3));
}

#[test]
fn a_sender_that_could_not_watch_the_network_is_named_with_its_error() {
    let error = json!({"v": 1, "node": {"name": "node2", "addresses": ["192.0.2.2"]}, "ended": AT, "network": "secure",
        "namespace": null, "source": "docker overlay", "verdict": I, "exit": 3, "error": "no interface \u{1b}[2J"});
    let all = merged(&[report(1, &[(2, E)], &[(2, E)]), error]);
    assert_eq!((pairs(&all)[1].as_str(), exit(&all)), ("2>1 INCONCLUSIVE not-watched", 3));
    let text = crate::print::merged::text(&all, Expectation::Encrypted);
    let said = "node2 -> node1   INCONCLUSIVE   not-watched: the sender could not watch the network: no interface \\u{1b}[2J";
    assert!(text.contains(said), "{text}");
}

#[test]
fn a_node_of_two_addresses_is_one_node() {
    let mut two = report(1, &[(2, E)], &[(2, E)]);
    let legs = two["directions"].as_array_mut().unwrap();
    for (way, from, to) in [("out", "2001:db8::1", "2001:db8::2"), ("in", "2001:db8::2", "2001:db8::1")] {
        legs.push(with(with(leg(way, 0, 0, E), "from", from), "to", to));
    }
    let mut other = report(2, &[(1, E)], &[(1, E)]);
    other["node"]["addresses"].as_array_mut().unwrap().push("2001:db8::2".into());
    let all = merged(&[two, other]);
    assert_eq!((pairs(&all).len(), exit(&all), all.networks[0].pairs[0].sent.len()), (2, 0, 2));
}

#[test]
fn what_is_no_report_is_named_and_makes_the_whole_doubtful() {
    let good = format!("{}\n{}\n", report(1, &[(2, E)], &[(2, E)]), report(2, &[(1, E)], &[(1, E)]));
    let bad_way =
        with(report(1, &[(2, E)], &[]), "directions", json!([with(leg("out", 1, 2, E), "way", "sideways")]));
    for (bad, code, said) in [
        ("", "unreadable", "it is empty"),
        (&good[..good.len() - 20], "unreadable", "is cut off"),
        ("{]", "unreadable", "is not JSON"),
        ("\u{0}\u{1}", "unreadable", "is not JSON"),
        ("[1,2]", "not-a-report", "value 1"),
        ("{}", "not-a-report", "value 1"),
        ("{\"v\":\"1\"}", "not-a-report", "value 1"),
        ("{\"v\":2,\"network\":[]}", "unknown-version", "version 2"),
        ("{\"v\":1,\"network\":\"a\",\"source\":\"x\",\"verdict\":\"FINE\"}", "not-a-report", "verdict"),
        (&bad_way.to_string(), "not-a-report", "way"),
        (&"[".repeat(100_000), "unreadable", ""),
    ] {
        let mut read = Reports::default();
        read.read("good.json", good.as_bytes()).unwrap();
        read.read("bad.json", bad.as_bytes()).unwrap();
        let problem = read.problems.last().unwrap();
        assert_eq!((problem.code, problem.file.as_str()), (code, "bad.json"), "{bad:.40}");
        assert!(problem.text.contains(said), "{}", problem.text);
        let all = Merged::of(read, terms());
        assert_eq!((all.networks[0].verdict, exit(&all)), (Verdict::Encrypted, 3), "{bad:.40}");
    }
    assert_eq!(exit(&merged(&[])), 3, "nothing was judged");
}

#[test]
fn one_report_is_bounded_and_a_stream_of_reports_is_not() {
    let mut read = Reports::default();
    let huge = std::io::Read::chain(&b"{\"v\":1,\"network\":\""[..], std::io::repeat(b'a'));
    read.read("huge", huge).unwrap();
    assert_eq!((read.problems[0].code, read.incomplete), ("too-large", true));
    let mut read = Reports::default();
    let padded = format!("{}{}\n", report(1, &[(2, E)], &[(2, E)]), " ".repeat(1 << 20));
    read.read("long", padded.repeat(40).as_bytes()).unwrap();
    assert_eq!((read.newest.len(), read.problems.len()), (1, 0));
}

#[test]
fn a_report_of_the_first_version_without_a_node_is_known_by_its_sender() {
    let mut old = report(2, &[(1, E)], &[(1, E)]);
    old.as_object_mut().unwrap().remove("node");
    old.as_object_mut().unwrap().remove("ended");
    let all = merged(&[report(1, &[(2, E)], &[(2, E)]), old]);
    assert_eq!((pairs(&all)[1].as_str(), codes(&all)), ("2>1 INCONCLUSIVE undated", vec!["undated"]));
}

#[test]
fn ages_are_told_in_their_two_largest_units() {
    let said = [0, 59, 61, 3600, 90_000, 172_800].map(|seconds| ago(seconds * 1_000_000_000));
    assert_eq!(said, ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "1 day 1 h", "2 days 0 h"]);
}

#[test]
fn a_network_with_a_readable_direction_is_clear_and_as_expected_only_if_all_are() {
    for (reports, network, status) in [
        (vec![report(1, &[(2, C)], &[(2, C)]), report(2, &[(1, C)], &[(1, C)])], C, 0),
        (vec![report(1, &[(2, C)], &[(2, E)]), report(2, &[(1, E)], &[(1, C)])], C, 1),
        (vec![report(1, &[(2, C)], &[(2, I)]), report(2, &[(1, I)], &[(1, C)])], C, 3),
        (vec![report(1, &[(2, C)], &[(2, I)])], C, 3),
        (vec![report(1, &[(2, C), (3, E)], &[(2, C)])], C, 1),
        (vec![report(1, &[(2, E)], &[(2, E)]), report(2, &[(1, E)], &[(1, E)])], E, 1),
    ] {
        let all = merged(&reports);
        let found = (all.networks[0].verdict.name(), all.exit_status(Expectation::Clear));
        assert_eq!(found, (network, status), "{:?}", pairs(&all));
    }
}

#[test]
fn a_profile_that_one_node_does_not_meet_is_told_and_changes_the_exit_status() {
    let profiled = |met: Value| {
        let findings = if met == true { json!([]) } else { json!([{"reason": "key-length", "text": "x"}]) };
        let profile = json!({"name": "cnsa", "met": met, "findings": findings});
        with(report(2, &[(1, E)], &[(1, E)]), "profile", profile)
    };
    for (met, status, codes) in [
        (json!(true), 0, vec![]),
        (json!(false), 1, vec!["profile-not-met"]),
        (json!(null), 3, vec!["profile-unknown"]),
    ] {
        let all = merged(&[report(1, &[(2, E)], &[(2, E)]), profiled(met.clone())]);
        assert_eq!((all.networks[0].verdict, exit(&all)), (Verdict::Encrypted, status), "{met}");
        let found: Vec<&str> = all.networks[0].findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(found, codes, "{met}");
    }
    let leak = merged(&[report(1, &[(2, I)], &[(2, E)]), profiled(json!(false))]);
    assert_eq!(exit(&leak), 3, "the verdict comes first");
}
