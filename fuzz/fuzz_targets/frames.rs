//! A capture without a file: link type, then frames, each behind its length.
#![no_main]

use everything::{Everything, LINKS};
use libfuzzer_sys::fuzz_target;
use ovlsniff::packet::{Frame, InterfaceNumber, Timestamp};

fuzz_target!(|data: &[u8]| {
    let Some((&link, mut rest)) = data.split_first() else { return };
    let link = LINKS[usize::from(link) % LINKS.len()];
    let mut everything = Everything::default();
    let mut number = 0;
    while let Some((&[high, low, cut], more)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(more.len());
        let (bytes, more) = more.split_at(len);
        rest = more;
        number += 1;
        everything.frame(&Frame {
            number,
            time: Timestamp::new(number as i64, 0, 9),
            link,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: len as u32 + u32::from(cut),
            bytes,
        });
    }
    everything.finish();
});
