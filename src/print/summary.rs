//! The lines around the packets, which go to standard error: the pattern that is searched for, and the closing line.

use std::fmt;

use super::UndecodedCounts;
use crate::escape::counted;
use crate::packet::Opaque;
use crate::pattern::Pattern;
use crate::search::{Found, Outcome, StreamCounts};

/// Returns `match: HTTP` or `don't match: HTTP`, or nothing for a pattern that matches everything, as in ngrep.
pub fn match_line(pattern: &Pattern, inverted: bool) -> Option<String> {
    let what = if inverted { "don't match" } else { "match" };
    (!pattern.matches_everything()).then(|| format!("{what}: {pattern}"))
}

/// The numbers of opaque packets, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpaqueCounts([u64; KINDS.len()]);

/// The kinds of opaque packets, in the order of [`kind`].
const KINDS: [&str; 10] = [
    "ESP",
    "ESP in UDP",
    "ESP fragments",
    "truncated ESP",
    "WireGuard",
    "MACsec",
    "ESP in TCP",
    "PSP",
    "802.11",
    "IPComp",
];

fn kind(opaque: Opaque) -> usize {
    match opaque {
        Opaque::Esp { udp: false, .. } => 0,
        Opaque::Esp { udp: true, .. } => 1,
        Opaque::EspFragment => 2,
        Opaque::EspTruncated => 3,
        Opaque::WireGuard { .. } => 4,
        Opaque::Macsec { .. } => 5,
        Opaque::EspInTcp { .. } => 6,
        Opaque::Psp { .. } => 7,
        Opaque::Ieee80211 => 8,
        Opaque::IpComp { .. } => 9,
    }
}

impl OpaqueCounts {
    /// Counts a packet.
    pub fn add(&mut self, opaque: Opaque) {
        self.0[kind(opaque)] += 1;
    }

    fn and(&self, behind: &Self) -> Self {
        let mut both = *self;
        both.0.iter_mut().zip(behind.0).for_each(|(count, more)| *count += more);
        both
    }

    /// Counts packets of ESP in IP.
    pub fn add_esp(&mut self, packets: u64) {
        self.0[0] += packets;
    }

    /// Returns the number of packets of each kind of which there are any, with its name.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// Returns the number of opaque packets of all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Prints `10 opaque (7 ESP, 3 WireGuard)`.
impl fmt::Display for OpaqueCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} opaque", self.total())?;
        let counted = self.0.iter().zip(KINDS).filter(|(count, _)| **count > 0);
        for (n, (count, kind)) in counted.enumerate() {
            write!(f, "{}{count} {kind}", if n == 0 { " (" } else { ", " })?;
        }
        if self.total() > 0 { f.write_str(")") } else { Ok(()) }
    }
}

/// The result of a search. It displays as the closing line:
/// `456 packets, 0 dropped by kernel: 2 matched, 10 opaque (10 ESP), 444 readable without a match`, and if there are any,
/// `, 12 not decoded: 10 Ethernet type 0x88b5, 2 IP protocol 253`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// All packets that were looked at.
    pub packets: u64,
    /// The frames that a live capture lost because its ring was full; `None` for a file.
    pub dropped: Option<u64>,
    /// The packets that matched.
    pub matched: u64,
    /// The packets that nobody could read.
    pub opaque: OpaqueCounts,
    /// The clear packets: they were read and did not match.
    pub clear: u64,
    /// The number of clear packets that the snaplen cut off, so that nobody knows what else was in them.
    pub cut: u64,
    /// The packets that were not decoded to their end and did not match.
    pub undecoded: UndecodedCounts,
    /// The counts of streams, if TCP was searched in them. The matches in them are among those that matched.
    pub streams: Option<StreamCounts>,
}

impl Summary {
    /// Counts a packet. The context of a match was counted when it came.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    pub fn count(&mut self, found: &Found<'_>) {
        if found.recalled {
            return;
        }
        self.packets += 1;
        match found.outcome {
            Outcome::Clear => {
                self.clear += 1;
                if found.packet.stop.is_some() {
                    self.cut += u64::from(found.is_cut_off());
                }
            }
            Outcome::Opaque => {
                if let Some(opaque) = found.packet.opaque {
                    self.opaque.add(opaque);
                }
            }
            Outcome::Match => self.count_match(found),
            Outcome::NotDecoded => self.count_undecoded(found),
        }
    }

    #[inline]
    fn count_match(&mut self, found: &Found<'_>) {
        self.matched += 1;
        if found.stream.is_some() {
            self.count_stretch(found);
        }
    }

    /// Counts the matches of a stretch of a stream, whose packets were counted when they came.
    #[cold]
    fn count_stretch(&mut self, found: &Found<'_>) {
        self.packets -= 1;
        self.matched += found.spans.len() as u64 - 1;
    }

    #[cold]
    fn count_undecoded(&mut self, found: &Found<'_>) {
        if let Some(undecoded) = found.packet.undecoded(found.frame) {
            self.undecoded.add(undecoded);
        }
    }

    /// Counts packets that were not dissected ([`Told::Skimmed`](crate::search::Told)).
    pub fn count_skimmed(&mut self, outcomes: &[Outcome]) {
        let opaque = outcomes.iter().filter(|&&outcome| outcome == Outcome::Opaque).count() as u64;
        self.packets += outcomes.len() as u64;
        self.opaque.add_esp(opaque);
        self.clear += outcomes.len() as u64 - opaque;
    }

    /// Returns the words about what was given up of streams, if anything was.
    pub fn given_up(&self) -> Option<String> {
        let counts = self.streams?;
        let connections = counts.evicted - counts.evicted_idle;
        let parts = [(connections, "connection", "connections"), (counts.given_up, "segment", "segments")];
        let parts = parts.iter().filter(|(count, ..)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, one, many)| counted(*count, one, many)).collect();
        let memory =
            (!parts.is_empty()).then(|| format!("{} given up for want of memory", parts.join(" and ")));
        let cut = counts.cut_short;
        let time =
            (cut > 0).then(|| format!("{} cut short for want of time", counted(cut, "match", "matches")));
        let both: Vec<String> = memory.into_iter().chain(time).collect();
        (!both.is_empty()).then(|| both.join(", "))
    }

    /// Returns the result of a search and of one of the packets behind. `None` if it depends on the order of the packets, as
    /// it does where very many kinds of them are not decoded.
    pub fn and(&self, behind: &Self) -> Option<Self> {
        Some(Self {
            packets: self.packets + behind.packets,
            dropped: self.dropped,
            matched: self.matched + behind.matched,
            opaque: self.opaque.and(&behind.opaque),
            clear: self.clear + behind.clear,
            cut: self.cut + behind.cut,
            undecoded: self.undecoded.and(&behind.undecoded)?,
            streams: self.streams,
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packet{}", self.packets, if self.packets == 1 { "" } else { "s" })?;
        if let Some(dropped) = self.dropped {
            write!(f, ", {dropped} dropped by kernel")?;
        }
        write!(f, ": {} matched, {}, {} readable", self.matched, self.opaque, self.clear)?;
        // A segment may have a part of a match.
        if self.streams.is_none() {
            f.write_str(" without a match")?;
        }
        if self.cut > 0 {
            write!(f, " ({} of them cut off by the snaplen)", self.cut)?;
        }
        if self.undecoded.total() > 0 {
            write!(f, ", {}", self.undecoded)?;
        }
        self.streams.iter().try_for_each(|counts| streams(f, self, counts))
    }
}

/// Prints `; 12 connections: 2 under way when first seen, 1 given up for want of memory, 3 gaps (1448 bytes)`.
fn streams(f: &mut fmt::Formatter<'_>, summary: &Summary, counts: &StreamCounts) -> fmt::Result {
    write!(f, "; {}", counted(counts.connections, "connection", "connections"))?;
    let parts = [
        (counts.without_handshake, format!("{} under way when first seen", counts.without_handshake)),
        (
            counts.gaps,
            format!("{} ({})", counted(counts.gaps, "gap", "gaps"), counted(counts.lost, "byte", "bytes")),
        ),
        (counts.ambiguous, format!("{} with other bytes", counted(counts.ambiguous, "overlap", "overlaps"))),
        (
            counts.refused,
            format!("{} that no receiver takes", counted(counts.refused, "segment", "segments")),
        ),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, part)| part);
    for (n, part) in parts.chain(summary.given_up()).enumerate() {
        write!(f, "{}{part}", if n == 0 { ": " } else { ", " })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Sealed, Spi, WireGuardMessage};
    use crate::pattern::Expressions;

    #[test]
    fn the_closing_line_breaks_the_opaque_ones_down() {
        let esp = Opaque::Esp { spi: Spi(1), sequence: 1, udp: false, why: Sealed::NoKey };
        let mut summary =
            Summary { packets: 456, dropped: Some(0), matched: 2, clear: 444, ..Summary::default() };
        (0..10).for_each(|_| summary.opaque.add(esp));
        assert_eq!(
            summary.to_string(),
            "456 packets, 0 dropped by kernel: 2 matched, 10 opaque (10 ESP), 444 readable without a match"
        );
        summary.opaque.add(Opaque::WireGuard(WireGuardMessage::Data { receiver: 7, counter: 1 }));
        assert!(summary.to_string().contains("11 opaque (10 ESP, 1 WireGuard), "));
        summary.opaque.add(Opaque::Psp { spi: Spi(1), clear: 0 });
        summary.opaque.add(Opaque::EspInTcp { spi: None });
        assert!(summary.to_string().contains("13 opaque (10 ESP, 1 WireGuard, 1 ESP in TCP, 1 PSP), "));
    }

    #[test]
    fn what_was_given_up_of_streams_is_told_for_want_of_memory_and_of_time() {
        let mut summary = Summary { streams: Some(StreamCounts::default()), ..Summary::default() };
        assert_eq!(summary.given_up(), None);
        summary.streams = Some(StreamCounts { cut_short: 1, ..StreamCounts::default() });
        assert_eq!(summary.given_up().unwrap(), "1 match cut short for want of time");
        summary.streams =
            Some(StreamCounts { evicted: 2, given_up: 1, cut_short: 3, ..StreamCounts::default() });
        let told =
            "2 connections and 1 segment given up for want of memory, 3 matches cut short for want of time";
        assert_eq!(summary.given_up().unwrap(), told);
        assert!(summary.to_string().ends_with(told), "{summary}");
    }

    #[test]
    fn a_file_has_no_kernel_that_drops() {
        let summary = Summary { packets: 1, clear: 1, ..Summary::default() };
        assert_eq!(summary.to_string(), "1 packet: 0 matched, 0 opaque, 1 readable without a match");
    }

    #[test]
    fn what_was_not_captured_whole_is_told() {
        let summary = Summary { packets: 3, clear: 3, cut: 2, ..Summary::default() };
        assert!(
            summary.to_string().ends_with(", 3 readable without a match (2 of them cut off by the snaplen)")
        );
    }

    #[test]
    fn a_pattern_cannot_reach_the_terminal() {
        let pattern = |text: &str| {
            Pattern::new(&Expressions { patterns: vec![text.into()], ..Expressions::default() }).unwrap()
        };
        assert_eq!(match_line(&pattern("HT\x1bTP"), false).unwrap(), r"match: HT\u{1b}TP");
        assert_eq!(match_line(&pattern("x"), true).unwrap(), "don't match: x");
        assert_eq!(match_line(&pattern(""), false), None);
    }
}
