//! Every frame of every fixture, decoded by ovlsniff and by tshark. The layers must be the same, from the outermost one
//! to the bytes of the payload.
//!
//! A frame is written down as a list of words (`ip 10.0.0.1 > 10.0.0.2`, `vxlan 4097`, `tcp 1 > 2 ..`, `payload ..`),
//! once from the library's packet and once from tshark's fields. [`EXCEPTIONS`] lists the frames for which the two
//! differ, each with its reason. An exception that is not needed fails the test.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ovlsniff::packet::{Layer, Packet, Stop, Transport, Why};

use super::fields::tshark;
use crate::layers::layers;
use crate::reading::{self, Kept};

/// The kind of difference between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// ovlsniff stops earlier: its words are the beginning of tshark's.
    WeStop,
    /// tshark stops earlier.
    TheyStop,
    /// Neither is the beginning of the other.
    Apart,
}

struct Exception {
    fixture: &'static str,
    /// Frame numbers. An empty list stands for every frame of the file.
    frames: &'static [u64],
    how: How,
    reason: &'static str,
}

const TOO_DEEP: &str = "a fifth tunnel is not followed";
const CONTROL_WORD: &str = "tshark guesses from the addresses' vendors if a pseudowire has a control word";
const VERSION: &str = "an unknown version, which its RFC wants dropped, is not decoded";
const BROKEN: &str = "a header that is not all there counts as none";
const FORM: &str = "tshark goes by the port alone; without the form it is another service";
const NIBBLE: &str = "the version nibble decides, not the Ethernet type";

const AGGREGATE: &str = "the first frame of an aggregate is decoded, by its own addresses";
const PIECES: &str = "tshark puts the pieces of a frame together";
const LOGGED: &str = "tshark does not show the Ethernet header of a logged packet";
const HARDWARE: &str = "tshark wants another protocol number beside the kind of hardware";
const NETANALYZER: &str = "tshark wants the version in that header; tcpdump does not";

const EXCEPTIONS: &[Exception] = &[
    Exception::new("crafted/deep.pcap", &[1], How::WeStop, TOO_DEEP),
    Exception::new("crafted/vxlan.pcap", &[9], How::WeStop, TOO_DEEP),
    Exception::new("tunnels/nested.pcap", &[], How::WeStop, TOO_DEEP),
    Exception::new("crafted/mpls.pcap", &[9, 10, 11], How::Apart, CONTROL_WORD),
    Exception::new("crafted/mpls.pcap", &[14], How::WeStop, CONTROL_WORD),
    Exception::new(
        "crafted/mpls.pcap",
        &[23],
        How::Apart,
        "text to MPLS' port that hardly fits MPLS is none",
    ),
    Exception::new(
        "crafted/erspan.pcap",
        &[7],
        How::TheyStop,
        "tshark does not decode IP without Ethernet in ERSPAN",
    ),
    Exception::new("crafted/erspan.pcap", &[10], How::WeStop, VERSION),
    Exception::new("crafted/etherip.pcap", &[3], How::WeStop, VERSION),
    Exception::new("crafted/etherip.pcap", &[4], How::WeStop, BROKEN),
    Exception::new("crafted/nsh.pcap", &[9], How::WeStop, VERSION),
    Exception::new("crafted/nsh.pcap", &[13], How::TheyStop, "tshark does not decode NSH in IP"),
    Exception::new("crafted/pppoe.pcap", &[12], How::WeStop, VERSION),
    Exception::new(
        "crafted/pptp.pcap",
        &[9],
        How::Apart,
        "tshark does not show the number of an EoIP tunnel",
    ),
    Exception::new("crafted/vlan.pcap", &[2], How::TheyStop, "tshark does not decode fifty tags"),
    Exception::new(
        "crafted/vlan.pcap",
        &[3],
        How::TheyStop,
        "tshark does not know 0x9200 and 0x9300 as tags",
    ),
    Exception::new("crafted/ethernet.pcap", &[9], How::TheyStop, NIBBLE),
    Exception::new("crafted/geneve.pcap", &[6], How::WeStop, VERSION),
    Exception::new("crafted/gre.pcap", &[8], How::WeStop, VERSION),
    Exception::new("crafted/gre.pcap", &[9], How::WeStop, BROKEN),
    Exception::new("crafted/esp.pcap", &[7], How::WeStop, BROKEN),
    Exception::new("crafted/esp.pcap", &[2], How::Apart, BROKEN),
    Exception::new(
        "esp/algorithms.pcap",
        &[],
        How::TheyStop,
        "without its SAs tshark takes NULL and GMAC for encrypted",
    ),
    Exception::new(
        "crafted/ipv6-extensions.pcap",
        &[10],
        How::TheyStop,
        "tshark reads nothing behind a mobility header",
    ),
    Exception::new(
        "crafted/vxlan.pcap",
        &[5],
        How::WeStop,
        "without the I flag it is no VXLAN (RFC 7348 section 5)",
    ),
    Exception::new(
        "crafted/vxlan.pcap",
        &[10],
        How::Apart,
        "tshark takes port 4789 for VXLAN as a source port too",
    ),
    Exception::new(
        "crafted/vxlan-gpe.pcap",
        &[5],
        How::Apart,
        "without the P flag VXLAN-GPE carries Ethernet, as VXLAN does",
    ),
    Exception::new(
        "links/atm-clip.pcap",
        &[1, 2, 3, 4, 5],
        How::TheyStop,
        "tshark takes LLC for IP; tcpdump does not",
    ),
    Exception::new("links/slip.pcap", &[], How::TheyStop, "tshark does not know SLIP; tcpdump does"),
    Exception::new(
        "links/juniper-ppp.pcap",
        &[],
        How::TheyStop,
        "tshark wants two bytes in front of PPP; tcpdump does not",
    ),
    Exception::new(
        "links/juniper-ether.pcap",
        &[7],
        How::TheyStop,
        "tshark reads nothing without a link layer; tcpdump does",
    ),
    Exception::new("links/netanalyzer.pcap", &[], How::TheyStop, NETANALYZER),
    Exception::new("links/netanalyzer-transparent.pcap", &[], How::TheyStop, NETANALYZER),
    Exception::new("links/sll-hardware.pcap", &[1, 3], How::TheyStop, HARDWARE),
    Exception::new("links/sll2-hardware.pcap", &[1, 3], How::TheyStop, HARDWARE),
    Exception::new("links/nflog.pcap", &[], How::Apart, LOGGED),
    Exception::new("links/nflog-big-endian.pcap", &[], How::Apart, LOGGED),
    Exception::new(
        "links/token-ring.pcap",
        &[6],
        How::Apart,
        "the bit for a route is no part of the address",
    ),
    Exception::new("links/ieee80211.pcap", &[14], How::TheyStop, PIECES),
    Exception::new("links/ieee80211.pcap", &[15], How::WeStop, PIECES),
    Exception::new("links/ppi.pcap", &[14], How::TheyStop, PIECES),
    Exception::new("links/ppi.pcap", &[15], How::WeStop, PIECES),
    Exception::new("links/radiotap.pcap", &[14, 29], How::TheyStop, PIECES),
    Exception::new("links/radiotap.pcap", &[15, 30], How::WeStop, PIECES),
    Exception::new("links/ieee80211.pcap", &[8, 9], How::Apart, AGGREGATE),
    Exception::new("links/ppi.pcap", &[8, 9], How::Apart, AGGREGATE),
    Exception::new("links/radiotap.pcap", &[8, 9, 23, 24], How::Apart, AGGREGATE),
    Exception::new(
        "links/pppoe.pcap",
        &[7],
        How::WeStop,
        "with this link type tshark takes discovery for a session",
    ),
    Exception::new("crafted/gre-in-udp.pcap", &[3], How::Apart, FORM),
    Exception::new("crafted/gtp-u.pcap", &[11], How::WeStop, "an extension of length zero is malformed"),
    Exception::new("crafted/gue.pcap", &[1, 2, 3, 4, 5, 6], How::Apart, "tshark does not know GUE"),
    Exception::new(
        "crafted/l2tp.pcap",
        &[8, 9, 11, 12, 13],
        How::TheyStop,
        "tshark has to be told what a session of L2TPv3 carries",
    ),
    Exception::new("crafted/lisp.pcap", &[4], How::TheyStop, "tshark does not know LISP-GPE"),
    Exception::new("crafted/lisp.pcap", &[5, 6], How::Apart, FORM),
    Exception::new(
        "crafted/not-opaque.pcap",
        &[5, 6, 7, 8, 9, 10, 11, 12, 29, 30, 31, 32, 45, 46, 47, 48],
        How::Apart,
        FORM,
    ),
    Exception::new(
        "crafted/overlaps.pcap",
        &[7, 10],
        How::WeStop,
        "an overlap discards the datagram in Linux, and tshark joins it",
    ),
    Exception::new("crafted/teredo.pcap", &[7, 8], How::Apart, FORM),
    Exception::new("tunnels/ipcomp.pcap", &[1], How::WeStop, "tshark expands DEFLATE"),
    Exception::new("tunnels/gue.pcap", &[], How::Apart, "tshark does not know GUE"),
    Exception::new(
        "tunnels/l2tpv3.pcap",
        &[],
        How::TheyStop,
        "tshark has to be told what a session of L2TPv3 carries",
    ),
    Exception::new("crafted/wesp.pcap", &[1, 2, 3, 4, 7], How::TheyStop, "tshark does not know WESP"),
    Exception::new("crafted/wesp.pcap", &[5, 6], How::Apart, "tshark does not know WESP"),
    Exception::new("links/loop.pcap", &[7], How::TheyStop, "tshark does not know Linux' AF_INET6"),
    Exception::new("links/null.pcap", &[7], How::TheyStop, "tshark does not know Linux' AF_INET6"),
];

/// Captures that tshark cannot read, since it does not know their link types.
const NOT_READ: &[&str] = &[
    "links/chdlc-with-dir.pcap",
    "links/dsa-brcm-prepend.pcap",
    "links/dsa-brcm.pcap",
    "links/dsa.pcap",
    "links/edsa.pcap",
    "links/frelay-with-dir.pcap",
    "links/ppp-pppd.pcap",
];

impl Exception {
    const fn new(fixture: &'static str, frames: &'static [u64], how: How, reason: &'static str) -> Self {
        Self { fixture, frames, how, reason }
    }
}

#[test]
#[ignore = "needs tshark"]
fn ovlsniff_and_tshark_see_the_same_layers() {
    let mut unexplained = Vec::new();
    let mut used = vec![false; EXCEPTIONS.len()];
    let mut compared = 0;
    for fixture in reading::all() {
        let theirs = tshark(&fixture);
        if NOT_READ.contains(&fixture.as_str()) {
            assert!(theirs.is_empty(), "tshark reads {fixture}");
            continue;
        }
        let mut ours = BTreeMap::new();
        reading::decode(&fixture, |kept, packet| {
            ours.insert(kept.number, (words(packet), cut_short(kept, packet)));
        });
        let numbers = |n: Vec<&u64>| n.into_iter().copied().collect::<Vec<_>>();
        assert_eq!(numbers(ours.keys().collect()), numbers(theirs.keys().collect()), "frames of {fixture}");
        for (number, (ours, cut)) in &ours {
            compared += 1;
            let theirs = &theirs[number];
            let Some(how) = difference(ours, theirs) else { continue };
            // The snaplen cut the frame in the middle of a header. tshark shows the fields that are there, while
            // ovlsniff takes a header whole or not at all.
            if *cut && how == How::WeStop {
                continue;
            }
            let explained = EXCEPTIONS.iter().position(|e| {
                e.fixture == fixture && e.how == how && (e.frames.is_empty() || e.frames.contains(number))
            });
            match explained {
                Some(index) => used[index] = true,
                None => unexplained.push(format!(
                    "{fixture} frame {number}: {how:?}\n    ours:   {ours:?}\n    tshark: {theirs:?}"
                )),
            }
        }
    }
    assert!(unexplained.is_empty(), "{} of {compared}:\n{}", unexplained.len(), unexplained.join("\n"));
    assert!(compared > 1000, "only {compared} frames were compared");
    let stale: Vec<_> =
        EXCEPTIONS.iter().zip(used).filter(|(_, used)| !used).map(|(e, _)| (e.fixture, e.reason)).collect();
    assert!(stale.is_empty(), "no longer needed: {stale:?}");
}

fn difference(ours: &[String], theirs: &[String]) -> Option<How> {
    if ours == theirs {
        None
    } else if theirs.starts_with(ours) {
        Some(How::WeStop)
    } else if ours.starts_with(theirs) {
        Some(How::TheyStop)
    } else {
        Some(How::Apart)
    }
}

/// Returns true if decoding stopped because the snaplen had cut the frame.
fn cut_short(kept: &Kept, packet: &Packet<'_>) -> bool {
    kept.bytes.len() < kept.wire_len as usize && packet.stop.is_some_and(|stop| stop.why == Why::Truncated)
}

/// Returns the words for a packet that the library decoded.
fn words(packet: &Packet<'_>) -> Vec<String> {
    let mut words: Vec<_> = layers(packet).iter().map(ToString::to_string).collect();
    // Flags that were not captured are no flags.
    if packet.stop == Some(Stop { layer: Layer::Tcp, why: Why::Truncated }) {
        for word in &mut words {
            *word = word.trim_end_matches(" 0x00").to_owned();
        }
    }
    let whole = packet.stop.is_none_or(|stop| stop.layer == Layer::Payload);
    let segment = matches!(packet.headers.transport, Transport::Tcp { .. } | Transport::Udp(_));
    if packet.opaque.is_none() && segment && whole && !packet.payload.is_empty() {
        words.push(format!("payload {}", hex(packet.payload)));
    }
    words
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
