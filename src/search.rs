//! The fold of frames to what is to be shown.
//!
//! A [`Search`] takes one frame after the other, has it dissected, and tells a sink what became of each packet. It reads
//! no clock and prints nothing, so that a capture file and a live wire are the same to it.

mod context;
mod filters;
mod found;
mod selection;

pub use filters::Filters;
pub use found::{Found, Outcome};

use crate::dissect::{Dissected, Dissector};
use crate::ipsec::Opener;
use crate::packet::{Frame, Timestamp, TunnelPorts, Vni, Worth};
use crate::pattern::{Gate, Pattern};
use selection::Selection;

/// What is to be found.
#[derive(Debug, Default)]
pub struct SearchOptions {
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
    dissector: Dissector,
    selection: Selection,
    /// What a frame must hold to be worth dissecting.
    gate: Option<Gate>,
}

impl Search {
    /// A search for `pattern`, with UDP to `ports` taken for tunnels.
    pub fn new(pattern: Pattern, ports: TunnelPorts, options: SearchOptions) -> Self {
        let gated = options.matches_only
            && !(options.invert || options.all)
            && options.before == 0
            && options.after == 0;
        Self {
            gate: pattern.gate().filter(|_| gated),
            dissector: Dissector::new(ports),
            selection: Selection::new(pattern, options),
        }
    }

    /// Opens ESP with these keys from now on.
    pub fn open_with(&mut self, opener: Opener) {
        // What is inside cannot be seen from outside.
        self.gate = None;
        self.dissector.open_with(opener);
    }

    /// What opens ESP, when there are keys.
    pub fn opener(&mut self) -> Option<&mut Opener> {
        self.dissector.opener()
    }

    /// What is looked for.
    pub fn pattern(&self) -> &Pattern {
        self.selection.pattern()
    }

    /// Packets that matched so far.
    pub fn matched(&self) -> u64 {
        self.selection.matched()
    }

    /// Whether the limit of matches is reached and the context of the last one complete.
    pub fn is_over(&self) -> bool {
        self.selection.is_over()
    }

    /// Whether fragments wait for the rest of their datagrams, for which [`Self::tick`] is to be called now and then.
    pub fn holds_fragments(&self) -> bool {
        self.dissector.holds_fragments()
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
            match self.dissector.glance(frame) {
                Worth::Nothing => return Ok(()),
                Worth::Match if !gate.is_open(frame.bytes) => return Ok(()),
                Worth::Match | Worth::Others => {}
            }
        }
        let Self { dissector, selection, .. } = self;
        dissector.frame(frame, &mut select(selection, sink))
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
        let Self { dissector, selection, .. } = self;
        dissector.tick(now, &mut select(selection, sink))
    }

    /// Ends the search, or what comes from one file: what still waited for the rest of its datagram is searched as it
    /// is, and nothing of it is context of a later match.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub fn finish<E>(&mut self, sink: &mut impl FnMut(Found<'_>) -> Result<(), E>) -> Result<(), E> {
        let Self { dissector, selection, .. } = self;
        dissector.finish(&mut select(selection, sink))?;
        selection.forget();
        Ok(())
    }
}

/// The sink of a dissector that shows `sink` what is selected.
fn select<E>(
    selection: &mut Selection,
    sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
) -> impl FnMut(&mut Dissector, Dissected<'_>) -> Result<(), E> {
    move |dissector, dissected| selection.take(dissector, dissected, sink)
}
