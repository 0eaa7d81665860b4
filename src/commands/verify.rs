//! `ovlsniff verify`: is this overlay really encrypted?

mod file;
mod live;

use std::io::Write as _;
use std::time::{Duration, Instant};

use ovlsniff::packet::UdpPort;
use ovlsniff::print::report;
use ovlsniff::verify::{Expectation, Report, Wanted};

use super::{Status, Unwritten};
use crate::cli::{Expect, Format, Verify};

pub(super) fn run(args: &Verify) -> anyhow::Result<Status> {
    if let Some(path) = &args.read {
        let report = file::run(args, path)?;
        return conclude(args, &report).map(|(status, _)| status);
    }
    let job = live::Job::new(args)?;
    let mut last = None;
    loop {
        let begun = Instant::now();
        let report = job.watch()?;
        // A signal ends it with the last verdict. What was seen of the next one until then is not enough for anything but
        // a leak.
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

/// Prints the report; the exit status follows from it. With whether somebody still reads the output.
fn conclude(args: &Verify, report: &Report) -> anyhow::Result<(Status, bool)> {
    let text = match args.format {
        Format::Text => report::text(report, expectation(args)),
        Format::Json => report::json(report, expectation(args)),
    };
    let status = Status::Verdict(report.exit_status(expectation(args)));
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // Who reads the exit status need not read the text.
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

/// What was typed of the network.
fn wanted(args: &Verify) -> Wanted {
    Wanted {
        name: args.net.clone(),
        vnis: args.vni.clone(),
        port: args.vxlan_port.map(UdpPort::value),
        locals: args.local.clone(),
        peers: args.peer.clone(),
        docker_inspect: args.docker_inspect.clone(),
    }
}
