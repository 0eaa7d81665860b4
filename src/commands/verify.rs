//! `ovlsniff verify`: the check whether an overlay network is really encrypted.

mod file;
mod live;
mod progress;

use std::io::Write as _;
use std::time::{Duration, Instant};

use ovlsniff::packet::UdpPort;
use ovlsniff::print::report;
use ovlsniff::verify::{self, Expectation, Report, Terms, Wanted};

use super::{Status, Unwritten};
use crate::cli::{Expect, Format, Require, Verify};

pub(super) fn run(args: &Verify) -> anyhow::Result<Status> {
    if let Some(path) = &args.read {
        let report = file::run(args, path)?.on(terms(args));
        return conclude(args, &report).map(|(status, _)| status);
    }
    let job = live::Job::new(args)?;
    let mut last = None;
    loop {
        let begun = Instant::now();
        let report = job.watch()?.on(terms(args));
        // A signal ends the repetition with the last verdict. The watch that the signal cut short counts only when it
        // saw a leak: for anything else it may have seen too little.
        if let Some(last) = last.filter(|_| job.signals.stopped() && !report.verdict.is_readable()) {
            return Ok(last);
        }
        let (status, heard) = conclude(args, &report)?;
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

/// Prints the report. Returns the exit status that follows from it, and false if nobody reads the output any more.
fn conclude(args: &Verify, report: &Report) -> anyhow::Result<(Status, bool)> {
    let text = match args.format {
        Format::Text => report::text(report, expectation(args)),
        Format::Json => report::json(report, expectation(args)),
    };
    let status = Status::Verdict(report.exit_status(expectation(args)));
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // A closed pipe is no error: a script may want the exit status alone.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Unwritten(error).into()),
        printed => Ok((status, printed.is_ok())),
    }
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
fn wanted(args: &Verify) -> Wanted {
    Wanted {
        name: args.net.clone(),
        vnis: args.vni.clone(),
        port: args.vxlan_port.map(UdpPort::value),
        locals: args.local.clone(),
        peers: args.peer.clone(),
        docker_inspect: args.docker_inspect.clone(),
        found: None,
    }
}
