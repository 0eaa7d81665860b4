//! Captures in other formats, damaged ones, frames that are cut or malformed, and odd times.

use crate::made;
use crate::ngrep::alike::frames::{Format, Shot, ethernet, file, frame, ip4, ip6, tcp, udp};

use super::Capture;

pub(super) fn all() -> Vec<Capture> {
    let mut all = vec![
        in_format("nanoseconds", Format::Nanos),
        in_format("big-endian", Format::BigEndian),
        in_format("pcapng", Format::Pcapng),
        Capture { bytes: Vec::new(), ..in_format("nothing-at-all", Format::Micros) },
        Capture { bytes: b"This is no capture, but a text.\n".to_vec(), ..in_format("text", Format::Micros) },
        Capture::new("no-frames", 1, &[]),
        no_time(),
        raw_pcapng(),
    ];
    all.extend([truncated("truncated-frame", 5), truncated("truncated-header", 67)]);
    all.extend([snaplen(), cut_headers(), malformed(), unsound(), times(), one(), ip_version()]);
    all
}

fn shots() -> Vec<Shot> {
    let packets =
        [udp(1, 80, b"hello foo"), tcp(2, 80, 0x18, b"foo"), tcp(2, 80, 0x10, b""), udp(3, 53, b"bar")];
    packets.iter().map(|packet| Shot::new(ethernet(packet))).collect()
}

fn in_format(name: &'static str, format: Format) -> Capture {
    Capture {
        name: name.to_owned(),
        bytes: file(format, 1, &shots(), |shot| shot.bytes.clone()),
        plain: None,
        of_others: false,
    }
}

/// A capture whose frames have no time: simple packets of pcapng.
fn no_time() -> Capture {
    let mut bytes = file(Format::Pcapng, 1, &[], |shot| shot.bytes.clone());
    for shot in shots() {
        let len = shot.bytes.len() as u32;
        let padded = len.next_multiple_of(4);
        bytes.extend([3, 16 + padded, len].iter().flat_map(|number: &u32| number.to_le_bytes()));
        bytes.extend(&shot.bytes);
        bytes.resize(bytes.len() + (padded - len) as usize, 0);
        bytes.extend((16 + padded).to_le_bytes());
    }
    Capture { bytes, ..in_format("no-time", Format::Pcapng) }
}

/// A pcapng file of packets without a link layer: its link type is told behind the beginning of the file.
fn raw_pcapng() -> Capture {
    let shots = [Shot::new(udp(1, 80, b"hello foo")), Shot::new(tcp(2, 80, 0x18, b"foo"))];
    Capture {
        bytes: file(Format::Pcapng, 101, &shots, |shot| shot.bytes.clone()),
        ..in_format("raw-pcapng", Format::Pcapng)
    }
}

/// A frame that is IP by its Ethernet type only. ngrep shows it with addresses that are no addresses.
fn ip_version() -> Capture {
    let mut wrong = udp(3, 4, b"foo of version 5");
    wrong[0] = 0x55;
    let shots = [
        Shot::new(ethernet(&udp(1, 2, b"foo"))),
        Shot::misread(frame(0x0800, &wrong), frame(0x88b5, b"foo")),
        Shot::new(ethernet(&udp(5, 6, b"foo"))),
    ];
    Capture::misread("ip-version", "ip-version", 1, 1, &shots)
}

/// A capture that ends this many bytes too early.
fn truncated(name: &'static str, missing: usize) -> Capture {
    let mut capture = in_format(name, Format::Micros);
    capture.bytes.truncate(capture.bytes.len() - missing);
    capture
}

/// A capture of one frame without a match for most patterns, of another snaplen than the others.
fn one() -> Capture {
    let mut one = Capture::of_packets("one", &[udp(1, 80, b"only this")]);
    one.bytes[16..20].copy_from_slice(&1500u32.to_le_bytes());
    one
}

fn get() -> Shot {
    Shot::new(ethernet(&tcp(1, 80, 0x18, b"GET /foo HTTP/1.1\r\n\r\n")))
}

/// Frames that end within the payload, and behind the header.
fn snaplen() -> Capture {
    Capture::new("snaplen", 1, &[get().cut(60), get().cut(54), get()])
}

/// Frames that end within the header of TCP, and within that of IP. ngrep reads on behind the end.
fn cut_headers() -> Capture {
    let mut in_tcp = get().cut(47);
    in_tcp.plain = Some(ethernet(&tcp(1, 80, 0, b"")));
    let mut in_ip = get().cut(30);
    in_ip.plain = Some(frame(0x88b5, b"foo"));
    Capture::misread("cut-headers", "cut-headers", 1, 1, &[get(), in_tcp, in_ip, get()])
}

/// Headers whose lengths contradict the packet.
fn malformed() -> Capture {
    let changed = |mut packet: Vec<u8>, at: usize, byte: u8| {
        packet[at] = byte;
        packet
    };
    Capture::of_packets(
        "malformed",
        &[
            changed(udp(1, 2, b"foo, shorter than UDP says"), 25, 99),
            changed(udp(3, 4, b"foo, longer than UDP says"), 25, 9),
            changed(udp(5, 6, b"foo, UDP below its header"), 25, 3),
            changed(tcp(7, 8, 0x18, b"foo, no TCP header length"), 32, 0x10),
            changed(tcp(9, 10, 0x18, b"foo, too long a TCP header"), 32, 0xf0),
            changed(udp(11, 12, b"foo, IP of no length"), 3, 0),
            ip4(1, b"\x08\x07"),
        ],
    )
}

/// Headers whose lengths leave no room for what should follow them. Here is what ovlsniff makes of them.
fn unsound() -> Capture {
    let changed = |mut packet: Vec<u8>, at: usize, byte: u8, meant: Vec<u8>| {
        packet[at] = byte;
        Shot::misread(ethernet(&packet), ethernet(&meant))
    };
    let shots = [
        changed(udp(13, 14, b"foo, IP header below 20"), 0, 0x43, udp(13, 14, b"foo, IP header below 20")),
        changed(udp(15, 16, b"foo, IP header beyond it"), 0, 0x4f, udp(0, 0, b"")),
        changed(
            ip6(17, &made::udp_segment(17, 18, b"foo, v6 of no length")),
            5,
            0,
            ip6(17, &made::udp_segment(0, 0, b"")),
        ),
        changed(ip4(17, b"\0\x01\0"), 8, 64, udp(0, 0, b"")),
        changed(ip4(6, b"\0\x01\0\x02\0\0\0\0\0\0"), 8, 64, tcp(1, 2, 0, b"")),
    ];
    Capture::misread("unsound-lengths", "unsound-lengths", 1, 1, &shots)
}

/// The first second of all, both sides of a change to winter time, a leap day, the last of 31 bits; and one step back.
fn times() -> Capture {
    let times = [
        (0, 0),
        (1, 5),
        (1_698_539_400, 999_999),
        (1_698_543_000, 1),
        (1_709_164_800, 123_456),
        (2_147_483_647, 999_999),
        (2_147_483_646, 500_000),
    ];
    let shots: Vec<Shot> = (1..)
        .zip(times)
        .map(|(n, (seconds, micros))| Shot::new(ethernet(&udp(n, 80, b"hello foo"))).at(seconds, micros))
        .collect();
    Capture::new("times", 1, &shots)
}
