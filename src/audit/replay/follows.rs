//! Everything else in a folder that follows from the facts, or has to agree with them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind};
use std::path::Path;

use serde_json::Value;

use super::agrees::{self, Watched};
use super::{MOST_FILE, MOST_LIST, Reader, ReplayError};
use crate::audit::manifest::{self, Manifest};
use crate::audit::{contents, frames, sums};
use crate::escape::escape;
use crate::print::report;
use crate::verify::kept::Facts;
use crate::verify::{Expectation, Judged, Overview, Report};

/// The file that describes the run.
const RUN: &str = "run.json";

/// Returns the error of a folder whose file of sums cannot be read: a folder that may not be read is not one without sums.
pub(super) fn without_sums(folder: &Path, source: Error) -> ReplayError {
    let shown = crate::audit::folder::shown(folder);
    match source.kind() {
        ErrorKind::PermissionDenied => {
            ReplayError::Unread { file: format!("{shown}/{}", sums::NAME), source }
        }
        ErrorKind::NotFound if is_series(folder) => ReplayError::Series(shown),
        _ => ReplayError::NoSums(shown),
    }
}

/// Returns true if there are folders of evidence in this one, as `--watch` makes them.
fn is_series(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.take(1000).any(|entry| entry.path().join(sums::NAME).is_file())
}

impl Reader {
    /// Holds the list of files in the manifest against the sums.
    pub(super) fn lists_all(&self, manifest: &Manifest) -> Result<(), ReplayError> {
        let listed: BTreeMap<&str, &str> = manifest.listed().collect();
        let found = || {
            let others = self.sums.iter().filter(|(name, _)| *name != manifest::NAME);
            others.map(|(name, sum)| (name.as_str(), sum.as_str()))
        };
        let differs = found().find(|(name, sum)| listed.get(name) != Some(sum)).map(|(name, _)| name);
        let missing = || listed.keys().copied().find(|name| !self.sums.contains_key(*name));
        match differs.or_else(missing) {
            Some(name) => Err(ReplayError::Damaged {
                file: escape(name).into_owned(),
                why: "manifest.json and SHA256SUMS differ about it".to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Compares a file with what it has to be.
    pub(super) fn is(&self, name: &str, right: &[u8], manifest: &Manifest) -> Result<(), ReplayError> {
        if self.listed(name, MOST_FILE)? == right { Ok(()) } else { Err(other(name, manifest)) }
    }

    /// Compares what the manifest says of a network with its report.
    pub(super) fn listed_as(at: usize, report: &Report, manifest: &Manifest) -> Result<(), ReplayError> {
        let agrees = manifest
            .networks
            .get(at)
            .is_some_and(|listed| listed.name == report.network && listed.verdict == report.verdict.name());
        if agrees { Ok(()) } else { Err(other(manifest::NAME, manifest)) }
    }

    /// Holds the description of the run against the facts of the networks that were watched. Returns what is to be believed of its
    /// clock.
    pub(super) fn run(
        &self,
        watched: &[Watched],
        manifest: &Manifest,
    ) -> Result<Option<String>, ReplayError> {
        let damaged = |why: &str| ReplayError::Damaged { file: RUN.to_owned(), why: why.to_owned() };
        let run: Value = serde_json::from_slice(&self.listed(RUN, MOST_LIST)?)
            .map_err(|error| damaged(&escape(&error.to_string())))?;
        let (Some(listed), true) = (run["watched"].as_array(), run["command_line"].is_array()) else {
            return Err(damaged("it does not describe a run"));
        };
        let agrees = |(described, watched): (&Value, &Watched)| {
            let Watched { facts, report, .. } = watched;
            let watch = facts.circumstances();
            described["network"] == report.network
                && described["captured"] == watch.source
                && described["frames"] == report.frames
                && described["dropped"] == serde_json::json!(watch.dropped)
                && described["cut_short"] == serde_json::json!(watch.cut_short)
                && described["milliseconds"] == watch.nanos / 1_000_000
                && described["frames_kept"] == facts.frames().len()
                && described["file_sha256"] == listed[0]["file_sha256"]
                && watched.is_described_by(described)
        };
        let same = agrees::run(&run, manifest, watched);
        if same && listed.len() == watched.len() && listed.iter().zip(watched).all(agrees) {
            return Ok(agrees::clock_set(&run));
        }
        Err(other(RUN, manifest))
    }

    /// Holds the state of the kernel as text, and the comments on the frames, against the facts.
    pub(super) fn beside(
        &self,
        folder: &str,
        facts: &Facts,
        report: &Report,
        manifest: &Manifest,
    ) -> Result<(), ReplayError> {
        for (name, right) in contents::of_kernel(facts) {
            self.is(&format!("{folder}/{name}"), &right, manifest)?;
        }
        let name = format!("{folder}/frames.pcapng");
        let right = facts.frames().iter().map(|noted| Some(frames::comment(report, noted)));
        let kept = agrees::comments(&self.listed(&name, MOST_FILE)?);
        if kept.into_iter().eq(right) { Ok(()) } else { Err(other(&name, manifest)) }
    }

    /// Returns an error if there is a file that nothing here is held against.
    pub(super) fn nothing_else(&self, manifest: &Manifest, watched: &[Watched]) -> Result<(), ReplayError> {
        let mut known: BTreeSet<String> = ["README.txt", RUN, manifest::NAME].map(str::to_owned).into();
        known.extend(manifest.profile.as_ref().map(|_| "profile.toml".to_owned()));
        if manifest.all {
            known.extend(["overview.txt", "overview.json"].map(str::to_owned));
        }
        let folders = manifest.networks.iter().filter_map(|listed| listed.folder.as_ref());
        for (folder, watched) in folders.zip(watched) {
            let always = ["report.txt", "report.json", "facts.json", "frames.pcapng"];
            let kernel = contents::of_kernel(&watched.facts).into_iter().map(|(name, _)| name);
            known.extend(always.into_iter().chain(kernel).map(|name| format!("{folder}/{name}")));
        }
        match self.sums.keys().find(|name| !known.contains(*name)) {
            Some(name) => Err(other(name, manifest)),
            None => Ok(()),
        }
    }

    /// Compares the overview of all networks. Where a network was found is not among the facts, so it is not compared.
    pub(super) fn overview(
        &self,
        again: &Overview,
        expected: Expectation,
        manifest: &Manifest,
    ) -> Result<(), ReplayError> {
        // The manifest has the error as it was, and everything that prints it escapes it.
        let again = Overview { engine_unread: manifest.engine_unread.clone(), ..again.clone() };
        let (text, json) = ("overview.txt", "overview.json");
        let kept = self.listed(text, MOST_FILE)?;
        let is_whole = !again.networks.iter().any(nothing_watched);
        let of_text = String::from_utf8_lossy(&kept);
        if is_whole && !same_text(&of_text, &report::overview(&again, expected), &again.networks) {
            return Err(other(text, manifest));
        }
        let kept = self.listed(json, MOST_FILE)?;
        let right = report::overview_json(&again, expected);
        if same_json(&String::from_utf8_lossy(&kept), &right, &again, is_whole) {
            Ok(())
        } else {
            Err(other(json, manifest))
        }
    }
}

/// Returns true for a network of which there was a report and no watch. Its report is not kept.
fn nothing_watched(judged: &Judged) -> bool {
    judged.outcome.as_ref().is_err_and(|why| why == manifest::NOTHING)
}

/// Compares two overviews. A line of the table is compared without its second column.
fn same_text(kept: &str, right: &str, networks: &[Judged]) -> bool {
    let width = |of: &dyn Fn(&Judged) -> String| {
        networks.iter().map(|judged| of(judged).chars().count()).max().unwrap_or(0)
    };
    let name = |judged: &Judged| escape(&judged.overlay.network.name).into_owned();
    let behind = width(&name) + width(&|judged: &Judged| judged.overlay.source()) + 4;
    let (kept, right): (Vec<&str>, Vec<&str>) = (kept.lines().collect(), right.lines().collect());
    let rows = networks.len();
    let row = |at: usize| {
        let (Some(kept), Some(right)) = (kept.get(at), right.get(at)) else { return false };
        let end: String = right.chars().skip(behind).collect();
        networks.get(at).is_some_and(|judged| kept.starts_with(&name(judged))) && kept.ends_with(&end)
    };
    kept.len() == right.len() && (0..rows).all(row) && kept.get(rows..) == right.get(rows..)
}

/// Compares the lines of two overviews.
fn same_json(kept: &str, right: &str, again: &Overview, is_whole: bool) -> bool {
    let read = |text: &str| -> Option<Vec<Value>> {
        text.lines().map(|line| serde_json::from_str(line).ok()).collect()
    };
    let (Some(mut kept), Some(mut right)) = (read(kept), read(right)) else { return false };
    if kept.len() != right.len() {
        return false;
    }
    // Without a single report nobody knows when it was.
    let has_report = again.networks.iter().any(|judged| judged.outcome.is_ok());
    for (at, (kept, right)) in kept.iter_mut().zip(&mut right).enumerate() {
        let judged = again.networks.get(at);
        let unknown: &[&str] = match judged.map(|judged| judged.outcome.is_ok()) {
            Some(true) => &["namespace"],
            Some(false) => &["namespace", "source", "node", "ended"],
            None if has_report => &[],
            None => &["node", "ended"],
        };
        for object in [&mut *kept, &mut *right] {
            let Some(object) = object.as_object_mut() else { return false };
            object.retain(|member, _| !unknown.contains(&member.as_str()));
        }
        let is_left_out = !is_whole && judged.is_none_or(nothing_watched);
        if !is_left_out && kept != right {
            return false;
        }
    }
    true
}

/// Makes the error of a file that does not follow from the facts.
pub(super) fn other(file: &str, manifest: &Manifest) -> ReplayError {
    let (then, now) = (escape(&manifest.tool), concat!("ovlsniff ", env!("CARGO_PKG_VERSION")));
    let versions = format!(", which {then} wrote and {now} reads");
    let versions = if manifest.tool == now { String::new() } else { versions };
    ReplayError::OtherFile { file: escape(file).into_owned(), versions }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{Network, Overlay};

    #[test]
    fn sums_that_may_not_be_read_are_not_told_to_be_missing() {
        let said = |kind: ErrorKind| without_sums(Path::new("/nowhere"), kind.into()).to_string();
        assert_eq!(
            said(ErrorKind::PermissionDenied),
            "--replay: read /nowhere/SHA256SUMS: permission denied"
        );
        assert!(said(ErrorKind::NotFound).contains("this is no folder of evidence"));
    }

    #[test]
    fn an_overview_is_compared_but_for_where_its_networks_were_found() {
        let judged = |name: &str, namespace: Option<&str>| Judged {
            overlay: Overlay {
                network: Network { name: name.to_owned(), ..Network::default() },
                namespace: namespace.map(str::to_owned),
                ..Overlay::default()
            },
            outcome: Err("no interface".to_owned()),
        };
        let overview = |namespace| Overview {
            networks: vec![judged("a", namespace), judged("longer", None)],
            ..Overview::default()
        };
        let then = overview(Some("/run/netns/blue"));
        let again = overview(None);
        let expected = Expectation::Encrypted;
        let right = report::overview(&again, expected);
        let kept = report::overview(&then, expected);
        assert_ne!(kept, right);
        assert!(same_text(&kept, &right, &again.networks));
        for (was, forged) in [("no interface", "all is well"), ("INCONCLUSIVE", "ENCRYPTED"), ("a  ", "b  ")]
        {
            let forged = kept.replacen(was, forged, 1);
            assert!(forged != kept && !same_text(&forged, &right, &again.networks), "{forged}");
        }
        let (kept, right) = (report::overview_json(&then, expected), report::overview_json(&again, expected));
        assert!(same_json(&kept, &right, &again, true));
        let forged = kept.replacen("\"exit\":3", "\"exit\":0", 1);
        assert!(forged != kept && !same_json(&forged, &right, &again, true), "{forged}");
    }
}
