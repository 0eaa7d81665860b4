//! The contents of a folder of evidence, made without touching a disk.

use serde_json::json;

use super::case::{Case, Run, Subject, folder};
use super::manifest::{self, Manifest};
use super::{associations, clock, frames, sums};
use crate::capture::savefile::Filtered;
use crate::capture::write;
use crate::print::report;
use crate::verify::kept::Facts;
use crate::verify::{Circumstances, Expectation, Rules};

/// Returns the files of the folder, by their names in it. The last one has the sums of all others.
///
/// # Errors
/// The error of a capture file that cannot be made.
pub fn files(run: &Run, subject: &Subject) -> Result<Vec<(String, Vec<u8>)>, write::Error> {
    let mut files = vec![("README.txt".to_owned(), README.as_bytes().to_vec())];
    let mut add = |name: String, bytes: Vec<u8>| files.push((name, bytes));
    add("run.json".to_owned(), described(run, subject));
    if let Some(profile) = &run.profile {
        add("profile.toml".to_owned(), profile.text().as_bytes().to_vec());
    }
    if let Subject::All { overview, .. } = subject {
        add("overview.txt".to_owned(), report::overview(overview, run.expected).into_bytes());
        add("overview.json".to_owned(), report::overview_json(overview, run.expected).into_bytes());
    }
    for (at, case) in subject.cases().into_iter().enumerate() {
        let Some(case) = case else { continue };
        for (name, bytes) in of_case(case, run.expected)? {
            add(format!("{}/{name}", folder(at)), bytes);
        }
    }
    let manifest = Manifest::new(run, subject, &files);
    files.push((manifest::NAME.to_owned(), pretty(&manifest)));
    let sums = sums::written(&files).into_bytes();
    files.push((sums::NAME.to_owned(), sums));
    Ok(files)
}

fn of_case(case: &Case, expected: Expectation) -> Result<Vec<(&'static str, Vec<u8>)>, write::Error> {
    let mut files = vec![
        ("report.txt", report::text(&case.report, expected).into_bytes()),
        ("report.json", report::json(&case.report, expected).into_bytes()),
        ("facts.json", case.facts.to_json()),
        ("frames.pcapng", frames::file(case)?),
    ];
    files.extend(of_kernel(&case.facts));
    Ok(files)
}

/// Returns the state of the kernel as text; nothing where it could not be read.
pub(super) fn of_kernel(facts: &Facts) -> Vec<(&'static str, Vec<u8>)> {
    let Some(kernel) = &facts.circumstances().kernel else { return Vec::new() };
    let mut files = vec![
        ("associations.txt", associations::associations(kernel).into_bytes()),
        ("policies.txt", associations::policies(kernel).into_bytes()),
    ];
    let Rules { iptables, ip6tables, nft } = &kernel.rules;
    for (name, text) in [("iptables.txt", iptables), ("ip6tables.txt", ip6tables), ("nftables.txt", nft)] {
        let unread = "# could not be read\n";
        files.push((name, text.as_deref().unwrap_or(unread).as_bytes().to_vec()));
    }
    files
}

/// Describes the run, and for each network what was watched and what was lost.
fn described(run: &Run, subject: &Subject) -> Vec<u8> {
    let watched = |case: &Case| {
        let Circumstances { source, nanos, dropped, cut_short, filters, .. } = case.facts.circumstances();
        let filters: Vec<&str> = filters
            .iter()
            .map(|(filter, _)| match filter {
                Filtered::Expression(text) => text.as_str(),
                Filtered::Unread => "(one that is not read)",
            })
            .collect();
        json!({
            "network": case.report.network,
            "captured": source,
            "file_sha256": run.file_sha256,
            "filters": filters,
            "milliseconds": nanos / 1_000_000,
            "frames": case.report.frames,
            "dropped": dropped,
            "cut_short": cut_short,
            "frames_kept": case.facts.frames().len(),
            "frames_in_clear_left_out": case.keeper.left_some_out(),
        })
    };
    let watched: Vec<_> = subject.cases().into_iter().flatten().map(watched).collect();
    pretty(&json!({
        "command_line": run.command_line,
        "began": clock::utc(run.time.began),
        "ended": clock::utc(run.time.ended),
        "clock_set": run.time.set,
        "machine": run.machine,
        "watched": watched,
    }))
}

fn pretty(value: &impl serde::Serialize) -> Vec<u8> {
    // The values here are texts, numbers and lists of them, which all can be written.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// The file for those who find the folder.
const README: &str = "\
Evidence of a run of 'ovlsniff verify'. docs/audit.md of ovlsniff explains every file.

  run.json               command line, times in UTC, host, kernel, clock, program and its SHA-256, what was watched and lost
  overview.txt, .json    the verdicts on all networks, if several were judged
  profile.toml           the profile that algorithms were judged by, if one was asked for
  network-N/report.txt, report.json    the verdict and its reasons
  network-N/facts.json                 what the verdict follows from: counts, probes, kernel state; no key
  network-N/frames.pcapng              frames as they were on the wire, each with a comment
  network-N/associations.txt, policies.txt, nftables.txt, iptables.txt, ip6tables.txt    the state of the kernel
  manifest.json          the list of all files, and the terms of the verdict
  SHA256SUMS             the sums of all files: sha256sum -c SHA256SUMS

Sign:    ssh-keygen -Y sign -n ovlsniff -f KEY SHA256SUMS       or: cosign sign-blob --bundle SHA256SUMS.bundle SHA256SUMS
Check:   ssh-keygen -Y verify -n ovlsniff -f ALLOWED -I WHO -s SHA256SUMS.sig < SHA256SUMS
Replay:  ovlsniff verify --replay THIS_FOLDER
";
