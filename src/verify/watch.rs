//! From frames to what a tally observes: decoded, put together, opened.

use super::judge::judge;
use super::report::Report;
use super::tally::{Circumstances, Question, Tally};
use crate::ipsec::{Opener, Sa, Scratch};
use crate::packet::{Added, Decoder, Frame, Held, Packet, Reassembly, Timestamp, TunnelPorts};

/// A watch in progress. Like the tally it has no clock: time is that of the frames.
pub struct Watch {
    decoder: Decoder,
    reassembly: Reassembly,
    opener: Option<Opener>,
    scratch: Box<Scratch>,
    tally: Tally,
    control: Option<Tally>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
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
        Self {
            decoder: Decoder::new(ports),
            reassembly: Reassembly::default(),
            opener,
            scratch: Box::default(),
            tally: Tally::new(question),
            control: control.map(Tally::new),
            first: None,
            last: None,
        }
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.first.get_or_insert(frame.time);
        self.last = Some(frame.time);
        while let Some(datagram) = self.reassembly.expired(frame.time) {
            self.alone(datagram.frames());
        }
        let packet = self.decoder.decode(frame);
        if !packet.is_fragment() {
            return self.packet(frame, packet);
        }
        match self.reassembly.add(frame, &packet) {
            Added::Held => {}
            Added::Whole { protocol, payload, earlier } => {
                let frames = earlier.frames().len() as u32 + 1;
                let packet = self.decoder.datagram(packet, protocol, &payload, frames);
                self.packet(frame, packet);
            }
            Added::Alone => self.fragment(frame),
            Added::GivenUp(datagram) => {
                self.alone(datagram.frames());
                self.fragment(frame);
            }
        }
    }

    /// Takes in the SAs that the kernel has told of. Never waits.
    pub fn catch_up(&mut self) {
        self.opener.as_mut().map(Opener::catch_up);
    }

    /// What to tell the user of SAs that could not be taken in, once.
    pub fn complaint(&mut self) -> Option<String> {
        self.opener.as_mut().and_then(Opener::complaint)
    }

    /// Whether the canary of the network known to be clear was seen leaving in clear.
    pub fn control_left_in_clear(&self) -> Option<bool> {
        self.control.as_ref().map(Tally::canary_left_in_clear)
    }

    /// Nanoseconds from the first frame to the last.
    pub fn nanos(&self) -> i64 {
        self.first.zip(self.last).map_or(0, |(first, last)| last.nanos.saturating_sub(first.nanos).max(0))
    }

    /// Ends the watch: the verdict on the network that was asked for.
    pub fn finish(mut self, circumstances: Circumstances) -> Report {
        while let Some(datagram) = self.reassembly.drain() {
            self.alone(datagram.frames());
        }
        let mut report = judge(&self.tally, circumstances);
        if let Some(opener) = &self.opener {
            name_algorithms(&mut report, opener.sas());
        }
        report
    }

    fn alone(&mut self, frames: &[Held]) {
        for held in frames {
            self.fragment(&held.frame());
        }
    }

    fn fragment(&mut self, frame: &Frame<'_>) {
        let packet = self.decoder.decode(frame);
        let packet = self.decoder.lone_fragment(packet);
        self.packet(frame, packet);
    }

    fn packet(&mut self, frame: &Frame<'_>, packet: Packet<'_>) {
        let packet = match &mut self.opener {
            Some(opener) if packet.opaque.is_some() => {
                opener.open_packet(&mut self.decoder, packet, &mut self.scratch)
            }
            _ => packet,
        };
        self.tally.observe(frame, &packet);
        if let Some(control) = &mut self.control {
            control.observe(frame, &packet);
        }
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

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("tally", &self.tally).finish_non_exhaustive()
    }
}
