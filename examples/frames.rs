//! Captures on an interface as `nobody` and prints a line a frame: `frames INTERFACE [COUNT]`.
//!
//! The shortest whole use of a live capture: open as root, leave root, take frames, flush when nothing is pending.

use std::io::Write;
use std::process::ExitCode;

use ovlsniff::capture::live::{CaptureOptions, Device, Event, Live};
use ovlsniff::host::privileges;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("frames: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let device = Device::new(args.next().ok_or("usage: frames INTERFACE [COUNT]")?);
    let count: u64 = args.next().map_or(Ok(u64::MAX), |count| count.parse())?;
    let mut live = Live::open(&[device], &CaptureOptions { directed: true, ..CaptureOptions::default() })?;
    eprintln!("root: {:?}", privileges::leave("nobody")?);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut shown = 0;
    while shown < count {
        match live.next(None)? {
            Event::Frame(frame) => {
                let way = frame.direction.map_or("-", ovlsniff::packet::Direction::name);
                writeln!(out, "{} {way} {} {} bytes", frame.number, frame.link, frame.wire_len)?;
                shown += 1;
            }
            Event::Idle => out.flush()?,
            Event::Woken | Event::Deadline => {}
        }
    }
    let statistics = live.statistics();
    writeln!(out, "{} received, {} dropped by kernel", statistics.received, statistics.dropped_kernel)?;
    out.flush()?;
    Ok(())
}
