//! The networks that a direction of a connection came through, beside the virtual network.
//!
//! Addresses and ports are unique within one network only. Two VLANs, two keys of GRE or two MPLS labels may each have a
//! connection with the same ones, which are not to be spliced. So each direction has a *path*: a hash of the VLANs and of the
//! kinds and numbers of all tunnels.
//!
//! | the case | the view |
//! |---|---|
//! | the same path | the same connection |
//! | the other direction has another path, as with MPLS, GTP, L2TP and PPTP, where each side gives the numbers that it is to be sent | paired by the numbers of TCP: it acknowledges what the first one sent |
//! | the path changes amid a connection (a handover, another route) | it stays the same if the segment's number is just the next one; if not, it is told as another one |
//! | the outer addresses | no part of it: they change with routes, and with the node of a balanced tunnel |
//! | VLAN 0, which is a priority only | no part of it |
//! | one frame that was captured twice, within a tunnel and outside | two connections |

use std::hash::{BuildHasher, Hash, Hasher};

use crate::packet::{Headers, Packet, Vni};
use crate::search::context::{Folding, Side};

/// A direction's path: 0 without VLANs and tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path(u32);

impl Path {
    /// Stands for a direction that was not seen.
    const UNSEEN: Self = Self(u32::MAX);
    const PLAIN: Self = Self(0);

    /// Returns the path of a packet.
    #[inline]
    pub(super) fn of(packet: &Packet<'_>, folding: &Folding) -> Self {
        if packet.encapsulations.is_empty() && packet.headers.vlan.ids().is_empty() {
            return Self::PLAIN;
        }
        Self::through(packet, folding)
    }

    fn through(packet: &Packet<'_>, folding: &Folding) -> Self {
        let mut hasher = folding.build_hasher();
        let mut parts = 0;
        let mut add_vlans = |headers: &Headers, hasher: &mut _| {
            for &id in headers.vlan.ids().iter().filter(|id| **id != 0) {
                Hasher::write_u64(hasher, id.into());
                parts += 1;
            }
        };
        for encapsulation in &packet.encapsulations {
            add_vlans(&encapsulation.outer, &mut hasher);
            std::mem::discriminant(&encapsulation.tunnel).hash(&mut hasher);
            let number = encapsulation.tunnel.number().or(encapsulation.tunnel.vni().map(Vni::value));
            hasher.write_u64(number.map_or(u64::MAX, u64::from));
        }
        add_vlans(&packet.headers, &mut hasher);
        if parts == 0 && packet.encapsulations.is_empty() {
            return Self::PLAIN;
        }
        Self((hasher.finish() >> 33) as u32 | 1)
    }
}

/// The paths of both directions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paths {
    low: Path,
    high: Path,
}

impl Paths {
    /// Returns those of a connection of which one direction was seen.
    pub(super) fn begin(from: Side, path: Path) -> Self {
        match from {
            Side::Low => Self { low: path, high: Path::UNSEEN },
            Side::High => Self { low: Path::UNSEEN, high: path },
        }
    }

    fn from(self, side: Side) -> Path {
        match side {
            Side::Low => self.low,
            Side::High => self.high,
        }
    }

    /// Returns true if a direction has this path, or if neither has one of note.
    #[inline]
    pub(super) fn has(self, from: Side, path: Path) -> bool {
        let own = self.from(from);
        own == path || own == Path::UNSEEN && path == Path::PLAIN && self.from(from.other()) == Path::PLAIN
    }

    /// Returns true if a direction was not seen.
    pub(super) fn lacks(self, from: Side) -> bool {
        self.from(from) == Path::UNSEEN
    }

    pub(super) fn set(&mut self, from: Side, path: Path) {
        match from {
            Side::Low => self.low = path,
            Side::High => self.high = path,
        }
    }
}
