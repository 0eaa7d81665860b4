//! `ovlsniff verify`: the check whether an overlay network is really encrypted.

mod all;
mod evidence;
mod file;
mod gone;
mod live;
mod merge;
mod progress;
mod replay;
mod told;
mod unprivileged;

use std::time::{Duration, Instant};

use anyhow::anyhow;
use ovlsniff::audit::RunClock;
use ovlsniff::keeper;
use ovlsniff::packet::{Form, UdpPort};
use ovlsniff::print::report::Proofs;
use ovlsniff::verify::profile::Profile;
use ovlsniff::verify::{self, Expectation, Occasion, Report, Saved, Terms, Wanted, host_name};

use self::evidence::Evidence;
use self::gone::LastKnown;
use self::told::{apart, conclude, of_all, of_one, of_unwatched};
use super::{Status, signals};
use crate::cli::{Expect, Require, Verify, VerifyAct};

pub(super) fn run(args: &Verify) -> anyhow::Result<Status> {
    if let Some(VerifyAct::Merge(args)) = &args.act {
        return merge::run(args);
    }
    let output = args.output.as_deref();
    let output = told::Output::check(output)?;
    let profile = evidence::profile(args.profile.as_deref())?;
    let profile = profile.as_ref();
    if let Some(folder) = &args.replay {
        return replay::run(args, folder, profile, &output);
    }
    let expected = expectation(args);
    let mut evidence = Evidence::open(args)?;
    let mut proofs = Proofs::default();
    if let Some(path) = &args.read {
        signals::outlive_report().map_err(|error| anyhow!("install signal handlers: {error}"))?;
        let mut clock = RunClock::start();
        // The place was tried as root, and is written to by the keeper.
        evidence.iter_mut().for_each(Evidence::let_go);
        let (report, kept) = file::run(args, path)?;
        evidence.iter_mut().try_for_each(|evidence| evidence.take_up(args))?;
        let mut report = under(report.on(terms(args)), profile);
        report.occasion.node.clone_from(&args.node);
        let (status, _) = conclude(&of_one(args, &report, expected, &mut proofs), &output)?;
        if let (Some(evidence), Some(subject)) = (&mut evidence, evidence::of_one(&report, kept)) {
            evidence.keep(args, profile, &mut clock, &subject)?;
        }
        return Ok(status);
    }
    let job = live::Job::new(args)?;
    let node = args.node.clone().or_else(host_name);
    evidence.iter_mut().for_each(Evidence::let_go);
    unprivileged::begin(args)?;
    evidence.iter_mut().try_for_each(|evidence| evidence.take_up(args))?;
    let mut known = LastKnown::default();
    let mut watch = |clock: &mut RunClock| -> anyhow::Result<_> {
        let occasion = || Occasion { node: node.clone(), ended: Some(told::now()) };
        if args.all {
            let (overview, kept) = job.watch_all(&terms(args), clock)?;
            let mut overview = overview.on(&occasion());
            for judged in &mut overview.networks {
                judged.outcome = judged.outcome.clone().map(|report| under(report, profile));
            }
            let told = of_all(args, &overview, expected, &mut proofs);
            Ok((told, args.evidence.as_ref().map(|_| evidence::of_all(&overview, kept))))
        } else {
            let (report, kept) = match job.watch(known.home(), clock) {
                Ok(watched) => watched,
                Err(why) => {
                    let overview = known.cannot_be_watched(why, occasion())?;
                    return Ok((of_unwatched(args, &overview, expected, &mut proofs), None));
                }
            };
            known.is_of(&report);
            let report = under(Report { occasion: occasion(), ..report.on(terms(args)) }, profile);
            Ok((of_one(args, &report, expected, &mut proofs), evidence::of_one(&report, kept)))
        }
    };
    let mut last = None;
    loop {
        let (begun, mut clock) = (Instant::now(), RunClock::start());
        let (told, subject) = unprivileged::unless_lost(watch(&mut clock))?;
        // A signal ends the repetition with the last verdict. The watch that the signal cut short counts only when it
        // saw a leak: for anything else it may have seen too little.
        if let Some(last) = last.filter(|_| job.signals.stopped() && !told.readable) {
            return Ok(last);
        }
        let told = if last.is_some() { apart(args, told, &output) } else { told };
        let (status, heard) = conclude(&told, &output)?;
        if let (Some(evidence), Some(subject)) = (&mut evidence, &subject) {
            evidence.keep(args, profile, &mut clock, subject)?;
        }
        let Some(every) = args.watch.filter(|_| heard) else { return Ok(status) };
        last = Some(status);
        // A watch that was not possible takes no time, and the next one is not due before it would have ended.
        let every = if told.watched { every } else { every.max(args.duration) };
        while !job.signals.stopped() && !keeper::is_lost() && begun.elapsed() < every {
            std::thread::sleep(Duration::from_millis(50).min(every.saturating_sub(begun.elapsed())));
        }
        if job.signals.stopped() {
            return Ok(status);
        }
    }
}

/// Returns the report with what the profile says of it, if one was named.
fn under(report: Report, profile: Option<&Profile>) -> Report {
    match profile {
        Some(profile) => report.under(profile),
        None => report,
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
        home: None,
    })
}
