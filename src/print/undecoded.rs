//! The numbers of packets that are not decoded, by reason.

use std::fmt;

use crate::packet::Undecoded;

/// The most reasons that are counted apart. A hostile capture has thousands.
const REASONS: usize = 32;
/// The most reasons that are printed.
const PRINTED: usize = 3;

/// The numbers of packets that are not decoded, by reason. The most frequent reasons are counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UndecodedCounts {
    reasons: [Option<(Undecoded, u64)>; REASONS],
    total: u64,
}

impl UndecodedCounts {
    /// Counts a packet.
    pub fn add(&mut self, undecoded: Undecoded) {
        self.total += 1;
        let known = self.reasons.iter_mut().flatten().find(|(reason, _)| *reason == undecoded);
        if let Some((_, count)) = known {
            *count += 1;
            return;
        }
        // A reason that was met once gives way, so that one that is frequent is counted however late it comes.
        let free = self.reasons.iter().position(Option::is_none);
        let rare = || self.reasons.iter().position(|slot| slot.is_some_and(|(_, count)| count == 1));
        if let Some(slot) = free.or_else(rare) {
            self.reasons[slot] = Some((undecoded, 1));
        }
    }

    /// Returns the numbers of these packets and of those behind them. `None` if there are too many reasons to count each apart,
    /// since those that are depend on the order of the packets.
    pub(super) fn and(&self, behind: &Self) -> Option<Self> {
        let mut both = *self;
        let counted = |counts: &Self| counts.reasons.iter().flatten().map(|(_, count)| count).sum::<u64>();
        if counted(behind) != behind.total {
            return None;
        }
        for &(reason, count) in behind.reasons.iter().flatten() {
            let known = both.reasons.iter_mut().flatten().find(|(known, _)| *known == reason);
            if let Some((_, known)) = known {
                *known += count;
            } else {
                *both.reasons.iter_mut().find(|slot| slot.is_none())? = Some((reason, count));
            }
        }
        both.total += behind.total;
        Some(both)
    }

    /// Returns the number of packets of all reasons.
    pub fn total(&self) -> u64 {
        self.total
    }
}

/// Prints `1093 not decoded: link type 127`, or `12 not decoded: 10 Ethernet type 0x88b5, 2 IP protocol 253`.
impl fmt::Display for UndecodedCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} not decoded", self.total)?;
        let mut reasons: Vec<(Undecoded, u64)> = self.reasons.iter().flatten().copied().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        if let Some((only, _)) = reasons.first().filter(|(_, count)| *count == self.total) {
            return write!(f, ": {only}");
        }
        let printed = reasons.get(..PRINTED).unwrap_or(&reasons);
        for (n, (reason, count)) in printed.iter().enumerate() {
            write!(f, "{} {count} {reason}", if n == 0 { ":" } else { "," })?;
        }
        match self.total - printed.iter().map(|(_, count)| count).sum::<u64>() {
            0 => Ok(()),
            1 => f.write_str(", 1 other"),
            others => write!(f, ", {others} others"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::LinkType;

    fn printed(packets: impl IntoIterator<Item = Undecoded>) -> String {
        let mut counts = UndecodedCounts::default();
        packets.into_iter().for_each(|undecoded| counts.add(undecoded));
        counts.to_string()
    }

    #[test]
    fn the_most_frequent_reasons_come_first_and_the_rest_together() {
        let of = |ether_type: u16, count: usize| vec![Undecoded::EtherType(ether_type); count];
        assert_eq!(printed([Undecoded::Link(LinkType(127)); 1093]), "1093 not decoded: link type 127");
        let two = [vec![Undecoded::IpProtocol(253); 2], of(0x88b5, 10)].concat();
        assert_eq!(printed(two), "12 not decoded: 10 Ethernet type 0x88b5, 2 IP protocol 253");
        let many = [of(1, 1), of(2, 2), of(3, 3), of(4, 4), of(5, 5)].concat();
        assert_eq!(
            printed(many),
            "15 not decoded: 5 Ethernet type 0x0005, 4 Ethernet type 0x0004, 3 Ethernet type 0x0003, 3 others"
        );
    }

    #[test]
    fn a_flood_of_reasons_does_not_hide_a_frequent_one() {
        let flood = (0..10_000).map(Undecoded::EtherType).chain([Undecoded::Link(LinkType(147)); 5]);
        assert!(printed(flood).starts_with("10005 not decoded: 5 link type 147, 1 Ethernet type "));
    }

    #[test]
    fn the_numbers_of_two_parts_are_those_of_the_whole_or_there_are_none() {
        let all: Vec<Undecoded> = (0..40).map(|n: u16| Undecoded::EtherType(n * n % 23)).collect();
        let count = |packets: &[Undecoded]| {
            let mut counts = UndecodedCounts::default();
            packets.iter().for_each(|undecoded| counts.add(*undecoded));
            counts
        };
        for cut in 0..=all.len() {
            assert_eq!(count(&all[..cut]).and(&count(&all[cut..])), Some(count(&all)));
        }
        let flood: Vec<Undecoded> = (0..REASONS as u16 + 1).map(Undecoded::EtherType).collect();
        assert_eq!(count(&flood[..9]).and(&count(&flood[9..])), None, "one gives way");
        assert_eq!(count(&all).and(&count(&flood)), None);
        // Those that are known are counted all the same.
        assert_eq!(count(&flood).and(&count(&flood[9..12])).unwrap().total(), flood.len() as u64 + 3);
    }
}
