//! The contents of a folder of evidence, made without touching a disk.

use serde_json::json;

use super::manifest::{self, Listed, Manifest};
use super::{Machine, associations, clock, frames, sums};
use crate::capture::savefile::Filtered;
use crate::capture::write;
use crate::packet::Timestamp;
use crate::print::report;
use crate::verify::kept::{Facts, FrameKeeper, KeptFrame};
use crate::verify::profile::Profile;
use crate::verify::{Circumstances, Expectation, Overview, Report, Rules, Terms};

/// The run of a verification: who asked for what, when and where.
#[derive(Clone, Debug)]
pub struct Run {
    /// The command line, word by word. No option of this program takes a secret, but for names of files.
    pub command_line: Vec<String>,
    /// The time when it began.
    pub began: Timestamp,
    /// The time when it ended.
    pub ended: Timestamp,
    /// The machine.
    pub machine: Machine,
    /// The user's expectation.
    pub expected: Expectation,
    /// The profile that was asked for.
    pub profile: Option<Profile>,
    /// The SHA-256 of the capture file that was judged; `None` for a live watch, and for a pipe.
    pub file_sha256: Option<String>,
}

/// A network that was judged, and what its verdict follows from.
#[derive(Debug)]
pub struct Case {
    /// The report, on its terms.
    pub report: Report,
    /// The facts.
    pub facts: Facts,
    /// The frames.
    pub keeper: FrameKeeper,
}

/// What was judged.
#[derive(Debug)]
pub enum Subject {
    /// One network.
    One(Box<Case>),
    /// All networks of a host, each with its case if it was watched.
    All {
        /// The overview.
        overview: Box<Overview>,
        /// The cases, in the order of the overview.
        cases: Vec<Option<Case>>,
    },
}

impl Case {
    pub(super) fn frames(&self) -> impl Iterator<Item = &KeptFrame> {
        self.keeper.frames()
    }
}

impl Subject {
    fn cases(&self) -> Vec<Option<&Case>> {
        match self {
            Self::One(case) => vec![Some(case)],
            Self::All { cases, .. } => cases.iter().map(Option::as_ref).collect(),
        }
    }

    pub(super) fn terms(&self) -> Terms {
        let mut cases = self.cases().into_iter().flatten();
        cases.next().map(|case| case.report.terms.clone()).unwrap_or_default()
    }

    pub(super) fn engine_unread(&self) -> Option<String> {
        match self {
            Self::One(_) => None,
            Self::All { overview, .. } => overview.engine_unread.clone(),
        }
    }

    pub(super) fn listed(&self) -> Vec<Listed> {
        let of = |at: usize, case: &Case| Listed {
            name: case.report.network.clone(),
            folder: Some(folder(at)),
            verdict: case.report.verdict.name().to_owned(),
            error: None,
        };
        match self {
            Self::One(case) => vec![of(0, case)],
            Self::All { overview, cases } => {
                let listed =
                    |(at, (judged, case)): (usize, (&crate::verify::Judged, &Option<Case>))| match case {
                        Some(case) => of(at, case),
                        None => Listed {
                            name: judged.overlay.network.name.clone(),
                            folder: None,
                            verdict: judged.verdict().name().to_owned(),
                            error: Some(match &judged.outcome {
                                Err(why) => why.clone(),
                                Ok(_) => "there was nothing to watch".to_owned(),
                            }),
                        },
                    };
                overview.networks.iter().zip(cases).enumerate().map(listed).collect()
            }
        }
    }
}

fn folder(at: usize) -> String {
    format!("network-{}", at + 1)
}

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
    if let Some(kernel) = &case.facts.circumstances().kernel {
        files.push(("associations.txt", associations::associations(kernel).into_bytes()));
        files.push(("policies.txt", associations::policies(kernel).into_bytes()));
        let Rules { iptables, ip6tables, nft } = &kernel.rules;
        for (name, text) in [("iptables.txt", iptables), ("ip6tables.txt", ip6tables), ("nftables.txt", nft)]
        {
            let unread = "# could not be read\n";
            files.push((name, text.as_deref().unwrap_or(unread).as_bytes().to_vec()));
        }
    }
    Ok(files)
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
        "began": clock::utc(run.began),
        "ended": clock::utc(run.ended),
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
