//! Teredo, RFC 4380: IPv6 in UDP from or to port 3544.
//!
//! ```text
//! [0 1 | identifier length (1) | authentication length (1) | identifier | authentication | nonce (8) | 0 (1)] |
//! [0 0 | port (2) | IPv4 address (4)] | IPv6
//! ```
//!
//! Nothing marks a datagram without these two indications. So the IPv6 packet must fill it, or one of its addresses must
//! be a client's (2001::/32) or one that is used to ask a server (fe80::/10): trailers may follow (RFC 6081).

use super::sound;

/// Returns the IPv6 packet in a datagram of this length, or `None` if it has another form.
pub(super) fn split(datagram: &[u8], declared: usize) -> Option<&[u8]> {
    let mut rest = datagram;
    if let [0, 1, identifier, authentication, ..] = *rest {
        rest = rest.get(4 + usize::from(identifier) + usize::from(authentication) + 9..)?;
    }
    if let [0, 0, _, _, _, _, _, _, after @ ..] = rest {
        rest = after;
    }
    let left = declared.checked_sub(datagram.len() - rest.len())?;
    let len = sound::ipv6_len(rest)?;
    let client = |at: usize| match rest.get(at..) {
        Some([0x20, 0x01, 0, 0, ..]) => true,
        Some([0xfe, second, ..]) => second >> 6 == 2,
        _ => false,
    };
    (len == left || len < left && (client(8) || client(24))).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bubble(client: bool) -> Vec<u8> {
        let mut packet = vec![0; 40];
        (packet[0], packet[6], packet[8], packet[9]) = (0x60, 59, 0x20, 0x01);
        packet[10] = if client { 0 } else { 0x0d };
        packet
    }

    #[test]
    fn indications_in_front_of_the_packet_are_skipped() {
        let authentication = [&[0, 1, 2, 3][..], &[9; 2 + 3 + 8], &[0]].concat();
        let origin = [0, 0, 1, 2, 3, 4, 5, 6];
        for front in [&[][..], &authentication, &origin, &[&authentication[..], &origin].concat()] {
            let bytes = [front, &bubble(false)].concat();
            assert_eq!(split(&bytes, bytes.len()), Some(&bubble(false)[..]), "{front:?}");
            for len in 0..bytes.len() {
                assert_eq!(split(&bytes[..len], bytes.len()), None, "{len}");
            }
        }
    }

    #[test]
    fn bytes_behind_the_packet_are_trailers_of_clients_only() {
        for (client, found) in [(true, true), (false, false)] {
            let bytes = [&bubble(client)[..], &[1, 1, 0]].concat();
            assert_eq!(split(&bytes, bytes.len()).is_some(), found);
        }
        assert_eq!(split(&bubble(true), 39), None);
        assert_eq!(split(b"a datagram of text that is as long as an IPv6 header", 52), None);
    }
}
