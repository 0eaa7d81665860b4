//! PIM's register messages (RFC 7761 section 4.9.3): a multicast packet on its way to the rendezvous point.
//!
//! ```text
//! version (4 bits): 2 | type (4 bits): 1 | 0 (1) | checksum (2) | B N … (4) | IP packet
//! ```
//!
//! With N it is a null register, whose packet is a header alone.

use super::sound;

/// Returns the packet in a register message of this length; `None` for the other messages of PIM, which are for routers.
pub(super) fn registered(message: &[u8], declared: usize) -> Option<&[u8]> {
    match message {
        [0x21, _, _, _, _, _, _, _, packet @ ..] => {
            sound::may_be_ip(packet, declared.saturating_sub(8)).then_some(packet)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_carries_a_packet_and_other_messages_do_not() {
        assert_eq!(registered(&[0x21, 0, 0xde, 0xff, 0, 0, 0, 0, 0x45, 1], 60), Some(&[0x45, 1][..]));
        for other in [
            &[0x20, 0, 0, 0, 0, 0, 0, 0, 0x45][..],
            &[0x22, 0, 0, 0, 0x45],
            &[0x21, 0, 0, 0, 0, 0, 0, 0],
            b"",
        ] {
            assert_eq!(registered(other, 60), None);
        }
    }
}
