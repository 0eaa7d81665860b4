//! The parts of a folder of evidence: the run, and what was judged.

use super::{Machine, RunTime};
use crate::verify::kept::{Facts, FrameKeeper, KeptFrame};
use crate::verify::profile::Profile;
use crate::verify::{Expectation, Overview, Report, Terms};

/// The run of a verification: who asked for what, when and where.
#[derive(Clone, Debug)]
pub struct Run {
    /// The command line, word by word. No option of this program takes a secret, but for names of files.
    pub command_line: Vec<String>,
    /// The time from its begin to its end.
    pub time: RunTime,
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

/// The networks that were judged.
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
    pub(super) fn cases(&self) -> Vec<Option<&Case>> {
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

    pub(super) fn namespaces_unread(&self) -> Option<String> {
        match self {
            Self::One(_) => None,
            Self::All { overview, .. } => overview.namespaces_unread.clone(),
        }
    }
}

/// Returns the name of a network's folder.
pub(super) fn folder(at: usize) -> String {
    format!("network-{}", at + 1)
}
