//! The table from what is seen to what may be said, row by row.

use std::net::IpAddr;

use super::kernel::{DOCKER_MARK, Kernel, Policy, Rules, SaState, Template, Way};
use super::lengths::Law;
use super::*;
use crate::packet::{
    Encapsulation, EspKind, Frame, Headers, InnerFrame, Ip, LinkType, Opaque, Packet, Ports, Sealed, Spi,
    Timestamp, Transport, Tunnel, Vni,
};

const CANARY: &[u8] = b"ovlsniff-canary-table";
const OURS: u32 = 42;
const OUT: bool = true;
const BACK: bool = false;
const PROBES: usize = 5;

fn here() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

fn there() -> IpAddr {
    "192.0.2.2".parse().unwrap()
}

fn spi(out: bool) -> Spi {
    Spi(if out { 0x1ab } else { 0x1ba })
}

fn vxlan(vni: u32) -> Tunnel {
    Tunnel::Vxlan(Vni::new(vni).unwrap())
}

fn esp(out: bool, kind: EspKind) -> Tunnel {
    Tunnel::Esp { spi: spi(out), sequence: 1, kind, udp: false }
}

fn sealed(out: bool, why: Sealed) -> Opaque {
    Opaque::Esp { spi: spi(out), sequence: 1, udp: false, why }
}

/// A capture in the making, with the probes that go with it.
struct Scene {
    judge: Judge,
    ending: Ending,
    number: u64,
}

impl Scene {
    fn new() -> Self {
        Self::asking(|_| ())
    }

    fn asking(change: impl FnOnce(&mut Question)) -> Self {
        let network = Network {
            name: "secure".to_owned(),
            source: Source::Device,
            vnis: vec![Vni::new(OURS).unwrap()],
            port: Some(4789),
            locals: vec![here()],
            peers: vec![Peer { underlay: there(), overlay: vec!["10.42.0.2".parse().unwrap()] }],
            ..Network::default()
        };
        let mut question =
            Question { network, canary: Some(CANARY.to_vec()), own: vec![here()], ..Question::default() };
        change(&mut question);
        let ending = Ending { dropped: Some(0), ..Ending::default() };
        Self { judge: Judge::new(question), ending, number: 0 }
    }

    fn passive() -> Self {
        Self::asking(|question| question.canary = None)
    }

    /// Five probes went out at one-second steps.
    fn probed(mut self, answered: bool) -> Self {
        self.ending.probes = (0..PROBES)
            .map(|n| Probe { peer: there(), sent: time(n), inner_len: inner(n), answered })
            .collect();
        self
    }

    fn ended(mut self, change: impl FnOnce(&mut Ending)) -> Self {
        change(&mut self.ending);
        self
    }

    fn packet(
        mut self,
        out: bool,
        at: usize,
        wrappings: &[Tunnel],
        opaque: Option<Opaque>,
        payload: &[u8],
    ) -> Self {
        let (source, destination) = if out { (here(), there()) } else { (there(), here()) };
        let ip = |protocol| Some(Ip { source, destination, protocol, fragment: None });
        let outer = |tunnel: Tunnel| Headers {
            ether_type: Some(0x0800),
            ip: ip(if matches!(tunnel, Tunnel::Esp { .. }) { 50 } else { 17 }),
            transport: match tunnel {
                Tunnel::Vxlan(_) => Transport::Udp(Ports { source: 40_000, destination: 4789 }),
                _ => Transport::None,
            },
            ..Headers::default()
        };
        let headers = match opaque {
            Some(_) => Headers { ip: ip(50), ether_type: Some(0x0800), ..Headers::default() },
            None => Headers::default(),
        };
        let packet = Packet {
            encapsulations: wrappings
                .iter()
                .map(|&tunnel| Encapsulation { tunnel, outer: outer(tunnel) })
                .collect(),
            headers,
            payload,
            opaque,
            inner: InnerFrame::Whole { link: LinkType::ETHERNET, bytes: payload },
            frames: 1,
            ..Packet::default()
        };
        self.number += 1;
        let frame = Frame {
            number: self.number,
            time: Timestamp { nanos: time(at).nanos + 1_000_000, digits: 9 },
            link: LinkType::ETHERNET,
            interface: 0,
            direction: None,
            wire_len: 0,
            bytes: &[],
        };
        self.judge.observe(&frame, &packet);
        self
    }

    /// The probes, or their replies, in clear.
    fn clear(self, out: bool) -> Self {
        (0..PROBES).fold(self, |scene, n| scene.packet(out, n, &[vxlan(OURS)], None, CANARY))
    }

    /// The probes, or their replies, inside one more wrapping that can be read.
    fn inside(self, out: bool, wrapping: Tunnel) -> Self {
        (0..PROBES).fold(self, |scene, n| scene.packet(out, n, &[wrapping, vxlan(OURS)], None, CANARY))
    }

    /// ESP that nobody opened, as long as the probes ask for, or not.
    fn shut(self, out: bool, fits: bool, why: Sealed) -> Self {
        let law = Law::all().next().unwrap();
        (0..PROBES).fold(self, |scene, n| {
            let len = if fits { law.esp_len(inner(n)) } else { 152 };
            scene.packet(out, n, &[], Some(sealed(out, why)), &vec![0xa5; len as usize])
        })
    }

    fn report(self) -> Report {
        self.judge.finish(self.ending)
    }
}

fn time(n: usize) -> Timestamp {
    Timestamp::new(1_700_000_000 + i64::try_from(n).unwrap(), 0, 9)
}

fn inner(n: usize) -> u32 {
    [200, 360, 120, 280, 440][n]
}

fn sa(out: bool) -> SaState {
    let (source, destination) = if out { (here(), there()) } else { (there(), here()) };
    SaState {
        source,
        destination,
        spi: spi(out),
        reqid: 7,
        tunnel: false,
        offload: false,
        encrypts: true,
        algorithm: "rfc4106(gcm(aes))".to_owned(),
        icv_bits: 128,
        replay_window: 128,
        packets: 100,
    }
}

fn policy(way: Way) -> Policy {
    let (source, destination) = if way == Way::Out { (here(), there()) } else { (there(), here()) };
    Policy {
        way,
        source: (source, 32),
        destination: (destination, 32),
        protocol: 17,
        port: (4789, 0xffff),
        priority: 100,
        block: false,
        mark: (0, 0),
        templates: vec![Template { esp: true, optional: false, reqid: 7 }],
    }
}

fn no_rules() -> Rules {
    Rules { iptables: Some(String::new()), nft: Some(String::new()) }
}

/// All in order: SAs and policies of both directions, and no offload.
fn armed() -> Kernel {
    Kernel {
        sas: vec![sa(OUT), sa(BACK)],
        policies: vec![policy(Way::Out), policy(Way::In)],
        esp_offload: Some(false),
        rules: no_rules(),
        ..Kernel::default()
    }
}

#[allow(clippy::unnecessary_wraps)] // As an ending has it.
fn with(change: impl FnOnce(&mut Kernel)) -> Option<Kernel> {
    let mut kernel = armed();
    change(&mut kernel);
    Some(kernel)
}

type Line = (Verdict, Option<Rung>, Reason);

/// The two directions and the whole.
fn verdicts(report: &Report) -> (Line, Line, Verdict) {
    let line = |n: usize| {
        let direction = &report.directions[n];
        (direction.verdict, direction.rung, direction.reason)
    };
    (line(0), line(1), report.verdict)
}

const CLEAR: Line = (Verdict::Clear, Some(Rung::Seen), Reason::Clear);
const OPENED: Line = (Verdict::Encrypted, Some(Rung::Opened), Reason::Opened);
const LENGTHS: Line = (Verdict::Encrypted, Some(Rung::Seen), Reason::Lengths);

#[test]
fn clear_and_delivered() {
    let report = Scene::new().probed(true).clear(OUT).clear(BACK).report();
    let unknown = (Verdict::Inconclusive, Some(Rung::Seen), Reason::EspGro);
    assert_eq!(verdicts(&report), (CLEAR, unknown, Verdict::Clear));
    assert_eq!(report.directions[0].shown.map(|shown| (shown.frame, shown.canary)), Some((1, true)));
    assert_eq!(report.exit_status(Expectation::Encrypted), 1);
    assert_eq!(report.exit_status(Expectation::Clear), 0);
}

#[test]
fn clear_and_dropped_by_the_peer_has_left_all_the_same() {
    let report = Scene::new().probed(false).clear(OUT).report();
    assert_eq!(report.directions[0].verdict, Verdict::Clear);
    assert_eq!(report.exit_status(Expectation::Encrypted), 1);
}

#[test]
fn any_clear_frame_of_the_network_is_a_leak() {
    let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
    let report =
        scene.inside(BACK, esp(BACK, EspKind::Opened)).packet(OUT, 1, &[vxlan(OURS)], None, b"arp").report();
    assert_eq!(verdicts(&report), (CLEAR, OPENED, Verdict::Clear));
    assert_eq!(report.directions[0].counts.clear, 1);
}

#[test]
fn frames_of_another_network_are_no_evidence() {
    let scene = Scene::new().probed(true).shut(OUT, true, Sealed::NoKey).shut(BACK, true, Sealed::NoKey);
    let report =
        scene.packet(OUT, 1, &[vxlan(43)], None, b"x").packet(BACK, 1, &[vxlan(43)], None, b"x").report();
    assert_eq!(verdicts(&report), (LENGTHS, LENGTHS, Verdict::Encrypted));
}

#[test]
fn one_direction_is_no_proof_of_the_other() {
    let opened = esp(OUT, EspKind::Opened);
    let report = Scene::new()
        .probed(true)
        .inside(OUT, opened)
        .clear(BACK)
        .ended(|ending| ending.kernel = with(|kernel| kernel.sas[1].packets = 0))
        .report();
    assert_eq!(verdicts(&report), (OPENED, CLEAR, Verdict::Clear));
    let report = Scene::passive().inside(OUT, opened).report();
    assert_eq!(report.directions[1].reason, Reason::OneDirection);
    assert_eq!(report.verdict, Verdict::Inconclusive);
}

#[test]
fn esp_of_the_probes_lengths_is_theirs() {
    let report =
        Scene::new().probed(true).shut(OUT, true, Sealed::NoKey).shut(BACK, true, Sealed::NoKey).report();
    assert_eq!(verdicts(&report), (LENGTHS, LENGTHS, Verdict::Encrypted));
    assert_eq!(report.exit_status(Expectation::Encrypted), 0);
    assert_eq!(report.exit_status(Expectation::Clear), 1);
}

#[test]
fn esp_of_other_lengths_is_anybodys() {
    let report =
        Scene::new().probed(true).shut(OUT, false, Sealed::NoKey).shut(BACK, true, Sealed::NoKey).report();
    assert_eq!(verdicts(&report).0, (Verdict::Inconclusive, None, Reason::OtherTunnel));
    assert_eq!(report.exit_status(Expectation::Encrypted), 3);
    let report = Scene::passive().shut(OUT, true, Sealed::NoKey).shut(BACK, true, Sealed::NoKey).report();
    assert_eq!(verdicts(&report).2, Verdict::Inconclusive);
}

#[test]
fn esp_that_leaves_and_no_reply_is_a_black_hole() {
    let report = Scene::new().probed(false).inside(OUT, esp(OUT, EspKind::Opened)).report();
    assert_eq!(verdicts(&report).0, (Verdict::Blackholed, Some(Rung::Opened), Reason::BlockedEsp));
    assert_eq!(report.exit_status(Expectation::Encrypted), 4);
    let report = Scene::new().probed(false).shut(OUT, true, Sealed::NoKey).report();
    assert_eq!(verdicts(&report).0, (Verdict::Blackholed, Some(Rung::Seen), Reason::BlockedEsp));
    // Somebody else's ESP is not our probe.
    let report = Scene::new().probed(false).shut(OUT, false, Sealed::NoKey).report();
    assert_eq!(report.verdict, Verdict::Inconclusive);
}

#[test]
fn esp_that_arrives_and_is_refused_says_why() {
    let opened = || Scene::new().probed(false).inside(OUT, esp(OUT, EspKind::Opened));
    let report = opened().shut(BACK, true, Sealed::BadIcv).report();
    assert_eq!(verdicts(&report).1, (Verdict::Blackholed, Some(Rung::Counted), Reason::KeyMismatch));
    assert_eq!(report.reason, Reason::KeyMismatch);
    let report = opened()
        .shut(BACK, true, Sealed::NoKey)
        .ended(|ending| ending.kernel = with(|kernel| kernel.sas.truncate(1)))
        .report();
    assert_eq!(report.reason, Reason::SpiMismatch);
}

#[test]
fn authenticated_is_not_encrypted() {
    let ah = Tunnel::Ah { spi: Spi(300), sequence: 1 };
    let kinds = [
        (esp(OUT, EspKind::Null), Reason::EspNull),
        (esp(OUT, EspKind::Gmac), Reason::EspGmac),
        (ah, Reason::AhOnly),
        (Tunnel::Macsec { sci: None }, Reason::MacsecIntegrity),
    ];
    for (wrapping, reason) in kinds {
        let report = Scene::new().probed(true).inside(OUT, wrapping).inside(BACK, wrapping).report();
        let line = (Verdict::AuthOnly, Some(Rung::Seen), reason);
        assert_eq!(verdicts(&report), (line, line, Verdict::AuthOnly));
        assert_eq!(report.exit_status(Expectation::Encrypted), 1);
    }
}

#[test]
fn a_network_card_may_encrypt_behind_the_capture() {
    let offload = || with(|kernel| kernel.sas.iter_mut().for_each(|sa| sa.offload = true));
    for scene in [Scene::new().clear(OUT), Scene::new().inside(OUT, esp(OUT, EspKind::Null))] {
        let report = scene.probed(true).ended(|ending| ending.kernel = offload()).report();
        assert_eq!(verdicts(&report).0, (Verdict::Inconclusive, Some(Rung::Seen), Reason::NicOffload));
    }
}

#[test]
fn fragments_and_esp_in_udp_are_esp() {
    let law = Law::all().next().unwrap();
    let scene = (0..PROBES).fold(Scene::new().probed(true), |scene, n| {
        let opaque = Opaque::Esp { spi: spi(OUT), sequence: 1, udp: true, why: Sealed::NoKey };
        scene.packet(OUT, n, &[], Some(opaque), &vec![1; law.esp_len(inner(n)) as usize])
    });
    let report =
        scene.shut(BACK, true, Sealed::NoKey).packet(BACK, 1, &[], Some(Opaque::EspFragment), b"").report();
    assert_eq!(verdicts(&report), (LENGTHS, LENGTHS, Verdict::Encrypted));
    assert!(report.findings.iter().any(|finding| finding.code == "fragments"));
}

#[test]
fn another_opaque_transport_is_not_the_overlays_own() {
    let wireguard = Opaque::WireGuard { message: 4 };
    let report = Scene::new().probed(true).packet(OUT, 0, &[], Some(wireguard), &[4; 64]).report();
    assert_eq!(verdicts(&report).0.2, Reason::OpaqueTransport);
    // Seen in clear on the device that encrypts.
    let report =
        Scene::asking(|question| question.encrypting = vec![0]).probed(true).clear(OUT).clear(BACK).report();
    assert_eq!(verdicts(&report).0.2, Reason::OpaqueTransport);
    assert_eq!(report.exit_status(Expectation::Encrypted), 3);
}

#[test]
fn silence_proves_nothing() {
    let reason = |report: Report| (report.verdict, report.reason);
    let inconclusive = |reason| (Verdict::Inconclusive, reason);
    assert_eq!(reason(Scene::new().probed(true).report()), inconclusive(Reason::WrongInterface));
    assert_eq!(reason(Scene::new().probed(false).report()), inconclusive(Reason::NoTraffic));
    assert_eq!(reason(Scene::passive().report()), inconclusive(Reason::NoTraffic));
    let same_host = Scene::asking(|question| question.own.push(there())).probed(true);
    assert_eq!(reason(same_host.report()), inconclusive(Reason::LocalOnly));
    let no_target = Scene::asking(|question| question.network.peers[0].overlay.clear());
    assert_eq!(reason(no_target.report()), inconclusive(Reason::NoTarget));
    let typo = Scene::asking(|question| {
        question.network.encrypted = Some(false);
        question.network.typo = Some("encrypt".to_owned());
    });
    let report = typo.report();
    assert_eq!((report.verdict, report.reason), inconclusive(Reason::TypoOption));
    assert!(report.findings[0].text.contains("'encrypt'"));
}

#[test]
fn configuration_alone_is_never_encrypted() {
    let scene = Scene::asking(|question| question.network.encrypted = Some(true)).probed(false);
    assert_eq!(verdicts(&scene.report()).0, (Verdict::Inconclusive, Some(Rung::Config), Reason::NoTraffic));
    let report = Scene::new().probed(false).ended(|ending| ending.kernel = Some(armed())).report();
    assert_eq!(verdicts(&report).0, (Verdict::Inconclusive, Some(Rung::Armed), Reason::NoTraffic));
}

#[test]
fn a_policy_that_holds_everything_back_is_a_black_hole() {
    let held = |counter: &str| {
        let scene = Scene::new().probed(false).ended(|ending| {
            ending.kernel = with(|kernel| {
                kernel.counters.insert(counter.to_owned(), 3);
            });
        });
        verdicts(&scene.report()).0
    };
    assert_eq!(held("XfrmOutNoStates"), (Verdict::Blackholed, Some(Rung::Counted), Reason::NoSa));
    assert_eq!(held("XfrmOutPolBlock"), (Verdict::Blackholed, Some(Rung::Counted), Reason::PolicyBlock));
}

#[test]
fn clear_that_arrives_may_be_a_copy_of_what_was_decrypted() {
    let arrives = |kernel: Option<Kernel>| {
        let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened)).clear(BACK);
        verdicts(&scene.ended(|ending| ending.kernel = kernel).report()).1
    };
    let unknown = (Verdict::Inconclusive, Some(Rung::Seen), Reason::EspGro);
    assert_eq!(arrives(None), unknown);
    assert_eq!(arrives(with(|kernel| kernel.esp_offload = Some(true))), unknown);
    assert_eq!(arrives(with(|kernel| kernel.esp_offload = None)), unknown);
    // Nothing was decrypted, or nothing could be.
    assert_eq!(arrives(with(|kernel| kernel.sas[1].packets = 4)), CLEAR);
    assert_eq!(arrives(with(|kernel| kernel.sas.truncate(1))), CLEAR);
    assert_eq!(arrives(Some(armed())), CLEAR);
    // A rekey makes the counters worthless.
    let rekeyed = with(|kernel| {
        kernel.sas[1].packets = 0;
        kernel.sas_changed = true;
        kernel.esp_offload = Some(true);
    });
    assert_eq!(arrives(rekeyed), unknown);
}

#[test]
fn clear_that_arrives_at_a_tap_on_the_way_was_clear() {
    let report = Scene::asking(|question| question.off_host = true).probed(true).clear(BACK).report();
    assert_eq!(verdicts(&report).1, CLEAR);
}

#[test]
fn doubt_about_the_capture_is_doubt_about_the_verdict() {
    let proven = || {
        let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
        scene.inside(BACK, esp(BACK, EspKind::Opened))
    };
    assert_eq!(verdicts(&proven().report()), (OPENED, OPENED, Verdict::Encrypted));
    let doubt = |scene: Scene| scene.report().verdict;
    assert_eq!(doubt(proven().ended(|ending| ending.dropped = Some(1))), Verdict::Inconclusive);
    assert_eq!(
        doubt(proven().ended(|ending| ending.cut_short = Some("eth0: gone".to_owned()))),
        Verdict::Inconclusive
    );
    assert_eq!(doubt(proven().ended(|ending| ending.control = Some(false))), Verdict::Inconclusive);
    // But a clear frame that was seen is one.
    let clear = proven().packet(OUT, 1, &[vxlan(OURS)], None, b"x").ended(|ending| ending.dropped = Some(1));
    assert_eq!(clear.report().verdict, Verdict::Clear);
}

#[test]
fn two_packets_are_too_few() {
    let opened = esp(OUT, EspKind::Opened);
    let scene =
        (0..2).fold(Scene::passive(), |scene, n| scene.packet(OUT, n, &[opened, vxlan(OURS)], None, b"x"));
    assert_eq!(verdicts(&scene.report()).0, (Verdict::Inconclusive, Some(Rung::Opened), Reason::TooFew));
}

#[test]
fn esp_that_was_opened_and_carries_another_network_is_no_proof() {
    let opened = |out| esp(out, EspKind::Opened);
    let scene = (0..PROBES)
        .fold(Scene::passive(), |scene, n| scene.packet(OUT, n, &[opened(OUT), vxlan(43)], None, b"x"));
    let report = scene.report();
    assert_eq!((report.verdict, report.reason), (Verdict::Inconclusive, Reason::NoTraffic));
}

#[test]
fn encrypted_and_open_to_clear_frames_is_not_enforced() {
    let judge = |kernel| {
        let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
        let scene = scene.inside(BACK, esp(BACK, EspKind::Opened));
        scene.ended(|ending| ending.kernel = kernel).report()
    };
    let out_only = |rules: Rules| {
        with(|kernel| {
            kernel.policies.truncate(1);
            kernel.rules = rules;
        })
    };
    assert_eq!(judge(Some(armed())).verdict, Verdict::Encrypted);
    let report = judge(out_only(no_rules()));
    assert_eq!((report.verdict, report.exit_status(Expectation::Encrypted)), (Verdict::NotEnforced, 1));
    // What was not checked is no accusation.
    let report = judge(out_only(Rules::default()));
    assert_eq!(report.verdict, Verdict::Encrypted);
    assert!(report.findings.iter().any(|finding| finding.code == "enforcement-unknown"));
}

#[test]
fn the_reason_for_a_leak_is_the_kernels() {
    let reason = |kernel: Option<Kernel>| {
        let scene = Scene::new().probed(true).clear(OUT).ended(|ending| ending.kernel = kernel);
        scene.report().reason
    };
    assert_eq!(reason(None), Reason::Clear);
    assert_eq!(reason(with(|kernel| kernel.policies.clear())), Reason::NoPolicy);
    assert_eq!(reason(with(|kernel| kernel.policies[0].templates[0].optional = true)), Reason::LevelUse);
    assert_eq!(reason(with(|kernel| kernel.policies[0].port.0 = 4799)), Reason::PortMismatch);
    assert_eq!(reason(with(|kernel| kernel.policies[0].mark = (DOCKER_MARK, u32::MAX))), Reason::NoMark);
    let configured = |typo: Option<&str>| {
        let typo = typo.map(str::to_owned);
        let scene = Scene::asking(|question| {
            question.network.encrypted = Some(false);
            question.network.typo = typo;
        });
        scene.probed(true).clear(OUT).report().reason
    };
    assert_eq!(configured(None), Reason::NotConfigured);
    assert_eq!(configured(Some("encrypt")), Reason::TypoOption);
}

#[test]
fn the_reply_on_its_way_shows_that_the_probe_arrived() {
    // The peer answers in clear, and our policy drops that: ESP left and reached it all the same.
    let scene = Scene::new().probed(false).inside(OUT, esp(OUT, EspKind::Opened)).clear(BACK);
    let report = scene.ended(|ending| ending.kernel = Some(armed())).report();
    assert_eq!(verdicts(&report), (OPENED, CLEAR, Verdict::Clear));
}
