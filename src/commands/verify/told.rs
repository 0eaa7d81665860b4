//! A verdict as it is told: in the format that was asked for, to standard output or into a file, and as an exit status.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use anyhow::anyhow;
use ovlsniff::escape::reason;
use ovlsniff::packet::Timestamp;
use ovlsniff::print::report::{self, Nagios, Proofs};
use ovlsniff::verify::{Expectation, Occasion, Overview, Report};
use ovlsniff::whole_file;

use crate::cli::{Format, Verify};
use crate::commands::{Status, Unwritten};

/// A verdict in words.
pub(super) struct Told {
    text: String,
    pub(super) status: u8,
    /// True if something could be read.
    pub(super) readable: bool,
    /// False if nothing could be watched.
    pub(super) watched: bool,
}

pub(super) fn of_one(args: &Verify, report: &Report, expected: Expectation, proofs: &mut Proofs) -> Told {
    let text = match format(args) {
        Format::Text => dated(args, report::text(report, expected), &report.occasion),
        Format::Json => report::json(report, expected),
        Format::Junit => report::junit(report, expected),
        Format::Nagios => report::nagios(report, expected),
        Format::Prometheus => report::prometheus(report, expected, now(), proofs),
    };
    let status = match format(args) {
        Format::Nagios => Nagios::of_one(report, expected).exit_status(),
        _ => report.exit_status(expected),
    };
    Told { text, status, readable: report.verdict.is_readable(), watched: true }
}

pub(super) fn of_all(args: &Verify, overview: &Overview, expected: Expectation, proofs: &mut Proofs) -> Told {
    let text = match format(args) {
        Format::Text => dated(args, report::overview(overview, expected), &overview.occasion),
        Format::Json => report::overview_json(overview, expected),
        Format::Junit => report::overview_junit(overview, expected),
        Format::Nagios => report::overview_nagios(overview, expected),
        Format::Prometheus => report::overview_prometheus(overview, expected, now(), proofs),
    };
    let status = match format(args) {
        Format::Nagios => Nagios::of_all(overview, expected).exit_status(),
        _ => overview.exit_status(expected),
    };
    let readable = overview.networks.iter().any(|judged| judged.verdict().is_readable());
    Told { text, status, readable, watched: true }
}

/// Returns the text of a report, with its time if others come behind it.
fn dated(args: &Verify, text: String, occasion: &Occasion) -> String {
    if args.watch.is_some() { report::dated(&text, occasion) } else { text }
}

/// Tells that the only network of this overview could not be watched.
pub(super) fn of_unwatched(
    args: &Verify,
    overview: &Overview,
    expected: Expectation,
    proofs: &mut Proofs,
) -> Told {
    let told = of_all(args, overview, expected, proofs);
    let text = match format(args) {
        // The last line is about all networks of a host.
        Format::Json => told.text.split_inclusive('\n').take(1).collect(),
        _ => told.text,
    };
    Told { text, watched: false, ..told }
}

/// Sets a verdict in text apart from the one before it, unless it replaces that one's file.
pub(super) fn apart(args: &Verify, told: Told, output: &Output<'_>) -> Told {
    let is_behind = output.path.is_none() || output.open.is_some();
    match format(args) {
        Format::Text if is_behind => Told { text: format!("\n{}", told.text), ..told },
        _ => told,
    }
}

/// Tells a verdict. Returns the exit status that follows from it, and false if nobody reads the output any more.
pub(super) fn conclude(told: &Told, output: &Output<'_>) -> anyhow::Result<(Status, bool)> {
    let heard = output.deliver(told.text.as_bytes())?;
    Ok((Status::Verdict(told.status), heard))
}

/// The place that verdicts are written to.
pub(super) struct Output<'p> {
    /// The file, or standard output.
    path: Option<&'p Path>,
    /// The file, if it is that of a descriptor. Those are of this process alone, and of its user.
    open: Option<File>,
}

impl<'p> Output<'p> {
    /// Refuses a file that cannot be written, before the watch.
    pub(super) fn check(output: Option<&'p Path>) -> anyhow::Result<Self> {
        let path = file(output);
        path.map_or(Ok(()), whole_file::check)?;
        let is_descriptor = |path: &&Path| path.starts_with("/dev/fd") || path.starts_with("/proc");
        let open = path.filter(is_descriptor).map(|path| {
            File::options()
                .append(true)
                .open(path)
                .map_err(|error| anyhow!("write {}: {}", path.display(), reason(&error)))
        });
        Ok(Self { path, open: open.transpose()? })
    }

    /// Writes a text to the file, or else to standard output. Returns false if nobody reads it there.
    pub(super) fn deliver(&self, text: &[u8]) -> anyhow::Result<bool> {
        if let (Some(mut open), Some(path)) = (self.open.as_ref(), self.path) {
            open.write_all(text).map_err(|error| anyhow!("write {}: {}", path.display(), reason(&error)))?;
            return Ok(true);
        }
        if let Some(path) = self.path {
            whole_file::put(path, text)?;
            return Ok(true);
        }
        let mut out = std::io::stdout().lock();
        match out.write_all(text).and_then(|()| out.flush()) {
            // A closed pipe is no error: a script may want the exit status alone.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Unwritten(error).into()),
            printed => Ok(printed.is_ok()),
        }
    }
}

/// Returns the file to write; `None` for standard output, which is open already. A user that root was left for may not open
/// its name.
fn file(output: Option<&Path>) -> Option<&Path> {
    let is_stdout = |path: &Path| {
        ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
    };
    output.filter(|path| !is_stdout(path))
}

/// Returns the format that was typed last: clap keeps only the last of `--json` and `--format`.
fn format(args: &Verify) -> Format {
    if args.json { Format::Json } else { args.format }
}

pub(super) fn now() -> Timestamp {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests;
