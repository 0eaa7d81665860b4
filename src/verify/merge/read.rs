//! Reading reports: a stream of JSON values, each bounded, of which the newest of each node and network is kept.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Problem, Seen};
use crate::packet::{Spi, Timestamp, Vni};
use crate::verify::evidence::Sighting;
use crate::verify::report::{Counts, EspSeen, LegReport, WireGuardSeen};
use crate::verify::verdict::{Reason, Rung, Verdict};
use crate::verify::way::Way;

/// The longest report, in bytes. One of a network of a thousand nodes has less than two million.
const LONGEST: u64 = 32 << 20;
/// The longest text that is kept of a report, in characters.
const LONGEST_TEXT: usize = 300;
/// The most reports that are kept, and the most directions in them.
const MOST_REPORTS: usize = 100_000;
const MOST_LEGS: usize = 4_000_000;
/// The most problems that are kept.
const MOST_PROBLEMS: usize = 1000;
/// The most SPIs that are kept of a direction. `verify` itself counts no more apart.
const MOST_SPIS: usize = 64;

/// The reports that were read so far.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    pub(super) newest: BTreeMap<Series, Heard>,
    pub(super) problems: Vec<Problem>,
    pub(super) more_problems: u64,
    /// True if a report is missing because it could not be read.
    pub(super) incomplete: bool,
    legs: usize,
}

/// The reports of one node on one network, of which only the newest counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub network: String,
    pub vnis: Vec<u32>,
    pub any_vni: bool,
    pub port: Option<u16>,
    pub source: String,
    pub namespace: Option<String>,
    pub node: Option<String>,
    pub addresses: Vec<IpAddr>,
}

/// One report.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub file: String,
    pub ended: Option<Timestamp>,
    pub verdict: Verdict,
    pub reason: String,
    pub remedy: String,
    pub watched: bool,
    pub legs: Vec<Seen>,
    pub findings: Vec<(String, String, bool)>,
}

impl Reports {
    /// Reads all reports of a file, whose name is for messages. What cannot be understood becomes a problem.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&mut self, file: &str, from: impl Read) -> io::Result<()> {
        let left = Rc::new(Cell::new(LONGEST));
        let failed = Rc::new(Cell::new(None));
        // The parser asks for one byte after the other. What is buffered ahead counts for the report before it.
        let bounded = Bounded { from, left: Rc::clone(&left), failed: Rc::clone(&failed) };
        let bounded = BufReader::with_capacity(1 << 16, bounded);
        let mut values = serde_json::Deserializer::from_reader(bounded).into_iter::<Box<RawValue>>();
        let mut reports = 0;
        loop {
            left.set(LONGEST);
            match values.next() {
                None => break,
                Some(Ok(value)) => {
                    reports += 1;
                    self.value(file, reports, value.get());
                }
                Some(Err(_)) if failed.get().is_some() => {
                    return Err(failed.take().unwrap_or(io::ErrorKind::Other).into());
                }
                Some(Err(_)) if left.get() == 0 => {
                    self.refuse("too-large", file, format!("report {} is longer than 32 MiB", reports + 1));
                    break;
                }
                Some(Err(error)) => {
                    let what = if error.is_eof() { "is cut off" } else { "is not JSON" };
                    self.refuse(
                        "unreadable",
                        file,
                        format!("report {} {what}, at line {}", reports + 1, error.line()),
                    );
                    break;
                }
            }
        }
        if reports == 0 && !self.incomplete {
            self.refuse("unreadable", file, "it is empty".to_owned());
        }
        Ok(())
    }

    /// Adds a problem for a file that makes the whole doubtful: a report may be missing.
    pub fn refuse(&mut self, code: &'static str, file: &str, text: String) {
        self.incomplete = true;
        self.note(code, file, text);
    }

    /// Returns the time of the newest report; `None` if none has a time.
    pub fn newest_time(&self) -> Option<Timestamp> {
        self.newest.values().filter_map(|heard| heard.ended).max_by_key(|ended| ended.nanos)
    }

    pub(super) fn note(&mut self, code: &'static str, file: &str, text: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { code, file: file.to_owned(), text });
        } else {
            self.more_problems += 1;
        }
    }

    fn value(&mut self, file: &str, number: u64, value: &str) {
        let head: Head = match serde_json::from_str(value) {
            Ok(head) => head,
            Err(_) => {
                return self.refuse(
                    "not-a-report",
                    file,
                    format!("value {number} is no report of verify --json"),
                );
            }
        };
        match head.v {
            Some(1) => {}
            Some(v) => {
                let text = format!(
                    "report {number} has version {v} of the format, and this program reads version 1"
                );
                return self.refuse("unknown-version", file, text);
            }
            None => {
                return self.refuse(
                    "not-a-report",
                    file,
                    format!("value {number} is no report of verify --json"),
                );
            }
        }
        // The last line of --all counts the networks before it.
        if head.networks.is_some() {
            return;
        }
        match serde_json::from_str::<Json>(value)
            .map_err(|error| error.to_string())
            .and_then(|json| json.heard(file))
        {
            Ok((series, heard)) => self.add(series, heard),
            Err(why) => {
                let why: String = why.chars().take(LONGEST_TEXT).collect();
                self.refuse("not-a-report", file, format!("report {number} is not by the schema: {why}"));
            }
        }
    }

    fn add(&mut self, series: Series, heard: Heard) {
        if self.newest.len() >= MOST_REPORTS || self.legs + heard.legs.len() > MOST_LEGS {
            return self.refuse(
                "too-many",
                &heard.file.clone(),
                "there are too many reports; this one is left out".to_owned(),
            );
        }
        self.legs += heard.legs.len();
        let Some(other) = self.newest.remove(&series) else {
            self.newest.insert(series, heard);
            return;
        };
        // Of two reports without a time, or of the same, the one that comes last counts.
        let (older, newer) = if time(&other) <= time(&heard) { (other, heard) } else { (heard, other) };
        self.legs -= older.legs.len();
        // The older lines of one file are those of --watch, and nothing to tell.
        if older.file != newer.file {
            self.note(
                "older",
                &older.file,
                format!("{} has a newer report of the same node and network, which counts", newer.file),
            );
        }
        self.newest.insert(series, newer);
    }
}

fn time(heard: &Heard) -> Option<i64> {
    heard.ended.map(|ended| ended.nanos)
}

/// A reader that fails when more bytes are read than are left.
struct Bounded<R> {
    from: R,
    left: Rc<Cell<u64>>,
    failed: Rc<Cell<Option<io::ErrorKind>>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::other("too long"));
        }
        let count = self.from.read(buffer).inspect_err(|error| self.failed.set(Some(error.kind())))?;
        self.left.set(self.left.get().saturating_sub(count as u64));
        Ok(count)
    }
}

/// What tells the kinds of values apart.
#[derive(Deserialize)]
struct Head {
    v: Option<u64>,
    networks: Option<IgnoredAny>,
}

/// A report, as far as it is needed. Members of newer versions are passed over.
#[derive(Deserialize)]
struct Json {
    node: Option<JsonNode>,
    ended: Option<String>,
    network: String,
    namespace: Option<String>,
    source: String,
    #[serde(default)]
    vnis: Vec<u32>,
    #[serde(default)]
    any_vni: bool,
    port: Option<u16>,
    verdict: String,
    reason: Option<String>,
    remedy: Option<String>,
    error: Option<String>,
    #[serde(default)]
    directions: Vec<JsonLeg>,
    #[serde(default)]
    findings: Vec<JsonFinding>,
}

#[derive(Deserialize)]
struct JsonNode {
    name: Option<String>,
    addresses: Vec<IpAddr>,
}

#[derive(Deserialize)]
struct JsonFinding {
    reason: String,
    text: String,
    accepted: bool,
}

#[derive(Deserialize)]
struct JsonLeg {
    from: Option<IpAddr>,
    to: Option<IpAddr>,
    way: String,
    verdict: String,
    rung: Option<String>,
    reason: String,
    #[serde(default)]
    remedy: String,
    counts: JsonCounts,
    #[serde(default)]
    esp: Vec<JsonEsp>,
    wireguard: Option<JsonWireGuard>,
    shown: Option<JsonShown>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonCounts {
    clear: u64,
    auth_only: u64,
    esp: u64,
    opened: u64,
    canaries: u64,
    copies: u64,
    probes: u64,
    answered: u64,
    matched: u64,
    opaque: u64,
}

#[derive(Deserialize)]
struct JsonEsp {
    spi: String,
    packets: u64,
    algorithm: Option<String>,
    icv_bits: Option<u32>,
}

#[derive(Deserialize)]
struct JsonWireGuard {
    device: String,
    endpoint: Option<SocketAddr>,
    messages: u64,
    sessions: usize,
    tied: usize,
    bytes: Option<u64>,
}

#[derive(Deserialize)]
struct JsonShown {
    frame: u64,
    time_ns: Option<String>,
    vni: Option<u32>,
    canary: bool,
}

impl Json {
    fn heard(self, file: &str) -> Result<(Series, Heard), String> {
        let verdict = verdict(&self.verdict)?;
        let legs: Vec<Seen> = self.directions.into_iter().map(JsonLeg::seen).collect::<Result<_, _>>()?;
        let (node, mut addresses) = self.node.map_or((None, Vec::new()), |node| (node.name, node.addresses));
        // A report of an older version has no node. It is the sender of what leaves.
        let leaving = legs.iter().filter(|seen| seen.leg.way == Way::Out);
        addresses.extend(leaving.filter_map(|seen| seen.leg.from));
        addresses.sort();
        addresses.dedup();
        let mut vnis = self.vnis;
        vnis.sort_unstable();
        vnis.dedup();
        let ended = self.ended.as_deref().map(moment).transpose()?;
        let series = Series {
            network: cut(self.network),
            vnis,
            any_vni: self.any_vni,
            port: self.port,
            source: cut(self.source),
            namespace: self.namespace.map(cut),
            node: node.map(cut),
            addresses,
        };
        let findings = self
            .findings
            .into_iter()
            .map(|found| (cut(found.reason), cut(found.text), found.accepted))
            .collect();
        let watched = self.error.is_none();
        let reason = self.error.or(self.reason).unwrap_or_default();
        let remedy = cut(self.remedy.unwrap_or_default());
        Ok((
            series,
            Heard {
                file: file.to_owned(),
                ended,
                verdict,
                reason: cut(reason),
                remedy,
                watched,
                legs,
                findings,
            },
        ))
    }
}

impl JsonLeg {
    fn seen(self) -> Result<Seen, String> {
        let way = match self.way.as_str() {
            "out" => Way::Out,
            "in" => Way::Back,
            _ => return Err("there is no such way".to_owned()),
        };
        let rung = self.rung.map(|rung| {
            let named = |known: &Rung| known.name() == rung;
            Rung::ALL.into_iter().find(named).ok_or_else(|| "there is no such rung".to_owned())
        });
        let JsonCounts { clear, auth_only, esp, opened, canaries, copies, probes, answered, matched, opaque } =
            self.counts;
        let counts = Counts {
            clear,
            auth_only,
            esp,
            opened,
            canaries,
            copies,
            probes,
            answered,
            matched,
            opaque,
            too_long: None,
        };
        let esp = self.esp.into_iter().take(MOST_SPIS).map(|seen| {
            let digits = seen.spi.strip_prefix("0x").unwrap_or(&seen.spi);
            let spi = u32::from_str_radix(digits, 16).map_err(|_| "an SPI is no number".to_owned())?;
            let algorithm = seen.algorithm.map(cut);
            Ok(EspSeen {
                spi: Spi(spi),
                packets: seen.packets,
                algorithm,
                icv_bits: seen.icv_bits,
                key_bits: None,
                state: None,
                docker_tag: None,
            })
        });
        let leg = LegReport {
            from: self.from,
            to: self.to,
            way,
            verdict: verdict(&self.verdict)?,
            rung: rung.transpose()?,
            reason: Reason::NoTraffic,
            counts,
            esp: esp.collect::<Result<_, String>>()?,
            wireguard: self.wireguard.map(|seen| WireGuardSeen {
                device: cut(seen.device),
                endpoint: seen.endpoint,
                messages: seen.messages,
                sessions: seen.sessions,
                tied: seen.tied,
                bytes: seen.bytes,
            }),
            shown: self.shown.map(|shown| Sighting {
                frame: shown.frame,
                time: time_of_frame(shown.time_ns.as_deref()),
                vni: shown.vni.and_then(|vni| Vni::new(vni)),
                canary: shown.canary,
            }),
        };
        Ok(Seen { leg, code: cut(self.reason), remedy: cut(self.remedy), stale: false })
    }
}

fn time_of_frame(nanos: Option<&str>) -> Timestamp {
    let nanos: Option<i64> = nanos.and_then(|nanos| nanos.parse().ok());
    Timestamp { nanos: nanos.unwrap_or(0), digits: 9, known: nanos.is_some() }
}

/// Reads a time of RFC 3339.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let time: jiff::Timestamp = text.parse().map_err(|_| "its time is not as RFC 3339 has it".to_owned())?;
    Ok(Timestamp { nanos: i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX), digits: 9, known: true })
}

fn verdict(name: &str) -> Result<Verdict, String> {
    Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.name() == name)
        .ok_or_else(|| "there is no such verdict".to_owned())
}

fn cut(text: String) -> String {
    if text.len() <= LONGEST_TEXT { text } else { text.chars().take(LONGEST_TEXT).chain(['…']).collect() }
}
