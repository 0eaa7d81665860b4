//! PSP, ESP in TCP, and ESP whose lengths say nothing: no more of it is proof than what the keys open.

use super::build::{
    A, B, Host, base_and, base_and_five, framed, packet, pcap, seal, segment, small_talk, tcp, udp,
    unreachable,
};
use super::{CLEAR_OR_UNPROVEN, ENCRYPTED, NO_ALARM, Row, UNPROVEN, row};

/// PSP of this version around what an observer sees of a payload.
fn psp(from: Host, to: Host, offset: u8, version: u8, payload: &[u8]) -> Vec<u8> {
    let head = [17, 1, offset, version << 2 | 1, 0x9a, 0x34, 0x56, 0x78, 0, 0, 0, 0, 0, 0, 0, 1];
    framed(from, to, 17, &udp(50_000, 1000, &[&head, payload, &[0x5a; 16]].concat()))
}

/// A segment with an ESP message of so many bytes.
fn in_tcp(from: Host, to: Host, len: u16) -> Vec<u8> {
    let esp = vec![0xa5; usize::from(len)];
    framed(from, to, 6, &tcp(4500, &[&(len + 2).to_be_bytes()[..], &esp].concat()))
}

/// A segment out of the middle of a message.
fn out_of_the_middle(from: Host, to: Host) -> Vec<u8> {
    framed(from, to, 6, &tcp(4500, &[0xa5; 700]))
}

/// IP-TFS that the keys open, around these data blocks.
fn ip_tfs(from: Host, to: Host, n: u8, offset: u8, blocks: &[u8]) -> Vec<u8> {
    framed(from, to, 50, &seal(from, n + 1, 144, &[&[0, 0, 0, offset], blocks].concat()))
}

/// Five frames each way, among other traffic and without any other ESP.
fn both_ways(frame: impl Fn(Host, Host, u8) -> Vec<u8>) -> Vec<u8> {
    let frames = (0..5).flat_map(|n| [frame(A, B, n), frame(B, A, 50 + n)]);
    pcap(&small_talk().into_iter().chain(frames).collect::<Vec<_>>())
}

pub(super) fn rows() -> Vec<Row> {
    [of_psp(), of_esp_in_tcp(), of_ip_tfs()].into_iter().flatten().collect()
}

fn of_psp() -> Vec<Row> {
    let ciphertext = [0xa5; 150];
    vec![
        row(
            "PSP beside the network's ESP",
            base_and_five(move |_| psp(A, B, 0, 0, &ciphertext)),
            NO_ALARM,
            "Nobody can read it, and the network's own packets are opened.",
        ),
        row(
            "PSP alone",
            both_ways(move |from, to, _| psp(from, to, 0, 1, &ciphertext)),
            UNPROVEN,
            "Nothing shows whose packets are in it.",
        )
        .reason("opaque-transport"),
        row(
            "an ICMP error that quotes PSP with the VNI in clear",
            base_and_five(|n| {
                let sent = psp(A, B, 7, 0, &[&segment(n)[..28], &[0xa5; 90]].concat());
                unreachable(B, A, &sent[14..])
            }),
            NO_ALARM,
            "The quote shows no more than the packet did, whose frame is encrypted.",
        ),
        row(
            "PSP that only authenticates",
            base_and_five(|n| psp(A, B, 0, 2, &segment(n))),
            &["AUTH-ONLY"],
            "Version 2 is AES-GMAC, so the network's packets can be read.",
        )
        .reason("psp-integrity"),
        row(
            "PSP whose crypt offset shows the VNI",
            both_ways(|from, to, n| psp(from, to, 7, 0, &[&segment(n)[..28], &[0xa5; 90]].concat())),
            UNPROVEN,
            "The header is in clear and what it carries is not, so it is neither a leak nor proof.",
        )
        .reason("opaque-transport"),
        row(
            "PSP that says it encrypts and does not",
            base_and_five(|n| psp(A, B, 0, 0, &segment(n))),
            CLEAR_OR_UNPROVEN,
            "The header promises ciphertext, and the network's packet is plain to see behind it.",
        ),
    ]
}

fn of_esp_in_tcp() -> Vec<Row> {
    let stream = |from, to, n: u8| match n % 50 {
        0 => framed(from, to, 6, &tcp(4500, b"IKETCP")),
        n if n % 2 == 1 => in_tcp(from, to, 200),
        _ => out_of_the_middle(from, to),
    };
    vec![
        row(
            "ESP in TCP alone",
            both_ways(stream),
            UNPROVEN,
            "Messages begin and end anywhere in a stream, so nothing shows what is in them.",
        )
        .reason("no-length-law"),
        row(
            "ESP in TCP without the keys",
            both_ways(stream),
            UNPROVEN,
            "Without keys there is even less to know.",
        )
        .without_keys()
        .reason("no-length-law"),
        row(
            "ESP in TCP beside the network's ESP",
            base_and_five(|_| in_tcp(A, B, 200)),
            NO_ALARM,
            "Nobody can read it, and the network's own packets are opened.",
        ),
        row(
            "the network in clear on ESP's TCP port",
            base_and_five(|n| framed(A, B, 6, &tcp(4500, &[&b"IKETCP"[..], &segment(n)].concat()))),
            CLEAR_OR_UNPROVEN,
            "The stream begins like ESP's, and the network's packet is plain to see in it.",
        ),
    ]
}

fn of_ip_tfs() -> Vec<Row> {
    let whole = |from, to, n| ip_tfs(from, to, n, 0, &[&packet(from, to, n)[..], &[0; 300]].concat());
    let part = |from, to, n| ip_tfs(from, to, n, 60, &packet(from, to, n)[40..]);
    vec![
        row(
            "IP-TFS with a whole packet in each",
            both_ways(whole),
            ENCRYPTED,
            "The keys open it, and the first packet of each is the network's.",
        ),
        row(
            "IP-TFS with parts of packets",
            both_ways(part),
            UNPROVEN,
            "The keys open it, but the packets begin and end in others, which are not put together.",
        )
        .reason("no-length-law"),
        row(
            "IP-TFS at a constant rate, without the keys",
            both_ways(whole),
            UNPROVEN,
            "All packets have one length, and nothing shows whose they are.",
        )
        .without_keys()
        .reason("other-tunnel"),
        row(
            "IP-TFS and a leak",
            base_and(
                &(0..5)
                    .flat_map(|n| [part(A, B, 100 + n), super::build::clear(A, B, 110 + n)])
                    .collect::<Vec<_>>(),
            ),
            super::CLEAR,
            "Frames in clear are a leak, whatever else is encrypted.",
        ),
    ]
}
