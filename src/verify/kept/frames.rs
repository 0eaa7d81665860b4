//! The frames that prove a verdict, as they were on the wire.
//!
//! A handful is kept of each kind, leg and SPI, and every frame in clear up to a bound, with the frames just before and
//! after it. All bounds hold together, whatever passes. A frame is never kept decrypted.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::packet::{
    Direction, Frame, InterfaceNumber, LinkType, Opaque, Packet, Spi, Timestamp, Tunnel, Vni,
};
use crate::verify::tally::View;
use crate::verify::way::Way;

/// The frames that are kept of each kind, leg and SPI.
const HANDFUL: u32 = 5;
/// The most frames in clear, or only authenticated, that are kept.
const MOST_READABLE: usize = 1000;
/// The most bytes of frames that are kept.
const MOST_BYTES: usize = 16 << 20;
/// The most kinds, legs and SPIs that are told apart.
const MOST_KEYS: usize = 4096;
/// The frames that are kept before and after one in clear.
const AROUND: usize = 8;
/// The most bytes that are kept of a frame that only stands near another one.
const CUT: usize = 2048;

/// The kind that a frame was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FrameKind {
    /// A frame of the network in clear.
    Clear,
    /// A frame of the network that was authenticated only.
    AuthOnly,
    /// A frame in clear that is a known copy of a decrypted one.
    Copy,
    /// A frame of the network inside ESP that a key opened.
    Opened,
    /// A packet between the nodes that nobody can read: ESP, WireGuard, MACsec or PSP.
    Opaque,
    /// Bytes of the network, or of who knows what, in a carrier that is not decoded.
    Undecoded,
    /// A frame of the network from a host that is no node of it.
    Stranger,
    /// A frame of the network between two other nodes.
    BetweenOthers,
    /// A frame with the network's VNI on another port than the network's.
    OtherPort,
    /// The canary outside of any tunnel.
    Untunnelled,
    /// A frame that passed just before or after one that is kept.
    Around,
}

impl FrameKind {
    /// Returns the word for it in comments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clear => "in clear",
            Self::AuthOnly => "authenticated only",
            Self::Copy => "copy of a decrypted frame",
            Self::Opened => "encrypted, opened with a key that is not kept",
            Self::Opaque => "encrypted",
            Self::Undecoded => "not decoded",
            Self::Stranger => "from a stranger",
            Self::BetweenOthers => "in clear between other nodes",
            Self::OtherPort => "on another port",
            Self::Untunnelled => "canary outside of any tunnel",
            Self::Around => "passed nearby",
        }
    }

    /// Returns true if everybody on the wire can read the frame, and it is of the network.
    pub fn is_readable(self) -> bool {
        matches!(self, Self::Clear | Self::AuthOnly | Self::BetweenOthers)
    }
}

/// The kind that a tally took a packet for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) struct Looked {
    pub(in crate::verify) kind: FrameKind,
    pub(in crate::verify) leg: Option<(IpAddr, Way)>,
    pub(in crate::verify) vni: Option<Vni>,
    pub(in crate::verify) canary: bool,
}

/// A note on a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    /// Its number in the watch, from 1.
    pub frame: u64,
    /// The kind that it was taken for.
    pub kind: FrameKind,
    /// The node at the other end, where the frame is on a leg.
    pub peer: Option<IpAddr>,
    /// The way between this node and that one.
    pub way: Option<Way>,
    /// The VNI that it shows, or that was found inside.
    pub vni: Option<Vni>,
    /// The SPI of the outermost ESP.
    pub spi: Option<Spi>,
    /// True if the canary of the probes was in it.
    pub canary: bool,
    /// The number of frames that its packet was put together from.
    pub pieces: u32,
    /// The place where it was captured.
    pub view: View,
}

/// A frame that is kept.
#[derive(Clone, Debug)]
pub struct KeptFrame {
    /// The note on it.
    pub noted: Noted,
    time: Timestamp,
    link: LinkType,
    interface: InterfaceNumber,
    direction: Option<Direction>,
    wire_len: u32,
    bytes: Vec<u8>,
}

impl KeptFrame {
    fn new(frame: &Frame<'_>, noted: Noted, most: usize) -> Self {
        let Frame { time, link, interface, direction, wire_len, bytes, .. } = *frame;
        let bytes = bytes.get(..most.min(bytes.len())).unwrap_or_default().to_vec();
        Self { noted, time, link, interface, direction, wire_len, bytes }
    }

    /// Lends the frame.
    pub fn frame(&self) -> Frame<'_> {
        let Self { time, link, interface, direction, wire_len, ref bytes, ref noted } = *self;
        Frame { number: noted.frame, time, link, interface, direction, wire_len, bytes }
    }
}

/// Chooses the frames that are kept, and keeps them.
#[derive(Debug, Default)]
pub struct FrameKeeper {
    kept: Vec<KeptFrame>,
    counts: HashMap<Key, Kept>,
    readable: usize,
    bytes: usize,
    before: VecDeque<KeptFrame>,
    /// The number of frames that are kept because one in clear came before them.
    after: usize,
    left_out: bool,
}

type Key = (FrameKind, Option<(IpAddr, Way)>, Option<Spi>);

#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    frames: u32,
    canary: bool,
}

impl FrameKeeper {
    /// Takes the next frame as it was captured, before anything is known of it.
    pub(in crate::verify) fn pass(&mut self, frame: &Frame<'_>, view: View) {
        let noted = Noted {
            frame: frame.number,
            kind: FrameKind::Around,
            peer: None,
            way: None,
            vni: None,
            spi: None,
            canary: false,
            pieces: 1,
            view,
        };
        if self.after > 0 {
            self.after -= 1;
            self.keep(KeptFrame::new(frame, noted, CUT));
            return;
        }
        // One of them is this frame, which may turn out to be in clear.
        let near = if self.before.len() <= AROUND { None } else { self.before.pop_front() };
        self.before.push_back(match near {
            // The bytes of the oldest one make room for those of the new one, without an allocation.
            Some(KeptFrame { mut bytes, .. }) => {
                bytes.clear();
                bytes.extend_from_slice(frame.bytes.get(..CUT.min(frame.bytes.len())).unwrap_or_default());
                KeptFrame { bytes, ..KeptFrame::new(frame, noted, 0) }
            }
            None => KeptFrame::new(frame, noted, CUT),
        });
    }

    /// Takes note of the packet that a frame completes, and keeps the frame if it proves something.
    pub(in crate::verify) fn observe(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        view: View,
        looked: Option<Looked>,
    ) {
        let spi = spi(packet);
        let Some(looked) = looked.filter(|looked| self.wants(looked, spi)) else { return };
        let Looked { kind, leg, vni, canary } = looked;
        let (peer, way) = leg.unzip();
        let pieces = packet.frames.max(1);
        let noted = Noted { frame: frame.number, kind, peer, way, vni, spi, canary, pieces, view };
        // The frames before one in clear show where it comes from. Those before the last piece are the other pieces.
        if kind.is_readable() || pieces > 1 {
            for near in std::mem::take(&mut self.before) {
                if near.noted.frame != frame.number {
                    self.keep(near);
                }
            }
        }
        if kind.is_readable() {
            self.after = AROUND;
        }
        self.keep(KeptFrame::new(frame, noted, usize::MAX));
    }

    /// Puts the frames that are kept in the order in which they passed, each once.
    pub(in crate::verify) fn sort(&mut self) {
        let rank = |kept: &KeptFrame| match kept.noted.kind {
            kind if kind.is_readable() => 0,
            FrameKind::Around => 2,
            _ => 1,
        };
        self.kept.sort_by_key(|kept| (kept.noted.frame, rank(kept)));
        self.kept.dedup_by_key(|kept| kept.noted.frame);
    }

    fn wants(&mut self, looked: &Looked, spi: Option<Spi>) -> bool {
        let key = (looked.kind, looked.leg, spi);
        if self.counts.len() >= MOST_KEYS && !self.counts.contains_key(&key) {
            self.left_out |= looked.kind.is_readable();
            return false;
        }
        let full = self.readable >= MOST_READABLE;
        let kept = self.counts.entry(key).or_default();
        let first_canary = looked.canary && !kept.canary;
        let wanted = kept.frames < HANDFUL || first_canary || looked.kind.is_readable() && !full;
        if wanted {
            kept.frames += 1;
            kept.canary |= looked.canary;
            self.readable += usize::from(looked.kind.is_readable());
        }
        self.left_out |= looked.kind.is_readable() && !wanted;
        wanted
    }

    fn keep(&mut self, frame: KeptFrame) {
        if self.bytes + frame.bytes.len() > MOST_BYTES {
            self.left_out |= frame.noted.kind.is_readable();
            return;
        }
        self.bytes += frame.bytes.len();
        self.kept.push(frame);
    }

    /// Yields the frames that are kept, in the order in which they passed.
    pub fn frames(&self) -> impl Iterator<Item = &KeptFrame> {
        self.kept.iter()
    }

    /// Returns true if frames in clear were left out, because there were too many.
    pub fn left_some_out(&self) -> bool {
        self.left_out
    }
}

/// Returns the SPI of the outermost ESP, whether it is open or not.
pub(super) fn spi(packet: &Packet<'_>) -> Option<Spi> {
    let wrapped = packet.encapsulations.iter().find_map(|wrapping| match wrapping.tunnel {
        Tunnel::Esp { spi, .. } => Some(spi),
        _ => None,
    });
    wrapped.or(match packet.opaque {
        Some(Opaque::Esp { spi, .. }) => Some(spi),
        _ => None,
    })
}
