//! The lines on a terminal that show that `verify` is working, for how long still, and what it has seen so far: one for each peer
//! or, of several networks, one for each network. Only a terminal gets them: a log or a script sees nothing.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use ovlsniff::escape::{counted, escape};
use ovlsniff::verify::session::{PeerProgress, Progress};

use crate::commands::area;

/// Lines that are rewritten. They are removed when this is dropped, so that an error's message has a line of its own.
pub(super) struct Lines {
    /// True if standard error is a terminal that can show them.
    is_shown: bool,
}

impl Lines {
    /// Returns the lines on standard error, which show nothing unless that is a terminal.
    pub(super) fn on_stderr() -> Self {
        Self { is_shown: area::can_show(&io::stderr()) }
    }

    /// Shows lines in place of the last ones.
    pub(super) fn show(&self, lines: &[String]) {
        if self.is_shown {
            area::show(lines);
        }
    }

    /// Removes the lines.
    pub(super) fn clear(&self) {
        if self.is_shown {
            area::clear();
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Returns the lines on the watch of one network: how far it is, and each of its peers.
pub(super) fn watching(captured: &[String], progress: &Progress) -> Vec<String> {
    let first =
        format!("watching {}: {}", escape(&captured.join(", ")), so_far(progress.left, progress.frames));
    let width = progress.peers.iter().map(|peer| peer.peer.to_string().len()).max().unwrap_or_default();
    let peers = progress
        .peers
        .iter()
        .map(|peer| format!("  {:width$}  {}", peer.peer.to_string(), counts(peer, None)));
    [first].into_iter().chain(peers).collect()
}

/// Returns the lines on the watches of networks with these names, some of which are over: how far they are, and each network.
/// `verdicts` has what became of those that are judged.
pub(super) fn watching_all(
    names: &[String],
    verdicts: &BTreeMap<usize, String>,
    watches: &BTreeMap<usize, Progress>,
) -> Vec<String> {
    let (left, frames) = watches
        .values()
        .fold((Duration::ZERO, 0), |(left, count), watch| (left.max(watch.left), count + watch.frames));
    let over = if verdicts.is_empty() { String::new() } else { format!(", {} judged", verdicts.len()) };
    let networks = counted(names.len() as u64, "network", "networks");
    let first = format!("watching {networks}{over}: {}", so_far(left, frames));
    let names: Vec<String> = names.iter().map(|name| escape(name).into_owned()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let state = |at: usize| match (verdicts.get(&at), watches.get(&at)) {
        (Some(verdict), _) => verdict.clone(),
        (None, Some(watch)) => {
            counts(&sum(&watch.peers), Some(counted(watch.peers.len() as u64, "peer", "peers")))
        }
        (None, None) => "waits".to_owned(),
    };
    let lines = names.iter().enumerate().map(|(at, name)| format!("  {name:width$}  {}", state(at)));
    [first].into_iter().chain(lines).collect()
}

/// Adds up the counts of all peers.
fn sum(peers: &[PeerProgress]) -> PeerProgress {
    let none = PeerProgress::of([0, 0, 0, 0].into());
    peers.iter().fold(none, |sum, peer| PeerProgress {
        probes: sum.probes + peer.probes,
        answered: sum.answered + peer.answered,
        esp: both(sum.esp, peer.esp),
        opaque: both(sum.opaque, peer.opaque),
        clear: both(sum.clear, peer.clear),
        ..sum
    })
}

fn both(a: [u64; 2], b: [u64; 2]) -> [u64; 2] {
    [a[0] + b[0], a[1] + b[1]]
}

/// Words what was seen of a peer, or of this number of peers: `clear 0 out, 0 back; 5 probes, 4 answered; ESP 10 out, 9 back`.
/// The clear frames stand first, because a narrow terminal cuts off the end.
fn counts(peer: &PeerProgress, peers: Option<String>) -> String {
    let ways = |what: &str, [out, back]: [u64; 2]| format!("{what} {out} out, {back} back");
    let probes = (peer.probes > 0)
        .then(|| format!("{}, {} answered", counted(peer.probes, "probe", "probes"), peer.answered));
    let opaque = (peer.opaque != [0; 2]).then(|| ways("other opaque", peer.opaque));
    let all = [ways("clear", peer.clear)].into_iter().chain(peers).chain(probes);
    all.chain([ways("ESP", peer.esp)]).chain(opaque).collect::<Vec<_>>().join("; ")
}

fn so_far(left: Duration, frames: u64) -> String {
    let left = left.as_millis().div_ceil(1000);
    format!("{left} s left, {}", counted(frames, "frame", "frames"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> PeerProgress {
        PeerProgress { probes: 5, answered: 4, esp: [10, 9], ..PeerProgress::of([192, 0, 2, last].into()) }
    }

    fn watch(millis: u64, frames: u64, peers: Vec<PeerProgress>) -> Progress {
        Progress { left: Duration::from_millis(millis), frames, peers }
    }

    #[test]
    fn every_peer_has_a_line() {
        let leak = PeerProgress { clear: [3, 0], opaque: [0, 1], ..peer(100) };
        let lines = watching(&["eth0".to_owned()], &watch(6100, 812, vec![leak, peer(2)]));
        assert_eq!(
            lines,
            [
                "watching eth0: 7 s left, 812 frames",
                "  192.0.2.100  clear 3 out, 0 back; 5 probes, 4 answered; ESP 10 out, 9 back; other opaque 0 out, 1 back",
                "  192.0.2.2    clear 0 out, 0 back; 5 probes, 4 answered; ESP 10 out, 9 back",
            ]
        );
    }

    #[test]
    fn forty_columns_show_the_clear_frames_of_every_peer() {
        let leak =
            PeerProgress { clear: [12, 7], ..PeerProgress { peer: [203, 0, 113, 100].into(), ..peer(1) } };
        let lines = watching(&["eth0".to_owned()], &watch(6100, 812, vec![leak]));
        assert!(lines[1][..39].contains("clear 12 out, 7 back"), "{lines:?}");
    }

    #[test]
    fn names_are_escaped_and_a_watch_without_probes_has_none() {
        let silent = PeerProgress { probes: 0, answered: 0, ..peer(2) };
        let lines = watching(&["eth0".to_owned(), "a\u{1b}b".to_owned()], &watch(0, 1, vec![silent]));
        assert_eq!(lines[0], "watching eth0, a\\u{1b}b: 0 s left, 1 frame");
        assert_eq!(lines[1], "  192.0.2.2  clear 0 out, 0 back; ESP 10 out, 9 back");
    }

    #[test]
    fn every_network_has_a_line() {
        let names = ["secure", "of\u{1b}fice", "late"].map(str::to_owned);
        let watches =
            BTreeMap::from([(0, watch(7000, 800, vec![peer(2), peer(3)])), (1, watch(6000, 12, vec![]))]);
        let lines = watching_all(&names, &BTreeMap::from([(1, "CLEAR".to_owned())]), &watches);
        assert_eq!(
            lines,
            [
                "watching 3 networks, 1 judged: 7 s left, 812 frames",
                "  secure        clear 0 out, 0 back; 2 peers; 10 probes, 8 answered; ESP 20 out, 18 back",
                "  of\\u{1b}fice  CLEAR",
                "  late          waits",
            ]
        );
    }
}
