//! The search as ngrep has it: the outermost packet of each frame, alone.
//!
//! No tunnel is looked into, no datagram is put together, and nothing is opaque: ESP is bytes like any other. A frame is then
//! what its own bytes say, so nothing is kept between two of them but the context of matches.
//!
//! Frames without IP are none to ngrep, and nobody is told of them. All others are told of, since ngrep's numbers count them.

use super::Outcome;
use crate::capture::Batch;
use crate::dissect::{Dissected, Dissector};
use crate::packet::{Frame, LinkType, Packet};
use crate::pattern::Gate;

/// Takes a frame, and passes its packet on to `sink`. Within its caller, this would make the other search dearer.
#[inline(never)]
pub(super) fn frame<E>(
    frame: &Frame<'_>,
    dissector: &mut Dissector,
    sink: &mut impl FnMut(&mut Dissector, Dissected<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut packet = Packet::default();
    dissector.decoder_mut().outermost_into(frame, &mut packet);
    if packet.headers.ip.is_none() {
        return Ok(());
    }
    sink(dissector, Dissected { frame, packet: &packet, whole: None })
}

/// Takes frames up to the next one that may match, and returns that one, or `None` if there is none left. Adds the results of the
/// others to `outcomes`. Those that `admits` refuses are passed over.
#[inline(never)]
pub(super) fn next<'r>(
    batch: &mut impl Batch<'r>,
    gate: Option<&Gate>,
    admits: &mut impl FnMut(&Frame<'_>) -> bool,
    outcomes: &mut Vec<Outcome>,
) -> Option<Frame<'r>> {
    loop {
        let frame = batch.next()?;
        if !admits(&frame) {
            continue;
        }
        if !gate.is_some_and(|gate| passes_over(&frame, gate)) {
            return Some(frame);
        }
        outcomes.push(Outcome::Clear);
    }
}

/// Returns true if the frame has an IP packet, as its first headers show, and cannot match.
#[inline]
fn passes_over(frame: &Frame<'_>, gate: &Gate) -> bool {
    let is_ip = match frame.bytes {
        [_, _, _, _, _, _, _, _, _, _, _, _, 0x08, 0x00, first, rest @ ..] => {
            first >> 4 == 4 && rest.len() >= 19
        }
        [_, _, _, _, _, _, _, _, _, _, _, _, 0x86, 0xdd, first, rest @ ..] => {
            first >> 4 == 6 && rest.len() >= 39
        }
        _ => false,
    };
    is_ip && frame.link == LinkType::ETHERNET && !gate.is_open(frame.bytes)
}
