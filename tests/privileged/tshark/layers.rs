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
const NO_MPLS: &str = "MPLS and PPPoE are not decoded";
const VERSION: &str = "an unknown version, which its RFC wants dropped, is not decoded";
const BROKEN: &str = "a header that is not all there counts as none";
const FORM: &str = "tshark goes by the port alone; without the form it is another service";
const NIBBLE: &str = "the version nibble decides, not the Ethernet type";

const EXCEPTIONS: &[Exception] = &[
    Exception::new("crafted/deep.pcap", &[1], How::WeStop, TOO_DEEP),
    Exception::new("crafted/vxlan.pcap", &[9], How::WeStop, TOO_DEEP),
    Exception::new("tunnels/nested.pcap", &[], How::WeStop, TOO_DEEP),
    Exception::new("crafted/ethernet.pcap", &[7, 8], How::WeStop, NO_MPLS),
    Exception::new("crafted/ethernet.pcap", &[9], How::TheyStop, NIBBLE),
    Exception::new("crafted/geneve.pcap", &[6], How::WeStop, VERSION),
    Exception::new("crafted/gre.pcap", &[6, 8], How::WeStop, VERSION),
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
    Exception::new("crafted/vxlan-gpe.pcap", &[4], How::WeStop, "NSH is not decoded"),
    Exception::new(
        "crafted/vxlan-gpe.pcap",
        &[5],
        How::Apart,
        "without the P flag VXLAN-GPE carries Ethernet, as VXLAN does",
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
    Exception::new("crafted/wesp.pcap", &[1, 2, 3, 4, 7], How::TheyStop, "tshark does not know WESP"),
    Exception::new("crafted/wesp.pcap", &[5, 6], How::Apart, "tshark does not know WESP"),
    Exception::new("links/loop.pcap", &[7], How::TheyStop, "tshark does not know Linux' AF_INET6"),
    Exception::new("links/null.pcap", &[7], How::TheyStop, "tshark does not know Linux' AF_INET6"),
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
