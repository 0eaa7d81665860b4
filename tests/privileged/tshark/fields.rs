//! A capture as tshark decodes it, written down in the words of `layers.rs`.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::process::Command;

use crate::reading;

const FIELDS: &[&str] = &[
    "frame.number",
    "frame.protocols",
    "eth.src",
    "eth.dst",
    "vlan.id",
    "ieee8021ad.id",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
    "udp.payload",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "tcp.len",
    "tcp.payload",
    "sctp.srcport",
    "sctp.dstport",
    "icmp.type",
    "icmp.code",
    "icmpv6.type",
    "icmpv6.code",
    "igmp.type",
    "vxlan.vni",
    "geneve.vni",
    "gre.key",
    "gre.proto",
    "gre.flags_and_version",
    "gre.key.call_id",
    "erspan.spanid",
    "mpls.label",
    "mpls.bottom",
    "nsh.spi",
    "ieee8021ah.isid",
    "ieee8021ah.csrc",
    "ieee8021ah.cdst",
    "esp.spi",
    "ah.spi",
    "wg.type",
    "pppoe.session_id",
    "wlan.sa",
    "wlan.da",
    "wlan.fc.protected",
    "fddi.src",
    "fddi.dst",
    "tr.src",
    "tr.dst",
    "ipfc.nh.sa",
    "ipfc.nh.da",
    "gtp.message",
    "gtp.teid",
    "l2tp.type",
    "l2tp.session",
    "l2tp.sid",
];

/// Decodes a capture with tshark. Returns the words for each frame, by frame number.
pub(crate) fn tshark(fixture: &str) -> BTreeMap<u64, Vec<String>> {
    let gmac = (fixture == GMAC).then(|| without_iv(fixture));
    let path = gmac.as_ref().map_or_else(|| reading::path(fixture), |file| file.path().to_owned());
    // An empty profile keeps the user's settings out.
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", profile.path()).arg("-n").arg("-r").arg(path).args([
        "-T",
        "fields",
        "-E",
        "separator=/t",
    ]);
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
    // 5555 is a VXLAN port of the fixtures. 8472 is Linux' old VXLAN port, which IANA gave to OTV.
    command.args(["-d", "udp.port==8472,vxlan", "-d", "udp.port==5555,vxlan"]);
    if gmac.is_some() {
        command.args([
            "-o",
            r#"uat:esp_sa:"IPv4","*","*","*","NULL","","ANY 128 bit authentication [no checking]","""#,
        ]);
        command.args([
            "-o",
            r#"uat:esp_sa:"IPv6","*","*","*","NULL","","ANY 128 bit authentication [no checking]","""#,
        ]);
    }
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

/// Returns the SAs of a capture whose ESP is not encrypted, as lines of `esp_sa`. tshark has to be told them, while
/// ovlsniff finds out by itself.
fn null_associations(fixture: &str) -> Vec<String> {
    let table = reading::path(fixture).with_extension("esp_sa");
    let lines = std::fs::read_to_string(table).unwrap_or_default();
    lines.lines().filter(|line| line.contains(r#","NULL","","#)).map(str::to_owned).collect()
}

/// The capture of GMAC, which is ESP-NULL with an IV of eight bytes. tshark has no word for it, so it gets a copy
/// without the IVs.
const GMAC: &str = "ipsec/esp-gmac.pcap";

/// Returns a copy of a capture without the IVs: the eight bytes behind the sequence number of each ESP packet.
fn without_iv(fixture: &str) -> tempfile::NamedTempFile {
    let mut copy = Vec::new();
    for word in [0xa1b2_c3d4_u32, 2 | 4 << 16, 0, 0, 262_144, 1] {
        copy.extend(word.to_le_bytes());
    }
    for kept in reading::frames(fixture) {
        let mut frame = kept.bytes;
        // The offsets of the IP header's length and of ESP.
        let places = match (frame[12], frame[13], frame[14 + 9], frame[14 + 6]) {
            (0x08, 0x00, 50, _) => Some((14 + 2, 14 + 20)),
            (0x86, 0xdd, _, 50) => Some((14 + 4, 14 + 40)),
            _ => None,
        };
        if let Some((length, esp)) = places {
            frame.drain(esp + 8..esp + 16);
            let shorter = u16::from_be_bytes([frame[length], frame[length + 1]]) - 8;
            frame[length..length + 2].copy_from_slice(&shorter.to_be_bytes());
        }
        let len = frame.len() as u32;
        for word in [0, kept.number as u32, len, len] {
            copy.extend(word.to_le_bytes());
        }
        copy.extend(frame);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), copy).unwrap();
    file
}

/// The fields of one frame. Each field has its values in the order of the layers.
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

    /// Returns `name value > value` for the next layer that has these two fields.
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
                "wlan" => {
                    words.extend(self.pair("eth", "wlan.sa", "wlan.da"));
                    (self.next("wlan.fc.protected") == Some("1")).then(|| "ieee80211".into())
                }
                "fddi" => self.pair("eth", "fddi.src", "fddi.dst"),
                "tr" => self.pair("eth", "tr.src", "tr.dst"),
                // The addresses have two bytes in front, which say that the others are a MAC address.
                "ipfc" => self.pair("eth", "ipfc.nh.sa", "ipfc.nh.da").map(|word| word.replace("10:00:", "")),
                "pppoes" => self.next("pppoe.session_id").map(|id| {
                    format!("pppoe {}", u16::from_str_radix(id.trim_start_matches("0x"), 16).unwrap())
                }),
                "vlan" | "ieee8021ad" => {
                    let id = self.next(if protocol == "vlan" { "vlan.id" } else { "ieee8021ad.id" });
                    tags += 1;
                    // The library keeps the first eight.
                    id.filter(|_| tags <= 8).map(|id| format!("vlan {id}"))
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
                    let flags =
                        self.next("tcp.flags").and_then(|flags| u16::from_str_radix(&flags[2..], 16).ok());
                    self.pair("tcp", "tcp.srcport", "tcp.dstport").map(|word| {
                        flags.map_or(word.clone(), |flags| format!("{word} {:#04x}", flags & 0xff))
                    })
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
                "ieee8021ah" => None,
                "mpls" => {
                    self.gpe(&mut words);
                    self.stack().map(|label| format!("mpls {label}"))
                }
                "nsh" => {
                    self.gpe(&mut words);
                    self.next("nsh.spi").map(|path| format!("nsh {path}"))
                }
                "etherip" => Some("etherip".into()),
                // GRE and what it carries here are one wrapping.
                "erspan" => {
                    if words.last().is_some_and(|word| word.starts_with("gre")) {
                        words.pop();
                    }
                    Some(
                        self.next("erspan.spanid")
                            .map_or("erspan".into(), |session| format!("erspan {session}")),
                    )
                }
                "esp" => Some(self.next("esp.spi").map_or("esp".into(), |spi| format!("esp {spi}"))),
                "ah" => self.next("ah.spi").map(|spi| format!("ah {spi}")),
                "gtp" => {
                    let teid = self.next("gtp.teid").map(|teid| format!("gtp {teid}"));
                    if self.next("gtp.message") != Some("0xff") {
                        continue;
                    }
                    teid
                }
                "l2tp" => match self.l2tp() {
                    Some(word) => Some(word),
                    None => continue,
                },
                "teredo" | "ipcomp" => Some(protocol.into()),
                "lisp-data" => Some("lisp".into()),
                "pim" if protocols.contains(":pim:ip") => Some("pim".into()),
                "macsec" => Some("macsec".into()),
                "wg" => self.next("wg.type").map(|message| format!("wireguard {message}")),
                // An error message quotes a packet, which is its payload and no layer.
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
            // Behind a provider's tag, tshark's list of protocols does not name 802.1ah.
            if matches!(protocol, "ieee8021ad" | "ieee8021ah") {
                if let Some(service) = self.next("ieee8021ah.isid") {
                    words.push(format!("pbb {service}"));
                    words.extend(self.pair("eth", "ieee8021ah.csrc", "ieee8021ah.cdst"));
                }
            }
        }
        words.extend(payload.map(|payload| format!("payload {payload}")));
        words
    }

    /// Returns the word for a data message of L2TP. Control messages are payload.
    fn l2tp(&mut self) -> Option<String> {
        let session = self.next("l2tp.session").or_else(|| self.next("l2tp.sid"));
        let data = self.next("l2tp.type").is_none_or(|kind| kind == "0");
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        };
        session
            .and_then(number)
            .filter(|&session| data && session != 0)
            .map(|session| format!("l2tp {session}"))
    }

    fn message(&mut self, name: &str, kind: &'static str, code: &'static str) -> Option<String> {
        Some(format!("{name} {} {}", self.next(kind)?, self.next(code).unwrap_or("0")))
    }

    /// Adds the word for VXLAN-GPE, which is missing from tshark's list of protocols although its VNI is there.
    fn gpe(&mut self, words: &mut Vec<String>) {
        if words.last().is_some_and(|word| word.starts_with("udp") && word.ends_with(" 4790")) {
            words.extend(self.next("vxlan.vni").map(|vni| format!("vxlan {vni}")));
        }
    }

    /// Returns the innermost label of the next stack that is no entropy label.
    fn stack(&mut self) -> Option<u32> {
        let (mut found, mut is_entropy) = (0, false);
        loop {
            let label = self.next("mpls.label")?.parse().ok()?;
            let is_bottom = self.next("mpls.bottom")? == "1";
            let is_indicator = label == 7 && !is_bottom;
            if !is_indicator && !is_entropy {
                found = label;
            }
            is_entropy = is_indicator;
            if is_bottom {
                return Some(found);
            }
        }
    }

    /// Returns the word for GRE with its key, or for NVGRE. By RFC 7637 it is NVGRE if Ethernet is inside, the key is
    /// the only option, and the virtual subnet is 0x1000 or more.
    fn gre(&mut self) -> String {
        let key =
            self.next("gre.key").and_then(|key| u32::from_str_radix(key.trim_start_matches("0x"), 16).ok());
        let protocol = self.next("gre.proto");
        let (bridged, ethernet) = (protocol == Some("0x6558"), protocol == Some("0x6400"));
        let flags = self.next("gre.flags_and_version").and_then(hex).unwrap_or_default();
        let plain = flags == 0x2000;
        if flags & 7 == 1 {
            let call =
                self.next("gre.key.call_id").and_then(|call| call.parse::<u16>().ok()).unwrap_or_default();
            // In MikroTik's EoIP the number is little-endian.
            return if ethernet { format!("gre {:#010x}", call.swap_bytes()) } else { "pptp".into() };
        }
        match key {
            Some(key) if bridged && plain && key >> 8 >= 0x1000 => format!("nvgre {}", key >> 8),
            Some(key) => format!("gre {key:#010x}"),
            None => "gre".into(),
        }
    }

    /// Returns the payload of the next layer that has this length field, which counts `header` bytes of header too.
    fn payload(&mut self, len: &'static str, header: usize, payload: &'static str) -> Option<&'a str> {
        let len: usize = self.next(len)?.parse().ok()?;
        if len <= header { None } else { self.next(payload) }
    }
}

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}
