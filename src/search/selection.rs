//! The selection decides which packets are shown, and what is told of the others.

use std::ops::Range;

use super::context::{Conversation, Following, Kept, Preceding};
use super::kept_out::KeptOut;
use super::networks::Networks;
use super::streams::{Follow, Tally};
use super::{Found, Outcome, SearchOptions, View};
use crate::capture::savefile::Again;
use crate::dissect::{Dissected, Dissector};
use crate::packet::{Frame, Glance, InnerFrame, Inside, Packet, Vni};
use crate::pattern::Pattern;

/// The pattern, the other conditions, and the context of matches.
#[derive(Debug)]
pub(super) struct Selection {
    pattern: Pattern,
    options: SearchOptions,
    networks: Networks,
    /// True if a network or an inner flow is asked for.
    asks_for_some: bool,
    preceding: Preceding,
    following: Following,
    matched: u64,
    kept_out: KeptOut,
    spans: Vec<Range<usize>>,
    rebuilt: Vec<u8>,
    /// The packet that is recalled.
    recalled: Kept,
}

impl Selection {
    pub(super) fn new(pattern: Pattern, options: SearchOptions) -> Self {
        Self {
            networks: Networks::new(&options.vnis),
            asks_for_some: !options.vnis.is_empty() || options.inner.is_some(),
            preceding: Preceding::new(options.before),
            following: Following::new(options.after),
            pattern,
            options,
            matched: 0,
            kept_out: KeptOut::default(),
            spans: Vec::new(),
            rebuilt: Vec::new(),
            recalled: Kept::default(),
        }
    }

    pub(super) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    pub(super) fn options(&self) -> &SearchOptions {
        &self.options
    }

    /// Takes the numbers of what was searched elsewhere.
    pub(super) fn set_counts(&mut self, matched: u64, kept_out: KeptOut) {
        (self.matched, self.kept_out) = (matched, kept_out);
    }

    pub(super) fn matched(&self) -> u64 {
        self.matched
    }

    pub(super) fn kept_out(&self) -> &KeptOut {
        &self.kept_out
    }

    pub(super) fn is_over(&self) -> bool {
        self.limit_reached() && self.following.is_empty()
    }

    /// Reads packets of this file once more, rather than to keep their bytes.
    pub(super) fn read_again(&mut self, file: impl FnOnce() -> Option<Again>) {
        if !self.preceding.is_off() {
            self.preceding.read_again(file());
        }
    }

    /// Forgets the kept packets, so that none of them becomes the context of a later match.
    pub(super) fn forget(&mut self) {
        self.preceding.clear();
    }

    fn limit_reached(&self) -> bool {
        self.options.limit.is_some_and(|limit| self.matched >= limit)
    }

    /// Takes a frame that cannot match, which ends at this offset in the file, if it is a file's. It is kept, for the context
    /// of a match that follows. Returns false if it has to be dissected: because it is itself such context, or because a
    /// glance does not tell its conversation.
    #[inline]
    pub(super) fn passes_over(&mut self, frame: &Frame<'_>, end: Option<u64>, dissector: &Dissector) -> bool {
        if self.preceding.is_off() && self.following.is_empty() {
            return true;
        }
        let Some((vni, flow)) = dissector.flow_at_a_glance(frame) else { return false };
        let conversation = Conversation::new(vni, &flow);
        if self.following.awaits(&conversation) {
            return false;
        }
        if !self.preceding.is_off() {
            self.preceding.push(conversation, frame, end, None);
        }
        true
    }

    /// Takes a packet, and tells the sink what became of it. If streams are followed, the bytes of a segment are searched in its
    /// stream, and those of other packets alone. The search is `PLAIN` if there are none, and nothing of what only ngrep's grammar
    /// asks for: it is the one that has to be fast.
    #[inline]
    pub(super) fn take<const PLAIN: bool, E>(
        &mut self,
        streams: Option<&mut Follow>,
        dissector: &mut Dissector,
        dissected: Dissected<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Dissected { frame, packet, whole } = dissected;
        let mut streams = if PLAIN { None } else { streams.filter(|_| packet.tcp_segment().is_some()) };
        let outcome = if !self.asks_for_some || self.wanted(frame, packet) {
            self.outcome(frame, packet, streams.is_none())
        } else if self.may_hide_what_is_wanted(frame, packet) {
            streams = None;
            Outcome::NotDecoded
        } else {
            return Ok(());
        };
        if outcome == Outcome::Match && !self.preceding.is_off() {
            self.recall(dissector, packet, sink)?;
        }
        let context = (PLAIN || self.may_be_context(packet)) && self.following.passes(packet, outcome);
        let show =
            outcome == Outcome::Match || context || self.options.all || !PLAIN && self.is_empty(packet);
        let earlier = whole.map_or(&[][..], |whole| whole.earlier);
        let spans = if outcome == Outcome::Match { &self.spans[..] } else { &[] };
        sink(Found { frame, packet, outcome, spans, earlier, show, recalled: false, stream: None })?;
        self.preceding.keep(show, &dissected);
        match streams {
            None => Ok(()),
            // The mark of a segment stands before the match that it completes.
            Some(streams) => streams.take(dissector, dissected, self.tally(), sink).map(|_| ()),
        }
    }

    /// Returns the matches so far.
    pub(super) fn tally(&mut self) -> Tally<'_> {
        Tally { matched: &mut self.matched, limit: self.options.limit }
    }

    /// Returns true unless the packet is one that ngrep does not see: it shows none without a payload, unless it is asked to.
    #[inline]
    fn may_be_context(&self, packet: &Packet<'_>) -> bool {
        self.options.view == View::Innermost || self.options.empty || !packet.payload.is_empty()
    }

    /// Returns true if the packet is shown because it has no payload.
    #[inline]
    fn is_empty(&self, packet: &Packet<'_>) -> bool {
        self.options.empty && packet.readable().is_empty() && packet.opaque.is_none()
    }

    /// Returns true if the packet belongs to a network and an inner flow that were asked for.
    fn wanted(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) -> bool {
        if packet.opaque.is_some() {
            return true;
        }
        if !self.is_in_network(packet.vni()) {
            return false;
        }
        let Self { options, kept_out, rebuilt, .. } = self;
        if let Some(filters) = &mut options.inner {
            let (link, bytes) = match packet.inner {
                InnerFrame::Whole { link, bytes } => (link, bytes),
                InnerFrame::Parts { .. } => packet.rebuild_inner(rebuilt),
            };
            if !filters.matches(link, bytes, bytes.len() as u32) {
                let tagged = !packet.headers.vlan.ids().is_empty();
                kept_out.by_inner(frame, tagged, !packet.encapsulations.is_empty(), filters);
                return false;
            }
        }
        kept_out.pass();
        true
    }

    /// Returns the same for a frame that is not dissected, because the glance takes it for one that is decoded to its end.
    #[inline]
    pub(super) fn wants_at_a_glance(&mut self, frame: &Frame<'_>, glance: Glance<'_>) -> bool {
        if !self.asks_for_some {
            return true;
        }
        let Inside { vni, link, bytes } = glance.inside(frame);
        if !self.is_in_network(vni) {
            return false;
        }
        let Self { options, kept_out, .. } = self;
        if let Some(filters) = &mut options.inner {
            if !filters.matches(link, bytes, bytes.len() as u32) {
                kept_out.by_inner(frame, false, vni.is_some(), filters);
                return false;
            }
        }
        kept_out.pass();
        true
    }

    /// Returns true if this network was asked for, and counts the packet otherwise.
    #[inline]
    fn is_in_network(&mut self, vni: Option<Vni>) -> bool {
        let networks = &self.networks;
        let is = networks.is_empty() || vni.is_some_and(|vni| networks.contains(vni));
        if !is {
            self.kept_out.by_vni(vni);
        }
        is
    }

    /// Returns true if what is not decoded in a packet may be of a network and an inner flow that were asked for. As what
    /// is opaque, it is told of. It is not searched, because a match might be of another network.
    fn may_hide_what_is_wanted(&self, frame: &Frame<'_>, packet: &Packet<'_>) -> bool {
        let networks = &self.networks;
        let network = networks.is_empty() || packet.vni().is_none_or(|vni| networks.contains(vni));
        network && packet.undecoded(frame).is_some()
    }

    #[inline]
    fn outcome(&mut self, frame: &Frame<'_>, packet: &Packet<'_>, alone: bool) -> Outcome {
        let opaque = packet.opaque.is_some();
        let readable = packet.readable();
        let payload = match self.options.depth {
            Some(depth) => readable.get(..depth).unwrap_or(readable),
            None => readable,
        };
        // The ciphertext behind a readable part may or may not have what is looked for.
        let unknown = opaque && self.options.invert;
        let matches =
            alone && !payload.is_empty() && !unknown && self.pattern.is_match(payload) != self.options.invert;
        if !matches || self.limit_reached() {
            return Outcome::unmatched(frame, packet);
        }
        self.matched += 1;
        self.spans.clear();
        if !self.options.invert {
            self.pattern.spans(payload, &mut self.spans);
        }
        Outcome::Match
    }

    /// Shows the packets of the same conversation that came before a match.
    fn recall<E>(
        &mut self,
        dissector: &mut Dissector,
        packet: &Packet<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut taken = self.preceding.take(packet);
        let mut told = Ok(());
        // All are taken out, also where the sink fails.
        while self.preceding.next(&mut taken, &mut self.recalled) {
            let frame = self.recalled.frame();
            let again = |packet: &Packet<'_>| {
                sink(Found {
                    frame: &frame,
                    packet,
                    outcome: Outcome::unmatched(&frame, packet),
                    spans: &[],
                    earlier: &[],
                    show: true,
                    recalled: true,
                    stream: None,
                })
            };
            told = told.and_then(|()| dissector.again(&frame, self.recalled.known(), again));
        }
        told
    }
}
