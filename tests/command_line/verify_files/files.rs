//! Files that cannot show everything, and those that can: filters, losses, cuts, the place of its capture, and captures of all interfaces.

use super::build::{
    A, B, ETHERNET, Pcapng, SLL, SLL2, among_esp, at, base, base_and, captured_at, clear, cooked,
    cooked_once, esp, esp_tunnel, five, inner, only_esp, pcap, small_talk,
};
use super::{CLEAR, CLEAR_OR_UNPROVEN, ENCRYPTED, NO_ALARM, Row, UNPROVEN, row};

/// The hardware types of Linux: Ethernet, PPP, IP in IP's devices, the loopback, and devices without a link layer (WireGuard, TUN, xfrm).
const CARD: u16 = 1;
const PPP: u16 = 512;
const TUNNEL: u16 = 768;
const LOOPBACK: u16 = 772;
const NONE: u16 = 65534;

pub(super) fn rows() -> Vec<Row> {
    [little(), filters(), losses(), places(), of_all_interfaces(), both_sides(), cut()]
        .into_iter()
        .flatten()
        .collect()
}

fn little() -> Vec<Row> {
    let one_way: Vec<_> = (0..5).map(|n| esp(A, B, n)).collect();
    vec![
        row(
            "nothing but ESP",
            pcap(&only_esp()),
            UNPROVEN,
            "Where no other frame was captured, a filter may have left the clear ones out.",
        ),
        row("no frame at all", pcap(&[]), UNPROVEN, "A silent wire proves nothing."),
        row(
            "nothing of the network",
            pcap(&small_talk()),
            UNPROVEN,
            "Nothing of the network passed, in clear or not.",
        ),
        row(
            "only clear frames",
            pcap(&five(|n| clear(A, B, n))),
            CLEAR,
            "A leak is one without any ESP beside it, too.",
        ),
        row(
            "ESP of A alone",
            pcap(&[small_talk(), one_way].concat()),
            &["INCONCLUSIVE", "BLACKHOLED"],
            "B's direction is not proven, as nothing of the network came back.",
        ),
        row("ESP without its keys", base_and(&[]), UNPROVEN, "This ESP may be anybody's.").without_keys(),
        row(
            "clear frames beside ESP without its keys",
            base_and(&five(|n| clear(A, B, n))),
            CLEAR,
            "A leak can be read without keys.",
        )
        .without_keys(),
    ]
}

fn filters() -> Vec<Row> {
    let filtered = |filter: &[u8]| Pcapng::new().filtered(filter).frames(0, &base()).end();
    vec![
        row(
            "a filter for ESP",
            Pcapng::new().filtered(b"\0esp").frames(0, &only_esp()).end(),
            UNPROVEN,
            "The filter let only ESP through, so clear frames could not be in the file.",
        ),
        row(
            "a filter for ESP and small talk",
            filtered(b"\0esp or arp or tcp port 22 or udp port 123"),
            UNPROVEN,
            "The filter leaves VXLAN out, whatever else it lets through.",
        ),
        row(
            "a filter against VXLAN",
            filtered(b"\0not udp port 4789"),
            UNPROVEN,
            "The filter leaves out the very frames that would be a leak.",
        ),
        row(
            "a filter for ESP's protocol number",
            filtered(b"\0ip proto 50 or arp or tcp or udp port 123"),
            UNPROVEN,
            "The filter leaves VXLAN out, in other words.",
        ),
        row(
            "a filter for ESP and VXLAN",
            filtered(b"\0esp or udp port 4789"),
            NO_ALARM,
            "A leak on the network's own port would be in the file, one in another tunnel would not.",
        ),
        row(
            "a filter on one interface of two",
            Pcapng::new()
                .interface(ETHERNET)
                .filtered(b"\0esp")
                .frames(0, &small_talk())
                .frames(1, &only_esp())
                .end(),
            UNPROVEN,
            "All of the ESP passed the interface whose clear frames are not in the file.",
        ),
        row(
            "a filter that is a program",
            filtered(b"\x01\x06\0\0\0\0\0\x04\0"),
            UNPROVEN,
            "Nobody read the program, so it may have let anything or nothing through.",
        ),
        row(
            "a filter for the peer",
            filtered(b"\0host 192.0.2.2"),
            ENCRYPTED,
            "All that passed between the nodes is there, in clear or not.",
        ),
        row(
            "a filter for the peer, and a leak",
            Pcapng::new()
                .filtered(b"\0host 192.0.2.2")
                .frames(0, &base())
                .frames(0, &five(|n| clear(A, B, n)))
                .end(),
            CLEAR,
            "A leak is one under any filter.",
        ),
    ]
}

fn losses() -> Vec<Row> {
    let file = || Pcapng::new().interface(ETHERNET).frames(0, &base());
    let held = base().len() as u64;
    let last = small_talk();
    vec![
        row(
            "frames lost before a packet",
            file().after_lost(3, &last[0]).end(),
            UNPROVEN,
            "The file counts three frames that were lost, and they may have been clear ones.",
        )
        .reason("drops"),
        row(
            "no frame lost before a packet",
            file().after_lost(0, &last[0]).end(),
            ENCRYPTED,
            "The file says that nothing was lost there.",
        ),
        row(
            "frames that the system lost",
            file().statistics(&[(5, 0), (7, 2)]).end(),
            UNPROVEN,
            "The statistics count two frames that were lost.",
        )
        .reason("drops"),
        row(
            "frames that were delivered and are not there",
            file().statistics(&[(5, 0), (7, 0), (8, held + 5)]).end(),
            UNPROVEN,
            "Somebody took five frames out of the file after the capture.",
        )
        .reason("drops"),
        row(
            "all frames that were delivered",
            file().statistics(&[(4, held), (5, 0), (6, held), (7, 0), (8, held)]).end(),
            ENCRYPTED,
            "Nothing was refused, lost or taken out.",
        ),
        row(
            "frames that a filter refused which the file does not name",
            file().statistics(&[(4, held + 5000), (5, 0), (6, held), (7, 0), (8, held)]).end(),
            UNPROVEN,
            "A filter kept thousands of frames out, and nobody knows which.",
        ),
        row(
            "dumpcap's statistics",
            file().statistics(&[(4, held), (5, 0)]).end(),
            ENCRYPTED,
            "Dumpcap counts what it received behind the filter, and lost nothing.",
        ),
    ]
}

fn places() -> Vec<Row> {
    let arriving = |n| if n < 102 { esp(B, A, n) } else { clear(B, A, n) };
    let offload = [small_talk(), (0..5).map(|n| esp(A, B, n)).collect(), five(arriving)].concat();
    let plain = among_esp(|n| clear(B, A, n));
    let copies = |n: u8| [esp_tunnel(B, A, n), clear(B, A, n)];
    let tunnel: Vec<_> =
        (0..5).flat_map(|n| [esp_tunnel(A, B, n)].into_iter().chain(copies(50 + n))).collect();
    vec![
        row(
            "a capture at A",
            captured_at(A, &base()),
            ENCRYPTED,
            "The flags say that A's frames left, and that B's arrived.",
        ),
        row(
            "a capture at the other node",
            captured_at(B, &base()),
            UNPROVEN,
            "A's frames arrived there, where decrypted copies look like them. It shows B's egress only.",
        ),
        row(
            "a leak of A in a capture at the other node",
            captured_at(B, &[base(), five(|n| clear(A, B, n))].concat()),
            UNPROVEN,
            "What arrived at B in clear may have been decrypted there before the capture.",
        ),
        row(
            "esp4_offload that was loaded in mid-capture",
            captured_at(A, &offload),
            UNPROVEN,
            "B's ESP arrived at first. From then on the kernel decrypts before the capture, so clear is no leak.",
        ),
        row(
            "clear frames of the peer that arrive between its ESP",
            captured_at(A, &plain),
            CLEAR_OR_UNPROVEN,
            "A kernel that decrypts early would show no ESP between them.",
        ),
        row(
            "a leak by a second card",
            Pcapng::new()
                .interface(ETHERNET)
                .interface(ETHERNET)
                .frames(0, &base())
                .frames(1, &five(|n| clear(A, B, n)))
                .end(),
            CLEAR,
            "The network leaves A encrypted by one card, and in clear by the other.",
        ),
        row(
            "tunnel mode and its copies",
            captured_at(A, &[small_talk(), tunnel].concat()),
            ENCRYPTED,
            "Each clear frame that arrived is the inside of ESP that the keys opened.",
        ),
    ]
}

fn of_all_interfaces() -> Vec<Row> {
    let leak = || five(|n| clear(A, B, n));
    let all = |also: Vec<Vec<u8>>| {
        Pcapng::new().interface(SLL2).frames(0, &cooked(CARD, &base())).frames(0, &also).end()
    };
    let older = |also: Vec<Vec<u8>>| {
        Pcapng::new().interface(SLL).frames(0, &cooked_once(CARD, &base())).frames(0, &also).end()
    };
    let overlay: Vec<_> = (0..5)
        .map(|n| {
            let mut frame = inner(n);
            frame[11] = A.mac;
            frame
        })
        .collect();
    vec![
        row(
            "all interfaces",
            all(vec![]),
            ENCRYPTED,
            "Every frame passed a device with a wire, and the network's were in ESP there.",
        ),
        row(
            "all interfaces, in the older format",
            older(vec![]),
            ENCRYPTED,
            "The older format knows directions and devices' types as well.",
        ),
        row(
            "clear frames on a device without a link layer",
            all(cooked(NONE, &leak())),
            NO_ALARM,
            "WireGuard, a TUN and xfrm's device show frames before they are encrypted.",
        ),
        row(
            "clear frames on a device without a link layer, in the older format",
            older(cooked_once(NONE, &leak())),
            NO_ALARM,
            "WireGuard, a TUN and xfrm's device show frames before they are encrypted.",
        ),
        row(
            "clear frames on a tunnel's device",
            all(cooked(TUNNEL, &leak())),
            NO_ALARM,
            "What a tunnel makes of these frames is on another device.",
        ),
        row(
            "clear frames on a PPP device",
            all(cooked(PPP, &leak())),
            NO_ALARM,
            "PPP is the device of many a VPN, which encrypts behind it.",
        ),
        row(
            "clear frames on the loopback",
            all(cooked(LOOPBACK, &leak())),
            NO_ALARM,
            "What passes the loopback does not leave the host.",
        ),
        row(
            "clear frames on a card",
            all(cooked(CARD, &leak())),
            CLEAR,
            "These frames left by Ethernet as they are.",
        ),
        row(
            "clear frames on a card, in the older format",
            older(cooked_once(CARD, &leak())),
            CLEAR,
            "These frames left by Ethernet as they are.",
        ),
        row(
            "the overlay's own device",
            all(cooked(CARD, &overlay)),
            NO_ALARM,
            "The inner frames have no VXLAN around them: they are on the overlay's device, and in ESP after it.",
        ),
    ]
}

/// The arguments of a judge who knows both nodes, as on a switch's mirror port.
const BOTH: &[&str] = &["--local", "192.0.2.1", "--local", "192.0.2.2"];

fn both_sides() -> Vec<Row> {
    vec![
        row(
            "both sides, neither leaks",
            base_and(&[]),
            ENCRYPTED,
            "A mirror port shows both nodes' egress, and both are proven.",
        )
        .arguments(BOTH),
        row(
            "both sides, A leaks",
            base_and(&five(|n| clear(A, B, n))),
            CLEAR,
            "What A sends is on the wire in clear.",
        )
        .arguments(BOTH),
        row(
            "both sides, B leaks",
            base_and(&five(|n| clear(B, A, n))),
            CLEAR,
            "What B sends is on the wire in clear, and B is no less this side than A.",
        )
        .arguments(BOTH),
        row("no peer is named", base_and(&[]), ENCRYPTED, "Whoever has the keys is a node.")
            .arguments(&["--local", "192.0.2.1"]),
        row(
            "no peer is named, and A leaks",
            base_and(&five(|n| clear(A, B, n))),
            CLEAR,
            "A's frames leave in clear, whoever they are for.",
        )
        .arguments(&["--local", "192.0.2.1"]),
    ]
}

fn cut() -> Vec<Row> {
    let file = || Pcapng::new().interface(ETHERNET).frames(0, &base());
    let leak = || five(|n| clear(A, B, n));
    let damaged = base_and(&[]);
    vec![
        row(
            "frames cut before their VNI",
            file().cut(&leak(), 45).end(),
            UNPROVEN,
            "These went to VXLAN's port in clear, but their VNI was cut off.",
        ),
        row(
            "frames cut before their addresses",
            file().cut(&leak(), 20).end(),
            UNPROVEN,
            "Nobody knows who these frames were for.",
        ),
        row(
            "frames cut behind their VNI",
            file().cut(&leak(), 60).end(),
            CLEAR,
            "The VNI is there, and shows whose frames these are.",
        ),
        row(
            "a file that is cut off",
            damaged[..damaged.len() - 5].to_vec(),
            UNPROVEN,
            "A leak may have been in the part that is not there.",
        )
        .reason("cut-short"),
        row(
            "a capture at A whose last frame is a leak",
            Pcapng::new()
                .interface(ETHERNET)
                .flagged(at(A), &base())
                .flagged(at(A), &[clear(A, B, 100)])
                .end(),
            CLEAR,
            "One clear frame is a leak.",
        ),
    ]
}
