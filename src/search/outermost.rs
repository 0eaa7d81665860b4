//! The search as ngrep has it: the outermost packet of each frame, alone.
//!
//! No tunnel is looked into, no datagram is put together, and nothing is opaque: ESP is bytes like any other. A frame is then
//! what its own bytes say, so nothing is kept between two of them but the context of matches.
//!
//! Frames without IP are none to ngrep, and nobody is told of them.

use super::Found;
use super::selection::Selection;
use crate::dissect::{Dissected, Dissector};
use crate::packet::{Frame, Packet};
use crate::pattern::Gate;

/// Takes a frame, and tells `sink` what became of its packet. With `gate`, only matches are asked for, and a frame without the pattern's literal is not decoded.
pub(super) fn frame<E>(
    frame: &Frame<'_>,
    gate: Option<&Gate>,
    dissector: &mut Dissector,
    selection: &mut Selection,
    sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
) -> Result<(), E> {
    if gate.is_some_and(|gate| !gate.is_open(frame.bytes)) {
        return Ok(());
    }
    let mut packet = Packet::default();
    dissector.decoder_mut().outermost_into(frame, &mut packet);
    if packet.headers.ip.is_none() {
        return Ok(());
    }
    selection.take(dissector, Dissected { frame, packet: &packet, whole: None }, sink)
}
