//! The table from evidence to verdicts, row by row. A [`Scene`] is a capture in the making: each test adds decoded
//! packets, probes and circumstances to it, and asks for the report. No frame is decoded and no kernel is asked.

mod kernel;
mod nodes;
mod others;
mod presumed;
mod wire;
mod wireguard;

use std::net::IpAddr;

use crate::schema::by_schema;
use ovlsniff::packet::{
    Direction, Encapsulation, EspKind, Form, Frame, Headers, InnerFrame, InterfaceNumber, Ip, IpVersion,
    Layer, LinkType, Opaque, Packet, Ports, Prefix, Sealed, Spi, Stop, Timestamp, Transport, Tunnel,
    TypeCode, Vni, Why,
};
use ovlsniff::verify::kept::Facts;
use ovlsniff::verify::{
    Circumstances, Device, EarlierRules, Expectation, Hook, HookKind, KernelState, Lengths, Network, Peer,
    Policy, PolicyDirection, Probe, Question, Reason, Report, Rules, Rung, SaState, Source, Strength, Tally,
    Template, Verdict, View, Way, judge,
};

const CANARY: &[u8] = b"ovlsniff-canary-table";
/// The identifier of the probes' ICMP messages.
const ECHO: u16 = 7;
const OURS: u32 = 42;
const OUT: Way = Way::Out;
const BACK: Way = Way::Back;
const PROBES: usize = 5;
/// The mark that Docker's firewall rules set on packets that have to be encrypted.
const DOCKER_MARK: u32 = 0x00d0_c4e3;

fn here() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

fn there() -> IpAddr {
    "192.0.2.2".parse().unwrap()
}

/// Returns the sender and the receiver on this way.
fn ends(way: Way) -> (IpAddr, IpAddr) {
    match way {
        Way::Out => (here(), there()),
        Way::Back => (there(), here()),
    }
}

fn spi(way: Way) -> Spi {
    Spi(match way {
        Way::Out => 0x1ab,
        Way::Back => 0x1ba,
    })
}

fn vxlan(vni: u32) -> Tunnel {
    Tunnel::Vxlan(Vni::new(vni).unwrap())
}

fn esp(way: Way, kind: EspKind) -> Tunnel {
    Tunnel::Esp { spi: spi(way), sequence: 1, kind, udp: false }
}

fn sealed(way: Way, why: Sealed) -> Opaque {
    Opaque::Esp { spi: spi(way), sequence: 1, udp: false, why }
}

/// A capture in the making, with the probes that go with it.
struct Scene {
    tally: Tally,
    circumstances: Circumstances,
    number: u64,
    direction: Option<Direction>,
    view: View,
}

impl Scene {
    fn new() -> Self {
        Self::asking(|_| ())
    }

    fn asking(change: impl FnOnce(&mut Question)) -> Self {
        let network = Network {
            name: "secure".to_owned(),
            source: Source::Device(Form::Vxlan),
            form: Some(Form::Vxlan),
            vnis: vec![Vni::new(OURS).unwrap()],
            port: Some(4789),
            locals: vec![here()],
            peers: vec![Peer {
                underlay: there(),
                overlay: vec!["10.42.0.2".parse().unwrap()],
                behind: Vec::new(),
            }],
            ..Network::default()
        };
        let mut question = Question {
            network,
            canary: Some(CANARY.to_vec()),
            echo: Some(ECHO),
            own: vec![here()],
            ..Question::default()
        };
        change(&mut question);
        let circumstances = Circumstances { dropped: Some(0), ..Circumstances::default() };
        Self { tally: Tally::new(question), circumstances, number: 0, direction: None, view: View::Wire }
    }

    fn passive() -> Self {
        Self::asking(|question| question.canary = None)
    }

    /// Adds five probes, sent one second apart.
    fn probed(mut self, answered: bool) -> Self {
        self.circumstances.probes = (0..PROBES)
            .map(|n| Probe {
                peer: there(),
                address: "10.42.0.2".parse().unwrap(),
                sequence: n as u16,
                sent: time(n),
                inner_len: inner(n),
                answered,
                due: true,
                presumed: false,
            })
            .collect();
        self
    }

    fn ended(mut self, change: impl FnOnce(&mut Circumstances)) -> Self {
        change(&mut self.circumstances);
        self
    }

    fn packet(
        self,
        way: Way,
        at: usize,
        wrappings: &[Tunnel],
        opaque: Option<Opaque>,
        payload: &[u8],
    ) -> Self {
        let ends = ends(way);
        self.between(ends, at, wrappings, opaque, payload)
    }

    fn between(
        mut self,
        (source, destination): (IpAddr, IpAddr),
        at: usize,
        wrappings: &[Tunnel],
        opaque: Option<Opaque>,
        payload: &[u8],
    ) -> Self {
        let ip = |protocol| Some(Ip { source, destination, protocol, fragment: None });
        let outer = |tunnel: Tunnel| Headers {
            ether_type: Some(0x0800),
            ip: match tunnel {
                Tunnel::Esp { .. } => ip(50),
                // These stand in front of the first IP header.
                Tunnel::Pppoe { .. } | Tunnel::Mpls { .. } | Tunnel::Nsh { .. } | Tunnel::Pbb { .. } => None,
                _ => ip(17),
            },
            transport: match tunnel {
                Tunnel::Vxlan(_) => Transport::Udp(Ports { source: 40_000, destination: 4789 }),
                _ => Transport::None,
            },
            ..Headers::default()
        };
        // A packet with the canary is the probe that was sent at that moment, or its reply.
        let [high, low] = (at as u16).to_be_bytes();
        let echo = [&ECHO.to_be_bytes(), &[high, low][..], payload].concat();
        let payload = if payload == CANARY { &echo } else { payload };
        let message = Transport::Icmp(TypeCode { kind: 8, code: 0 });
        let headers = match opaque {
            Some(_) => Headers { ip: ip(50), ether_type: Some(0x0800), ..Headers::default() },
            None if payload == echo => Headers { transport: message, ..Headers::default() },
            None => Headers::default(),
        };
        let wrapped = |&tunnel| Encapsulation { tunnel: numbered(tunnel, self.number), outer: outer(tunnel) };
        let packet = packet(|packet| {
            packet.encapsulations = wrappings.iter().map(wrapped).collect();
            packet.headers = headers;
            packet.payload = payload;
            packet.opaque = opaque;
            packet.inner = InnerFrame::Whole { link: LinkType::ETHERNET, bytes: payload };
        });
        self.number += 1;
        let time = Timestamp { nanos: time(at).nanos + 1_000_000, ..time(at) };
        // The inside of ESP that a key opened is not on the wire.
        let sealed = wrappings.iter().any(|one| matches!(one, Tunnel::Esp { kind: EspKind::Opened, .. }));
        let bytes: &[u8] = if sealed { &[] } else { payload };
        let wire_len = bytes.len() as u32;
        let frame = Frame { time, direction: self.direction, bytes, wire_len, ..frame(self.number) };
        self.tally.observe(&frame, &packet, self.view);
        self
    }

    /// Adds packets for whose frames the capture gives a direction.
    fn coming(self, direction: Direction, packets: impl FnOnce(Self) -> Self) -> Self {
        let scene = packets(Self { direction: Some(direction), ..self });
        Self { direction: None, ..scene }
    }

    /// Adds packets whose frames are seen on a link with this view.
    fn seen_on(self, view: View, packets: impl FnOnce(Self) -> Self) -> Self {
        let scene = packets(Self { view, ..self });
        Self { view: View::Wire, ..scene }
    }

    /// Adds the probes, or their replies, in clear.
    fn clear(self, way: Way) -> Self {
        (0..PROBES).fold(self, |scene, n| scene.packet(way, n, &[vxlan(OURS)], None, CANARY))
    }

    /// Adds the probes, or their replies, inside one more encapsulation that can be read.
    fn inside(self, way: Way, wrapping: Tunnel) -> Self {
        (0..PROBES).fold(self, |scene, n| scene.packet(way, n, &[wrapping, vxlan(OURS)], None, CANARY))
    }

    /// Adds ESP packets that no key opened. If `fits`, they are as long as the probes ask for.
    fn shut(self, way: Way, fits: bool, why: Sealed) -> Self {
        (0..PROBES).fold(self, |scene, n| {
            let len = if fits { esp_len(inner(n)) } else { 152 };
            scene.packet(way, n, &[], Some(sealed(way, why)), &vec![0xa5; len as usize])
        })
    }

    /// Returns the report, which is the same if the facts are kept and read again, and in which no verdict contradicts its
    /// figures.
    fn report(self) -> Report {
        let kept = Facts::new(&self.tally, self.circumstances.clone()).to_json();
        by_schema(
            include_str!("../../docs/facts-schema.json"),
            &serde_json::from_slice(&kept).unwrap(),
            "facts",
        );
        let report = judge(&self.tally, self.circumstances);
        assert_eq!(Facts::from_json(&kept).unwrap().report(), report);
        for leg in &report.legs {
            assert_eq!(leg.contradiction(Some(leg.reason)), None, "{leg:?}");
        }
        assert_eq!(report.contradiction(), None, "{report:?}");
        report
    }
}

/// Returns the tunnel as the packet with this number has it: ESP gets a sequence number of its own.
fn numbered(tunnel: Tunnel, number: u64) -> Tunnel {
    match tunnel {
        Tunnel::Esp { spi, kind, udp, .. } => Tunnel::Esp { spi, sequence: number as u32, kind, udp },
        other => other,
    }
}

/// Returns a packet of one frame, empty but for the changes of `make`.
fn packet<'a>(make: impl FnOnce(&mut Packet<'a>)) -> Packet<'a> {
    let mut packet = Packet::default();
    packet.frames = 1;
    make(&mut packet);
    packet
}

fn frame(number: u64) -> Frame<'static> {
    Frame {
        number,
        time: time(0),
        link: LinkType::ETHERNET,
        interface: InterfaceNumber(0),
        direction: None,
        wire_len: 0,
        bytes: &[],
    }
}

fn time(n: usize) -> Timestamp {
    Timestamp::new(1_700_000_000 + i64::try_from(n).unwrap(), 0, 9)
}

/// Returns the length in bytes of the ESP packet of a probe with this inner frame: SPI and sequence number, an IV of
/// 8 bytes, UDP and VXLAN, the frame and the trailer up to a multiple of 4, and an ICV of 8 bytes.
fn esp_len(inner: u32) -> u32 {
    8 + 8 + (16 + inner + 2).next_multiple_of(4) + 8
}

fn inner(n: usize) -> u32 {
    [200, 360, 120, 280, 440][n]
}

fn sa(way: Way) -> SaState {
    let (source, destination) = ends(way);
    SaState {
        source,
        destination,
        spi: spi(way),
        reqid: 7,
        tunnel: false,
        offload: false,
        lengths: Lengths::Lawful,
        encrypts: true,
        algorithm: "rfc4106(gcm(aes))".to_owned(),
        icv_bits: 128,
        replay_window: 128,
        packets: 100,
        strength: Strength::default(),
    }
}

fn policy(direction: PolicyDirection) -> Policy {
    let (source, destination) =
        if direction == PolicyDirection::Out { (here(), there()) } else { (there(), here()) };
    Policy {
        direction,
        source: Prefix::new(source, 32).unwrap(),
        destination: Prefix::new(destination, 32).unwrap(),
        protocol: 17,
        source_port: (0, 0),
        port: (4789, 0xffff),
        device: Device::Any,
        interface: 0,
        mark: (0, 0),
        priority: 100,
        block: false,
        templates: vec![template()],
    }
}

/// Returns a template for the ESP of [`sa`].
fn template() -> Template {
    Template { protocol: 50, tunnel: false, optional: false, reqid: 7, spi: Spi(0) }
}

fn no_rules() -> Rules {
    Rules { iptables: Some(String::new()), ip6tables: Some(String::new()), nft: Some(String::new()) }
}

/// Returns a kernel with everything in order: SAs and policies of both directions, and no offload.
fn armed() -> KernelState {
    KernelState {
        sas: vec![sa(OUT), sa(BACK)],
        policies: vec![policy(PolicyDirection::Out), policy(PolicyDirection::In)],
        esp_offload: Some(false),
        rules: no_rules(),
        ..KernelState::default()
    }
}

#[allow(clippy::unnecessary_wraps)] // As the circumstances have it.
fn with(change: impl FnOnce(&mut KernelState)) -> Option<KernelState> {
    let mut kernel = armed();
    change(&mut kernel);
    Some(kernel)
}

type Line = (Verdict, Option<Rung>, Reason);

/// Returns the verdicts on the two legs and on the whole.
fn verdicts(report: &Report) -> (Line, Line, Verdict) {
    let line = |n: usize| {
        let direction = &report.legs[n];
        (direction.verdict, direction.rung, direction.reason)
    };
    (line(0), line(1), report.verdict)
}

const CLEAR: Line = (Verdict::Clear, Some(Rung::Seen), Reason::Clear);
const OPENED: Line = (Verdict::Encrypted, Some(Rung::Opened), Reason::Opened);
const LENGTHS: Line = (Verdict::Encrypted, Some(Rung::Seen), Reason::Lengths);
