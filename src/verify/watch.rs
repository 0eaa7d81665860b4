//! From frames to what a tally observes.

use std::convert::Infallible;

use super::judge::judge;
use super::report::Report;
use super::tally::{Circumstances, Question, Tally};
use crate::dissect::{Dissected, Dissector};
use crate::ipsec::{Opener, Sa};
use crate::packet::{Frame, Timestamp, TunnelPorts};

/// A watch in progress. Like the tally it has no clock: time is that of the frames.
#[derive(Debug)]
pub struct Watch {
    dissector: Dissector,
    tallies: Tallies,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// What is counted of the network that was asked for, and of one that is known to be clear.
#[derive(Debug)]
struct Tallies {
    asked: Tally,
    control: Option<Tally>,
}

impl Tallies {
    fn observe(&mut self, Dissected { frame, packet, .. }: Dissected<'_>) {
        self.asked.observe(frame, packet);
        if let Some(control) = &mut self.control {
            control.observe(frame, packet);
        }
    }
}

impl Watch {
    /// A watch for this question, and for that of a network known to be clear. UDP to `ports` is taken for VXLAN; `opener`
    /// has the keys that are at hand.
    pub fn new(
        question: Question,
        control: Option<Question>,
        ports: TunnelPorts,
        opener: Option<Opener>,
    ) -> Self {
        // Every frame on the wire is evidence by itself, whatever the network sends in pieces through its tunnel.
        let mut dissector = Dissector::frame_by_frame(ports);
        if let Some(opener) = opener {
            dissector.open_with(opener);
        }
        let tallies = Tallies { asked: Tally::new(question), control: control.map(Tally::new) };
        Self { dissector, tallies, first: None, last: None }
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.first.get_or_insert(frame.time);
        self.last = Some(frame.time);
        let Self { dissector, tallies, .. } = self;
        let sink = &mut sink(tallies);
        let Ok(()) = dissector.tick(frame.time, sink).and_then(|()| dissector.frame(frame, sink));
    }

    /// Takes in the SAs that the kernel has told of. Never waits.
    pub fn catch_up(&mut self) {
        self.dissector.opener().map(Opener::catch_up);
    }

    /// What to tell the user of SAs that could not be taken in, once.
    pub fn complaint(&mut self) -> Option<String> {
        self.dissector.opener().and_then(Opener::complaint)
    }

    /// Whether the canary of the network known to be clear was seen leaving in clear.
    pub fn control_left_in_clear(&self) -> Option<bool> {
        self.tallies.control.as_ref().map(Tally::canary_left_in_clear)
    }

    /// Nanoseconds from the first frame to the last.
    pub fn nanos(&self) -> i64 {
        self.first.zip(self.last).map_or(0, |(first, last)| last.nanos.saturating_sub(first.nanos).max(0))
    }

    /// Ends the watch: the verdict on the network that was asked for.
    pub fn finish(mut self, circumstances: Circumstances) -> Report {
        let Self { dissector, tallies, .. } = &mut self;
        let Ok(()) = dissector.finish(&mut sink(tallies));
        let mut report = judge(&tallies.asked, circumstances);
        if let Some(opener) = dissector.opener() {
            name_algorithms(&mut report, opener.sas());
        }
        report
    }
}

/// The sink of a dissector that counts.
fn sink(tallies: &mut Tallies) -> impl FnMut(&mut Dissector, Dissected<'_>) -> Result<(), Infallible> {
    |_, dissected| {
        tallies.observe(dissected);
        Ok(())
    }
}

/// Says of what SPIs the keys know how they are protected, where the kernel did not: in a file, or of one that is gone.
fn name_algorithms(report: &mut Report, sas: &[Sa]) {
    for leg in &mut report.legs {
        let Some(to) = leg.to else { continue };
        for seen in leg.esp.iter_mut().filter(|seen| seen.algorithm.is_none()) {
            let known = sas.iter().find(|sa| sa.spi.matches(seen.spi) && sa.destination.matches(to));
            seen.algorithm = known.map(|sa| sa.algorithm.name());
            seen.icv_bits = known.and_then(|sa| u32::try_from(sa.algorithm.icv_bits()?).ok());
        }
    }
}
