//! Counters of an interface: those that the capturing system wrote into statistics blocks and beside packets, and the
//! frames that the file really holds.
//!
//! The options of a statistics block, each a number of 64 bits that counts from the beginning of the interface's capture:
//!
//! ```text
//! 4 isb_ifrecv        received from the interface
//! 5 isb_ifdrop        lost by the interface
//! 6 isb_filteraccept  accepted by the capture filter
//! 7 isb_osdrop        lost by the system, after the filter
//! 8 isb_usrdeliv      delivered to the program that wrote the file
//! ```
//!
//! Programs differ in what they mean by the first. `dumpcap` writes only 4 and 5, and its 4 is the number of frames that it
//! received itself, behind the filter. Others write the interface's own counter, which may have run before the capture. It is
//! therefore never compared with the frames of the file, but only with `isb_filteraccept` beside it, and a small difference
//! may come from frames that arrived before the filter was there. `isb_usrdeliv` has one meaning in all of them: a file with
//! fewer frames has lost some since, or is one part of several.

use super::fields::Fields;

/// The code of the option `epb_dropcount`.
const DROP_COUNT: u16 = 4;
/// The code of the options `epb_flags` and `pack_flags`.
const FLAGS: u16 = 2;
/// An old packet block's number of lost frames, if that is not known.
const UNKNOWN: u16 = 0xffff;

/// The counters of all interfaces of a file, by the interface's number.
#[derive(Debug, Default)]
pub(in crate::capture::savefile) struct Counts(Vec<Counted>);

/// The counters of one interface.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    /// The frames of the interface that were read so far.
    frames: u64,
    /// The frames that were lost between two packets, by the packets' own word. `None` if none says anything.
    between: Option<u64>,
    received: Option<u64>,
    lost_by_interface: Option<u64>,
    accepted: Option<u64>,
    lost_by_system: Option<u64>,
    delivered: Option<u64>,
}

/// The options of a packet that are read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    /// The direction and the length of the FCS.
    pub(super) flags: Option<u32>,
    /// The frames that were lost between the interface's packet before this and this one.
    pub(super) lost: Option<u64>,
}

impl Counts {
    /// Adds the next interface.
    pub(super) fn declare(&mut self) {
        self.0.push(Counted::default());
    }

    #[inline]
    pub(super) fn of(&mut self, interface: u32) -> Option<&mut Counted> {
        self.0.get_mut(interface as usize)
    }

    /// Returns the number of lost frames, as far as anything tells.
    pub(in crate::capture::savefile) fn lost(&self) -> Option<u64> {
        self.sum(Counted::lost)
    }

    /// Returns the number of frames that were delivered to the writer and were not read from the file.
    pub(in crate::capture::savefile) fn missing(&self) -> Option<u64> {
        self.sum(Counted::missing)
    }

    /// Returns the number of frames that filters refused.
    pub(in crate::capture::savefile) fn refused(&self) -> Option<u64> {
        self.sum(Counted::refused)
    }

    fn sum(&self, of: impl Fn(&Counted) -> Option<u64>) -> Option<u64> {
        self.0.iter().filter_map(of).reduce(u64::saturating_add)
    }
}

impl Counted {
    #[inline]
    pub(super) fn frame(&mut self) {
        self.frames += 1;
    }

    #[cold]
    pub(super) fn lost_between(&mut self, frames: u64) {
        self.between = Some(self.between.unwrap_or(0).saturating_add(frames));
    }

    /// Takes the options of a statistics block. The larger of two counts is kept, since all count from the beginning.
    pub(super) fn statistics(&mut self, options: Fields<'_>) {
        for (code, value) in options.options() {
            let counter = match code {
                4 => &mut self.received,
                5 => &mut self.lost_by_interface,
                6 => &mut self.accepted,
                7 => &mut self.lost_by_system,
                8 => &mut self.delivered,
                _ => continue,
            };
            // Some writers have a negative number for what they do not know.
            let count = value.i64(0).and_then(|count| u64::try_from(count).ok());
            *counter = count.max(*counter);
        }
    }

    /// Frames that statistics and packets call lost are mostly the same ones, so the larger number counts. What is
    /// missing was delivered, and is therefore none of them.
    fn lost(&self) -> Option<u64> {
        let statistics = sum(self.lost_by_interface, self.lost_by_system);
        sum(statistics.max(self.between), self.missing().filter(|&missing| missing > 0))
    }

    fn missing(&self) -> Option<u64> {
        Some(self.delivered?.saturating_sub(self.frames))
    }

    fn refused(&self) -> Option<u64> {
        Some(self.received?.saturating_sub(self.accepted?))
    }
}

impl Said {
    /// Reads the options of an enhanced packet block.
    pub(super) fn enhanced(options: Fields<'_>) -> Self {
        let mut said = Self::default();
        for (code, value) in options.options() {
            match code {
                FLAGS => said.flags = said.flags.or(value.u32(0)),
                DROP_COUNT => said.lost = said.lost.max(value.u64(0)),
                _ => {}
            }
        }
        said
    }

    /// Reads the options of an old packet block, whose number of lost frames is a field of its own.
    pub(super) fn old(options: Fields<'_>, drops: Option<u16>) -> Self {
        let flags = options.options().find(|(code, _)| *code == FLAGS).and_then(|(_, value)| value.u32(0));
        Self { flags, lost: drops.filter(|&drops| drops != UNKNOWN).map(u64::from) }
    }
}

fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    [a, b].into_iter().flatten().reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_nothing_known() {
        let mut counted = Counted::default();
        counted.frame();
        assert_eq!((counted.lost(), counted.missing(), counted.refused()), (None, None, None));
    }

    #[test]
    fn what_packets_and_statistics_call_lost_counts_once_and_what_is_missing_as_well() {
        let mut counted =
            Counted { lost_by_interface: Some(1), lost_by_system: Some(2), ..Counted::default() };
        counted.lost_between(2);
        assert_eq!(counted.lost(), Some(3));
        counted.lost_between(5);
        assert_eq!(counted.lost(), Some(7));
        counted.delivered = Some(4);
        counted.frame();
        assert_eq!((counted.lost(), counted.missing()), (Some(10), Some(3)));
    }

    #[test]
    fn a_file_that_holds_all_that_was_delivered_does_not_say_that_nothing_was_lost() {
        let mut counted = Counted { delivered: Some(1), ..Counted::default() };
        counted.frame();
        counted.frame();
        assert_eq!((counted.lost(), counted.missing()), (None, Some(0)));
    }

    #[test]
    fn no_count_is_too_large() {
        let largest = Counted { delivered: Some(u64::MAX), between: Some(u64::MAX), ..Counted::default() };
        assert_eq!(Counts(vec![largest.clone(), largest]).lost(), Some(u64::MAX));
    }
}
