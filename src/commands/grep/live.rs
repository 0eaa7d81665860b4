//! The search through live traffic.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant, SystemTime};

use anyhow::bail;
use ovlsniff::capture::One;
use ovlsniff::capture::bpf::Expression;
use ovlsniff::capture::live::{CaptureOptions, Device, Event, Live, Names};
use ovlsniff::capture::savefile::{Filtered, Interface};
use ovlsniff::capture::write::{self, Counters};
use ovlsniff::escape::escape;
use ovlsniff::host::fence::{self, Work};
use ovlsniff::host::namespace::Namespace;
use ovlsniff::host::privileges::{self, Departure};
use ovlsniff::host::survey::Survey;
use ovlsniff::host::{auto, docker};
use ovlsniff::ipsec::Opener;
use ovlsniff::packet::Timestamp;
use ovlsniff::search::Told;

use super::meant::{Capture, Meant, Style};
use super::ngrep::Source;
use super::output::{self, Output};
use super::tunnels::Learned;
use super::{Error, Job, resolve};
use crate::commands::tell;

/// The longest wait on a quiet wire while fragments are held, or matches in streams wait: then their age is looked at.
const LOOK: Duration = Duration::from_secs(1);

pub(super) fn run(job: &mut Job, meant: &Meant) -> Result<(), Error> {
    let (mut live, chosen, mut learned) = open(job, meant)?;
    let wake: OwnedFd = job.signals.descriptor().map_err(anyhow::Error::from)?;
    live.wake_on(wake);
    if let Some(due) = job.search.opener().and_then(|opener| opener.due()) {
        live.wake_on(due.try_clone_to_owned().map_err(anyhow::Error::from)?);
    }
    if let Some(notices) = learned.descriptor() {
        live.wake_on(notices);
    }
    leave_root(job, meant, true)?;
    job.output.begin_file().map_err(anyhow::Error::from)?;
    let names: Vec<&str> = chosen.iter().map(|(_, shown)| shown.as_str()).collect();
    let devices: Vec<Device> = chosen.iter().map(|(device, _)| device.clone()).collect();
    let (interfaces, from) =
        (described(&live, &meant.capture, job.filter.as_ref()), SystemTime::now().into());
    job.announce(meant, &Source::Devices(&devices, &names.join(", ")), &interfaces)?;
    job.output.declare(&interfaces)?;
    let ended = search(job, &mut live, &interfaces, &mut learned);
    count_drops(job, &mut live);
    let output = &mut job.output;
    let finished = job.search.finish(&mut |found| output.take(&found, &interfaces));
    // The counters hold after an error of the capture too, and the file is whole if only standard output was closed.
    if !matches!(ended, Err(Error::Output(output::Error::File(_)))) {
        write_counters(output, &mut live, &interfaces, &meant.capture, from)?;
    }
    ended?;
    Ok(finished?)
}

fn search(
    job: &mut Job,
    live: &mut Live,
    interfaces: &[Interface],
    learned: &mut Learned,
) -> Result<(), Error> {
    let mut deadline = None;
    while !job.search.is_over() {
        match live.next(deadline).map_err(anyhow::Error::from)? {
            Event::Frame(frame) => {
                deadline = None;
                job.seen = true;
                let time = frame.time;
                let output = &mut job.output;
                let sink = &mut |told: Told<'_>| output.take_told(&told, interfaces);
                job.search.records(&mut One::new(&frame), sink)?;
                let Some(mut frames) = live.frames().filter(|_| !job.search.is_over()) else {
                    job.output.passed(time)?;
                    continue;
                };
                // The other frames of the block are searched in one go.
                job.search.records(&mut frames, sink)?;
                let taken = frames.taken();
                live.took(&taken);
                job.output.passed(taken.time.unwrap_or(time))?;
            }
            Event::Idle | Event::Deadline => {
                let output = &mut job.output;
                // No frame arrives whose time stamp would show that held fragments are overdue.
                job.search.tick(SystemTime::now().into(), &mut |found| output.take(&found, interfaces))?;
                job.output.flush()?;
                if let Some(complaint) = job.search.opener().and_then(Opener::complaint) {
                    job.output.end_line()?;
                    tell(format_args!("ovlsniff: {complaint}"));
                }
                for complaint in job.output.complaints_of_names() {
                    job.output.end_line()?;
                    tell(complaint);
                }
                deadline = job.search.waits().then(|| Instant::now() + LOOK);
            }
            Event::Woken => {
                job.signals.drain();
                job.search.opener().map(Opener::catch_up);
                learned.catch_up(job)?;
                if job.signals.stopped() {
                    return Ok(());
                }
                if job.signals.take_report() {
                    count_drops(job, live);
                    job.report()?;
                }
            }
        }
    }
    Ok(())
}

/// The interfaces to capture on, each with the words that announce it.
type Chosen = Vec<(Device, String)>;

/// Opens the interfaces that were named, or those that `auto` chooses.
fn open(job: &mut Job, meant: &Meant) -> Result<(Live, Chosen, Learned), Error> {
    let capture = &meant.capture;
    let namespace = Namespace::given(capture.netns.as_deref()).map_err(anyhow::Error::from)?;
    let chosen = choose(&capture.interfaces, namespace.as_ref())?;
    if chosen.iter().any(|(device, _)| device.is_any()) {
        job.output.name_by(Names::take(namespace.as_ref()).map_err(anyhow::Error::from)?);
    }
    let learned = Learned::begin(job, meant, namespace.as_ref());
    let defaults = CaptureOptions::default();
    let options = CaptureOptions {
        promiscuous: capture.promiscuous,
        snaplen: snaplen(capture),
        buffer: capture.buffer.unwrap_or(defaults.buffer),
        direction: capture.direction,
        // Only JSON prints a frame's direction, and to know it can take two rings for an interface.
        directed: matches!(meant.style, Style::Json(_)),
        filter: job.filter.clone(),
        namespace: namespace.as_ref(),
    };
    let devices: Vec<Device> = chosen.iter().map(|(device, _)| device.clone()).collect();
    Ok((Live::open(&devices, &options).map_err(anyhow::Error::from)?, chosen, learned))
}

fn choose(interfaces: &[String], namespace: Option<&Namespace>) -> anyhow::Result<Chosen> {
    let mut chosen = Chosen::new();
    let mut auto = interfaces.is_empty();
    for name in interfaces {
        match name.as_str() {
            "auto" => auto = true,
            name => chosen.push((Device::new(name), escape(name).into_owned())),
        }
    }
    if auto {
        let survey = Survey::take(namespace)?;
        for choice in auto::choose(&survey, docker::swarm().as_ref()) {
            chosen.push((Device::new(&choice.name), choice.to_string()));
        }
        if chosen.is_empty() {
            bail!("no interface is up; bring one up, or name one with -i");
        }
    }
    let mut seen = std::collections::HashSet::new();
    chosen.retain(|(device, _)| seen.insert(device.as_str().to_owned()));
    Ok(chosen)
}

/// Opens the file to write. A named pipe may wait for its reader as long as no signal comes.
pub(super) fn create_file(job: &mut Job, meant: &Meant) -> anyhow::Result<()> {
    let mut is_told = false;
    loop {
        match job.output.create_file(meant) {
            Err(error @ write::Error::NoReader { .. }) if !job.signals.stopped() => {
                if !is_told && !meant.quiet {
                    tell(format_args!("ovlsniff: {error}"));
                }
                is_told = true;
                std::thread::sleep(Duration::from_millis(100));
            }
            other => return Ok(other?),
        }
    }
}

/// Opens the file to write if `makes_file`, and reaches the engine, now that everything to read is open, and then leaves root for the
/// user that was asked for or for `nobody`. A user that does not exist is told before the file is made.
pub(super) fn leave_root(job: &mut Job, meant: &Meant, makes_file: bool) -> anyhow::Result<()> {
    meant.user.as_deref().map_or(Ok(()), privileges::check)?;
    if makes_file {
        create_file(job, meant)?;
    }
    let engine = resolve::reach(meant);
    let left = meant.user.as_deref().map(privileges::leave).transpose()?;
    if let Some(note) = left.as_ref().and_then(Departure::note).filter(|_| !meant.quiet) {
        tell(format_args!("ovlsniff: {note}"));
    }
    if left.is_some() && meant.read.is_empty() {
        fence::raise(Work::Live);
    } else if left.is_some_and(|left| left != Departure::NotRoot) {
        // Without root there is no fence: it takes a fifth of the time that the program needs to start, and files are often
        // searched one by one.
        fence::raise(Work::Files);
    }
    resolve::begin(job, meant, engine);
    Ok(())
}

/// Returns the bytes to keep of a frame. As in tcpdump, 0 captures frames whole, as the default does.
fn snaplen(capture: &Capture) -> u32 {
    capture.snaplen.filter(|bytes| *bytes > 0).unwrap_or(CaptureOptions::default().snaplen)
}

/// Returns the interfaces as a capture file describes them.
fn described(live: &Live, capture: &Capture, filter: Option<&Expression>) -> Vec<Interface> {
    let describe = |interface: &ovlsniff::capture::live::Interface| Interface {
        name: Some(interface.device.as_str().to_owned()),
        link: interface.link,
        snaplen: snaplen(capture),
        digits: 9,
        filter: filter.map(|filter| Filtered::Expression(filter.text().to_owned())),
    };
    live.interfaces().iter().map(describe).collect()
}

/// Writes the counters of all interfaces to the capture file.
fn write_counters(
    output: &mut Output,
    live: &mut Live,
    interfaces: &[Interface],
    capture: &Capture,
    from: Timestamp,
) -> Result<(), Error> {
    for (interface, counted) in interfaces.iter().zip(live.statistics_of_each()) {
        let counters = Counters {
            from,
            to: SystemTime::now().into(),
            received: counted.received,
            // libpcap does not see the counters of another network namespace.
            lost_by_interface: capture.netns.is_none().then_some(counted.dropped_interface),
            lost_by_system: counted.dropped_kernel,
            delivered: Some(counted.delivered),
        };
        output.statistics(interface, &counters)?;
    }
    Ok(())
}

fn count_drops(job: &mut Job, live: &mut Live) {
    let statistics = live.statistics();
    job.output.summary.dropped = Some(statistics.dropped_kernel + statistics.dropped_interface);
}
