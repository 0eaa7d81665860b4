//! A report as it is on the disk, turned to values: what does not fit is refused, and texts are cut.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::matrix::{Profiled, Seen, Standing};
use crate::packet::{Spi, Timestamp, Vni};
use crate::verify::evidence::Sighting;
use crate::verify::report::{Counts, EspSeen, LegReport, Whole, WireGuardSeen, severity};
use crate::verify::verdict::{Reason, Rung, Verdict};
use crate::verify::way::Way;

/// The longest text that is kept of a report, in characters.
pub(super) const LONGEST_TEXT: usize = 300;
/// The most SPIs that are kept of a direction. `verify` itself counts no more apart.
const MOST_SPIS: usize = 64;

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
    /// The first contradiction in it, in a sentence.
    pub contradiction: Option<String>,
    pub findings: Vec<(String, String, bool)>,
    pub profile: Profiled,
}

impl Heard {
    /// Returns the gravest verdict in it: that on the whole, or of a direction.
    pub(super) fn gravest(&self) -> Verdict {
        let all = self.legs.iter().map(|seen| seen.leg.verdict).chain([self.verdict]);
        all.min_by_key(|verdict| severity(*verdict)).unwrap_or(self.verdict)
    }
}

/// The properties that tell the kinds of values apart.
#[derive(Deserialize)]
pub(super) struct Head {
    pub v: Option<u64>,
    pub networks: Option<IgnoredAny>,
}

/// A report, as far as it is needed. Members of newer versions are passed over.
#[derive(Deserialize)]
pub(super) struct Json {
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
    frames: Option<u64>,
    dropped: Option<u64>,
    nodes: Option<Vec<JsonPeer>>,
    #[serde(default)]
    directions: Vec<JsonLeg>,
    #[serde(default)]
    findings: Vec<JsonFinding>,
    profile: Option<JsonProfile>,
}

#[derive(Deserialize)]
struct JsonProfile {
    name: String,
    met: Option<bool>,
    #[serde(default)]
    findings: Vec<JsonProfileFinding>,
}

#[derive(Deserialize)]
struct JsonProfileFinding {
    reason: String,
}

#[derive(Deserialize)]
struct JsonNode {
    name: Option<String>,
    addresses: Vec<IpAddr>,
}

#[derive(Deserialize)]
struct JsonPeer {
    address: IpAddr,
    verdict: String,
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
    pub(super) fn heard(self, file: &str) -> Result<(Series, Heard), String> {
        let verdict = verdict(&self.verdict)?;
        let mut contradiction = None;
        let legs = self.directions.into_iter().map(|leg| {
            let (seen, found) = leg.seen()?;
            contradiction = contradiction.take().or_else(|| Some(contradicted(&seen, found?)));
            Ok(seen)
        });
        let mut legs = legs.collect::<Result<Vec<Seen>, String>>()?;
        let judged = |node: JsonPeer| Ok((node.address, self::verdict(&node.verdict)?));
        let nodes = self.nodes.map(|nodes| nodes.into_iter().map(judged).collect::<Result<_, String>>());
        let whole = Whole {
            verdict,
            frames: self.frames,
            dropped: self.dropped,
            legs: legs.iter().map(|seen| &seen.leg).collect(),
            nodes: nodes.transpose()?,
            findings: self.findings.iter().map(|found| (found.reason.as_str(), found.accepted)).collect(),
        };
        let is_met = self.profile.as_ref().is_some_and(JsonProfile::is_met_beside_findings);
        let of_the_whole = match whole.contradiction() {
            None if verdict.is_readable() => None,
            None if self.error.is_some() && whole.has_proof() => {
                Some("the network could not be watched, and a direction is ENCRYPTED")
            }
            None => is_met.then_some("its profile is met, with findings against it"),
            found => found,
        };
        let of_the_whole = of_the_whole.map(str::to_owned);
        if of_the_whole.is_some() {
            // The frames that it read count all the same: only its proof is void.
            for seen in legs.iter_mut().filter(|seen| seen.leg.verdict == Verdict::Encrypted) {
                seen.standing = Standing::Contradictory;
            }
        }
        contradiction = contradiction.or(of_the_whole).or_else(|| contradicted_on_the_whole(verdict, &legs));
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
        let (profile, of_profile) = self.profile.map(JsonProfile::told).unwrap_or_default();
        let findings = self
            .findings
            .into_iter()
            .map(|found| (cut(found.reason), cut(found.text), found.accepted))
            .chain(of_profile)
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
                contradiction,
                findings,
                profile,
            },
        ))
    }
}

impl JsonProfile {
    /// Returns true for what `verify` never writes.
    fn is_met_beside_findings(&self) -> bool {
        self.met == Some(true) && !self.findings.is_empty()
    }

    /// Returns the outcome, with a finding where it is not met.
    fn told(self) -> (Profiled, Option<(String, String, bool)>) {
        let (profile, code, met) = match self.met {
            Some(true) => return (Profiled::Fine, None),
            Some(false) => (Profiled::NotMet, "profile-not-met", "not met"),
            None => (Profiled::Unknown, "profile-unknown", "not known to be met"),
        };
        let reasons: Vec<String> = self.findings.into_iter().map(|found| found.reason).collect();
        let text = format!("the profile {} is {met}: {}", self.name, reasons.join(", "));
        (profile, Some((code.to_owned(), cut(text), false)))
    }
}

impl JsonLeg {
    /// Returns the direction, and what contradicts it.
    fn seen(self) -> Result<(Seen, Option<&'static str>), String> {
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
                vni: shown.vni.and_then(Vni::new),
                canary: shown.canary,
            }),
        };
        let reason = Reason::ALL.iter().find(|reason| reason.code() == self.reason);
        let contradiction = leg.contradiction(reason.copied());
        let standing = contradiction.map_or(Standing::Counts, |_| Standing::Contradictory);
        Ok((Seen { leg, code: cut(self.reason), remedy: cut(self.remedy), standing }, contradiction))
    }
}

/// Says in a sentence what contradicts a direction.
fn contradicted(seen: &Seen, found: &str) -> String {
    let end = |address: Option<IpAddr>| address.map_or_else(|| "?".to_owned(), |address| address.to_string());
    let Seen { leg, .. } = seen;
    format!("{} -> {} is {}, and {found}", end(leg.from), end(leg.to), leg.verdict.name())
}

/// Says in a sentence what contradicts the verdict on the whole, which is that of the worst direction that counts.
fn contradicted_on_the_whole(verdict: Verdict, legs: &[Seen]) -> Option<String> {
    let has = |is: fn(Verdict) -> bool| legs.iter().any(|seen| is(seen.leg.verdict));
    let is_good = matches!(verdict, Verdict::Encrypted | Verdict::NotEnforced);
    let proven = has(|verdict| verdict == Verdict::Encrypted) && !has(Verdict::is_readable);
    (is_good && !proven).then(|| format!("the whole is {}, and its directions are not", verdict.name()))
}

fn time_of_frame(nanos: Option<&str>) -> Timestamp {
    let nanos: Option<i64> = nanos.and_then(|nanos| nanos.parse().ok());
    Timestamp { nanos: nanos.unwrap_or(0), digits: 9, known: nanos.is_some() }
}

/// Reads a time of RFC 3339, such as `2026-11-27T19:00:00Z`. The error is a sentence. One of a year before 1678 or after 2261 is
/// refused where nanoseconds since 1970 do not fit into 64 bits.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let time: jiff::Timestamp = text.parse().map_err(|_| "its time is not as RFC 3339 has it".to_owned())?;
    let nanos = i64::try_from(time.as_nanosecond())
        .map_err(|_| "its time is of a year that no clock shows".to_owned())?;
    Ok(Timestamp { nanos, digits: 9, known: true })
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
