//! `ovlsniff verify`: the check whether an overlay network is really encrypted.

mod all;
mod file;
mod live;
mod progress;
mod unprivileged;

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use ovlsniff::packet::{Form, UdpPort};
use ovlsniff::print::report;
use ovlsniff::verify::{self, Expectation, Overview, Report, Saved, Terms, Wanted};

use super::{Status, Unwritten, signals};
use crate::cli::{Expect, Format, Require, Verify};

/// A verdict, as it is told to the user.
struct Told {
    text: String,
    status: u8,
    /// True if something could be read.
    readable: bool,
}

pub(super) fn run(args: &Verify) -> anyhow::Result<Status> {
    if let Some(path) = &args.read {
        signals::outlive_report().map_err(|error| anyhow!("install signal handlers: {error}"))?;
        let report = file::run(args, path)?.on(terms(args));
        return conclude(&of_one(args, &report)).map(|(status, _)| status);
    }
    let job = live::Job::new(args)?;
    unprivileged::begin(args)?;
    let watch = || {
        if args.all {
            job.watch_all(&terms(args)).map(|overview| of_all(args, &overview))
        } else {
            job.watch().map(|report| of_one(args, &report.on(terms(args))))
        }
    };
    let mut last = None;
    loop {
        let begun = Instant::now();
        let told = unprivileged::unless_lost(watch())?;
        // A signal ends the repetition with the last verdict. The watch that the signal cut short counts only when it
        // saw a leak: for anything else it may have seen too little.
        if let Some(last) = last.filter(|_| job.signals.stopped() && !told.readable) {
            return Ok(last);
        }
        let (status, heard) = conclude(&told)?;
        let Some(every) = args.watch.filter(|_| heard) else { return Ok(status) };
        last = Some(status);
        while !job.signals.stopped() && begun.elapsed() < every {
            std::thread::sleep(Duration::from_millis(50).min(every.saturating_sub(begun.elapsed())));
        }
        if job.signals.stopped() {
            return Ok(status);
        }
    }
}

fn of_one(args: &Verify, report: &Report) -> Told {
    let expected = expectation(args);
    let text = match format(args) {
        Format::Text => report::text(report, expected),
        Format::Json => report::json(report, expected),
    };
    Told { text, status: report.exit_status(expected), readable: report.verdict.is_readable() }
}

fn of_all(args: &Verify, overview: &Overview) -> Told {
    let expected = expectation(args);
    let text = match format(args) {
        Format::Text => report::overview(overview, expected),
        Format::Json => report::overview_json(overview, expected),
    };
    let readable = overview.networks.iter().any(|judged| judged.verdict().is_readable());
    Told { text, status: overview.exit_status(expected), readable }
}

/// Prints a verdict. Returns the exit status that follows from it, and false if nobody reads the output any more.
fn conclude(told: &Told) -> anyhow::Result<(Status, bool)> {
    let status = Status::Verdict(told.status);
    match std::io::stdout().lock().write_all(told.text.as_bytes()) {
        // A closed pipe is no error: a script may want the exit status alone.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Unwritten(error).into()),
        printed => Ok((status, printed.is_ok())),
    }
}

/// Returns the format that was typed last: clap keeps only the last of `--json` and `--format`.
fn format(args: &Verify) -> Format {
    if args.json { Format::Json } else { args.format }
}

fn expectation(args: &Verify) -> Expectation {
    match args.expect {
        Expect::Encrypted => Expectation::Encrypted,
        Expect::Clear => Expectation::Clear,
    }
}

/// Collects what was typed about the verdict on the whole.
fn terms(args: &Verify) -> Terms {
    let require = match args.require {
        Require::All => verify::Require::All,
        Require::Reachable => verify::Require::Reachable,
    };
    Terms { require, accepted: args.accept.clone() }
}

/// Collects what was typed about the network.
fn wanted(args: &Verify) -> anyhow::Result<Wanted> {
    Ok(Wanted {
        name: args.net.clone(),
        vnis: args.vni.clone(),
        port: args.vxlan_port.or(args.geneve_port).map(UdpPort::value),
        form: args.vxlan_port.map(|_| Form::Vxlan).or(args.geneve_port.map(|_| Form::Geneve)),
        locals: args.local.clone(),
        peers: args.peer.clone(),
        docker_inspect: args.docker_inspect.as_deref().map(Saved::read).transpose()?,
        found: None,
    })
}
