//! `manifest.json`: what is in a folder, and on which terms it was judged.

use serde::{Deserialize, Serialize};

use super::case::{Case, Run, Subject, folder};
use super::sums::sha256;
use crate::verify::{Acceptable, Expectation, Judged, Require, Terms};

/// The name of the file.
pub(super) const NAME: &str = "manifest.json";
/// The most networks of a folder.
const MOST_NETWORKS: usize = 4096;
/// The error of a network of which there is a report, and no watch that could be kept.
pub(super) const NOTHING: &str = "there was nothing to watch";

/// The contents of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) tool: String,
    /// True if all networks of a host were judged.
    pub(super) all: bool,
    pub(super) expected: String,
    pub(super) require: String,
    pub(super) accept: Vec<String>,
    /// The name of the profile in `profile.toml`.
    pub(super) profile: Option<String>,
    pub(super) networks: Vec<Listed>,
    pub(super) engine_unread: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) namespaces_unread: Option<String>,
    files: Vec<FileListed>,
}

/// A network in the folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) name: String,
    /// The folder with its files; `None` if it could not be watched.
    pub(super) folder: Option<String>,
    pub(super) verdict: String,
    /// The reason why it could not be watched, or why nothing of it is kept.
    pub(super) error: Option<String>,
}

/// A file in the folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileListed {
    name: String,
    bytes: u64,
    sha256: String,
}

impl Manifest {
    pub(super) fn new(run: &Run, subject: &Subject, files: &[(String, Vec<u8>)]) -> Self {
        let terms = subject.terms();
        let listed = |(name, bytes): &(String, Vec<u8>)| FileListed {
            name: name.clone(),
            bytes: bytes.len() as u64,
            sha256: sha256(bytes),
        };
        Self {
            format: super::FORMAT,
            tool: run.machine.tool().to_owned(),
            all: matches!(subject, Subject::All { .. }),
            expected: run.expected.name().to_owned(),
            require: terms.require.name().to_owned(),
            accept: terms.accepted.iter().map(|code| code.code().to_owned()).collect(),
            profile: run.profile.as_ref().map(|profile| profile.name().to_owned()),
            networks: networks(subject),
            engine_unread: subject.engine_unread(),
            namespaces_unread: subject.namespaces_unread(),
            files: files.iter().map(listed).collect(),
        }
    }

    /// Returns the terms of the verdict; `None` if they are none that this program knows.
    pub(super) fn terms(&self) -> Option<Terms> {
        let require =
            [Require::All, Require::Reachable].into_iter().find(|known| known.name() == self.require)?;
        let accepted: Option<Vec<Acceptable>> = self.accept.iter().map(|code| code.parse().ok()).collect();
        Some(Terms { require, accepted: accepted? })
    }

    pub(super) fn expected(&self) -> Option<Expectation> {
        let known = [Expectation::Encrypted, Expectation::Clear];
        known.into_iter().find(|known| known.name() == self.expected)
    }

    /// Yields the files, by name with the SHA-256 of each.
    pub(super) fn listed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|file| (file.name.as_str(), file.sha256.as_str()))
    }

    /// Returns true if the networks are as many as a folder may have.
    pub(super) fn is_bounded(&self) -> bool {
        self.networks.len() <= MOST_NETWORKS && (self.all || self.networks.len() == 1)
    }
}

/// Lists the networks that were judged, in their order.
fn networks(subject: &Subject) -> Vec<Listed> {
    let of = |at: usize, case: &Case| Listed {
        name: case.report.network.clone(),
        folder: Some(folder(at)),
        verdict: case.report.verdict.name().to_owned(),
        error: None,
    };
    match subject {
        Subject::One(case) => vec![of(0, case)],
        Subject::All { overview, cases } => {
            let listed = |(at, (judged, case)): (usize, (&Judged, &Option<Case>))| match case {
                Some(case) => of(at, case),
                None => Listed {
                    name: judged.overlay.network.name.clone(),
                    folder: None,
                    verdict: judged.verdict().name().to_owned(),
                    error: Some(match &judged.outcome {
                        Err(why) => why.clone(),
                        Ok(_) => NOTHING.to_owned(),
                    }),
                },
            };
            overview.networks.iter().zip(cases).enumerate().map(listed).collect()
        }
    }
}
