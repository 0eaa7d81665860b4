//! The files of deploy/ beside the program: the options they use, the image they name, and the metrics, verdicts and codes
//! that rules and dashboard ask for. What other programs say of these files (promtool, systemd-analyze, Kubernetes' schemas)
//! is a step of `./x test`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run::program;

/// Returns the files below a folder, with their texts.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found.sort();
    found
}

fn deployed() -> Vec<(PathBuf, String)> {
    files(Path::new("deploy"))
}

/// Replaces `${NAME:-value}` and `${NAME}` as a shell would that has no such variables.
fn expanded(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (variable, behind) = after.split_once('}').unwrap();
        plain.push_str(before);
        plain.push_str(variable.split_once(":-").map_or("", |(_, value)| value));
        rest = behind;
    }
    plain + rest
}

/// Returns the words of every `ovlsniff verify` that a file runs: in the list of a manifest, in a unit, or in a script.
fn verifies(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let list = line.strip_prefix("command: [").or_else(|| line.strip_prefix("args: ["));
        let words: Vec<String> = match list.and_then(|list| list.strip_suffix(']')) {
            Some(list) => list.split(", ").map(|word| word.trim_matches('"').to_owned()).collect(),
            None => line.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect(),
        };
        let Some(at) = words.iter().position(|word| word == "verify") else { continue };
        let is_run = at > 0 && (words[at - 1].ends_with("ovlsniff") || words[at - 1].contains("IMAGE"));
        if list.is_some() || is_run {
            let words = words[at..].iter().take_while(|word| !word.starts_with(['>', '|']));
            found.push(words.map(|word| expanded(word)).collect());
        }
    }
    found
}

/// A file that cannot be written is refused after the command line was read and before anything is watched.
#[test]
fn every_verify_of_deploy_is_a_command_line_of_this_program() {
    let mut runs = 0;
    // The others only talk of it.
    let running = |path: &Path| {
        let talks = path.extension().is_some_and(|end| end == "json" || end == "md");
        !talks && !path.starts_with("deploy/prometheus")
    };
    for (path, text) in deployed().into_iter().filter(|(path, _)| running(path)) {
        for mut words in verifies(&text) {
            if words.get(1).is_some_and(|word| word == "merge") {
                continue;
            }
            // Two words of the unit come from its environment.
            for (word, value) in
                [("$VERIFY", "--all"), ("", "/var/lib/prometheus/node-exporter/ovlsniff.prom")]
            {
                if let Some(at) = words.iter().position(|typed| typed == word) {
                    assert!(text.contains(&format!("={value}")), "{}", path.display());
                    words[at] = value.to_owned();
                }
            }
            let output = program().args(&words).args(["-o", "/no/such/folder/report"]).output().unwrap();
            let complaint = String::from_utf8(output.stderr).unwrap();
            let refused = complaint.contains("/no/such/folder/report: no file can be made in its folder");
            assert!(refused && output.status.code() == Some(2), "{}: {words:?}: {complaint}", path.display());
            runs += 1;
        }
    }
    assert_eq!(
        runs, 6,
        "the stack, the audit of a swarm and that of Ansible, the DaemonSet, the Job and the unit"
    );
}

#[test]
fn every_file_of_deploy_names_the_same_image_of_this_version() {
    let image = concat!("ovlsniff:", env!("CARGO_PKG_VERSION"));
    let mut images = 0;
    for (path, text) in deployed() {
        for named in text.lines() {
            let Some((_, tag)) =
                named.split_once("ovlsniff:").filter(|_| named.to_lowercase().contains("image"))
            else {
                continue;
            };
            let tag: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
            assert_eq!(format!("ovlsniff:{tag}"), image, "{}: {named}", path.display());
            images += 1;
        }
    }
    assert!(images >= 4, "{images}");
}

/// The schemas do not tell what a figure may be beside another.
#[test]
fn the_job_has_no_figures_that_an_api_server_refuses() {
    let job = fs::read_to_string("deploy/kubernetes/job.yaml").unwrap();
    let figure = |name: &str| {
        let mut values = job.lines().filter_map(|line| line.strip_prefix(&format!("  {name}: ")));
        values.next().map(|value| value.parse::<u32>().unwrap())
    };
    let nodes = figure("completions").unwrap();
    assert_eq!(figure("parallelism"), Some(nodes), "all nodes are watched at the same time");
    assert!(figure("maxFailedIndexes").is_none_or(|most| most <= nodes), "more than {nodes} is refused");
    assert_eq!(figure("backoffLimitPerIndex"), Some(0), "a pod that failed is not tried again");
}

/// Returns the words of a text that begin with `ovlsniff_`, as metrics do.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_part(c));
    words.filter(|word| word.starts_with("ovlsniff_")).map(str::to_owned).collect()
}

/// Returns the rules, their test and the dashboard.
fn monitoring() -> Vec<(PathBuf, String)> {
    let names = [
        "deploy/prometheus/ovlsniff.rules.yml",
        "deploy/prometheus/test.yml",
        "deploy/grafana/ovlsniff.json",
    ];
    names.map(|name| (PathBuf::from(name), fs::read_to_string(name).unwrap())).into()
}

#[test]
fn rules_and_dashboard_ask_for_metrics_that_the_program_writes() {
    // The table of metrics is the one place that names them.
    let written = metrics(&fs::read_to_string("src/print/report/prometheus.rs").unwrap());
    for (path, text) in monitoring() {
        // The name of a service in a remedy is no metric.
        let asked = metrics(&text.replace("docker service ps ovlsniff_verify", ""));
        assert!(asked.len() > 3, "{}", path.display());
        let unknown: Vec<_> = asked.difference(&written).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", path.display());
    }
}

/// Returns what stands in quotes behind a word, each alternative of an expression alone.
fn alternatives(text: &str, label: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for sign in ["=\"", "=~\"", "=\\\"", "=~\\\""] {
        for (at, _) in text.match_indices(&format!("{label}{sign}")) {
            let value = &text[at + label.len() + sign.len()..];
            let value = value.split(['"', '\\']).next().unwrap();
            found.extend(value.split('|').map(str::to_owned));
        }
    }
    found
}

#[test]
fn rules_and_dashboard_ask_for_verdicts_and_codes_that_there_are() {
    let meanings = fs::read_to_string("docs/verify.md").unwrap();
    for (path, text) in monitoring() {
        for code in alternatives(&text, "code") {
            assert!(meanings.contains(&format!("\n| `{code}` |")), "{}: {code}", path.display());
        }
        for verdict in alternatives(&text, "verdict") {
            assert!(meanings.contains(&format!("\n| {verdict} |")), "{}: {verdict}", path.display());
        }
    }
}
