//! Evidence in which frames that can be read are called something else, or lie far apart: the first is refused, the second is not.

use ovlsniff::packet::{Frame, Timestamp};
use ovlsniff::verify::kept::{Contradiction, Facts, FrameKeeper, FrameKind, SeenAgain};
use ovlsniff::verify::{Circumstances, Question, Watch, tunnel_ports};
use serde_json::{Value, json};

use crate::reading::{Kept, frames};
use crate::watch::question;

const OURS: (&str, &str) = ("192.0.2.1", "192.0.2.2");

/// Watches frames, and keeps what the verdict follows from.
fn watched(question: &Question, frames: &[Kept]) -> (Facts, FrameKeeper) {
    let mut watch = Watch::new(question.clone(), None, tunnel_ports([&question.network]), None);
    watch.keep_frames();
    for (number, kept) in frames.iter().enumerate() {
        let number = number as u64 + 1;
        watch.frame(&Frame { number, ..kept.frame() });
    }
    let (_, kept) = watch.finish_and_keep(Circumstances { dropped: Some(0), ..Circumstances::default() });
    kept.unwrap()
}

fn compare(facts: &Facts, keeper: &FrameKeeper) -> Result<SeenAgain, Contradiction> {
    let mut comparison = facts.comparison();
    for kept in keeper.frames() {
        comparison.frame(&kept.frame())?;
    }
    comparison.finish()
}

/// Returns the facts of whoever hides what can be read: the notes say that it only passed nearby, the counts of its direction are
/// taken out, and as many frames of strangers and between others are told instead.
fn hidden(facts: &Facts) -> Facts {
    let mut value: Value = serde_json::from_slice(&facts.to_json()).unwrap();
    for note in value["frames"].as_array_mut().unwrap() {
        if ["Clear", "AuthOnly"].contains(&note["kind"].as_str().unwrap()) {
            *note = json!({ "kind": "Around", "frame": note["frame"], "peer": null, "way": null, "vni": null, "spi": null,
                "canary": false, "pieces": 1, "view": note["view"] });
        }
    }
    for way in ["out", "back"] {
        let leg = &mut value["counted"]["pairs"][OURS.1][way];
        for readable in ["clear", "null", "ah"] {
            leg[readable] = json!({ "count": 0, "canaries": 0, "shown": null });
        }
        leg["unexplained"] = 0.into();
    }
    value["counted"]["strangers"]["count"] = 100.into();
    value["counted"]["between_others"]["count"] = 100.into();
    Facts::from_json(value.to_string().as_bytes()).unwrap()
}

/// The parts that make another packet of one of the network's in clear.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    /// The protocol behind the IP header, and what is before and behind UDP.
    protected: Option<(u8, &'static [u8], &'static [u8])>,
    /// True if the inner frame holds ESP.
    holds_esp: bool,
    /// True if the packet is carried by GRE between the same addresses.
    in_gre: bool,
}

fn made(parts: Parts) -> Kept {
    const IP: usize = 20;
    let mut kept = frames("tunnels/vxlan.pcap").swap_remove(0);
    let (ethernet, mut packet) = (kept.bytes[..14].to_vec(), kept.bytes[14..].to_vec());
    if parts.holds_esp {
        // Behind UDP, VXLAN and the inner Ethernet header.
        packet.truncate(IP + 8 + 8 + 12);
        packet.extend([8, 0, 0x45, 0, 0, 60, 0, 1, 0, 0, 64, 50, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        packet.extend([0, 0, 0, 0x55, 0, 0, 0, 1]);
        packet.extend((0..32).map(|at: u8| at.wrapping_mul(73) ^ 0xa5));
        let len = (packet.len() - IP) as u16;
        packet[24..26].copy_from_slice(&len.to_be_bytes());
    }
    let (mut ip, mut behind) = (packet[..IP].to_vec(), packet[IP..].to_vec());
    if let Some((protocol, before, after)) = parts.protected {
        ip[9] = protocol;
        behind = [before, &behind, after].concat();
    }
    let mut outer = ip.clone();
    packet = with_length(ip, &behind);
    if parts.in_gre {
        outer[9] = 47;
        packet = with_length(outer, &[&[0, 0, 8, 0], &packet[..]].concat());
    }
    kept.bytes = [ethernet, packet].concat();
    kept.wire_len = kept.bytes.len() as u32;
    kept
}

fn with_length(mut ip: Vec<u8>, behind: &[u8]) -> Vec<u8> {
    let len = (ip.len() + behind.len()) as u16;
    ip[2..4].copy_from_slice(&len.to_be_bytes());
    [&ip, behind].concat()
}

#[test]
fn frames_that_can_be_read_have_to_be_counted_whatever_carries_them_and_whatever_they_carry() {
    const SPI_AND_SEQUENCE: &[u8] = &[0, 0, 0x11, 0x11, 0, 0, 0, 1];
    const AH: &[u8] = &[17, 4, 0, 0, 0, 0, 0x22, 0x22, 0, 0, 0, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7];
    // Padding, its length, UDP, and an ICV of 96 bits.
    const TRAILER: &[u8] = &[1, 2, 2, 17, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7];
    let (clear, auth_only) = (FrameKind::Clear, FrameKind::AuthOnly);
    for (parts, kind) in [
        (Parts::default(), clear),
        (Parts { holds_esp: true, ..Parts::default() }, clear),
        (Parts { in_gre: true, ..Parts::default() }, clear),
        (Parts { holds_esp: true, in_gre: true, ..Parts::default() }, clear),
        (Parts { protected: Some((50, SPI_AND_SEQUENCE, TRAILER)), ..Parts::default() }, auth_only),
        (Parts { protected: Some((51, AH, &[])), ..Parts::default() }, auth_only),
        (Parts { protected: Some((51, AH, &[])), in_gre: true, holds_esp: false }, auth_only),
    ] {
        let question = question(&[4097], OURS.0, &[OURS.1], None);
        let (facts, keeper) = watched(&question, &[made(parts)]);
        let readable = keeper.frames().find(|kept| kept.noted.kind == kind);
        let number = readable.unwrap_or_else(|| panic!("{parts:?}: {keeper:?}")).noted.frame;
        assert!(compare(&facts, &keeper).is_ok(), "{parts:?}: {:?}", compare(&facts, &keeper));
        let found = compare(&hidden(&facts), &keeper);
        assert_eq!(found, Err(Contradiction::NotCounted(number)), "{parts:?}");
    }
}

/// Eight frames before one in clear are kept, and none before others. So the first piece of a datagram may not be there. Nor
/// does a watch wait for a piece for ever, while the times of the frames that are kept may be near to each other.
#[test]
fn a_datagram_whose_pieces_lie_far_apart_is_believed() {
    const SECOND: i64 = 1_000_000_000;
    let others = frames("plain/ethernet.pcap");
    for (fixture, vni) in [("tunnels/vxlan-fragmented.pcap", 4097), ("ipsec/esp-fragmented.pcap", 42)] {
        let question = question(&[vni], OURS.0, &[OURS.1], None);
        for (between, pause) in [(0, 0), (7, 0), (8, 0), (20, 0), (2, 100 * SECOND), (20, 100 * SECOND)] {
            let mut apart = Vec::new();
            // They pass twice, the second time the other way round.
            let twice = frames(fixture).into_iter().chain(frames(fixture).into_iter().rev());
            for piece in twice {
                let Timestamp { nanos, .. } = piece.time;
                // They pass now and later by turns.
                let later = [nanos, nanos + pause].into_iter().cycle();
                let between = others.iter().cycle().take(between).zip(later);
                let passed = |nanos| Timestamp { nanos, ..piece.time };
                apart.extend(between.map(|(other, nanos)| Kept { time: passed(nanos), ..other.clone() }));
                apart.push(piece);
            }
            let (facts, keeper) = watched(&question, &apart);
            let found = compare(&facts, &keeper);
            assert!(found.is_ok(), "{fixture}, {between} between: {found:?}");
        }
    }
}
