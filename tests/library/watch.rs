//! A file whose frames are counted in one go against the same file frame by frame: the reports must be the same.

use ovlsniff::capture::savefile::Savefile;
use ovlsniff::packet::{Content, Decoder, Form, LinkType, Opaque, Transport, Tunnel, Vni, Worth};
use ovlsniff::print::report;
use ovlsniff::verify::{Circumstances, Expectation, Network, Peer, Question, Watch, tunnel_ports};

use crate::reading::{Kept, all, frames, ports};
use crate::skim::{Dice, cook, damage, file, open};

/// Makes a question about a network between this node and others. No other node is named if there is none.
pub(crate) fn question(vnis: &[u32], local: &str, peers: &[&str], port: Option<(u16, Form)>) -> Question {
    let peer = |underlay: &&str| Peer {
        underlay: underlay.parse().unwrap(),
        overlay: Vec::new(),
        behind: Vec::new(),
    };
    let network = Network {
        vnis: vnis.iter().filter_map(|vni| Vni::new(*vni)).collect(),
        locals: vec![local.parse().unwrap()],
        peers: peers.iter().map(peer).collect(),
        port: port.map(|(port, _)| port),
        form: port.map(|(_, form)| form),
        ..Network::default()
    };
    Question { network, ..Question::default() }
}

pub(crate) fn questions() -> Vec<Question> {
    vec![
        question(&[4097], "192.0.2.1", &["192.0.2.2"], None),
        question(&[4097], "192.0.2.2", &["192.0.2.1"], Some((4789, Form::Vxlan))),
        question(&[4098, 7], "192.0.2.1", &[], None),
        question(&[1], "10.0.1.2", &["10.0.1.1"], Some((6081, Form::Geneve))),
        question(&[4097], "192.0.2.1", &["203.0.113.7"], Some((5555, Form::Vxlan))),
        question(&[0], "2001:db8::1", &["2001:db8::2"], None),
    ]
}

/// Returns the report on a file, by records that are taken in one go or frame by frame.
fn judged(bytes: &[u8], question: &Question, in_one_go: bool) -> String {
    let (_kept, mut file): (_, Savefile) = open(bytes);
    let mut watch = Watch::new(question.clone(), None, tunnel_ports([&question.network]), None);
    loop {
        if let Some(mut records) = file.records().filter(|_| in_one_go) {
            watch.records(&mut records);
            let taken = records.taken();
            file.took(taken);
        }
        let Ok(true) = file.advance() else { break };
        watch.frame(&file.frame());
    }
    let nanos = watch.nanos();
    let report = watch.finish(Circumstances { nanos, ..Circumstances::default() });
    report::json(&report, Expectation::Encrypted) + &report::text(&report, Expectation::Encrypted)
}

fn compare(bytes: &[u8], question: &Question, of: &str) {
    assert_eq!(judged(bytes, question, true), judged(bytes, question, false), "{of}, {:?}", question.network);
}

#[test]
fn every_capture_has_the_same_report_either_way() {
    for fixture in all() {
        let kept = frames(&fixture);
        let Some(first) = kept.first() else { continue };
        let same: Vec<Kept> = kept.iter().filter(|kept| kept.link == first.link).cloned().collect();
        // The second time, nearly all frames are like one that was there.
        let twice = [same.clone(), same].concat();
        for question in questions() {
            compare(&file(first.link, &twice), &question, &fixture);
        }
    }
}

/// Frames of all captures, some of them damaged as a wire, a snaplen or somebody hostile may do it, with others between
/// them that are like those before.
#[test]
fn damaged_and_repeated_frames_have_the_same_report_either_way() {
    let known: Vec<Kept> = all().iter().flat_map(|fixture| frames(fixture)).collect();
    let known: Vec<Kept> = known.into_iter().filter(|kept| kept.link == LinkType::ETHERNET).collect();
    let questions = questions();
    for round in 0..60 {
        let mut dice = Dice(round);
        let (mut made, mut nanos): (Vec<Kept>, i64) = (Vec::new(), 1_700_000_000_000_000_000);
        let cooked = round % 5 == 4;
        while made.len() < 300 {
            let at = dice.below(known.len());
            let mut some = known[at..(at + 1 + dice.below(12)).min(known.len())].to_vec();
            if cooked {
                some = some.iter().map(cook).collect();
            }
            if dice.below(2) == 0 && !made.is_empty() {
                some.extend((0..4).map(|_| made[dice.below(made.len())].clone()));
            }
            for mut kept in some {
                nanos += if dice.below(60) == 0 { 31_000_000_000 } else { 1000 };
                kept.time.nanos = nanos;
                if round % 4 > 0 && dice.below(4) == 0 {
                    damage(&mut kept, &mut dice);
                }
                if dice.below(20) == 0 {
                    // Another frame, in a place that nothing explains.
                    let inside = &known[dice.below(known.len())].bytes;
                    kept.bytes.extend(inside);
                    kept.wire_len += inside.len() as u32;
                }
                made.push(kept);
            }
        }
        for question in &questions {
            let link = if cooked { LinkType::LINUX_SLL2 } else { LinkType::ETHERNET };
            compare(&file(link, &made), question, &format!("round {round}"));
        }
    }
}

/// An Ethernet frame of IPv4 between two hosts, with this protocol and payload.
fn ipv4(source: [u8; 4], destination: [u8; 4], protocol: u8, payload: &[u8]) -> Kept {
    let kept = frames("swarm/swarm-node1.pcap").swap_remove(0);
    let [high, low] = (20 + payload.len() as u16).to_be_bytes();
    let header = [0x45, 0, high, low, 0, 1, 0x40, 0, 64, protocol, 0, 0];
    let bytes = [&[2; 12][..], &[8, 0], &header, &source, &destination, payload].concat();
    Kept { wire_len: bytes.len() as u32, bytes, ..kept }
}

/// Noise with a last byte that is no next header, so that it is not taken for unencrypted.
fn esp(source: [u8; 4], destination: [u8; 4], spi: u32) -> Kept {
    ipv4(source, destination, 50, &[&spi.to_be_bytes()[..], &[0, 0, 0, 1], &[0xa5; 64]].concat())
}

const HERE: [u8; 4] = [192, 0, 2, 1];
const THERE: [u8; 4] = [192, 0, 2, 2];

/// VXLAN with this VNI around a datagram.
fn vxlan(source: [u8; 4], destination: [u8; 4], vni: u16) -> Kept {
    let inner = ipv4([10, 0, 0, 1], [10, 0, 0, 2], 17, &[0, 7, 0, 7, 0, 9, 0, 0, 1]).bytes;
    let [high, low] = (16 + inner.len() as u16).to_be_bytes();
    let [vni_high, vni_low] = vni.to_be_bytes();
    let udp = [0xc0, 0, 0x12, 0xb5, high, low, 0, 0, 8, 0, 0, 0, 0, vni_high, vni_low, 0];
    ipv4(source, destination, 17, &[&udp[..], &inner].concat())
}

/// More hosts and SPIs than are counted apart, each several times and in turn.
#[test]
fn beyond_the_limits_of_the_tables_the_report_is_the_same_either_way() {
    let host = |n: usize| [198, 51, (n >> 8) as u8, n as u8];
    let round = |made: &mut Vec<Kept>| {
        for n in 0..1200 {
            made.push(esp(host(n), HERE, 0x300 + n as u32 % 5));
            if n % 3 == 0 {
                made.push(esp(HERE, host(n), 0x500));
                made.push(vxlan(host(n), HERE, 4097));
                made.push(ipv4(host(n), HERE, 17, &[0, 7, 0, 7, 0, 9, 0, 0, 1]));
            }
            made.push(esp(HERE, THERE, 0x1000 + n as u32 % 90));
        }
    };
    let mut made = Vec::new();
    (0..3).for_each(|_| round(&mut made));
    for peers in [&[][..], &["192.0.2.2"]] {
        compare(&file(LinkType::ETHERNET, &made), &question(&[4097], "192.0.2.1", peers, None), "a crowd");
    }
}

/// Returns the verdict and the reasons in the report on these frames, which is the same either way.
fn said(made: &[Kept]) -> String {
    let question = question(&[4097], "192.0.2.1", &["192.0.2.2"], None);
    let bytes = file(LinkType::ETHERNET, made);
    compare(&bytes, &question, "packets that are alike");
    judged(&bytes, &question, true)
}

#[test]
fn a_leak_among_packets_that_are_alike_is_seen() {
    let sealed = vec![esp(HERE, THERE, 0x300); 200];
    let quiet = said(&sealed);
    assert!(quiet.contains(r#""reason":"filtered""#), "{quiet}");
    let with = |frame: Kept| {
        let mut made = sealed.clone();
        made[150] = frame;
        said(&made)
    };
    let leak = vxlan(HERE, THERE, 4097);
    assert!(with(leak.clone()).contains(r#""verdict":"CLEAR""#));
    // The same behind the header of ESP, whose end looks encrypted.
    let hidden = [&sealed[0].bytes[34..42], &leak.bytes[34..], &[0xa5; 40]].concat();
    let doubt = with(ipv4(HERE, THERE, 50, &hidden));
    assert!(doubt.contains(r#""reason":"undecoded""#), "{doubt}");
    // And in the padding behind it.
    let mut padded = sealed[0].clone();
    padded.bytes.extend(&leak.bytes[34..]);
    padded.wire_len = padded.bytes.len() as u32;
    let doubt = with(padded);
    assert!(doubt.contains(r#""reason":"undecoded""#), "{doubt}");
}

/// The outline of a frame has the fields that decoding gives.
#[test]
fn outlines_agree_with_the_decoder() {
    let mut agreed = [0; 3];
    for kept in all().iter().flat_map(|fixture| frames(fixture)) {
        let decoder = Decoder::new(ports());
        let frame = kept.frame();
        let (glance, packet) = (decoder.glance(), decoder.clone().decode(&frame));
        let worth = glance.result(&frame);
        let Some(outline) = glance.outline(&frame, worth).filter(|_| worth != Worth::Others) else {
            continue;
        };
        let ip = packet.outermost().ip.unwrap();
        assert_eq!(outline.ends.addresses(), (ip.source, ip.destination), "{packet:?}");
        let is_plain = matches!(packet.headers.transport, Transport::Tcp { .. } | Transport::Udp(_));
        let tunnels: Vec<Tunnel> = packet.encapsulations.iter().map(|wrapping| wrapping.tunnel).collect();
        match (outline.content, &tunnels[..], packet.opaque) {
            (Content::Esp(spi), [], Some(Opaque::Esp { spi: right, .. })) if spi == right => agreed[0] += 1,
            (Content::Plain, [], None) if is_plain => agreed[1] += 1,
            (Content::Tunnel { form, port, vni, is_plain: plain }, [tunnel], None)
                if form.is(*tunnel)
                    && Some(vni) == tunnel.vni()
                    && packet.outermost().transport.ports().map(|ports| ports.destination) == Some(port)
                    && (plain == is_plain) =>
            {
                agreed[2] += 1;
            }
            (content, ..) => panic!("{content:?} is {packet:?}"),
        }
    }
    assert!(agreed.iter().all(|count| *count > 50), "{agreed:?}");
}
