//! Captures of fragments.

use crate::made;
use crate::ngrep::alike::frames::{FROM, Shot, TO, ethernet, ip6};

use super::Capture;

pub(super) fn all() -> Vec<Capture> {
    vec![ipv4(), ipv4_at_multiples_of_2048(), ipv6()]
}

fn ipv4_fragment(protocol: u8, field: u16, payload: &[u8]) -> Shot {
    Shot::new(ethernet(&made::ipv4(FROM, TO, protocol, field, payload)))
}

/// Four datagrams in pieces. The offset of none is a multiple of 2048 except for the first ones.
fn ipv4() -> Capture {
    let mut shots = Vec::new();
    for (port, protocol) in [(11, 17), (12, 6), (13, 1), (14, 89)] {
        let first = match protocol {
            17 => made::udp_segment(port, 22, b"first foo piece."),
            6 => crate::ngrep::alike::frames::tcp_segment(port, 22, 0x18, b"foo!"),
            _ => [&[8, 0, 0, 0][..], b"foo of it 12"].concat(),
        };
        shots.push(ipv4_fragment(protocol, 0x2000, &first));
        shots.push(ipv4_fragment(protocol, 0x2000 | (first.len() / 8) as u16, b"in the middle foo 123456"));
        shots.push(ipv4_fragment(protocol, (first.len() / 8 + 3) as u16, b"last foo"));
    }
    Capture::new("fragments", 1, &shots)
}

/// Later fragments whose offset is a multiple of 2048 bytes. ngrep takes their beginning for a header.
fn ipv4_at_multiples_of_2048() -> Capture {
    let fragment = |protocol: u8, field: u16, payload: &[u8]| {
        let later = ipv4_fragment(protocol, field + 1, payload);
        Shot::misread(ipv4_fragment(protocol, field, payload).bytes, later.bytes)
    };
    let shots = [
        fragment(17, 0x2000 | 256, b"AAAA and a foo behind it"),
        fragment(6, 512, b"AAAA and a foo behind it, far enough"),
        fragment(1, 768, b"AAAA and a foo"),
    ];
    Capture::misread("fragments-2048", "fragments-at-2048", 1, 1, &shots)
}

fn ipv6() -> Capture {
    let fragment = |next: u8, field: u16, payload: &[u8]| {
        let header = [&[next, 0][..], &field.to_be_bytes(), &77u32.to_be_bytes()].concat();
        Shot::new(ethernet(&ip6(44, &[&header, payload].concat())))
    };
    let udp = made::udp_segment(1000, 2000, b"first foo piece.");
    let shots = [
        fragment(17, 1, &udp),
        fragment(17, 25, b"in the middle foo 123456"),
        fragment(17, 48, b"last foo"),
        fragment(6, 1, &crate::ngrep::alike::frames::tcp_segment(1001, 80, 0x18, b"foo!")),
        fragment(58, 1, b"\x80\x00\0\0foo of it 12"),
        fragment(58, 16, b"last foo"),
        fragment(17, 2048, b"AAAA and a foo behind it"),
    ];
    Capture::new("fragments-ipv6", 1, &shots)
}
