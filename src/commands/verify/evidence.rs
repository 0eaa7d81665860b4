//! The evidence that is kept of a verdict, in one folder or, with `--watch`, in one for each verdict that is worth it.

use std::path::Path;

use anyhow::bail;
use ovlsniff::audit::{Case, Folder, Machine, Run, RunClock, Series, Subject, file_sha256, files};
use ovlsniff::escape::escape;
use ovlsniff::verify::kept::{Facts, FrameKeeper};
use ovlsniff::verify::profile::Profile;
use ovlsniff::verify::{Judged, Overview, Report, Verdict};

use super::live::note;
use crate::cli::Verify;

/// The facts that a verdict follows from.
pub(super) type Kept = (Facts, FrameKeeper);

/// The place for the evidence, which is open before anything is watched.
pub(super) struct Evidence {
    place: Place,
    machine: Machine,
    /// The SHA-256 of the capture file.
    file_sha256: Option<String>,
    /// The verdicts that were kept last.
    last: Option<Vec<Verdict>>,
    /// True once the user was told that nothing more is kept.
    told: bool,
}

enum Place {
    One(Option<Folder>),
    Many(Series),
}

impl Evidence {
    /// Opens the place that was named, if one was.
    pub(super) fn open(args: &Verify) -> anyhow::Result<Option<Self>> {
        let Some(folder) = args.evidence.as_deref() else { return Ok(None) };
        if let Some(output) = args.output.as_deref().filter(|output| is_in(output, folder)) {
            // The report is written first, and what is in the folder is listed with its sums.
            bail!(
                "-o {}: this is in the folder of --evidence, which has the report anyway; name a file elsewhere",
                escape(&output.to_string_lossy())
            );
        }
        let place = match args.watch {
            Some(_) => Place::Many(Series::open(folder)?),
            None => Place::One(Some(Folder::open(folder)?)),
        };
        // The file is read here, because it may be in a folder that the user cannot enter for whom root is left.
        let file_sha256 = args.read.as_deref().and_then(|path| {
            let sum = file_sha256(path);
            if sum.is_none() {
                note("the evidence does not have the SHA-256 of the capture: it is no file that can be read twice");
            }
            sum
        });
        Ok(Some(Self { place, machine: Machine::read(), file_sha256, last: None, told: false }))
    }

    /// Lets go of a folder in the making, before root is left.
    pub(super) fn let_go(&mut self) {
        if let Place::One(folder) = &mut self.place {
            *folder = None;
        }
    }

    /// Takes it up again, as the process is now.
    pub(super) fn take_up(&mut self, args: &Verify) -> anyhow::Result<()> {
        if let (Place::One(folder), Some(place)) = (&mut self.place, args.evidence.as_deref()) {
            *folder = Some(Folder::open(place)?);
        }
        Ok(())
    }

    /// Keeps the evidence of a verdict. In a repetition a full disk does not end the watch.
    pub(super) fn keep(
        &mut self,
        args: &Verify,
        profile: Option<&Profile>,
        clock: &mut RunClock,
        subject: &Subject,
    ) -> anyhow::Result<()> {
        let run = Run {
            command_line: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
            time: clock.time(),
            machine: self.machine.clone(),
            expected: super::expectation(args),
            profile: profile.cloned(),
            file_sha256: self.file_sha256.clone(),
        };
        match &mut self.place {
            Place::One(folder) => match folder.take() {
                Some(folder) => Ok(folder.keep(&files(&run, subject)?)?),
                None => Ok(()),
            },
            Place::Many(series) => {
                let verdicts = verdicts(subject);
                let changed = self.last.as_ref() != Some(&verdicts);
                let amiss = exit_status(subject, &run) != 0;
                self.last = Some(verdicts);
                if !changed && !amiss {
                    return Ok(());
                }
                let readable = self.last.iter().flatten().any(|verdict| verdict.is_readable());
                let kept = files(&run, subject)
                    .map_err(anyhow::Error::from)
                    .and_then(|files| Ok(series.keep(run.time.ended, readable, &files)?));
                let why = match kept {
                    Ok(true) => return Ok(()),
                    Ok(false) => {
                        "there are 200 folders of evidence with frames in clear; no more are kept".to_owned()
                    }
                    Err(error) => format!("{error:#}; the watch goes on without evidence"),
                };
                if !std::mem::replace(&mut self.told, true) {
                    note(&why);
                }
                Ok(())
            }
        }
    }
}

/// Returns true if a file is in this folder, or has its name.
fn is_in(file: &Path, folder: &Path) -> bool {
    let whole = |path: &Path| {
        path.canonicalize().ok().or_else(|| {
            let around = path.parent().filter(|around| !around.as_os_str().is_empty());
            Some(around.unwrap_or(Path::new(".")).canonicalize().ok()?.join(path.file_name()?))
        })
    };
    // A folder that is not there yet has no file in it, but a file may be named so.
    let named = file.starts_with(folder);
    named || whole(file).zip(whole(folder)).is_some_and(|(file, folder)| file.starts_with(folder))
}

fn verdicts(subject: &Subject) -> Vec<Verdict> {
    match subject {
        Subject::One(case) => vec![case.report.verdict],
        Subject::All { overview, .. } => overview.networks.iter().map(Judged::verdict).collect(),
    }
}

fn exit_status(subject: &Subject, run: &Run) -> u8 {
    match subject {
        Subject::One(case) => case.report.exit_status(run.expected),
        Subject::All { overview, .. } => overview.exit_status(run.expected),
    }
}

/// Returns a network with its evidence; `None` if nothing was to be kept.
pub(super) fn of_one(report: &Report, kept: Option<Kept>) -> Option<Subject> {
    Some(Subject::One(Box::new(case(report, kept?))))
}

/// Returns all networks with their evidence.
pub(super) fn of_all(overview: &Overview, kept: Vec<Option<Kept>>) -> Subject {
    let reports = overview.networks.iter().map(|judged| judged.outcome.as_ref().ok());
    let cases = reports.zip(kept).map(|(report, kept)| Some(case(report?, kept?))).collect();
    Subject::All { overview: Box::new(overview.clone()), cases }
}

fn case(report: &Report, (facts, keeper): Kept) -> Case {
    Case { report: report.clone(), facts: facts.of(report.occasion.clone()), keeper }
}

/// Opens the profile that was named, if one was.
pub(super) fn profile(name: Option<&Path>) -> anyhow::Result<Option<Profile>> {
    Ok(name.map(Profile::open).transpose()?)
}
