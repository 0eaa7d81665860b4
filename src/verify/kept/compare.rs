//! The comparison of kept frames with the facts: what frames show without a key must be what the facts say of them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;

use super::frames::{FrameKind, Noted, spi};
use super::{Facts, Looked};
use crate::dissect::{Dissected, Dissector};
use crate::packet::{Direction, Frame, Headers, Opaque, Spi, Transport};
use crate::verify::network::tunnel_ports;
use crate::verify::tally::{Tally, View};
use crate::verify::watch::view;

/// The longest frame that a live watch keeps whole for certain, in bytes. A super-frame of IPv6 jumbograms may be longer than
/// a ring's block.
const WHOLE: usize = 1 << 16;

/// The error of frames that show something else than the facts say. It is one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// There are more or fewer frames than notes on them.
    #[error("its capture has {frames} frames, and its facts tell of {notes}")]
    Number {
        /// The number of frames in the capture.
        frames: usize,
        /// The number of notes in the facts.
        notes: usize,
    },
    /// The facts say that a frame is in clear, and it is not.
    #[error("frame {0} of the watch is said to be in clear, and does not show the network")]
    NotClear(u64),
    /// The facts say that a frame is authenticated only, and it is encrypted or something else.
    #[error("frame {0} of the watch is said to be authenticated only, and is something else")]
    NotAuthenticated(u64),
    /// The facts say that a frame is encrypted, and it can be read.
    #[error("frame {0} of the watch is said to be encrypted, and shows the network in clear")]
    Readable(u64),
    /// The facts say that a frame is encrypted, and nothing in it is.
    #[error("frame {0} of the watch is said to be encrypted, and nothing in it is")]
    NotSealed(u64),
    /// The facts say that a frame is of one direction, and its addresses are those of another.
    #[error("frame {0} of the watch is said to be of another direction than its addresses are")]
    OtherWay(u64),
    /// The facts say that a frame is encrypted, and it has no ESP with this SPI.
    #[error("frame {0} of the watch is said to be ESP with another SPI than it has")]
    OtherSpi(u64),
    /// The facts count frames in clear on a leg, and none of them is there.
    #[error("its facts count frames in clear to or from {0}, and no such frame is in its capture")]
    NoneInClear(IpAddr),
    /// A frame of the capture can be read, and the facts count none.
    #[error("frame {0} of the watch can be read, and its facts count no such frame")]
    NotCounted(u64),
    /// The facts count ESP, and no such packet is there.
    #[error("its facts count packets with SPI {0}, and no such packet is in its capture")]
    NoEsp(Spi),
    /// A frame was cut off after the watch, which keeps frames whole.
    #[error("frame {0} of the watch is cut off, and a live watch keeps such a frame whole")]
    CutOff(u64),
    /// The report shows a frame in clear that is not there, or that is said to be something else.
    #[error("its report shows frame {0} of the watch as in clear, and its capture has no such frame")]
    NotShown(u64),
}

/// The counts of the kept frames that were decoded once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeenAgain {
    /// Frames that show the network in clear.
    pub clear: usize,
    /// Frames that are authenticated only.
    pub auth_only: usize,
    /// Frames that nobody can read.
    pub opaque: usize,
    /// Frames that can only be believed: that their contents were the network's, or that they are copies.
    pub attested: usize,
    /// Frames whose end is missing, because the snaplen of a capture file cut it off. Those that only passed nearby are none of
    /// them.
    pub cut: usize,
}

/// A frame as it is seen without any key.
pub(super) struct Again {
    pub(super) looked: Option<Looked>,
    pub(super) spi: Option<Spi>,
    pub(super) is_sealed: bool,
    /// Source and destination, if nothing is around what is sealed in it, or around the only tunnel.
    pub(super) ends: Option<(IpAddr, IpAddr)>,
    /// Source and destination of the network's tunnel, whatever carries it.
    pub(super) tunnel_ends: Option<(IpAddr, IpAddr)>,
    /// True for a fragment, and for a datagram that was put together. What a piece belongs to depends on the pieces before it,
    /// of which not all are kept.
    is_in_pieces: bool,
    /// True if it passed above a link that may encrypt.
    pub(super) is_above: bool,
    /// True if it left this host.
    pub(super) is_leaving: bool,
    /// True for TCP: only the beginning of a stream, which may not be kept, shows that there is ESP in it.
    is_tcp: bool,
}

/// The comparison of kept frames with facts, frame by frame.
pub struct Comparison<'f> {
    facts: &'f Facts,
    lens: Lens,
    number: usize,
    cut: usize,
}

impl Comparison<'_> {
    /// Decodes the next frame.
    ///
    /// # Errors
    /// [`Contradiction::Number`] if there is no note on it, and [`Contradiction::CutOff`] if its end is missing.
    pub fn frame(&mut self, frame: &Frame<'_>) -> Result<(), Contradiction> {
        self.number += 1;
        let Some(noted) = self.facts.frames.get(self.number - 1) else {
            let notes = self.facts.frames.len();
            return Err(Contradiction::Number { frames: self.number, notes });
        };
        // The keeper itself cuts those that only passed nearby.
        if frame.is_cut() && noted.kind != FrameKind::Around {
            if self.facts.is_live() && frame.bytes.len() < WHOLE {
                return Err(Contradiction::CutOff(noted.frame));
            }
            self.cut += 1;
        }
        self.lens.look(frame, noted);
        Ok(())
    }

    /// Ends the comparison. Returns what was seen.
    ///
    /// # Errors
    /// The first [`Contradiction`].
    pub fn finish(mut self) -> Result<SeenAgain, Contradiction> {
        let notes = self.facts.frames.len();
        if self.number != notes {
            return Err(Contradiction::Number { frames: self.number, notes });
        }
        self.lens.finish();
        let mut seen = SeenAgain { cut: self.cut, ..SeenAgain::default() };
        for noted in &self.facts.frames {
            noted.compare(self.lens.seen_of(noted), &mut seen)?;
        }
        self.facts.counted_and_kept()?;
        self.facts.shown_and_kept()?;
        self.facts.counted_and_seen(&self.lens.seen)?;
        Ok(seen)
    }
}

impl std::ops::AddAssign for SeenAgain {
    fn add_assign(&mut self, other: Self) {
        self.clear += other.clear;
        self.auth_only += other.auth_only;
        self.opaque += other.opaque;
        self.attested += other.attested;
        self.cut += other.cut;
    }
}

impl Facts {
    /// Begins to compare the frames that are kept with what the facts say of them.
    pub fn comparison(&self) -> Comparison<'_> {
        let (tally, dissector) = (self.tally(), self.dissector());
        let lens = Lens { tally, dissector, views: BTreeMap::new(), seen: BTreeMap::new() };
        Comparison { facts: self, lens, number: 0, cut: 0 }
    }

    fn dissector(&self) -> Dissector {
        Dissector::new(tunnel_ports([&self.question.network]))
    }
}

/// The eye that looks at a frame as the watch did, but without keys.
struct Lens {
    tally: Tally,
    dissector: Dissector,
    /// The places where frames were captured, by their numbers.
    views: BTreeMap<u64, View>,
    /// The packets that were seen, by the numbers of the frames that completed them. A frame may hold several.
    seen: BTreeMap<u64, Vec<Again>>,
}

impl Lens {
    /// Looks at a frame.
    fn look(&mut self, frame: &Frame<'_>, noted: &Noted) {
        let frame = Frame { number: noted.frame, ..*frame };
        // Only of a live capture somebody had to say which links are above those that encrypt.
        let view = Some(noted.view).filter(|_| self.tally.is_live()).or_else(|| view(None, &frame));
        self.views.insert(noted.frame, view.unwrap_or(noted.view));
        let Self { tally, dissector, views, seen } = self;
        let Ok(()) = dissector.frame(&frame, &mut note(tally, views, seen));
    }

    /// Looks at the fragments whose datagrams did not get whole.
    fn finish(&mut self) {
        let Self { tally, dissector, views, seen } = self;
        let Ok(()) = dissector.finish(&mut note(tally, views, seen));
    }

    /// Returns what was seen of a frame; `None` if it is a piece of a packet that another one completed, or a segment that a
    /// stream waits for.
    fn seen_of(&self, noted: &Noted) -> Option<&Again> {
        let fits = |again: &&Again| again.looked.is_some_and(|looked| looked.kind == noted.kind);
        self.seen.get(&noted.frame)?.iter().max_by_key(fits)
    }
}

/// Returns a sink that notes each packet as the tally takes it.
fn note<'t>(
    tally: &'t mut Tally,
    views: &'t BTreeMap<u64, View>,
    seen: &'t mut BTreeMap<u64, Vec<Again>>,
) -> impl FnMut(&mut Dissector, Dissected<'_>) -> Result<(), Infallible> + use<'t> {
    move |_, Dissected { frame, packet, .. }| {
        let view = views.get(&frame.number).copied().unwrap_or(View::Wire);
        let above = tally.above_encryption;
        tally.observe(frame, packet, view);
        let ip = packet.outermost().ip.filter(|_| packet.encapsulations.len() < 2);
        let ends = ip.map(|ip| (ip.source, ip.destination));
        let tunnels = &packet.encapsulations;
        let at = tunnels.iter().position(|wrapping| tally.question.network.is_in(wrapping.tunnel));
        let ours = at.and_then(|at| tunnels.get(at)).map(|ours| ours.outer);
        let tunnel_ends = ours.and_then(|outer| outer.ip).map(|ip| (ip.source, ip.destination));
        // Guests of the network may send fragments, too. Those are whole frames for the wire, so they do not matter here.
        let around = tunnels.iter().map(|wrapping| wrapping.outer).take(at.unwrap_or(tunnels.len()));
        let is_piece = |headers: Headers| headers.ip.is_some_and(|ip| ip.fragment.is_some());
        let is_in_pieces = packet.frames > 1 || around.chain([ours.unwrap_or(packet.headers)]).any(is_piece);
        let is_above = tally.above_encryption > above;
        let is_tcp = matches!(packet.headers.transport, Transport::Tcp { .. });
        let is_leaving = packet.direction.or(frame.direction) == Some(Direction::Out);
        let is_sealed = matches!(packet.opaque, Some(opaque) if !matches!(opaque, Opaque::IpComp { .. }));
        let again = Again {
            looked: tally.looked,
            spi: spi(packet),
            is_sealed,
            ends,
            tunnel_ends,
            is_in_pieces,
            is_above,
            is_leaving,
            is_tcp,
        };
        seen.entry(frame.number).or_default().push(again);
        Ok(())
    }
}

impl Noted {
    /// Compares a note with the frame as it is seen again.
    fn compare(&self, again: Option<&Again>, seen: &mut SeenAgain) -> Result<(), Contradiction> {
        match self.compare_whole(again, seen) {
            // The watch may have put it together with other pieces. What it shows here counts all the same.
            Err(_) if again.is_none_or(|again| again.is_in_pieces) => seen.attested += 1,
            compared => return compared,
        }
        Ok(())
    }

    /// Compares a note with the frame as it is seen again, as if the frame was a packet by itself.
    fn compare_whole(&self, again: Option<&Again>, seen: &mut SeenAgain) -> Result<(), Contradiction> {
        let looked = again.and_then(|again| again.looked);
        let is = |kind| looked.is_some_and(|looked| looked.kind == kind);
        let same_leg =
            looked.is_some_and(|looked| looked.leg == self.peer.zip(self.way) && looked.vni == self.vni);
        match self.kind {
            FrameKind::Clear if is(FrameKind::Clear) && same_leg => seen.clear += 1,
            FrameKind::Clear => return Err(Contradiction::NotClear(self.frame)),
            FrameKind::AuthOnly if is(FrameKind::AuthOnly) => seen.auth_only += 1,
            // Only the kernel, or a file of keys, knew that this ESP does not encrypt.
            FrameKind::AuthOnly if again.is_some_and(|again| again.spi.is_some()) => seen.attested += 1,
            FrameKind::AuthOnly => return Err(Contradiction::NotAuthenticated(self.frame)),
            FrameKind::Opened | FrameKind::Opaque => {
                if is(FrameKind::Clear) || is(FrameKind::AuthOnly) {
                    return Err(Contradiction::Readable(self.frame));
                }
                if again.is_some_and(|again| again.spi != self.spi) {
                    return Err(Contradiction::OtherSpi(self.frame));
                }
                let sealed = again.is_some_and(|again| again.is_sealed) || is(FrameKind::Opaque);
                // That a stream carries ESP shows only at its beginning.
                let in_stream = self.spi.is_none() && again.is_some_and(|again| again.is_tcp);
                if !sealed && !in_stream {
                    return Err(Contradiction::NotSealed(self.frame));
                }
                seen.opaque += usize::from(again.is_some_and(|again| again.is_sealed));
                seen.attested += usize::from(self.kind == FrameKind::Opened);
            }
            FrameKind::Around => {}
            FrameKind::Copy
            | FrameKind::Undecoded
            | FrameKind::Stranger
            | FrameKind::BetweenOthers
            | FrameKind::OtherPort
            | FrameKind::Untunnelled => seen.attested += 1,
        }
        Ok(())
    }
}
