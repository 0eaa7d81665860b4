//! Of several reports of one node, which one counts, and what is told of the others.

use serde_json::{Value, json};

use super::{AT, C, E, Merged, Reports, codes, exit, leg, merged, moment, pairs, report, terms, with};

#[test]
fn a_report_with_a_byte_order_mark_is_read_as_any_other() {
    let mut read = Reports::default();
    read.read("marked.json", format!("\u{feff}{}", report(1, &[(2, E)], &[(2, E)])).as_bytes()).unwrap();
    assert_eq!((read.newest.len(), read.problems.len()), (1, 0), "{:?}", read.problems);
    read.read("mark.json", "\u{feff}".as_bytes()).unwrap();
    assert_eq!(read.problems[0].text, "it is empty");
}

#[test]
fn a_report_from_the_future_does_not_hide_the_one_that_counts() {
    let peer = report(1, &[(2, E)], &[(2, E)]);
    for (now, ahead, at) in [(C, E, "21:30"), (E, C, "21:30"), (C, E, "19:30"), (E, C, "19:30")] {
        let good = report(2, &[(1, now)], &[(1, E)]);
        let late = with(report(2, &[(1, ahead)], &[(1, E)]), "ended", format!("2026-11-27T{at}:00Z"));
        for order in [[&peer, &good, &late], [&late, &peer, &good]] {
            let all = merged(&order.map(Clone::clone));
            assert_eq!((exit(&all), codes(&all)), (u8::from(now == C), vec!["ahead"]), "{now} {at}");
            assert!(all.problems[0].text.contains(ahead), "{:?}", all.problems);
            // The node is the same by another address as well.
            let other = with(late.clone(), "node", json!({"name": "node2", "addresses": []}));
            let all = merged(&[peer.clone(), good.clone(), with(other, "any_vni", true)]);
            assert_eq!((exit(&all), codes(&all)), (u8::from(now == C), vec!["ahead"]), "{now} {at}");
        }
    }
}

#[test]
fn a_time_that_does_not_fit_is_not_taken_for_another_one() {
    for (time, fits) in [
        ("1677-09-21T00:12:43Z", false),
        ("1677-09-21T00:12:44Z", true),
        ("2262-04-11T23:47:16Z", true),
        ("2262-04-11T23:47:17Z", false),
    ] {
        assert_eq!(moment(time).is_ok(), fits, "{time}");
    }
    let all = merged(&[with(report(1, &[(2, E)], &[(2, E)]), "ended", "1600-01-01T00:00:00Z")]);
    assert_eq!((all.problems[0].code, exit(&all)), ("not-a-report", 3));
    assert!(all.problems[0].text.ends_with("its time is of a year that no clock shows"));
}

#[test]
fn a_readable_report_that_a_newer_one_replaced_is_told_though_both_are_in_one_file() {
    let peer = report(1, &[(2, E)], &[(2, E)]);
    let [new, leak] = [E, C].map(|verdict| report(2, &[(1, verdict)], &[(1, E)]));
    let at = |report: &Value, time: &str| with(report.clone(), "ended", format!("2026-11-27T{time}Z"));
    for (before, told) in [
        (vec![at(&leak, "18:58:55")], vec!["older"]),
        (vec![at(&leak, "18:57:00"), at(&leak, "18:58:00"), at(&new, "18:59:00")], vec!["older"]),
        (vec![at(&new, "18:58:55")], vec![]),
        (vec![at(&leak, "17:00:00")], vec![]),
    ] {
        let mut read = Reports::at(Some(terms().at), terms().stale);
        let lines: Vec<String> = before.iter().chain([&new, &peer]).map(Value::to_string).collect();
        read.read("watch.json", lines.join("\n").as_bytes()).unwrap();
        let all = Merged::of(read, terms());
        assert_eq!((codes(&all), exit(&all)), (told.clone(), 0), "{before:?}");
        assert!(all.problems.iter().all(|problem| problem.text.contains("it is CLEAR")));
    }
}

#[test]
fn of_two_reports_of_the_same_time_the_graver_counts_in_any_order() {
    let peer = report(1, &[(2, E)], &[(2, E)]);
    let [good, leak] = [E, C].map(|verdict| report(2, &[(1, verdict)], &[(1, E)]));
    for order in [[&peer, &good, &leak], [&leak, &good, &peer]] {
        let all = merged(&order.map(Clone::clone));
        assert_eq!((exit(&all), codes(&all)), (1, vec!["older"]));
    }
}

#[test]
fn a_newer_report_that_contradicts_itself_does_not_hide_an_older_one_nor_is_it_hidden() {
    let peer = report(1, &[(2, E), (3, E)], &[(2, E)]);
    let of = |first: &str, ended: &str| with(report(2, &[(1, first), (3, E)], &[(1, E)]), "ended", ended);
    let mut odd = of(E, AT);
    odd["directions"][1]["counts"]["clear"] = 7.into();
    let all = merged(&[peer.clone(), of(C, "2026-11-27T18:59:00Z"), odd.clone()]);
    assert_eq!((exit(&all), codes(&all)), (1, vec!["contradictory"]));
    odd["directions"][0] = leg("out", 2, 1, C);
    let all = merged(&[peer, of(E, "2026-11-27T18:59:00Z"), odd]);
    assert_eq!((exit(&all), codes(&all)), (1, vec!["contradictory"]));
}

#[test]
fn of_several_reports_of_one_node_the_newest_counts() {
    let peer = report(1, &[(2, E)], &[(2, E)]);
    let old = with(report(2, &[(1, C)], &[(1, E)]), "ended", "2026-11-27T18:50:00Z");
    let new = report(2, &[(1, E)], &[(1, E)]);
    for order in [[&peer, &old, &new], [&new, &old, &peer]] {
        let all = merged(&order.map(Clone::clone));
        assert_eq!(pairs(&all)[1], "2>1 ENCRYPTED opened");
        assert_eq!((exit(&all), codes(&all)), (0, vec!["older"]));
    }
}

#[test]
fn two_hosts_that_claim_one_address_are_told_and_not_believed() {
    let liar = with(
        with(report(2, &[(1, E)], &[(1, E)]), "node", json!({"name": "evil", "addresses": ["192.0.2.2"]})),
        "ended",
        "2026-11-27T19:00:01Z",
    );
    let all = merged(&[report(1, &[(2, E)], &[(2, E)]), report(2, &[(1, C)], &[(1, E)]), liar]);
    assert_eq!((codes(&all), exit(&all)), (vec!["two-names"], 3));
    let said = "it is CLEAR, and node2 has an address of evil";
    assert!(all.problems[0].text.starts_with(said), "{:?}", all.problems);
}
