//! Segments far outside of any window, in case that the connection is there and not where it was seen.
//!
//! One forged segment, a large loss, or a reuse of the ports whose handshake was lost must not make a direction blind for ever.
//! So segments that are refused are compared with one another. Where they go on in a row, and the receiver acknowledges them,
//! the stream is joined there, behind a gap. Without any acknowledgement more of them have to come, and one that fits to what
//! was seen before speaks against all.

/// A row of segments that were refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strays {
    first: u32,
    next: u32,
    count: u8,
    is_acknowledged: bool,
}

impl Strays {
    /// The number of segments without a word of the other side, where that was never seen, and where it was.
    const UNANSWERED: [u8; 2] = [8, 32];
    /// The most bytes between two segments of a row.
    const NEAR: u32 = 1 << 16;

    /// Adds a segment. Returns true if the stream is to be joined at it.
    pub(super) fn add(row: &mut Option<Self>, sequence: u32, len: usize, is_other_seen: bool) -> bool {
        let end = sequence.wrapping_add(len as u32);
        let begun = Self { first: sequence, next: end, count: 0, is_acknowledged: false };
        let mut strays = row.filter(|row| sequence.wrapping_sub(row.next) < Self::NEAR).unwrap_or(begun);
        strays.next = end;
        strays.count = strays.count.saturating_add(1);
        let [alone, both] = Self::UNANSWERED;
        let is_due = strays.is_acknowledged || strays.count >= if is_other_seen { both } else { alone };
        *row = Some(strays).filter(|_| !is_due);
        is_due
    }

    /// Takes what the other side acknowledges, in a segment that fits to what was seen of it or not.
    pub(super) fn hear(row: &mut Option<Self>, number: u32, is_sound: bool) {
        let Some(strays) = row else { return };
        let of = strays.next.wrapping_sub(strays.first);
        if (1..=of).contains(&number.wrapping_sub(strays.first)) {
            strays.is_acknowledged = true;
        } else if is_sound {
            *row = None;
        }
    }
}
