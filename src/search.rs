//! The search: decides for each packet of a capture whether it is shown.
//!
//! A [`Search`] takes one frame after the other, has it dissected, and tells a sink what became of each packet: it
//! matched, nobody can read it, it is not decoded to its end, or it was read and did not match ([`Found`]). It reads no clock and prints nothing,
//! so a capture file and a live wire are the same to it.
//!
//! # The way of a frame
//!
//! 1. If the caller wants matches only, the [`Gate`] comes first. A glance at the first headers tells whether anybody
//!    can read the frame, and whether other frames may depend on it. A frame that nobody can read, and on which no
//!    other depends, is dropped. A frame that could only match by itself is decoded only if the pattern's literal
//!    occurs somewhere in it. Where the context of matches is asked for, such a frame is not dropped but kept, by the
//!    flow that its first headers show. Through a file, where many frames are there at once, the skim (`src/search/skim.rs`) does so for all of
//!    them, also where the other packets are counted, and where only some networks or inner flows are asked for.
//! 2. The [`Dissector`] decodes the frame, reassembles datagrams and opens ESP.
//! 3. The selection drops packets of other networks and inner flows, and asks the pattern about the rest. Where streams are
//!    searched, a segment of TCP goes to its connection instead (`src/search/streams.rs`).
//! 4. With a match, the packets of its conversation that came shortly before it are shown, and the next ones after
//!    it.
//!
//! ngrep's grammar has a shorter way: of each frame, the outermost packet is searched (`src/search/outermost.rs`).
//!
//! # What surprised us
//!
//! - An opaque packet has no VNI and no inner flow that anybody could test. It passes these filters. If the search
//!   dropped it, there would seem to be nothing where there is something unreadable.
//! - The bytes of what is not decoded are searched as they are, also for packets that do not match (`-v`). A match in
//!   them is one. Where a network or an inner flow is asked for, such a packet is told of as an opaque one is, but not
//!   searched, because what it shows might be of another network.
//! - Skipping a frame is only safe if no other frame depends on it. A fragment without the literal may complete a
//!   datagram that contains it, and one ESP packet may show that its whole association is not encrypted.
//! - With keys there is no gate, because the literal is hidden by the encryption.
//! - ngrep's context counts hidden packets and other flows, its limit cuts off the context of the last match, and its
//!   inverted search counts what it does not show. Here, context belongs to a conversation (both directions of a
//!   flow, within one VNI), the search ends after the last context, and only packets that are shown as matches count.

mod context;
mod filters;
mod found;
mod kept_out;
mod networks;
mod outermost;
mod pieces;
mod selection;
mod skim;
mod streams;

pub use filters::Filters;
pub use found::{Found, Outcome, Told};
pub use kept_out::{KeptOut, Nothing, OuterFilter};
pub use pieces::{Alone, Knowledge, OfPieces};
pub use streams::{
    Begun, Copied, Copies, EndWhy, GapWhy, Overlap, Patience, StreamCounts, StreamOptions, Stretch,
};

use crate::capture::Batch;
use crate::capture::savefile::Again;
use crate::dissect::{Dissected, Dissector};
use crate::ipsec::Opener;
use crate::packet::{Frame, Timestamp, TunnelPorts, Vni, Worth};
use crate::pattern::{Gate, Pattern, StreamPattern};
use selection::Selection;
use skim::Skim;
use streams::Follow;

/// The most frames that [`Search::records`] has dissected before it returns.
const AT_ONCE: usize = 64;

/// The options of a search.
#[derive(Clone, Debug, Default)]
pub struct SearchOptions {
    /// Find packets that do not match the pattern, rather than those that do.
    pub invert: bool,
    /// Find only packets of these virtual networks; of all networks if empty. Opaque packets pass, because nobody can
    /// tell their network. Packets that are not decoded are told of and not searched, if their network is not known.
    pub vnis: Vec<Vni>,
    /// Find only packets whose innermost frame passes these filters. Opaque packets pass, and packets that are not decoded
    /// are told of.
    pub inner: Option<Filters>,
    /// The number of bytes of a payload that are searched. `None` for all.
    pub depth: Option<usize>,
    /// The number of packets of the same flow to show before a match.
    pub before: usize,
    /// The number of packets of the same flow to show after a match.
    pub after: usize,
    /// The number of matches after which the search ends.
    pub limit: Option<u64>,
    /// Show every packet.
    pub all: bool,
    /// Show packets without a payload too.
    pub empty: bool,
    /// The packet of a frame that is searched.
    pub view: View,
    /// The caller does not ask what became of packets without a match. Frames that cannot match are then not even
    /// decoded, and the sink is not told of them.
    pub matches_only: bool,
}

/// The packet of a frame that is searched, where there are packets within packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// The innermost one, through all tunnels, and put together from its fragments.
    #[default]
    Innermost,
    /// The outermost one that is IP, as ngrep has it: see `src/search/outermost.rs`.
    Outermost,
}

/// A search in progress.
#[derive(Debug)]
pub struct Search {
    dissector: Dissector,
    selection: Selection,
    /// The test without which no frame matches, if frames that do not pass it may be skipped.
    gate: Option<Gate>,
    matches_only: bool,
    view: View,
    /// True if the selection has to be asked about frames that are skimmed.
    selects: bool,
    /// The results of frames that were skimmed, until the sink takes them.
    skimmed: Vec<Outcome>,
    /// The search in the streams of TCP, if it was asked for.
    streams: Option<Box<Follow>>,
}

impl Search {
    /// Makes a search for `pattern`. UDP to `ports` is taken for tunnels.
    pub fn new(pattern: Pattern, ports: TunnelPorts, options: SearchOptions) -> Self {
        let (matches_only, view) = (options.matches_only, options.view);
        let context = options.before > 0 || options.after > 0;
        let asks_for_some = !options.vnis.is_empty() || options.inner.is_some();
        // If only matches are asked for, a glance does not tell whether a frame is read to its end. So it does not tell what
        // is context, which only packets of the networks and inner flows are that are asked for, nor which of these there were
        // if no packet was in them. The latter is told of a pattern without a literal.
        let in_doubt = matches_only && asks_for_some;
        let gated = !(options.invert || options.all || options.empty || in_doubt && context)
            && (view == View::Innermost || !context);
        Self {
            gate: pattern.gate().filter(|gate| gated && (!in_doubt || gate.has_literal())),
            matches_only,
            view,
            selects: context || asks_for_some && !matches_only,
            skimmed: Vec::new(),
            streams: None,
            dissector: Dissector::new(ports),
            selection: Selection::new(pattern, options),
        }
    }

    /// Returns the UDP ports that are taken for tunnels, to add others to them.
    pub fn ports(&mut self) -> &mut TunnelPorts {
        self.dissector.ports()
    }

    /// Opens ESP with these keys from now on.
    pub fn open_with(&mut self, opener: Opener) {
        // The literal cannot be seen through the encryption.
        self.gate = None;
        self.dissector.open_with(opener);
    }

    /// Searches TCP in streams from now on: each direction of a connection as its receiver reads it.
    pub fn follow_streams(&mut self, pattern: StreamPattern, options: StreamOptions) {
        // A segment without the literal matters to those around it.
        self.gate = None;
        self.streams = Some(Box::new(Follow::new(pattern, options)));
    }

    /// Returns what became of streams, if TCP is searched in them.
    pub fn stream_counts(&self) -> Option<StreamCounts> {
        self.streams.as_ref().map(|streams| streams.counts())
    }

    /// Returns the bytes of memory that streams take now, if TCP is searched in them: 64 MiB at most.
    pub fn stream_memory(&self) -> Option<usize> {
        self.streams.as_ref().map(|streams| streams.footprint())
    }

    /// Returns the opener of ESP, if there are keys.
    pub fn opener(&mut self) -> Option<&mut Opener> {
        self.dissector.opener()
    }

    /// Returns the pattern that is searched for.
    pub fn pattern(&self) -> &Pattern {
        self.selection.pattern()
    }

    /// Returns the number of packets that matched so far.
    pub fn matched(&self) -> u64 {
        self.selection.matched()
    }

    /// Returns what was kept out by the VNIs and the inner filter. `None` if frames were skipped without a look, since
    /// only matches are asked for.
    pub fn kept_out(&self) -> Option<&KeptOut> {
        (self.gate.is_none() || !self.matches_only).then(|| self.selection.kept_out())
    }

    /// Begins a file. Packets of it that are the context of a match may be read once more from there, if it can be had. This
    /// holds for records, up to the next [`Self::finish`].
    pub fn read_again(&mut self, file: impl FnOnce() -> Option<Again>) {
        self.selection.read_again(file);
    }

    /// Makes a filter on the outer headers, which takes the same ports for tunnels when it looks for a reason.
    pub fn outer_filter(&self, filters: Filters) -> OuterFilter {
        OuterFilter::new(filters, self.dissector.tunnel_ports().clone())
    }

    /// Returns true if the limit of matches is reached and the context of the last match is complete.
    pub fn is_over(&self) -> bool {
        self.selection.is_over()
    }

    /// Returns true if fragments wait for the rest of their datagrams, or matches for more of their stream. [`Self::tick`]
    /// must then be called from time to time.
    pub fn waits(&self) -> bool {
        self.dissector.holds_fragments() || self.streams.as_ref().is_some_and(|streams| streams.waits())
    }

    /// Takes the next frame. Tells `sink` what became of it, and of frames that waited for it.
    ///
    /// # Errors
    /// The error of the sink.
    #[inline]
    pub fn frame<E>(
        &mut self,
        frame: &Frame<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.is_plain() {
            return self.otherwise(frame, sink);
        }
        let Self { dissector, selection, gate, .. } = self;
        dissector.tick(frame.time, &mut select(selection, sink))?;
        if let Some(gate) = gate.as_ref().filter(|_| self.matches_only) {
            // The glance comes first, because it costs next to nothing.
            let shut = match dissector.glance().worth(frame) {
                Worth::Nothing => true,
                Worth::Match => !gate.is_open(frame.bytes),
                Worth::Others => false,
            };
            if shut && selection.passes_over(frame, None, dissector) {
                return Ok(());
            }
        }
        dissector.frame(frame, &mut select(selection, sink))
    }

    /// Returns true unless streams are followed or the search is ngrep's. Those go ways of their own, so that nothing of them
    /// is in the loops that have to be fast.
    #[inline]
    fn is_plain(&self) -> bool {
        self.view == View::Innermost && self.streams.is_none()
    }

    #[cold]
    #[inline(never)]
    fn otherwise<E>(
        &mut self,
        frame: &Frame<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.tick(frame.time, sink)?;
        let Self { dissector, selection, streams, .. } = self;
        let sink = &mut select_otherwise(selection, streams, sink);
        match self.view {
            View::Outermost => outermost::frame(frame, dissector, sink),
            View::Innermost => dissector.frame(frame, sink),
        }
    }

    /// Takes the frames of these records as [`Self::frame`] does one by one, and gives the same results. Ends before they do
    /// where the search is over, and after 64 frames that were dissected, since to print them may take long and the
    /// caller may want to look around.
    ///
    /// # Errors
    /// The error of the sink.
    pub fn records<'r, E>(
        &mut self,
        records: &mut impl Batch<'r>,
        sink: &mut impl FnMut(Told<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.records_that(records, &mut |_| true, sink)
    }

    /// The same for those frames that `admits` does not refuse. Where only matches are asked for, without their context, it is
    /// not asked about frames that cannot match.
    ///
    /// # Errors
    /// The error of the sink.
    pub fn records_that<'r, E>(
        &mut self,
        records: &mut impl Batch<'r>,
        admits: &mut impl FnMut(&Frame<'_>) -> bool,
        sink: &mut impl FnMut(Told<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.view == View::Outermost {
            return self.outermost_records(records, admits, sink);
        }
        let mut skim = Skim::new(!self.matches_only, self.selects);
        let mut dissected = 0;
        while dissected < AT_ONCE {
            let Self { dissector, selection, gate, skimmed, .. } = self;
            let (next, is_asked) = match gate {
                Some(gate) => {
                    let next = skim.next(records, gate, dissector, admits, selection, skimmed);
                    (next, skim.asks_if_admitted())
                }
                None => (records.next(), false),
            };
            if !self.skimmed.is_empty() {
                sink(Told::Skimmed(&self.skimmed))?;
                self.skimmed.clear();
            }
            let Some(frame) = next else { break };
            if !is_asked && !admits(&frame) {
                continue;
            }
            dissected += 1;
            self.frame(&frame, &mut |found| sink(Told::Found(found)))?;
            if self.is_over() {
                break;
            }
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn outermost_records<'r, E>(
        &mut self,
        records: &mut impl Batch<'r>,
        admits: &mut impl FnMut(&Frame<'_>) -> bool,
        sink: &mut impl FnMut(Told<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for _ in 0..AT_ONCE {
            let next = outermost::next(records, self.gate.as_ref(), admits, &mut self.skimmed);
            if !self.skimmed.is_empty() {
                sink(Told::Skimmed(&self.skimmed))?;
                self.skimmed.clear();
            }
            let Some(frame) = next else { break };
            self.otherwise(&frame, &mut |found| sink(Told::Found(found)))?;
            if self.is_over() {
                break;
            }
        }
        Ok(())
    }

    /// Lets time pass without a frame: fragments that have waited too long are searched as they are.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub fn tick<E>(
        &mut self,
        now: Timestamp,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { dissector, selection, streams, .. } = self;
        dissector.tick(now, &mut select_otherwise(selection, streams, sink))?;
        match streams {
            None => Ok(()),
            Some(streams) => streams.tick(now, dissector, selection.tally(), sink),
        }
    }

    /// Ends the search, or that of one file of several. Fragments that still wait for the rest of their datagrams are
    /// searched as they are, and no packet so far becomes the context of a later match.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub fn finish<E>(&mut self, sink: &mut impl FnMut(Found<'_>) -> Result<(), E>) -> Result<(), E> {
        let Self { dissector, selection, streams, .. } = self;
        dissector.finish(&mut select_otherwise(selection, streams, sink))?;
        if let Some(streams) = streams {
            streams.finish(dissector, selection.tally(), sink)?;
        }
        selection.forget();
        Ok(())
    }
}

/// Makes the sink of a dissector that passes the selected packets on to `sink`.
#[inline]
fn select<E>(
    selection: &mut Selection,
    sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
) -> impl FnMut(&mut Dissector, Dissected<'_>) -> Result<(), E> {
    move |dissector, dissected| selection.take::<true, E>(None, dissector, dissected, sink)
}

/// The same for a search that is not plain.
fn select_otherwise<E>(
    selection: &mut Selection,
    streams: &mut Option<Box<Follow>>,
    sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
) -> impl FnMut(&mut Dissector, Dissected<'_>) -> Result<(), E> {
    move |dissector, dissected| selection.take::<false, E>(streams.as_deref_mut(), dissector, dissected, sink)
}
