//! Floor 1: the fold of frames to what is to be shown.
//!
//! A [`Search`] takes one frame after the other, decodes it, puts datagrams together, and tells a sink what became of
//! each packet. It reads no clock and prints nothing, so that a capture file and a live wire are the same to it.

mod context;
mod filters;
mod found;

pub use filters::Filters;
pub use found::{Found, Outcome};

use std::ops::Range;

use crate::ipsec::{Opener, Scratch};
use crate::packet::{
    Added, Datagram, Decoder, Frame, Held, InnerFrame, Opaque, Packet, Reassembly, Timestamp, TunnelPorts,
    Vni, Worth,
};
use crate::pattern::{Gate, Pattern};
use context::{Following, Kept, Preceding};

/// What is to be found.
#[derive(Debug, Default)]
pub struct Options {
    /// Packets that do not match the pattern, rather than those that do.
    pub invert: bool,
    /// Only packets of these virtual networks; all when empty. What cannot be read passes: nobody can say.
    pub vnis: Vec<Vni>,
    /// Only packets whose innermost frame passes these filters. What cannot be read passes.
    pub inner: Option<Filters>,
    /// Bytes of a payload that are searched.
    pub depth: Option<usize>,
    /// Packets of the same flow to show before a match.
    pub before: usize,
    /// Packets of the same flow to show after a match.
    pub after: usize,
    /// Matches after which the search ends.
    pub limit: Option<u64>,
    /// Every packet is to be shown.
    pub all: bool,
    /// Nobody asks what became of packets that do not match. Those that cannot are then not even decoded, and not told
    /// to the sink.
    pub matches_only: bool,
}

/// A search in progress.
#[derive(Debug)]
pub struct Search {
    decoder: Decoder,
    reassembly: Reassembly,
    /// The keys, when there are any.
    opener: Option<Opener>,
    /// Where opened packets lie.
    scratch: Scratch,
    pattern: Pattern,
    /// What a frame must hold to be worth decoding.
    gate: Option<Gate>,
    options: Options,
    preceding: Preceding,
    following: Following,
    matched: u64,
    spans: Vec<Range<usize>>,
    rebuilt: Vec<u8>,
}

/// What a datagram was put together from, when it was more than one frame.
#[derive(Clone, Copy)]
struct Whole<'a> {
    protocol: u8,
    payload: &'a [u8],
    earlier: &'a Datagram,
}

/// What becomes of a packet that ESP hid and that is one fragment of its datagram.
#[derive(Clone, Copy)]
enum Piece {
    /// It waits for the others.
    Waits,
    /// It is searched as it is.
    Alone,
}

impl Search {
    /// A search for `pattern`, with UDP to `ports` taken for tunnels.
    pub fn new(pattern: Pattern, ports: TunnelPorts, options: Options) -> Self {
        let gated = options.matches_only
            && !(options.invert || options.all)
            && options.before == 0
            && options.after == 0;
        Self {
            gate: pattern.gate().filter(|_| gated),
            decoder: Decoder::new(ports).hold_in_tunnels(),
            reassembly: Reassembly::default(),
            opener: None,
            scratch: Scratch::default(),
            preceding: Preceding::new(options.before),
            following: Following::new(options.after),
            pattern,
            options,
            matched: 0,
            spans: Vec::new(),
            rebuilt: Vec::new(),
        }
    }

    /// Opens ESP with these keys from now on.
    pub fn open_with(&mut self, opener: Opener) {
        // What is inside cannot be seen from outside.
        self.gate = None;
        self.opener = Some(opener);
    }

    /// What opens ESP, when there are keys.
    pub fn opener(&mut self) -> Option<&mut Opener> {
        self.opener.as_mut()
    }

    /// What is looked for.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Packets that matched so far.
    pub fn matched(&self) -> u64 {
        self.matched
    }

    /// Whether the limit of matches is reached and the context of the last one complete.
    pub fn is_over(&self) -> bool {
        self.limit_reached() && self.following.is_empty()
    }

    /// Whether fragments wait for the rest of their datagrams, for which [`Self::tick`] is to be called now and then.
    pub fn holds_fragments(&self) -> bool {
        !self.reassembly.is_empty()
    }

    fn limit_reached(&self) -> bool {
        self.options.limit.is_some_and(|limit| self.matched >= limit)
    }

    /// Takes the next frame and tells `sink` what became of it, and of frames that waited for it.
    ///
    /// # Errors
    /// What the sink returns.
    #[inline]
    pub fn frame<E>(
        &mut self,
        frame: &Frame<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.tick(frame.time, sink)?;
        if let Some(gate) = &self.gate {
            // The glance first: it costs next to nothing.
            match self.decoder.glance(frame) {
                Worth::Nothing => return Ok(()),
                Worth::Match if !gate.is_open(frame.bytes) => return Ok(()),
                Worth::Match | Worth::Others => {}
            }
        }
        let mut packet = Packet::default();
        self.decoder.decode_into(frame, &mut packet);
        if packet.is_fragment() {
            self.fragment(frame, &packet, sink)
        } else {
            self.packet(frame, &packet, None, Piece::Waits, sink)
        }
    }

    /// Lets time pass without a frame: fragments that have waited too long are searched as they are.
    ///
    /// # Errors
    /// As [`Self::frame`].
    #[inline]
    pub fn tick<E>(
        &mut self,
        now: Timestamp,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(datagram) = self.reassembly.expired(now) {
            self.fragments_alone(datagram.frames(), sink)?;
        }
        Ok(())
    }

    /// Ends the search, or what comes from one file: what still waited for the rest of its datagram is searched as it
    /// is, and nothing of it is context of a later match.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub fn finish<E>(&mut self, sink: &mut impl FnMut(Found<'_>) -> Result<(), E>) -> Result<(), E> {
        while let Some(datagram) = self.reassembly.drain() {
            self.fragments_alone(datagram.frames(), sink)?;
        }
        self.preceding.clear();
        Ok(())
    }

    #[cold]
    fn fragment<E>(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.reassembly.add(frame, packet) {
            Added::Held => Ok(()),
            Added::Whole { protocol, payload, earlier } => {
                let whole = Whole { protocol, payload: &payload, earlier: &earlier };
                self.datagram(frame, packet, whole, sink)
            }
            Added::Alone => self.fragment_alone(frame, sink),
            Added::GivenUp(datagram) => {
                self.fragments_alone(datagram.frames(), sink)?;
                self.fragment_alone(frame, sink)
            }
        }
    }

    fn datagram<E>(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        whole: Whole<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let frames = whole.earlier.frames().len() as u32 + 1;
        let packet = self.decoder.datagram(packet.clone(), whole.protocol, whole.payload, frames);
        self.packet(frame, &packet, Some(whole), Piece::Alone, sink)
    }

    fn fragments_alone<E>(
        &mut self,
        frames: &[Held],
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        frames.iter().try_for_each(|held| self.fragment_alone(&held.frame(), sink))
    }

    fn fragment_alone<E>(
        &mut self,
        frame: &Frame<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut packet = self.decoder.decode(frame);
        // Else it shows only once ESP is open.
        if packet.is_fragment() {
            packet = self.decoder.lone_fragment(packet);
        }
        self.packet(frame, &packet, None, Piece::Alone, sink)
    }

    #[inline]
    fn packet<E>(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        whole: Option<Whole<'_>>,
        piece: Piece,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if matches!(packet.opaque, Some(Opaque::Esp { .. })) && self.opener.is_some() {
            self.esp(frame, packet, whole, piece, sink)
        } else {
            self.judge(frame, packet, whole, sink)
        }
    }

    /// A packet of ESP, when there are keys.
    fn esp<E>(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        whole: Option<Whole<'_>>,
        piece: Piece,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // Lent to the packet while it is judged, and then kept for the next.
        let mut scratch = std::mem::take(&mut self.scratch);
        let judged = match &mut self.opener {
            Some(opener) => {
                let packet = opener.open_packet(&mut self.decoder, packet.clone(), &mut scratch);
                match piece {
                    _ if !packet.is_fragment() => self.judge(frame, &packet, whole, sink),
                    Piece::Waits => self.fragment(frame, &packet, sink),
                    Piece::Alone => {
                        let packet = self.decoder.lone_fragment(packet);
                        self.judge(frame, &packet, whole, sink)
                    }
                }
            }
            None => self.judge(frame, packet, whole, sink),
        };
        self.scratch = scratch;
        judged
    }

    #[inline]
    fn judge<E>(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        whole: Option<Whole<'_>>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.wanted(packet) {
            return Ok(());
        }
        let outcome = self.outcome(packet);
        if outcome == Outcome::Match {
            self.recall(packet, sink)?;
        }
        let context = self.following.passes(packet, outcome);
        let show = outcome == Outcome::Match || context || self.options.all;
        let earlier = whole.map_or(&[][..], |whole| whole.earlier.frames());
        let spans = if outcome == Outcome::Match { &self.spans[..] } else { &[] };
        sink(Found { frame, packet, outcome, spans, earlier, show, recalled: false })?;
        self.preceding
            .keep(show, packet, || Kept::new(frame, whole.map(|w| (w.protocol, w.payload, packet.frames))));
        Ok(())
    }

    /// Whether the packet is of a network and an inner flow that was asked for.
    #[inline]
    fn wanted(&mut self, packet: &Packet<'_>) -> bool {
        if packet.opaque.is_some() {
            return true;
        }
        if !self.options.vnis.is_empty() && !packet.vni().is_some_and(|vni| self.options.vnis.contains(&vni))
        {
            return false;
        }
        let Some(filters) = &mut self.options.inner else { return true };
        let (link, bytes) = match packet.inner {
            InnerFrame::Whole { link, bytes } => (link, bytes),
            InnerFrame::Parts { .. } => packet.rebuild_inner(&mut self.rebuilt),
        };
        filters.matches(link, bytes, bytes.len() as u32)
    }

    #[inline]
    fn outcome(&mut self, packet: &Packet<'_>) -> Outcome {
        if packet.opaque.is_some() {
            return Outcome::Opaque;
        }
        let payload = match self.options.depth {
            Some(depth) => packet.payload.get(..depth).unwrap_or(packet.payload),
            None => packet.payload,
        };
        let matches = !payload.is_empty() && self.pattern.is_match(payload) != self.options.invert;
        if !matches || self.limit_reached() {
            return Outcome::Clear;
        }
        self.matched += 1;
        self.spans.clear();
        if !self.options.invert {
            self.pattern.spans(payload, &mut self.spans);
        }
        Outcome::Match
    }

    /// Tells the packets of the same flow that came before a match.
    fn recall<E>(
        &mut self,
        packet: &Packet<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut scratch = Scratch::default();
        for kept in self.preceding.take(packet) {
            let frame = kept.frame();
            let mut whole = kept.datagram();
            let mut packet = self.decoder.decode(&frame);
            if packet.is_fragment() {
                packet = piece(&mut self.decoder, packet, whole.take());
            }
            if let Some(opener) = &mut self.opener {
                packet = opener.open_packet(&mut self.decoder, packet, &mut scratch);
            }
            if packet.is_fragment() {
                packet = piece(&mut self.decoder, packet, whole);
            }
            let outcome = if packet.opaque.is_some() { Outcome::Opaque } else { Outcome::Clear };
            let found = Found {
                frame: &frame,
                packet: &packet,
                outcome,
                spans: &[],
                earlier: &[],
                show: true,
                recalled: true,
            };
            sink(found)?;
        }
        Ok(())
    }
}

/// A fragment as it was judged: in its datagram (protocol, payload, frames), or alone.
fn piece<'a>(decoder: &mut Decoder, packet: Packet<'a>, whole: Option<(u8, &'a [u8], u32)>) -> Packet<'a> {
    match whole {
        Some((protocol, payload, frames)) => decoder.datagram(packet, protocol, payload, frames),
        None => decoder.lone_fragment(packet),
    }
}
