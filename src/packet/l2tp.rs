//! L2TP: version 2 (RFC 2661) in UDP on port 1701, version 3 (RFC 3931) there and directly in IP (protocol 115).
//!
//! ```text
//! version 2: T L 0 0 S 0 O P 0000 | 2 | [length (2)] | tunnel (2) | session (2) | [Ns, Nr (4)] | [offset (2), pad] | PPP
//! version 3 in UDP: T 0 … | 3 | 0 (2) | session (4) | [cookie (4 or 8)] | [sublayer (4)] | payload
//! version 3 in IP: session (4) | [cookie (4 or 8)] | [sublayer (4)] | payload
//! ```
//!
//! T is set in control messages, and in IP their session is 0. These are not tunnels. In version 3 the two ends agree on
//! the length of the cookie, on the sublayer and on the kind of payload, and no packet tells of it. So the payload is what
//! is sound as a frame or packet behind one of the possible lengths, and otherwise it is not decoded.

use super::sound;

const CONTROL: u16 = 0x8000;
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;
const RESERVED: u16 = 0x34f0;
const VERSION: u16 = 0x000f;

/// The header of a data message of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) tunnel: u16,
    pub(super) session: u16,
    /// The length of the PPP frame inside.
    pub(super) payload_len: usize,
}

/// The payload of version 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    Ethernet,
    Ip,
}

/// Splits a datagram of this length into the header of version 2 and a PPP frame. Returns `None` if it has no such form.
pub(super) fn split_v2(datagram: &[u8], declared: usize) -> Option<(Header, &[u8])> {
    let (flags, mut rest) = word(datagram)?;
    if flags & (CONTROL | RESERVED) != 0 || flags & VERSION != 2 {
        return None;
    }
    let mut len = declared;
    if flags & LENGTH != 0 {
        let (field, after) = word(rest)?;
        (len, rest) = (usize::from(field), after);
    }
    let (tunnel, after) = word(rest)?;
    let (session, after) = word(after)?;
    rest = after;
    if flags & SEQUENCE != 0 {
        rest = rest.get(4..)?;
    }
    if flags & OFFSET != 0 {
        let (pad, after) = word(rest)?;
        rest = after.get(usize::from(pad)..)?;
    }
    let payload_len = len.checked_sub(datagram.len() - rest.len()).filter(|_| len <= declared)?;
    let frame = rest.get(..payload_len).unwrap_or(rest);
    let sound = tunnel != 0 && session != 0 && sound::is_ppp(frame, payload_len);
    sound.then_some((Header { tunnel, session, payload_len }, rest))
}

/// Splits a datagram of version 3 into the session and the rest. Returns `None` if it is none, or a control message.
pub(super) fn split_v3(datagram: &[u8]) -> Option<(u32, &[u8])> {
    split_ip(datagram.strip_prefix(&[0, 3, 0, 0])?)
}

/// Splits a packet of version 3 in IP into the session and the rest. Returns `None` for a control message.
pub(super) fn split_ip(packet: &[u8]) -> Option<(u32, &[u8])> {
    let (&session, rest) = packet.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(session), rest)).filter(|&(session, _)| session != 0)
}

/// Finds the payload of version 3 behind the session: its kind, and the bytes in front of it. These are the cookie, the
/// sublayer, and PPP's header if IP is in PPP.
pub(super) fn inside(rest: &[u8], declared: usize) -> Option<(Inside, usize)> {
    // Cookies of 0, 4 and 8 bytes, each with a sublayer of 4 bytes or without one. Linux has the sublayer alone.
    [4, 0, 8, 12, 16].into_iter().find_map(|skip| {
        let (bytes, left) = (rest.get(skip..)?, declared.checked_sub(skip)?);
        let kind = if sound::is_ethernet(bytes, left) {
            Inside::Ethernet
        } else if sound::is_ip(bytes, left) {
            Inside::Ip
        } else {
            return None;
        };
        Some((kind, skip))
    })
}

fn word(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (&word, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(word), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An LCP echo request.
    const PPP: [u8; 8] = [0xff, 3, 0xc0, 0x21, 9, 1, 0, 4];

    #[test]
    fn every_optional_field_of_version_2_is_skipped() {
        let found = |payload_len| Some((Header { tunnel: 7, session: 8, payload_len }, &PPP[..]));
        for fields in [
            &[0x00, 2, 0, 7, 0, 8][..],
            &[0x40, 2, 0, 16, 0, 7, 0, 8],
            &[0x48, 2, 0, 20, 0, 7, 0, 8, 0, 1, 0, 0],
            &[0x42, 2, 0, 21, 0, 7, 0, 8, 0, 3, 9, 9, 9],
            &[0x01, 2, 0, 7, 0, 8],
        ] {
            let bytes = [fields, &PPP].concat();
            assert_eq!(split_v2(&bytes, bytes.len()), found(8), "{fields:?}");
        }
        // The length of the header ends the frame before the datagram does.
        let longer = [&[0x40, 2, 0, 16, 0, 7, 0, 8][..], &PPP, &[0; 4]].concat();
        assert_eq!(split_v2(&longer, longer.len()).map(|(header, _)| header.payload_len), Some(8));
    }

    #[test]
    fn control_messages_and_other_datagrams_are_no_tunnels() {
        for fields in [
            &[0xc8, 2, 0, 20, 0, 7, 0, 0, 0, 1, 0, 0][..],
            &[0x00, 1, 0, 7, 0, 8],
            &[0x10, 2, 0, 7, 0, 8],
            &[0x40, 2, 0, 99, 0, 7, 0, 8],
            &[0x40, 2, 0, 3, 0, 7, 0, 8],
            &[0x00, 2, 0, 7, 0, 0],
        ] {
            let bytes = [fields, &PPP].concat();
            assert_eq!(split_v2(&bytes, bytes.len()), None, "{fields:?}");
        }
        assert_eq!(split_v2(&[0, 2, 0, 7, 0, 8, 0x12, 0x34, 0x45], 9), None, "no PPP inside");
        assert_eq!(split_v3(&[0xc8, 3, 0, 20, 0, 0, 0, 1]), None);
        assert_eq!(split_v3(&[0, 3, 0, 0, 0, 0, 0, 0, 9]), None);
        assert_eq!(split_ip(&[0, 0, 0, 0, 0xc8, 3]), None);
        assert_eq!(split_v3(&[0, 3, 0, 0, 0, 0, 0, 9, 1]), Some((9, &[1][..])));
    }

    #[test]
    fn what_is_sound_behind_a_cookie_and_a_sublayer_is_the_payload() {
        let ip = [&[0x45, 0, 0, 24, 0, 0, 0, 0, 64, 99, 0xf6, 0x7f, 192, 0, 2, 1, 192, 0, 2, 2][..], &[7; 4]]
            .concat();
        let frame = [&[2; 12][..], &[8, 0], &ip].concat();
        for skip in [0, 4, 8, 12] {
            for (kind, payload) in [(Inside::Ethernet, &frame), (Inside::Ip, &ip)] {
                let bytes = [&vec![0x5a; skip][..], payload].concat();
                assert_eq!(inside(&bytes, bytes.len()), Some((kind, skip)));
                assert_eq!(inside(&bytes[..skip + 19], bytes.len()), None, "cut");
            }
        }
        let ppp = [&[0xff, 3, 0, 0x21][..], &ip].concat();
        assert_eq!(inside(&ppp, ppp.len()), Some((Inside::Ip, 4)));
        assert_eq!(inside(&[0x5a; 90], 90), None);
        assert_eq!(inside(&[&[0x5a; 5], &frame[..]].concat(), 43), None, "no cookie has five bytes");
    }
}
