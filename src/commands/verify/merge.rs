//! `ovlsniff verify merge`: the reports of several nodes in one matrix.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use ovlsniff::escape::reason;
use ovlsniff::print::merged;
use ovlsniff::verify::Expectation;
use ovlsniff::verify::merge::{MergeTerms, Merged, Pairs, Reports};

use super::told;
use crate::cli::{self, At, Expect, Merge, MergeFormat};
use crate::commands::Status;

/// The most files of one folder. Each holds the reports of at least one node.
const MOST_FILES: usize = 100_000;

pub(super) fn run(args: &Merge) -> anyhow::Result<Status> {
    let output = told::Output::check(args.output.as_deref())?;
    let files = files(&args.files)?;
    if let Some(output) = args.output.as_deref() {
        spared(output, &files)?;
    }
    let mut reports = Reports::default();
    for path in &files {
        read(&mut reports, path)?;
    }
    let at = match args.at {
        Some(At::Time(time)) => time,
        Some(At::Newest) => reports.newest_time().unwrap_or_else(told::now),
        None => told::now(),
    };
    let pairs = match args.pairs {
        cli::Pairs::All => Pairs::All,
        cli::Pairs::Known => Pairs::Known,
    };
    let expected = match args.expect {
        Expect::Encrypted => Expectation::Encrypted,
        Expect::Clear => Expectation::Clear,
    };
    let terms = MergeTerms { at, stale: args.stale, pairs, accepted: args.accept.clone() };
    let merged = Merged::of(reports, terms, expected);
    let format = if args.json { MergeFormat::Json } else { args.format };
    let text = match format {
        MergeFormat::Text => merged::text(&merged, expected),
        MergeFormat::Json => merged::json(&merged, expected),
        MergeFormat::Html => merged::html(&merged, expected),
    };
    output.deliver(text.as_bytes())?;
    Ok(Status::Verdict(merged.exit_status(expected)))
}

/// Refuses to write over a report that is to be read, by whatever name.
fn spared(output: &Path, files: &[PathBuf]) -> anyhow::Result<()> {
    // A descriptor and a device are written to as they are, and nothing is replaced.
    let Some(there) = fs::metadata(output).ok().filter(fs::Metadata::is_file) else { return Ok(()) };
    let is_same = |path: &&PathBuf| {
        fs::metadata(path).is_ok_and(|file| (file.dev(), file.ino()) == (there.dev(), there.ino()))
    };
    match files.iter().find(is_same) {
        Some(_) => {
            bail!("write {}: it is one of the reports to be merged; name another file", output.display())
        }
        None => Ok(()),
    }
}

/// Returns the files that were named, with those of the folders among them. What is not there is an error before anything
/// is read.
fn files(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        if path == Path::new("-") {
            files.push(path.clone());
            continue;
        }
        let cannot = |error: io::Error| anyhow!("read {}: {}", path.display(), reason(&error));
        if !fs::metadata(path).map_err(cannot)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut within = Vec::new();
        for entry in fs::read_dir(path).map_err(cannot)? {
            let found = entry.map_err(cannot)?.path();
            let is_hidden = found.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if found.extension() == Some(OsStr::new("json")) && !is_hidden {
                within.push(found);
            }
            if within.len() > MOST_FILES {
                bail!("read {}: there are more than {MOST_FILES} reports in it", path.display());
            }
        }
        if within.is_empty() {
            bail!("read {}: there is no file *.json in it", path.display());
        }
        // The order of a folder differs from one machine to the next.
        within.sort();
        files.append(&mut within);
    }
    Ok(files)
}

/// Reads the reports of one file. A file of a folder that is no regular one, such as a pipe, would be waited for.
fn read(reports: &mut Reports, path: &Path) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return reports
            .read("-", io::stdin().lock())
            .map_err(|error| anyhow!("read standard input: {}", reason(&error)));
    }
    let name = path.display().to_string();
    let outcome = File::open(path).and_then(|file| reports.read(&name, file));
    // One file that cannot be read is told in the matrix: the others still say what they say.
    if let Err(error) = outcome {
        reports.refuse("unreadable", &name, reason(&error));
    }
    Ok(())
}
