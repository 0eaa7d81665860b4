//! Captures of every kind of payload.

use crate::ngrep::alike::frames::{Shot, ethernet, ip4, ip6, tcp, udp};

use super::Capture;

pub(super) fn all() -> Vec<Capture> {
    vec![
        Capture::of_packets("empty-packets", &empty()),
        Capture::of_packets("binary", &binary()),
        Capture::of_packets("lines", &lines()),
        Capture::of_packets("utf8", &utf8()),
        Capture::of_packets("wide", &wide()),
        Capture::of_packets("deep", &[udp(1, 2, &[b'a'; 30_000]), udp(1, 2, b"foo{\"id\": 1} user@host")]),
        Capture::of_packets("escapes", &escapes()),
        long(),
        padding(),
        padding_ipv6(),
    ]
}

fn empty() -> Vec<Vec<u8>> {
    vec![
        tcp(1, 80, 0x02, b""),
        tcp(1, 80, 0x12, b""),
        udp(1, 2, b""),
        ip4(1, b"\x08\x00\0\0"),
        ip4(89, b""),
        ip4(2, b"\x16\x00\0\0"),
        ip6(17, b"\0\x01\0\x02\0\x08\0\0"),
        udp(1, 2, b"at last a foo"),
        udp(1, 2, b""),
    ]
}

fn binary() -> Vec<Vec<u8>> {
    let every: Vec<u8> = (0..=255).collect();
    let mut more = every.clone();
    more.extend(b"foo");
    vec![
        udp(1, 2, &every),
        udp(1, 2, &more),
        udp(1, 2, b"\0\0\0\0"),
        udp(1, 2, b"\xff"),
        udp(1, 2, b"f\0o\0o\0foo\0"),
    ]
}

fn lines() -> Vec<Vec<u8>> {
    let many: Vec<u8> = (0..40).flat_map(|n| format!("line {n} of foo\n").into_bytes()).collect();
    vec![
        udp(1, 2, b"one foo\r\ntwo\r\n\r\nthree\r\n"),
        udp(1, 2, b"one\nfoo two\n"),
        udp(1, 2, b"one foo\nno end"),
        udp(1, 2, b"\n\n\nfoo\n\n"),
        udp(1, 2, b"a\rfoo\rb"),
        udp(1, 2, b"foo\n"),
        udp(1, 2, b"first\nfoo"),
        udp(1, 2, &many),
        udp(1, 2, b"tab\tfoo\x0b\x0c"),
    ]
}

fn utf8() -> Vec<Vec<u8>> {
    vec![
        udp(1, 2, "größer foo".as_bytes()),
        udp(1, 2, "日本語 foo".as_bytes()),
        udp(1, 2, "foo \u{202e}txt \u{200b}.".as_bytes()),
        udp(1, 2, b"cut foo \xe6\x97"),
        udp(1, 2, b"Latin-1 gr\xf6\xdfer foo"),
    ]
}

/// Payloads about as long as a row: of 80 columns, of a few, and of a hex dump.
fn wide() -> Vec<Vec<u8>> {
    let lengths = [7, 8, 9, 15, 16, 17, 74, 75, 76, 149, 150, 151, 300];
    lengths
        .into_iter()
        .map(|len| udp(1, 2, &b"foo-".iter().copied().cycle().take(len).collect::<Vec<u8>>()))
        .collect()
}

fn escapes() -> Vec<Vec<u8>> {
    vec![udp(1, 2, b"\x1b[31mfoo\x1b[0m"), udp(1, 2, b"\x9b31mfoo\x07\x08\x7f"), udp(1, 2, b"\x1b]0;foo\x07")]
}

/// Payloads of the greatest length.
fn long() -> Capture {
    let mut text: Vec<u8> = b"0123456789 ".iter().copied().cycle().take(65_507).collect();
    text[65_500..65_503].copy_from_slice(b"foo");
    let shots = [
        Shot::new(ethernet(&udp(1, 2, &text))),
        Shot::new(ethernet(&tcp(1, 2, 0x18, &text[65_507 - 1460..]))),
        Shot::new(ethernet(&ip4(89, &[&text[..], b"0123456"].concat()))),
    ];
    Capture::new("long", 1, &shots)
}

fn padded(packet: &[u8], padding: &[u8]) -> Shot {
    let plain = ethernet(packet);
    let mut shot = Shot::misread([&plain, padding].concat(), plain);
    shot.wire_len = shot.bytes.len();
    shot
}

/// Short frames with the padding of Ethernet, and frames with a trailer behind the packet.
fn padding() -> Capture {
    let shots = [
        padded(&tcp(1, 80, 0x10, b""), &[0; 6]),
        padded(&udp(1, 2, b"foo"), &[0; 15]),
        padded(&udp(3, 4, b"bar"), b"trailer with a foo"),
        padded(&ip4(1, b"\x08\0\0\0foo"), &[0; 16]),
        padded(&ip4(89, b"foo"), &[0; 20]),
        padded(&ip4(2, b"\x16\0\0\0foo"), &[0; 8]),
    ];
    Capture::misread("padding", "padding", 1, 1, &shots)
}

fn padding_ipv6() -> Capture {
    let shots = [
        padded(&ip6(17, &crate::made::udp_segment(1, 2, b"bar")), b"trailer with a foo"),
        padded(&ip6(6, &crate::ngrep::alike::frames::tcp_segment(3, 4, 0x10, b"")), b"foo"),
    ];
    Capture::misread("padding-ipv6", "padding", 1, 1, &shots)
}
