//! Packets that are alike: the tally asks the same of them, and so counts them as one.
//!
//! Nearly all frames of a capture are one of three kinds: ESP between two hosts, frames of the network in clear, and frames
//! that are neither and that hold no byte of the network. For the first two, the tally's answer follows from a few fields of
//! the headers. A packet with the same fields as one that was observed before can change nothing but counts, because all
//! that the first one entered into lists and tables is there: its leg, its SPI, its places, the frame to show.
//!
//! This holds for a file that is read with no keys ([`Tally::counts_alike`]). On a live wire there are probes, directions, and
//! facts that change during the watch, so there each packet is observed.

use std::net::IpAddr;

use super::leg::Leg;
use super::{MOST_MEMBERS, MOST_STRANGERS, Tally};
use crate::packet::{Form, Spi, Vni};
use crate::verify::way::Way;

/// A packet, by all that the tally asks of one of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) enum Kind {
    /// ESP in IP that no key opens, whole and not in fragments.
    Shut(Spi),
    /// A frame in a tunnel of the network, on this UDP port. It is decoded to its end, and holds no further tunnel.
    Clear {
        /// The destination port of the outer header.
        port: u16,
    },
    /// A packet of TCP or UDP that is decoded to its end, or a frame of another network with such a packet. No byte of the
    /// network is in it.
    Unrelated,
}

impl Kind {
    /// Returns true for a packet in which the tally looks for bytes of the network.
    #[inline]
    pub(in crate::verify) fn may_have_a_sign(self) -> bool {
        !matches!(self, Self::Clear { .. })
    }
}

/// The counts that a packet changes, if one like it was observed before.
#[derive(Debug)]
pub(in crate::verify) struct Counts {
    kind: Kind,
    leg: Option<Leg>,
    /// True if its source is no address of this node.
    from_afar: bool,
}

impl Tally {
    /// Returns true if packets that are alike may be counted instead of observed: for a file, where frames have no
    /// direction and no probe is looked for, of a network with tunnels of its own.
    pub(in crate::verify) fn counts_alike(&self) -> bool {
        let question = &self.question;
        let probed = question.canary.is_some() || question.echo.is_some() || !question.ends.is_empty();
        let known = question.macs.is_some() || !question.carriers.is_empty() || !question.own.is_empty();
        let network = &question.network;
        !(probed || known || network.any_vni || network.is_routed())
    }

    /// Returns the counts that further packets of this kind between two hosts change, when one was observed. `None` if more
    /// may depend on them.
    pub(in crate::verify) fn counts_of(&self, kind: Kind, ends: (IpAddr, IpAddr)) -> Option<Counts> {
        let (source, destination) = ends;
        let locals = &self.question.network.locals;
        let from_afar = !locals.contains(&source);
        let leg = if !from_afar {
            Some(Leg { peer: destination, way: Way::Out })
        } else if locals.contains(&destination) {
            Some(Leg { peer: source, way: Way::Back })
        } else if may_be_to_all(destination) {
            // It matters if this node knows the sender by then.
            return None;
        } else {
            None
        };
        if let Kind::Clear { .. } = kind {
            // A frame to a group counts for several nodes, and one between others has its own way through the tally.
            let leg = leg.as_ref().filter(|leg| !leg.peer.is_multicast())?;
            if leg.way == Way::Back && self.is_stranger(leg.peer) {
                return None;
            }
        }
        // Beyond the limit of hosts, the first packet may have counted for all others, and the next one for its own host.
        let has_own = leg.as_ref().is_none_or(|leg| self.knows(leg.peer));
        has_own.then_some(Counts { kind, leg, from_afar })
    }

    /// Returns true if a packet between two hosts of [`Kind::Unrelated`] is on no leg, whatever was observed before. It then
    /// changes nothing but the number of frames.
    #[inline]
    pub(in crate::verify) fn is_on_no_leg(&self, (source, destination): (IpAddr, IpAddr)) -> bool {
        let locals = &self.question.network.locals;
        !locals.iter().any(|local| *local == source || *local == destination) && !may_be_to_all(destination)
    }

    /// Counts this many packets that are on no leg, of [`Kind::Unrelated`].
    pub(in crate::verify) fn pass_by(&mut self, number: u64) {
        self.frames += number;
        self.not_esp += number;
    }

    /// Counts this many packets like one that was observed before. Nothing else may have been observed since the first of
    /// them.
    pub(in crate::verify) fn count_alike(&mut self, counts: &Counts, number: u64) {
        self.frames += number;
        match (counts.kind, &counts.leg) {
            (Kind::Shut(spi), leg) => {
                self.esp_from_afar += if counts.from_afar { number } else { 0 };
                let Some(leg) = leg else { return };
                let evidence = self.evidence(leg, MOST_STRANGERS);
                evidence.esp_packets += number;
                if let Some(esp) = evidence.spi(spi) {
                    esp.packets += number;
                }
            }
            (Kind::Clear { port }, Some(leg)) => {
                self.not_esp += number;
                let foreign = self.question.network.port.is_some_and(|ours| port != ours);
                let evidence = self.evidence(leg, MOST_MEMBERS);
                if foreign {
                    evidence.other_port += number;
                } else {
                    evidence.clear.count += number;
                    evidence.unexplained += if leg.way == Way::Back { number } else { 0 };
                }
            }
            (Kind::Clear { .. }, None) | (Kind::Unrelated, _) => self.not_esp += number,
        }
    }

    /// Returns true if a tunnel of this kind with this VNI is the network's, and false if it is another one's. `None` if it
    /// has a VNI of the network, but not in the network's form.
    #[inline]
    pub(in crate::verify) fn is_tunnel_of_ours(&self, form: Form, vni: Vni) -> Option<bool> {
        let network = &self.question.network;
        if !network.vnis.contains(&vni) {
            return Some(false);
        }
        network.form.is_none_or(|ours| ours == form).then_some(true)
    }

    /// Returns the start of the leftmost bytes that may be the network's. These may hold many frames: no frame of
    /// [`Kind::Shut`] or [`Kind::Unrelated`] that ends before has any sign of the network.
    pub(in crate::verify) fn first_sign(&self, bytes: &[u8]) -> Option<usize> {
        self.needles.first(bytes)
    }
}

/// Returns true for the address of a group, and for one that may be the broadcast address of a subnet.
#[inline]
fn may_be_to_all(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address.octets()[3] == 0xff,
        IpAddr::V6(address) => address.is_multicast(),
    }
}
