//! A watch: frames are dissected, and the packets are handed to the tallies.

use std::convert::Infallible;
use std::net::IpAddr;

use super::judge::judge;
use super::kept::{Facts, FrameKeeper, name_algorithms};
use super::peer_progress::PeerProgress;
use super::report::Report;
use super::skim::Skim;
use super::tally::{Circumstances, Question, Tally, View};
use super::underlay::Views;
use crate::capture::savefile::Records;
use crate::dissect::{Dissected, Dissector};
use crate::ipsec::Opener;
use crate::packet::{Frame, LinkType, Packet, Timestamp, TunnelPorts};

/// A watch in progress. Like a tally it has no clock: its time is that of the frames, so that a file and a live
/// capture are the same to it.
#[derive(Debug)]
pub struct Watch {
    dissector: Dissector,
    tallies: Tallies,
    skim: Skim,
    keeper: Option<FrameKeeper>,
    /// The views of the links of a live capture, by their indices; `None` for a file.
    views: Option<Views>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// The tallies of the network that was asked for and of the control network, which is known to be clear.
#[derive(Debug)]
struct Tallies {
    asked: Tally,
    control: Option<Tally>,
}

impl Tallies {
    fn observe(&mut self, frame: &Frame<'_>, packet: &Packet<'_>, view: View) {
        self.asked.observe(frame, packet, view);
        if let Some(control) = &mut self.control {
            control.observe(frame, packet, view);
        }
    }
}

/// Returns the view of a frame; `None` if it is not looked at.
#[inline]
pub(super) fn view(views: Option<&Views>, frame: &Frame<'_>) -> Option<View> {
    if views.is_none() && frame.link == LinkType::ETHERNET {
        return Some(View::Wire);
    }
    let Some(views) = views else { return of_hardware(frame) };
    // A link that is so new that nothing is known of it may be a tunnel's.
    frame.passed().and_then(|link| views.get(&link).copied()).unwrap_or(Some(View::Hidden))
}

/// Returns the view of a frame in a file. A capture on all links has a type of hardware for each frame, and shows the
/// devices of tunnels as well.
fn of_hardware(frame: &Frame<'_>) -> Option<View> {
    /// The types without a wire of their own (`linux/if_arp.h`): PPP, IP in IP, IPv6 in IPv6, SIT, GRE, GRE over IPv6, and
    /// none at all, as TUN and WireGuard have.
    const TUNNELS: [u16; 7] = [512, 768, 769, 776, 778, 823, 0xfffe];
    const LOOPBACK: u16 = 772;
    match frame.hardware() {
        Some(LOOPBACK) => None,
        Some(hardware) if TUNNELS.contains(&hardware) => Some(View::Hidden),
        _ if frame.link.is_bare() => Some(View::Hidden),
        _ => Some(View::Wire),
    }
}

impl Watch {
    /// Makes a watch for this question, and for that of a control network. UDP to `ports` is taken for VXLAN;
    /// `opener` holds the keys that are at hand.
    pub fn new(
        question: Question,
        control: Option<Question>,
        ports: TunnelPorts,
        opener: Option<Opener>,
    ) -> Self {
        // ESP inside a tunnel such as GRE may come in fragments. They are put together as well, so that it can be opened.
        // Frames that carry a fragment of an inner datagram come with it, or alone when it does not get whole.
        let mut dissector = Dissector::new(ports);
        if let Some(opener) = opener {
            dissector.open_with(opener);
        }
        let tallies = Tallies { asked: Tally::new(question), control: control.map(Tally::new) };
        Self { dissector, tallies, skim: Skim::new(), keeper: None, views: None, first: None, last: None }
    }

    /// Keeps the frames that prove the verdict, from now on.
    pub fn keep_frames(&mut self) {
        self.keeper = Some(FrameKeeper::default());
    }

    /// Sets the views of the links of a live capture, from now on.
    pub(super) fn look_at(&mut self, views: Views) {
        self.views = Some(views);
    }

    /// Adds addresses of this host.
    pub(super) fn owns(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        self.tallies.asked.owns(addresses);
    }

    /// Makes a host a node of the network that was asked for.
    pub(super) fn joins(&mut self, node: IpAddr) {
        self.tallies.asked.joins(node);
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        let Some(view) = view(self.views.as_ref(), frame) else { return };
        if let Some(keeper) = &mut self.keeper {
            keeper.pass(frame, view);
        }
        if frame.time.known {
            self.first.get_or_insert(frame.time);
            self.last = Some(frame.time);
        }
        let Self { dissector, tallies, keeper, views, .. } = self;
        let sink = &mut sink(tallies, keeper.as_mut(), views.as_ref());
        let Ok(()) = dissector.tick(frame.time, sink).and_then(|()| dissector.frame(frame, sink));
    }

    /// Takes the frames of these records as [`Self::frame`] does one by one, and counts the same.
    pub fn records(&mut self, records: &mut Records<'_>) {
        let is_plain = self.views.is_none()
            && self.keeper.is_none()
            && self.tallies.control.is_none()
            && self.dissector.opener().is_none();
        // All frames of such a file are of one link type, and have a time.
        let first = records.clone().next().filter(|frame| frame.link == LinkType::ETHERNET);
        let Some(first) = first.filter(|_| is_plain && self.tallies.asked.counts_alike()) else {
            while let Some(frame) = records.next() {
                self.frame(&frame);
            }
            return;
        };
        self.first.get_or_insert(first.time);
        self.skim.begin();
        loop {
            let (glance, idle_until) = (self.dissector.glance(), self.dissector.idle_until());
            let Some(next) = self.skim.next(records, &mut self.tallies.asked, glance, idle_until) else {
                break;
            };
            self.frame(&next.frame);
            self.skim.observed(next, &self.tallies.asked);
        }
        self.last = self.skim.last().or(self.last);
    }

    /// Takes in the SAs that the kernel has announced. Never waits.
    pub fn catch_up(&mut self) {
        self.dissector.opener().map(Opener::catch_up);
    }

    /// Returns a message to the user about SAs that could not be taken in. The same message is returned only once.
    pub fn complaint(&mut self) -> Option<String> {
        self.dissector.opener().and_then(Opener::complaint)
    }

    /// Returns true if the canary of the control network was seen leaving in clear; `None` without such a network.
    pub fn control_left_in_clear(&self) -> Option<bool> {
        self.tallies.control.as_ref().map(Tally::canary_left_in_clear)
    }

    /// Returns what was seen so far of each host that is or may be a node of the network that was asked for.
    pub(super) fn seen(&self) -> impl Iterator<Item = PeerProgress> {
        self.tallies.asked.pairs.iter().map(|(peer, pair)| {
            let ways = [&pair.out, &pair.back];
            PeerProgress {
                esp: ways.map(|evidence| evidence.esp_packets),
                opaque: ways.map(|evidence| evidence.opaque),
                clear: ways.map(|evidence| evidence.clear.count),
                ..PeerProgress::of(*peer)
            }
        })
    }

    /// Returns the number of frames so far.
    pub fn frames(&self) -> u64 {
        self.tallies.asked.frames
    }

    /// Returns the time from the first frame to the last, in nanoseconds.
    pub fn nanos(&self) -> i64 {
        self.first.zip(self.last).map_or(0, |(first, last)| last.nanos.saturating_sub(first.nanos).max(0))
    }

    /// Returns the time of the last frame; `None` if no frame had one.
    pub fn ended(&self) -> Option<Timestamp> {
        self.last
    }

    /// Ends the watch, and judges the network that was asked for.
    pub fn finish(self, circumstances: Circumstances) -> Report {
        self.finish_and_keep(circumstances).0
    }

    /// Ends the watch as [`Self::finish`] does. Also returns what the verdict follows from, if frames were kept.
    pub fn finish_and_keep(mut self, circumstances: Circumstances) -> (Report, Option<(Facts, FrameKeeper)>) {
        let Self { dissector, tallies, keeper, views, .. } = &mut self;
        let Ok(()) = dissector.finish(&mut sink(tallies, keeper.as_mut(), views.as_ref()));
        let mut keeper = keeper.take();
        keeper.iter_mut().for_each(FrameKeeper::sort);
        let mut kept = keeper.map(|keeper| (Facts::new(&tallies.asked, circumstances.clone()), keeper));
        let mut report = judge(&tallies.asked, circumstances);
        if let Some(opener) = dissector.opener() {
            let judged = report.clone();
            name_algorithms(&mut report, opener.sas());
            if let Some((facts, _)) = &mut kept {
                facts.name_algorithms(&judged, &report);
            }
        }
        if let Some((facts, keeper)) = &mut kept {
            facts.note_frames(keeper);
        }
        (report, kept)
    }
}

/// Returns a sink that has each dissected packet counted.
fn sink<'t>(
    tallies: &'t mut Tallies,
    mut keeper: Option<&'t mut FrameKeeper>,
    views: Option<&'t Views>,
) -> impl FnMut(&mut Dissector, Dissected<'_>) -> Result<(), Infallible> + use<'t> {
    move |_, dissected| {
        if let Some(view) = view(views, dissected.frame) {
            let Dissected { frame, packet, .. } = dissected;
            tallies.observe(frame, packet, view);
            if let Some(keeper) = &mut keeper {
                keeper.observe(frame, packet, view, tallies.asked.looked);
            }
        }
        Ok(())
    }
}
