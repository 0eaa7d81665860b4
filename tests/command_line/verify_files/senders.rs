//! The same frames from A, from its peer, from hosts that are no nodes, and from those who pretend.

use super::build::{
    A, A2, B, C, D, ETHERNET, GROUP, Host, IN, OUT, Pcapng, ah, among_esp, at, base, base_and_five,
    captured_at, clear, eth, five, framed, null_esp, packet, packet_six, pcap, segment, unreachable,
};
use super::{CLEAR, CLEAR_OR_UNPROVEN, ENCRYPTED, NO_ALARM, Row, UNPROVEN, row};

pub(super) fn rows() -> Vec<Row> {
    [strangers(), peers(), own(), pretenders()].into_iter().flatten().collect()
}

fn null(from: Host, to: Host, n: u8) -> Vec<u8> {
    framed(from, to, 50, &null_esp(from, n))
}

fn strangers() -> Vec<Row> {
    vec![
        row(
            "a forged frame of a stranger",
            base_and_five(|n| clear(C, A, n)),
            ENCRYPTED,
            "Anybody can send a VXLAN frame, and C is no node: it says nothing about what nodes encrypt.",
        )
        .finding("stranger"),
        row(
            "a stranger's ICMP error that quotes",
            base_and_five(|n| unreachable(C, A, &packet(A, C, n))),
            ENCRYPTED,
            "Anybody can make up a quotation. The frame that it claims to quote was not seen to leave A.",
        )
        .finding("stranger"),
        row(
            "a stranger's AH",
            base_and_five(|n| framed(C, A, 51, &ah(17, &segment(n)))),
            ENCRYPTED,
            "C has no key of the nodes, so what it sends in AH is as good as forged.",
        )
        .finding("stranger"),
        row(
            "a stranger's ESP that only authenticates",
            base_and_five(|n| null(C, A, n)),
            ENCRYPTED,
            "C has no key of the nodes, so what it sends in ESP is as good as forged.",
        )
        .finding("stranger"),
        row(
            "a group of strangers with the same VNI",
            base_and_five(|n| clear(C, GROUP, n)),
            ENCRYPTED,
            "Another cluster may use the same VNI, and its multicast reaches everybody on the link.",
        ),
        row(
            "two strangers with the same VNI",
            base_and_five(|n| clear(C, D, n)),
            ENCRYPTED,
            "Neither end is a node that was asked about.",
        ),
        row(
            "A's ICMP error to a stranger, about the stranger's own frame",
            base_and_five(
                |n| if n % 2 == 0 { clear(C, A, n) } else { unreachable(A, C, &packet(C, A, n - 1)) },
            ),
            NO_ALARM,
            "A gives C back what C sent in clear, and nothing of the network.",
        ),
    ]
}

fn peers() -> Vec<Row> {
    vec![
        row(
            "clear frames of the peer, beside its ESP",
            pcap(&among_esp(|n| clear(B, A, n))),
            CLEAR_OR_UNPROVEN,
            "B is a node, and its ESP still arrives between its clear frames, so no kernel decrypted these early.",
        ),
        row(
            "the peer's ICMP error that quotes",
            base_and_five(|n| unreachable(B, A, &packet(A, B, n))),
            CLEAR_OR_UNPROVEN,
            "B sends frames of the network back in clear, since nothing takes them there.",
        ),
        row(
            "the peer's ESP that only authenticates",
            base_and_five(|n| null(B, A, n)),
            &["AUTH-ONLY", "INCONCLUSIVE"],
            "B is a node, and everybody can read what it sends to A.",
        ),
        row(
            "the peer's multicast",
            base_and_five(|n| clear(B, GROUP, n)),
            CLEAR_OR_UNPROVEN,
            "B floods frames of the network in clear, whoever listens.",
        ),
    ]
}

fn own() -> Vec<Row> {
    let out = |frames: &[Vec<u8>]| {
        Pcapng::new().interface(ETHERNET).flagged(at(A), &base()).flagged(|_| OUT, frames).end()
    };
    vec![
        row(
            "clear frames to a node that nobody named",
            base_and_five(|n| clear(A, C, n)),
            CLEAR,
            "The network leaves A in clear, whoever it is for.",
        ),
        row(
            "A's ESP that only authenticates",
            base_and_five(|n| null(A, B, n)),
            &["AUTH-ONLY"],
            "Everybody can read what A sends to B.",
        ),
        row(
            "A's AH",
            base_and_five(|n| framed(A, B, 51, &ah(17, &segment(n)))),
            &["AUTH-ONLY"],
            "AH does not encrypt, and everybody can read what A sends to B.",
        ),
        row(
            "clear frames from A's IPv6 address, outbound",
            out(&five(|n| eth(A, B, 0x86dd, &packet_six(n)))),
            CLEAR,
            "Nobody named this host's IPv6 address, but the flags say that the frames left it.",
        ),
        row(
            "clear frames from A's IPv6 address, without flags",
            base_and_five(|n| eth(A, B, 0x86dd, &packet_six(n))),
            CLEAR_OR_UNPROVEN,
            "The MAC addresses are those of both nodes' other frames.",
        ),
        row(
            "A's multicast",
            base_and_five(|n| clear(A, GROUP, n)),
            CLEAR,
            "A floods frames of the network in clear.",
        ),
        row(
            "clear frames from A's second address, outbound",
            out(&five(|n| clear(A2, B, n))),
            CLEAR,
            "What leaves this host is this host's, under whatever address.",
        ),
        row(
            "clear frames from A's second address to its own kind, outbound",
            out(&five(|n| clear(A2, D, n))),
            CLEAR,
            "Neither address was named, but the flags say that the frames left this host.",
        ),
        row(
            "clear frames from A's second address, without flags",
            base_and_five(|n| clear(A2, B, n)),
            CLEAR_OR_UNPROVEN,
            "The MAC address is that of A's other frames, and the frames go to a node.",
        ),
        row(
            "clear frames of A, outbound",
            captured_at(A, &[base(), five(|n| clear(A, B, n))].concat()),
            CLEAR,
            "A's own frames leave in clear, by address and by flag.",
        ),
    ]
}

fn pretenders() -> Vec<Row> {
    let forged = |n| eth(C, B, 0x0800, &packet(A, B, n));
    vec![
        row(
            "clear frames with A's address, inbound",
            Pcapng::new()
                .interface(ETHERNET)
                .flagged(at(A), &base())
                .flagged(|_| IN, &five(|n| clear(A, B, n)))
                .end(),
            NO_ALARM,
            "A does not receive its own frames: somebody else wrote A's address into these.",
        ),
        row(
            "clear frames with A's address from another MAC address, inbound",
            Pcapng::new().interface(ETHERNET).flagged(at(A), &base()).flagged(|_| IN, &five(forged)).end(),
            NO_ALARM,
            "Neither flag nor MAC address is A's.",
        ),
        row(
            "clear frames with A's address from another MAC address",
            base_and_five(forged),
            NO_ALARM,
            "All of A's ESP comes from A's MAC address, so it was probably another host that sent these.",
        ),
        row(
            "ESP of A seen to arrive only",
            Pcapng::new().interface(ETHERNET).flagged(|_| IN, &base()).end(),
            UNPROVEN,
            "Not one frame left the host of the capture, so it shows the wire of nobody's egress.",
        ),
    ]
}
