//! The progress of a watch, for who waits for its end.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::probed::Probed;
use crate::verify::peer_progress::PeerProgress;
use crate::verify::watch::Watch;

/// The time between two reports of progress.
const BEAT: Duration = Duration::from_secs(1);

/// The state of a watch: its frames so far, the time that is left, and what was seen of each node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The time that is left.
    pub left: Duration,
    /// The number of frames so far.
    pub frames: u64,
    /// The nodes of the network, and other hosts that frames of it went to or came from in clear. The latter come first, with
    /// all others of which clear frames were seen.
    pub peers: Vec<PeerProgress>,
}

impl Progress {
    /// Puts together what a watch has seen and what was sent.
    pub(super) fn of(left: Duration, watch: &Watch, probed: &Probed) -> Self {
        let nodes = probed.network.peers.iter().map(|peer| peer.underlay);
        let mut peers: BTreeMap<IpAddr, PeerProgress> =
            nodes.map(|peer| (peer, PeerProgress::of(peer))).collect();
        for seen in
            watch.seen().filter(|seen| seen.has_clear() || peers.contains_key(&seen.peer)).collect::<Vec<_>>()
        {
            peers.insert(seen.peer, seen);
        }
        for probe in probed.sent() {
            if let Some(peer) = peers.get_mut(&probe.peer) {
                peer.probes += 1;
                peer.answered += u64::from(probe.answered);
            }
        }
        let mut peers: Vec<PeerProgress> = peers.into_values().collect();
        peers.sort_by_key(|peer| !peer.has_clear());
        Self { left, frames: watch.frames(), peers }
    }
}

/// The times at which progress is reported: at once, then once a second.
pub(super) struct Beat {
    next: Instant,
}

impl Beat {
    pub(super) fn from(begun: Instant) -> Self {
        Self { next: begun }
    }

    /// Returns true if a report is due, and is then due again in a second.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + BEAT;
        }
        due
    }

    /// Returns the time of the next report, or `end` if that comes first.
    pub(super) fn next_before(&self, end: Instant) -> Instant {
        self.next.min(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_reported_at_once_and_then_once_a_second() {
        let begun = Instant::now();
        let after = |millis| begun + Duration::from_millis(millis);
        let mut beat = Beat::from(begun);
        let due = [0, 1, 999, 1000, 1500, 5000, 5999, 6000].map(|millis| beat.is_due(after(millis)));
        assert_eq!(due, [true, false, false, true, false, true, false, true]);
        assert_eq!(beat.next_before(after(9000)), after(7000));
        assert_eq!(beat.next_before(after(6500)), after(6500), "the watch is over by then");
    }
}
