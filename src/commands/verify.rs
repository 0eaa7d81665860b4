//! `ovlsniff verify`: the check whether an overlay network is really encrypted.

mod all;
mod file;
mod live;
mod merge;
mod progress;
mod told;

use std::time::{Duration, Instant};

use anyhow::anyhow;
use ovlsniff::packet::{Form, UdpPort};
use ovlsniff::print::report::Proofs;
use ovlsniff::verify::{self, Expectation, Occasion, Report, Terms, Wanted, host_name};

use self::told::{conclude, of_all, of_one};
use super::{Status, signals};
use crate::cli::{Expect, Require, Verify, VerifyAct};

pub(super) fn run(args: &Verify) -> anyhow::Result<Status> {
    if let Some(VerifyAct::Merge(args)) = &args.act {
        return merge::run(args);
    }
    let output = args.output.as_deref();
    told::check(output)?;
    let mut proofs = Proofs::default();
    if let Some(path) = &args.read {
        signals::outlive_report().map_err(|error| anyhow!("install signal handlers: {error}"))?;
        let mut report = file::run(args, path)?.on(terms(args));
        report.occasion.node.clone_from(&args.node);
        return conclude(&of_one(args, &report, &mut proofs), output).map(|(status, _)| status);
    }
    let job = live::Job::new(args)?;
    let node = args.node.clone().or_else(host_name);
    let mut watch = || -> anyhow::Result<_> {
        let occasion = || Occasion { node: node.clone(), ended: Some(told::now()) };
        if args.all {
            let overview = job.watch_all(&terms(args))?;
            Ok(of_all(args, &overview.on(&occasion()), &mut proofs))
        } else {
            let report = Report { occasion: occasion(), ..job.watch()?.on(terms(args)) };
            Ok(of_one(args, &report, &mut proofs))
        }
    };
    let mut last = None;
    loop {
        let begun = Instant::now();
        let told = watch()?;
        // A signal ends the repetition with the last verdict. The watch that the signal cut short counts only when it
        // saw a leak: for anything else it may have seen too little.
        if let Some(last) = last.filter(|_| job.signals.stopped() && !told.readable) {
            return Ok(last);
        }
        let (status, heard) = conclude(&told, output)?;
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
        port: args.vxlan_port.or(args.geneve_port).map(UdpPort::value),
        form: args.vxlan_port.map(|_| Form::Vxlan).or(args.geneve_port.map(|_| Form::Geneve)),
        locals: args.local.clone(),
        peers: args.peer.clone(),
        docker_inspect: args.docker_inspect.clone(),
        found: None,
    }
}
