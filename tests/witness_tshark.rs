//! Every frame of every fixture, decoded by ovlsniff and by tshark: the layers must be the same, from the outermost to
//! the payload's bytes.
//!
//! A level is written down as a list of words (`ip 10.0.0.1 > 10.0.0.2`, `vxlan 4097`, `tcp 1 > 2 ..`, `payload ..`), once
//! from the library's packet, once from tshark's fields. Where the two differ for a reason, [`EXCEPTIONS`] names it; an
//! exception that is no longer needed fails the test.

#[path = "captures/reading.rs"]
mod reading;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::process::Command;

use ovlsniff::packet::{Headers, Opaque, Packet, Transport, Tunnel, Why};
use reading::Kept;

/// How the two differ.
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
    /// Frame numbers; none for any of the file.
    frames: &'static [u64],
    how: How,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[];

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
            // What the snaplen cut in the middle of a header: tshark shows the fields that are there, ovlsniff takes a
            // header whole or not at all.
            if *cut && how == How::WeStop {
                continue;
            }
            let explained = EXCEPTIONS.iter().position(|e| {
                e.fixture == fixture && e.how == how && (e.frames.is_empty() || e.frames.contains(number))
            });
            match explained {
                Some(index) => used[index] = true,
                None => unexplained
                    .push(format!("{fixture} frame {number}: {how:?}\n    ours:   {ours:?}\n    tshark: {theirs:?}")),
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

/// Whether decoding ended because the capture did.
fn cut_short(kept: &Kept, packet: &Packet<'_>) -> bool {
    kept.bytes.len() < kept.wire_len as usize && packet.stop.is_some_and(|stop| stop.why == Why::Truncated)
}

/// What the library made of a frame.
fn words(packet: &Packet<'_>) -> Vec<String> {
    let mut words = Vec::new();
    let mut around: Option<(Tunnel, Headers)> = None;
    for wrapping in &packet.encapsulations {
        level(&mut words, around, &wrapping.outer);
        words.extend(tunnel(wrapping.tunnel));
        around = Some((wrapping.tunnel, wrapping.outer));
    }
    level(&mut words, around, &packet.headers);
    match packet.opaque {
        Some(Opaque::Esp { spi, .. }) => words.push(format!("esp {:#010x}", spi.0)),
        Some(Opaque::EspFragment | Opaque::EspTruncated) => words.push("esp".into()),
        Some(Opaque::WireGuard { message }) => words.push(format!("wireguard {message}")),
        Some(Opaque::Macsec { .. }) => words.push("macsec".into()),
        None => {
            if matches!(packet.headers.transport, Transport::Tcp { .. } | Transport::Udp(_))
                && packet.stop.is_none_or(|stop| stop.layer == ovlsniff::packet::Layer::Payload)
                && !packet.payload.is_empty()
            {
                words.push(format!("payload {}", hex(packet.payload)));
            }
        }
    }
    words
}

/// The words of one level, without those that it repeats from the level around it.
fn level(words: &mut Vec<String>, around: Option<(Tunnel, Headers)>, headers: &Headers) {
    let (mac, ip) = match around {
        // MACsec leaves the Ethernet header in front of it.
        Some((Tunnel::Macsec { .. }, _)) => (None, headers.ip),
        // ESP and AH in transport mode leave the IP header too.
        Some((Tunnel::Esp { .. } | Tunnel::Ah { .. }, outer)) if headers.mac.is_some() && headers.mac == outer.mac => {
            (None, None)
        }
        _ => (headers.mac, headers.ip),
    };
    if let Some(mac) = mac {
        words.push(format!("eth {} > {}", colons(mac.source), colons(mac.destination)));
        words.extend(headers.vlan.ids().iter().map(|id| format!("vlan {id}")));
    } else if around.is_none() {
        words.extend(headers.vlan.ids().iter().map(|id| format!("vlan {id}")));
    }
    if let Some(ip) = ip {
        words.push(format!("ip {} > {}", ip.source, ip.destination));
    }
    words.extend(match headers.transport {
        Transport::Tcp { ports, flags } => Some(format!("tcp {} > {} {:#04x}", ports.source, ports.destination, flags.0)),
        Transport::Udp(ports) => Some(format!("udp {} > {}", ports.source, ports.destination)),
        Transport::Sctp(ports) => Some(format!("sctp {} > {}", ports.source, ports.destination)),
        Transport::Icmp(message) => Some(format!("icmp {} {}", message.kind, message.code)),
        Transport::Icmpv6(message) => Some(format!("icmpv6 {} {}", message.kind, message.code)),
        Transport::Igmp(message) => Some(format!("igmp {}", message.kind)),
        Transport::None => None,
    });
}

fn tunnel(tunnel: Tunnel) -> Option<String> {
    Some(match tunnel {
        Tunnel::Vxlan(vni) | Tunnel::VxlanGpe(vni) => format!("vxlan {vni}"),
        Tunnel::Geneve(vni) => format!("geneve {vni}"),
        Tunnel::Nvgre(vni) => format!("nvgre {vni}"),
        Tunnel::Gre { key: Some(key) } => format!("gre {key:#010x}"),
        Tunnel::Gre { key: None } => "gre".into(),
        Tunnel::Esp { spi, .. } => format!("esp {:#010x}", spi.0),
        Tunnel::Ah { spi, .. } => format!("ah {:#010x}", spi.0),
        Tunnel::Macsec { .. } => "macsec".into(),
        // Two IP headers in a row say it.
        Tunnel::IpInIp => return None,
    })
}

fn colons(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const FIELDS: &[&str] = &[
    "frame.number", "frame.protocols", "eth.src", "eth.dst", "vlan.id", "ieee8021ad.id", "ip.src", "ip.dst", "ipv6.src",
    "ipv6.dst", "udp.srcport", "udp.dstport", "udp.length", "udp.payload", "tcp.srcport", "tcp.dstport", "tcp.flags",
    "tcp.len", "tcp.payload", "sctp.srcport", "sctp.dstport", "icmp.type", "icmp.code", "icmpv6.type", "icmpv6.code",
    "igmp.type", "vxlan.vni", "geneve.vni", "gre.key", "gre.proto", "gre.flags_and_version", "esp.spi", "ah.spi",
    "wg.type",
];

/// What tshark makes of the frames of a capture.
fn tshark(fixture: &str) -> BTreeMap<u64, Vec<String>> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(reading::path(fixture)).args(["-T", "fields", "-E", "separator=/t"]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    for setting in [
        "tcp.desegment_tcp_streams:FALSE",
        "ip.defragment:TRUE",
        "ipv6.defragment:TRUE",
        "esp.enable_null_encryption_decode_heuristic:FALSE",
        "esp.enable_encryption_decode:TRUE",
    ] {
        command.args(["-o", setting]);
    }
    // 5555 is the fixtures' own port; 8472 is OTV's by IANA.
    command.args(["-d", "udp.port==8472,vxlan", "-d", "udp.port==5555,vxlan"]);
    for association in null_associations(fixture) {
        command.args(["-o", &format!("uat:esp_sa:{association}")]);
    }
    let output = command.output().expect("tshark starts");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let mut fields = Fields::new(line);
            (fields.next("frame.number").unwrap().parse().unwrap(), fields.words())
        })
        .collect()
}

/// The associations of a capture whose ESP is not encrypted: tshark is told them, ovlsniff finds out.
fn null_associations(fixture: &str) -> Vec<String> {
    let table = reading::path(fixture).with_extension("esp_sa");
    let lines = std::fs::read_to_string(table).unwrap_or_default();
    lines.lines().filter(|line| line.contains(r#","NULL","","#)).map(str::to_owned).collect()
}

/// The fields of one frame: of each the values in the order of the layers.
struct Fields<'a> {
    values: HashMap<&'static str, VecDeque<&'a str>>,
}

impl<'a> Fields<'a> {
    fn new(line: &'a str) -> Self {
        let values = FIELDS
            .iter()
            .zip(line.split('\t'))
            .map(|(field, text)| (*field, text.split(',').filter(|value| !value.is_empty()).collect()));
        Self { values: values.collect() }
    }

    fn next(&mut self, field: &'static str) -> Option<&'a str> {
        self.values.get_mut(field).and_then(VecDeque::pop_front)
    }

    /// `name value > value` of the next layer that has these two fields.
    fn pair(&mut self, name: &str, first: &'static str, second: &'static str) -> Option<String> {
        Some(format!("{name} {} > {}", self.next(first)?, self.next(second)?))
    }

    fn words(&mut self) -> Vec<String> {
        let protocols = self.next("frame.protocols").unwrap_or_default();
        let mut words = Vec::new();
        let mut payload = None;
        let mut tags = 0;
        for protocol in protocols.split(':') {
            let word = match protocol {
                "eth" => {
                    tags = 0;
                    self.gpe(&mut words);
                    self.pair("eth", "eth.src", "eth.dst")
                }
                "vlan" | "ieee8021ad" => {
                    let id = self.next(if protocol == "vlan" { "vlan.id" } else { "ieee8021ad.id" });
                    tags += 1;
                    // The library keeps the first two.
                    id.filter(|_| tags <= 2).map(|id| format!("vlan {id}"))
                }
                "ip" => {
                    self.gpe(&mut words);
                    self.pair("ip", "ip.src", "ip.dst")
                }
                "ipv6" => {
                    self.gpe(&mut words);
                    self.pair("ip", "ipv6.src", "ipv6.dst")
                }
                "tcp" => {
                    payload = self.payload("tcp.len", 0, "tcp.payload");
                    let flags = self.next("tcp.flags").and_then(|flags| u16::from_str_radix(&flags[2..], 16).ok());
                    self.pair("tcp", "tcp.srcport", "tcp.dstport")
                        .map(|word| flags.map_or(word.clone(), |flags| format!("{word} {:#04x}", flags & 0xff)))
                }
                "udp" => {
                    payload = self.payload("udp.length", 8, "udp.payload");
                    self.pair("udp", "udp.srcport", "udp.dstport")
                }
                "sctp" => self.pair("sctp", "sctp.srcport", "sctp.dstport"),
                "vxlan" => self.next("vxlan.vni").map(|vni| format!("vxlan {vni}")),
                "geneve" => self.next("geneve.vni").map(|vni| {
                    format!("geneve {}", u32::from_str_radix(vni.trim_start_matches("0x"), 16).unwrap())
                }),
                "gre" => Some(self.gre()),
                "esp" => Some(self.next("esp.spi").map_or("esp".into(), |spi| format!("esp {spi}"))),
                "ah" => self.next("ah.spi").map(|spi| format!("ah {spi}")),
                "macsec" => Some("macsec".into()),
                "wg" => self.next("wg.type").map(|message| format!("wireguard {message}")),
                // What an error message quotes is its payload.
                "icmp" => {
                    words.extend(self.message("icmp", "icmp.type", "icmp.code"));
                    return words;
                }
                "icmpv6" => {
                    words.extend(self.message("icmpv6", "icmpv6.type", "icmpv6.code"));
                    return words;
                }
                "igmp" => {
                    words.extend(self.next("igmp.type").map(|kind| {
                        format!("igmp {}", u8::from_str_radix(kind.trim_start_matches("0x"), 16).unwrap())
                    }));
                    return words;
                }
                _ => continue,
            };
            if !matches!(protocol, "tcp" | "udp") {
                payload = None;
            }
            words.extend(word);
        }
        words.extend(payload.map(|payload| format!("payload {payload}")));
        words
    }

    fn message(&mut self, name: &str, kind: &'static str, code: &'static str) -> Option<String> {
        Some(format!("{name} {} {}", self.next(kind)?, self.next(code).unwrap_or("0")))
    }

    /// VXLAN-GPE is missing from tshark's list of protocols; its VNI is there.
    fn gpe(&mut self, words: &mut Vec<String>) {
        if words.last().is_some_and(|word| word.starts_with("udp") && word.ends_with(" 4790")) {
            words.extend(self.next("vxlan.vni").map(|vni| format!("vxlan {vni}")));
        }
    }

    /// GRE by its key; NVGRE by the rule of RFC 7637: Ethernet inside, only the key, a virtual subnet from 0x1000 on.
    fn gre(&mut self) -> String {
        let key = self.next("gre.key").and_then(|key| u32::from_str_radix(key.trim_start_matches("0x"), 16).ok());
        let bridged = self.next("gre.proto") == Some("0x6558");
        let plain = self.next("gre.flags_and_version") == Some("0x2000");
        match key {
            Some(key) if bridged && plain && key >> 8 >= 0x1000 => format!("nvgre {}", key >> 8),
            Some(key) => format!("gre {key:#010x}"),
            None => "gre".into(),
        }
    }

    /// The payload of the next layer with this length field, of which `header` bytes are header.
    fn payload(&mut self, len: &'static str, header: usize, payload: &'static str) -> Option<&'a str> {
        let len: usize = self.next(len)?.parse().ok()?;
        if len <= header { None } else { self.next(payload) }
    }
}
