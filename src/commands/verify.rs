//! `ovlsniff verify`: is this overlay really encrypted?

mod file;
mod find;
mod live;

use std::io::Write as _;
use std::time::{Duration, Instant};

use ovlsniff::ipsec::{self, Opener, Sa};
use ovlsniff::packet::TunnelPorts;
use ovlsniff::print::report;
use ovlsniff::verify::{Expectation, Network, Report};

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

/// The ports that are taken for VXLAN.
fn ports<'a>(networks: impl IntoIterator<Item = &'a Network>) -> anyhow::Result<TunnelPorts> {
    let mut ports = TunnelPorts::default();
    for port in networks.into_iter().filter_map(|network| network.port) {
        if !ports.is_vxlan(port) {
            ports.add_vxlan(port)?;
        }
    }
    Ok(ports)
}

/// The keys of the files that were given.
fn keys(args: &Verify) -> anyhow::Result<Vec<Sa>> {
    let mut sas = Vec::new();
    for path in &args.sa {
        sas.extend(ipsec::read_file(path)?);
    }
    Ok(sas)
}

fn opener(sas: Vec<Sa>) -> Option<Opener> {
    (!sas.is_empty()).then(|| Opener::new(sas))
}
