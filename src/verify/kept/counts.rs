//! The counts of the facts, held against the notes on the kept frames and against what the frames themselves show.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::compare::{Again, Contradiction};
use super::{Facts, FrameKind, Noted};
use crate::packet::Spi;
use crate::verify::tally::{OTHERS, Tally};
use crate::verify::way::Way;

impl Facts {
    /// Holds the counts of each leg against the notes.
    pub(super) fn counted_and_kept(&self) -> Result<(), Contradiction> {
        let mut clear: BTreeMap<(IpAddr, bool), u64> = BTreeMap::new();
        let mut esp: BTreeSet<Spi> = BTreeSet::new();
        let tally = self.tally();
        for noted in &self.frames {
            let Some((peer, way)) = noted.peer.zip(noted.way) else { continue };
            esp.extend(noted.spi);
            if noted.kind != FrameKind::Clear {
                continue;
            }
            let count = clear.entry((peer, way == Way::Out)).or_default();
            *count += 1;
            let counted = tally.pairs.get(&peer).map_or(0, |pair| pair.evidence(way).clear.count);
            // Hosts beyond a bound are counted together.
            if *count > counted && tally.pairs.contains_key(&peer) {
                return Err(Contradiction::NotCounted(noted.frame));
            }
        }
        for (&peer, pair) in &tally.pairs {
            for way in Way::BOTH {
                let evidence = pair.evidence(way);
                let leaks = if way == Way::Out { evidence.clear.count } else { evidence.unexplained };
                // A frame to a multicast group counts for every node, and is noted for one.
                let shown = clear.contains_key(&(peer, way == Way::Out))
                    || evidence.clear.shown.is_some_and(|shown| self.keeps_in_clear(shown.frame));
                if leaks > 0 && !shown && !self.more_frames && peer != OTHERS {
                    return Err(Contradiction::NoneInClear(peer));
                }
                let unseen = evidence.esp.iter().find(|(spi, seen)| seen.opened > 0 && !esp.contains(spi));
                if let Some((spi, _)) = unseen.filter(|_| !self.more_frames) {
                    return Err(Contradiction::NoEsp(*spi));
                }
            }
        }
        Ok(())
    }

    /// Holds the counts against what the frames show, whatever their notes say of them: a frame that can be read can be read if
    /// it is called a bystander, too.
    pub(super) fn counted_and_seen(&self, seen: &BTreeMap<u64, Vec<Again>>) -> Result<(), Contradiction> {
        let tally = self.tally();
        let mut readable: BTreeMap<(IpAddr, bool, bool), u64> = BTreeMap::new();
        let mut above = 0;
        for (&frame, again) in
            seen.iter().flat_map(|(frame, all)| all.iter().map(move |again| (frame, again)))
        {
            above += u64::from(again.is_above);
            let looked = again.looked.filter(|looked| looked.kind.is_readable());
            let counted = match looked.and_then(|looked| Some((looked.kind, looked.leg?))) {
                Some((kind, (peer, way))) => {
                    let count =
                        readable.entry((peer, way == Way::Out, kind == FrameKind::Clear)).or_default();
                    *count += 1;
                    *count <= may_be(kind, &tally, again, (peer, way))
                }
                None => true,
            };
            if !counted || above > tally.above_encryption {
                return Err(Contradiction::NotCounted(frame));
            }
        }
        let of = |noted: &Noted| seen.get(&noted.frame).and_then(|all| all.first());
        let other = self
            .frames
            .iter()
            .find(|noted| of(noted).is_some_and(|again| is_other_way(&tally, noted, again)));
        other.map_or(Ok(()), |noted| Err(Contradiction::OtherWay(noted.frame)))
    }

    /// Returns true if a frame is kept as one in clear. One that arrived is counted as such, and may be a copy.
    fn keeps_in_clear(&self, frame: u64) -> bool {
        let mut noted = self.frames.iter().filter(|noted| noted.frame == frame);
        noted.any(|noted| noted.kind.is_readable() || noted.kind == FrameKind::Copy)
    }

    /// Holds the frames in clear that the report shows against the notes.
    pub(super) fn shown_and_kept(&self) -> Result<(), Contradiction> {
        let tally = self.tally();
        let legs = tally.pairs.values().flat_map(|pair| Way::BOTH.map(|way| pair.evidence(way)));
        let mut shown = legs.filter_map(|evidence| evidence.clear.shown);
        match shown.find(|shown| !self.more_frames && !self.keeps_in_clear(shown.frame)) {
            Some(shown) => Err(Contradiction::NotShown(shown.frame)),
            None => Ok(()),
        }
    }
}

/// Returns true if a frame that nobody can read has no address of the node that it is said to go to or to come from.
fn is_other_way(tally: &Tally, noted: &Noted, again: &Again) -> bool {
    let (Some((peer, way)), Some((from, to))) = (noted.peer.zip(noted.way), again.ends) else { return false };
    // Messages of WireGuard go to endpoints, whose addresses need not be those of the nodes.
    if again.spi.is_none() {
        return false;
    }
    match noted.kind {
        FrameKind::Opaque => {}
        FrameKind::Opened if !is_around_the_nodes(tally, (peer, way), (from, to)) => {}
        _ => return false,
    }
    // A frame that arrived from a node may leave once more, and then counts as sent to it.
    let fits = match way {
        Way::Out => to == peer || to.is_multicast() || from == peer && again.is_leaving,
        Way::Back => from == peer,
    };
    again.is_sealed && !fits
}

/// Returns true if ESP that was opened may have held another packet between the nodes: the nodes are behind others, which
/// encrypt for them in tunnel mode, or ESP protects another tunnel that carries the underlay, such as GRE or L2TP.
fn is_around_the_nodes(tally: &Tally, (peer, way): (IpAddr, Way), (from, to): (IpAddr, IpAddr)) -> bool {
    if tally.pairs.get(&peer).is_some_and(|pair| pair.evidence(way).opened_tunnel > 0) {
        return true;
    }
    let network = &tally.question.network;
    let is_node = |address: &IpAddr| {
        network.locals.contains(address) || network.peers.iter().any(|known| known.underlay == *address)
    };
    let near = if way == Way::Out { from } else { to };
    // The addresses of a host are known only where the watch was live.
    ![from, to].iter().any(is_node) && (tally.is_own(near) || !tally.is_live())
}

/// Returns the number of frames on a leg that a watch may have counted so that each of them looks like this one without
/// keys.
fn may_be(kind: FrameKind, tally: &Tally, again: &Again, (peer, way): (IpAddr, Way)) -> u64 {
    let pair = tally.pairs.get(&peer).or_else(|| tally.pairs.get(&OTHERS));
    let counted = pair.map_or(0, |pair| {
        let evidence = pair.evidence(way);
        match kind {
            FrameKind::Clear => evidence.clear.count + evidence.copies_out + evidence.holding_esp,
            _ => [&evidence.null, &evidence.gmac, &evidence.ah, &evidence.macsec, &evidence.psp]
                .into_iter()
                .map(|readable| readable.count)
                .sum(),
        }
    });
    // A host may have become a node, or an address this node's, after the frame had passed. What passes between the
    // addresses of this node and one that was named is the network's from the beginning.
    let network = &tally.question.network;
    let named = network.peers.iter().any(|known| known.underlay == peer);
    let is_between = |(from, to): (IpAddr, IpAddr)| match way {
        Way::Out => network.locals.contains(&from) && to == peer,
        Way::Back => from == peer && network.locals.contains(&to),
    };
    if named && again.tunnel_ends.or(again.ends).is_some_and(is_between) {
        return counted;
    }
    counted + tally.strangers.count + tally.between_others.count + tally.undecoded.count
}
