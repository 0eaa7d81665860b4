//! Filters as the kernel runs them, for a ring of our own.
//!
//! libpcap compiles an expression for frames that begin with their link header. A socket on all interfaces gets frames
//! without one, so there the program is to be changed: the payload begins at 0, and what is asked of the cooked header is asked of
//! the kernel (`SKF_AD_*` of `linux/filter.h`).

use nix::libc::{SKF_AD_IFINDEX, SKF_AD_OFF, SKF_AD_PKTTYPE, SKF_AD_PROTOCOL, sock_filter};
use pcap::{Active, Capture};

use super::block::{COOKED, Form};

/// BPF's instructions, and the parts of their codes (`linux/bpf_common.h`).
const RETURN: u16 = 6;
const CLASS: u16 = 0x07;
const LOAD: u16 = 0;
const LOAD_INDEX: u16 = 1;
const MODE: u16 = 0xe0;
const ABSOLUTE: u16 = 0x20;
const INDEXED: u16 = 0x40;
const HEADER_LENGTH: u16 = 0xa0;
const LOAD_WORD: u16 = LOAD | ABSOLUTE;
const LOAD_HALF: u16 = LOAD | ABSOLUTE | 0x08;
const LOAD_BYTE: u16 = LOAD | ABSOLUTE | 0x10;

/// The place from which on a program reads what the kernel knows, and not the frame.
const OF_KERNEL: u32 = u32::from_ne_bytes(SKF_AD_OFF.to_ne_bytes());

/// Compiles a filter for the kernel. It cuts the frames to the snaplen. `None` if libpcap has to apply it.
pub(super) fn compile(capture: &Capture<Active>, expression: &str, form: Form) -> Option<Vec<sock_filter>> {
    let compiled = capture.compile(expression, true).ok()?;
    // The crate shows the fields of an instruction only as text: "code jt jf k".
    let step = |text: String| {
        let mut numbers = text.split_ascii_whitespace().map(str::parse::<u32>);
        let mut number = || numbers.next()?.ok();
        let (code, jt, jf, k) = (number()?, number()?, number()?, number()?);
        let (code, jt, jf) = (u16::try_from(code).ok()?, u8::try_from(jt).ok()?, u8::try_from(jf).ok()?);
        Some(sock_filter { code, jt, jf, k })
    };
    let steps = compiled.get_instructions().iter().map(|each| step(each.to_string()));
    match form {
        Form::Ethernet => steps.collect(),
        Form::Cooked => steps.map(|step| without_header(step?)).collect(),
    }
}

/// Makes a filter that lets all frames pass. The kernel cuts frames where a filter says so.
pub(super) fn cut_to(snaplen: u32) -> Vec<sock_filter> {
    vec![sock_filter { code: RETURN, jt: 0, jf: 0, k: snaplen }]
}

/// Changes an instruction for cooked frames into one for the same frames without the header. `None` if the kernel does not
/// know what it asks for: the kind of the interface, the address, or a part of a field.
fn without_header(step: sock_filter) -> Option<sock_filter> {
    let of_frame = matches!(step.code & CLASS, LOAD | LOAD_INDEX)
        && matches!(step.code & MODE, ABSOLUTE | INDEXED | HEADER_LENGTH);
    // Places at the end of the address space are the kernel's own ones, such as the VLAN tag's.
    if !of_frame || step.k >= OF_KERNEL {
        return Some(step);
    }
    let asked = |what: i32| OF_KERNEL + what.unsigned_abs();
    let k = match (step.code, step.k) {
        (LOAD_HALF, 0) => asked(SKF_AD_PROTOCOL),
        (LOAD_WORD, 4) => asked(SKF_AD_IFINDEX),
        (LOAD_BYTE, 10) => asked(SKF_AD_PKTTYPE),
        (_, k) => k.checked_sub(COOKED as u32)?,
    };
    Some(sock_filter { k, ..step })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(code: u16, k: u32) -> Option<u32> {
        let step = without_header(sock_filter { code, jt: 3, jf: 5, k })?;
        assert_eq!((step.code, step.jt, step.jf), (code, 3, 5));
        Some(step.k)
    }

    #[test]
    fn the_payload_begins_at_zero() {
        for (code, k) in [(LOAD_HALF, 26), (LOAD_BYTE, 29), (LOAD | INDEXED | 0x08, 22), (0xb1, 20)] {
            assert_eq!(changed(code, k), Some(k - 20), "{code:#x}");
        }
    }

    #[test]
    fn the_kernel_is_asked_for_the_fields_of_the_header() {
        for (code, k, place) in [(LOAD_HALF, 0, 0), (LOAD_WORD, 4, 8), (LOAD_BYTE, 10, 4)] {
            assert_eq!(changed(code, k), Some(0xffff_f000 + place));
        }
    }

    #[test]
    fn libpcap_tests_what_the_kernel_does_not_know() {
        for (code, k) in [
            (LOAD_HALF, 2),
            (LOAD_HALF, 8),
            (LOAD_BYTE, 0),
            (LOAD_BYTE, 11),
            (LOAD_WORD, 12),
            (LOAD_BYTE, 19),
            (LOAD | INDEXED, 0),
            (LOAD | INDEXED, 19),
        ] {
            assert_eq!(changed(code, k), None, "{code:#x} at {k}");
        }
    }

    #[test]
    fn what_reads_no_frame_stays() {
        // A constant, a cell of memory, the frame's length, a jump, an end, and the kernel's VLAN tag.
        for (code, k) in [(0, 1), (0x60, 2), (0x80, 0), (0x15, 4), (RETURN, 0), (LOAD_BYTE, 0xffff_f000 + 48)]
        {
            assert_eq!(changed(code, k), Some(k), "{code:#x}");
        }
    }
}
