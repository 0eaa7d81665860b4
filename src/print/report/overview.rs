//! The verdict on all overlay networks of a host: a line for each, then the report on each, then the verdict on all.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::escape::{self, escape};
use crate::verify::{Expectation, Judged, Overview, Verdict};

/// The verdicts in the order in which they are counted.
pub(super) const VERDICTS: [Verdict; 6] = [
    Verdict::Encrypted,
    Verdict::Clear,
    Verdict::AuthOnly,
    Verdict::NotEnforced,
    Verdict::Blackholed,
    Verdict::Inconclusive,
];

/// The most networks of one verdict that are named in the last line.
const MOST: usize = 8;

/// Returns the overview as lines of text.
pub fn overview(overview: &Overview, expected: Expectation) -> String {
    let mut text = lines(&overview.networks);
    for report in overview.networks.iter().filter_map(|judged| judged.outcome.as_ref().ok()) {
        let _ = write!(text, "\n{}", super::text(report, expected));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    if let Some(why) = &overview.engine_unread {
        let _ = writeln!(text, "docker: its networks are shown by their devices alone: {}", escape(why));
    }
    if let Some(why) = &overview.namespaces_unread {
        let _ = writeln!(text, "more networks may be here: {why}");
    }
    let _ = writeln!(text, "verdict: {}", whole(overview, expected));
    text
}

/// Returns the overview as lines of JSON: an object for each network, then one for all.
pub fn overview_json(overview: &Overview, expected: Expectation) -> String {
    let mut text = String::new();
    for judged in &overview.networks {
        let object = match &judged.outcome {
            Ok(report) => {
                let mut object: Value =
                    serde_json::from_str(&super::json(report, expected)).unwrap_or_default();
                object["namespace"] = json!(judged.overlay.namespace);
                object
            }
            Err(why) => json!({
                "v": 1,
                "network": judged.overlay.network.name,
                "namespace": judged.overlay.namespace,
                "source": judged.overlay.network.source.name(),
                "verdict": Verdict::Inconclusive.name(),
                "exit": 3,
                "node": super::json::occasion(&overview.occasion, &judged.overlay.network.locals),
                "ended": super::json::ended(&overview.occasion),
                "error": why,
            }),
        };
        text += &(escape::json(&object) + "\n");
    }
    let verdicts = VERDICTS.map(|verdict| (verdict.name().to_owned(), json!(overview.count(verdict))));
    let summary = json!({
        "v": 1,
        "networks": overview.networks.len(),
        "verdicts": Value::Object(verdicts.into_iter().collect()),
        "expected": expected.name(),
        "verdict": overview.verdict(expected).name(),
        "exit": overview.exit_status(expected),
        "engine_unread": overview.engine_unread,
        "namespaces_unread": overview.namespaces_unread,
        "node": super::json::occasion(&overview.occasion, &[]),
        "ended": super::json::ended(&overview.occasion),
    });
    text += &(escape::json(&summary) + "\n");
    text
}

/// Returns a line for each network: its name, its source, the verdict, the reason and the nodes.
fn lines(networks: &[Judged]) -> String {
    let row = |judged: &Judged| {
        let (reason, nodes) = match &judged.outcome {
            Ok(report) => {
                let all = report.nodes();
                let encrypted = all.iter().filter(|node| node.verdict == Verdict::Encrypted).count();
                let nodes = match all.len() {
                    0 => "no node is known".to_owned(),
                    1 => "1 node".to_owned(),
                    all if encrypted == 0 || encrypted == all => format!("{all} nodes"),
                    all => format!("{encrypted} of {all} nodes ENCRYPTED"),
                };
                (report.reason.code(), nodes)
            }
            Err(why) => ("not watched", why.clone()),
        };
        let name = escape(&judged.overlay.network.name).into_owned();
        [name, judged.overlay.source(), judged.verdict().name().to_owned(), reason.to_owned(), nodes]
    };
    let rows: Vec<[String; 5]> = networks.iter().map(row).collect();
    let widths: [usize; 5] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Returns the verdict on all: `CLEAR: 1 of 3 networks ENCRYPTED, 2 CLEAR (vx0, gnv0)`.
fn whole(overview: &Overview, expected: Expectation) -> String {
    let verdict = overview.verdict(expected).name();
    if overview.networks.is_empty() {
        return format!("{verdict}: no overlay network was found on this host, so nothing was judged");
    }
    let plural = if overview.networks.len() == 1 { "" } else { "s" };
    let all = format!("{} network{plural}", overview.networks.len());
    let mut text = format!("{verdict}: {} of {all} ENCRYPTED", overview.count(Verdict::Encrypted));
    for other in VERDICTS.into_iter().skip(1).filter(|other| overview.count(*other) > 0) {
        let with = overview.networks.iter().filter(|judged| judged.verdict() == other);
        let names: Vec<_> =
            with.take(MOST).map(|judged| escape(&judged.overlay.network.name).into_owned()).collect();
        let more = if overview.count(other) > MOST { ", …" } else { "" };
        let _ = write!(text, ", {} {} ({}{more})", overview.count(other), other.name(), names.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{Circumstances, Network, Overlay, Question, Source, Tally, judge};

    fn judged(name: &str, namespace: Option<&str>, verdict: Option<Verdict>) -> Judged {
        let network = Network { name: name.to_owned(), source: Source::Docker, ..Network::default() };
        let question = Question { network: network.clone(), ..Question::default() };
        let report = judge(&Tally::new(question), Circumstances::default());
        let namespace = namespace.map(str::to_owned);
        let overlay = Overlay { network, namespace, ..Overlay::default() };
        let outcome = verdict.map(|verdict| crate::verify::Report { verdict, ..report });
        Judged { overlay, outcome: outcome.ok_or_else(|| "it has no nodes".to_owned()) }
    }

    fn some() -> Overview {
        let networks = vec![
            judged("secure", None, Some(Verdict::Encrypted)),
            judged("a\u{1b}b", Some("/run/netns/blue"), Some(Verdict::Clear)),
            judged("meta0", None, None),
        ];
        Overview { networks, engine_unread: Some("permission denied".to_owned()), ..Overview::default() }
    }

    #[test]
    fn every_network_has_a_line_then_its_report_and_the_last_line_counts_them() {
        let text = overview(&some(), Expectation::Encrypted);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..4],
            [
                "secure    docker overlay          ENCRYPTED     local-only   no node is known",
                "a\\u{1b}b  docker overlay in blue  CLEAR         local-only   no node is known",
                "meta0     docker overlay          INCONCLUSIVE  not watched  it has no nodes",
                "",
            ]
        );
        assert!(lines[4].starts_with("secure (docker overlay"), "{text}");
        assert_eq!(
            lines[lines.len() - 2..],
            [
                "docker: its networks are shown by their devices alone: permission denied",
                "verdict: CLEAR: 1 of 3 networks ENCRYPTED, 1 CLEAR (a\\u{1b}b), 1 INCONCLUSIVE (meta0)",
            ]
        );
    }

    #[test]
    fn a_host_without_overlays_is_told_so() {
        assert_eq!(
            overview(&Overview::default(), Expectation::Encrypted),
            "verdict: INCONCLUSIVE: no overlay network was found on this host, so nothing was judged\n"
        );
    }

    #[test]
    fn json_has_the_members_that_the_schema_defines() {
        let schema: Value = serde_json::from_str(include_str!("../../../docs/verify-schema.json")).unwrap();
        let text = overview_json(&some(), Expectation::Clear);
        let objects: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let members = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(objects[1]["namespace"], "/run/netns/blue");
        for (object, form) in [(&objects[2], "unwatched"), (&objects[3], "summary")] {
            assert_eq!(members(object), members(&schema["$defs"][form]["properties"]), "{form}");
        }
        assert_eq!(objects[3]["verdicts"]["CLEAR"], 1);
        assert_eq!((&objects[3]["verdict"], &objects[3]["exit"]), (&json!("ENCRYPTED"), &json!(1)));
        assert!(!text.contains('\u{1b}'));
    }
}
