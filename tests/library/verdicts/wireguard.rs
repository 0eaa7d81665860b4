//! Verdicts on networks that WireGuard carries, from messages of the right lengths, and of wrong ones.

use ovlsniff::host::survey::PublicKey;
use ovlsniff::packet::WireGuardMessage;
use ovlsniff::verify::{Carrier, wireguard};

use super::*;

const MTU: usize = 1420;
const PORT: u16 = 51820;
const WIREGUARD: Line = (Verdict::Encrypted, Some(Rung::Seen), Reason::WireGuard);

/// Returns the tunnel to the peer, after so many bytes in each direction.
fn carrier(bytes: u64) -> Carrier {
    Carrier {
        node: there(),
        device: "wg0".to_owned(),
        mtu: MTU as u32,
        port: PORT,
        endpoint: Some((there(), PORT).into()),
        own_key: Some(PublicKey([1; 32])),
        key: PublicKey([2; 32]),
        sent: bytes,
        received: bytes,
        handshake: None,
    }
}

/// Returns a scene of VXLAN that the tunnel carries, whose counters moved.
fn carried() -> Scene {
    Scene::asking(|question| question.carriers = vec![carrier(0)])
        .probed(true)
        .ended(|circumstances| circumstances.carriers = vec![carrier(9000)])
}

impl Scene {
    /// Adds a data message of this session and length for each probe or reply.
    fn messages(self, way: Way, receiver: u32, len: impl Fn(usize) -> usize) -> Self {
        (0..PROBES).fold(self, |scene, n| {
            let counter = scene.number;
            scene.message(way, n, WireGuardMessage::Data { receiver, counter }, len(n))
        })
    }

    fn message(mut self, way: Way, at: usize, message: WireGuardMessage, len: usize) -> Self {
        let (source, destination) = ends(way);
        let payload = vec![0xa5; len];
        let packet = packet(|packet| {
            packet.headers.ip = Some(Ip { source, destination, protocol: 17, fragment: None });
            packet.headers.transport = Transport::Udp(Ports { source: PORT, destination: PORT });
            packet.opaque = Some(Opaque::WireGuard(message));
            packet.payload = &payload;
        });
        self.number += 1;
        let time = Timestamp { nanos: time(at).nanos + 1_000_000, ..time(at) };
        let frame = Frame { time, ..frame(self.number) };
        self.tally.observe(&frame, &packet, self.view);
        self
    }
}

/// Returns the length of the message that carries a probe: IP, UDP and VXLAN are in front of its frame.
fn fitting(n: usize) -> usize {
    wireguard::data_message(36 + inner(n) as usize, MTU)
}

#[test]
fn a_message_of_the_right_length_for_each_probe_proves_it() {
    let report = carried().messages(OUT, 7, fitting).messages(BACK, 8, fitting).report();
    assert_eq!(verdicts(&report), (WIREGUARD, WIREGUARD, Verdict::Encrypted));
    let seen = report.legs[0].wireguard.as_ref().unwrap();
    assert_eq!((seen.messages, seen.sessions, seen.tied, seen.bytes), (5, 1, 0, Some(9000)));
}

#[test]
fn messages_of_other_lengths_prove_nothing() {
    let report = carried().messages(OUT, 7, |n| 48 + 16 * n).messages(BACK, 8, fitting).report();
    let (out, back, whole) = verdicts(&report);
    assert_eq!((out.0, out.2), (Verdict::Inconclusive, Reason::WireGuardUnclear));
    assert_eq!((back, whole), (WIREGUARD, Verdict::Inconclusive));
}

#[test]
fn a_probe_without_a_message_was_on_no_wire() {
    let last = |n: usize| if n == PROBES - 1 { 32 } else { fitting(n) };
    let report = carried().messages(OUT, 7, last).messages(BACK, 8, fitting).report();
    assert_eq!(report.legs[0].verdict, Verdict::Inconclusive);
}

#[test]
fn counters_that_did_not_move_are_no_proof() {
    let scene = carried().ended(|circumstances| circumstances.carriers = vec![carrier(0)]);
    let report = scene.messages(OUT, 7, fitting).messages(BACK, 8, fitting).report();
    assert_eq!(report.legs[0].reason, Reason::WireGuardUnclear);
    assert_eq!(report.verdict, Verdict::Inconclusive);
}

#[test]
fn the_session_of_a_handshake_for_another_key_does_not_count() {
    // The response has no mac1 for this end's key. So who sent it is not the peer that the kernel knows.
    let response = WireGuardMessage::Response { sender: 7, receiver: 9 };
    let scene = carried().message(BACK, 0, response, 92).messages(OUT, 7, fitting);
    let report = scene.messages(BACK, 8, fitting).report();
    assert_ne!(report.legs[0].verdict, Verdict::Encrypted);
}

#[test]
fn a_clear_frame_beside_the_messages_is_a_leak() {
    let scene = carried().messages(OUT, 7, fitting).messages(BACK, 8, fitting);
    let report = scene.packet(OUT, 1, &[vxlan(OURS)], None, b"arp").report();
    let past = (Verdict::Clear, Some(Rung::Seen), Reason::PastWireGuard);
    assert_eq!(verdicts(&report), (past, WIREGUARD, Verdict::Clear));
}

#[test]
fn nodes_behind_one_peer_share_its_messages() {
    let other: IpAddr = "192.0.2.9".parse().unwrap();
    let both = |bytes| vec![carrier(bytes), Carrier { node: other, ..carrier(bytes) }];
    let scene = |times: usize| {
        let scene = Scene::asking(|question| {
            question.network.peers.push(Peer { underlay: other, overlay: Vec::new(), behind: Vec::new() });
            question.carriers = both(0);
        });
        let scene = scene.probed(true).ended(|circumstances| {
            let theirs = circumstances.probes.iter().map(|probe| Probe { peer: other, ..*probe });
            circumstances.probes.extend(theirs.collect::<Vec<_>>());
            circumstances.carriers = both(9000);
        });
        (0..times).fold(scene, |scene, _| scene.messages(OUT, 7, fitting).messages(BACK, 8, fitting))
    };
    assert_eq!(scene(2).report().verdict, Verdict::Encrypted);
    // With one message for two probes, one of them took another way.
    assert_eq!(scene(1).report().verdict, Verdict::Inconclusive);
}

#[test]
fn a_handshake_that_nobody_answers_is_a_black_hole() {
    let scene = Scene::asking(|question| question.carriers = vec![carrier(0)]).probed(false);
    let scene = scene.ended(|circumstances| circumstances.carriers = vec![carrier(296)]);
    let report = scene.message(OUT, 0, WireGuardMessage::Initiation { sender: 5 }, 148).report();
    assert_eq!((report.verdict, report.reason), (Verdict::Blackholed, Reason::NoHandshake));
}
