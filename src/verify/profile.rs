//! Profiles: which algorithms, lengths and lives of SAs somebody asks for.
//!
//! A verdict says if frames were encrypted. A profile says if they were encrypted as a rule wants it, by the SAs that were
//! seen at work and by WireGuard's fixed algorithms. It never changes the verdict: what it finds stands beside it. The
//! profiles that come with this program are files of the same form as those of a user.

mod algorithms;
mod suites;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::kernel::Origin;
use super::report::{Compliance, EspSeen, LegReport, ProfileFinding, Report};
use super::way::Way;
use crate::escape::{escape, reason};
use crate::packet::Spi;
use algorithms::{Keyed, Suite, is_known};

/// The profiles that come with this program, by their names.
const KNOWN: [(&str, &str); 3] = [
    ("rfc8221", include_str!("profile/rfc8221.toml")),
    ("cnsa", include_str!("profile/cnsa.toml")),
    ("fips", include_str!("profile/fips.toml")),
];
/// The most bytes of a file with a profile.
const MOST_BYTES: u64 = 1 << 20;
/// The origin of keys that no key exchange has made, where they are Docker's.
const DOCKERS: &str = "keys that Docker's managers hand out, and no key exchange";
/// The SPIs that are named of one finding.
const MOST_SPIS: usize = 4;

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    name: String,
    #[serde(default)]
    allowed: Vec<Allowed>,
    #[serde(default)]
    refused: Vec<Refused>,
    #[serde(default)]
    sa: Life,
    /// The text that it was read from.
    #[serde(skip)]
    text: String,
}

/// An algorithm that is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    algorithm: String,
    key_bits: Option<Vec<u32>>,
    icv_bits: Option<Vec<u32>>,
    /// The keyed hashes that may stand beside a cipher that does not authenticate, each with the length of its ICV if that
    /// counts: `hmac-sha256-128`.
    hashes: Option<Vec<String>>,
    #[serde(default)]
    source: String,
}

/// An algorithm that is refused, cipher or hash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    algorithm: String,
    #[serde(default)]
    source: String,
}

/// The demands on the life of an SA.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Life {
    /// The longest age in seconds.
    max_age_seconds: Option<u64>,
    /// True if replayed packets have to be refused.
    #[serde(default)]
    replay_protection: bool,
    /// True if sequence numbers have to be extended.
    #[serde(default)]
    extended_numbers: bool,
    /// The rule that wants keys from a key exchange.
    exchanged_keys: Option<String>,
}

/// The error of a profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("--profile {file}: {}; use a file, or one of: rfc8221, cnsa, fips", reason(.source))]
    Unread {
        /// The file, escaped.
        file: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// There is no such file, and the name is nearly that of a profile that comes with this program.
    #[error(
        "--profile {name}: there is no such profile and no such file; for that of ovlsniff write {near}, of: rfc8221, cnsa, fips"
    )]
    Near {
        /// The name, escaped.
        name: String,
        /// The name that may be meant.
        near: &'static str,
    },
    /// The file is no profile.
    #[error("--profile {file}: {why}")]
    Malformed {
        /// The file, escaped.
        file: String,
        /// The fault in one line, escaped.
        why: String,
    },
}

/// The codes of what is not met, and at the end of what is not known.
pub const CODES: [&str; 9] = [
    "not-encrypting",
    "algorithm",
    "key-length",
    "icv-length",
    "sa-age",
    "replay",
    "sequence-numbers",
    "manual-keys",
    "unknown",
];

impl Profile {
    /// Returns the profile with this name, or else that in the file with this name.
    ///
    /// # Errors
    /// [`ProfileError`] if there is no such file, or it is no profile.
    pub fn open(name: &Path) -> Result<Self, ProfileError> {
        let known = KNOWN.iter().find(|(known, _)| name.as_os_str() == *known);
        let file = || escape(&name.to_string_lossy()).into_owned();
        let text = match known {
            Some((_, text)) => (*text).to_owned(),
            None => read(name).map_err(|source| match name.to_str().and_then(near) {
                Some(near) if source.kind() == std::io::ErrorKind::NotFound => {
                    ProfileError::Near { name: file(), near }
                }
                _ => ProfileError::Unread { file: file(), source },
            })?,
        };
        let malformed = |why| ProfileError::Malformed { file: file(), why };
        let profile = Self::parse(&text).map_err(malformed)?;
        match profile.borrowed_name() {
            Some(name) => Err(malformed(format!(
                "its name begins as that of the profile {name} of ovlsniff, which is another one; give it a name of its own"
            ))),
            None if profile.has_odd_name() => Err(malformed(
                "its name needs letters of ASCII, digits, '-', '_' and '.' alone, so that it looks like no other name"
                    .to_owned(),
            )),
            None => Ok(profile),
        }
    }

    /// Returns the name of the profile that comes with this program, if the name of this one begins with it, in any case of
    /// letters and with any punctuation, and it is another one. A report names a profile by nothing else.
    pub fn borrowed_name(&self) -> Option<&'static str> {
        let name = near(&self.name)?;
        let (_, text) = KNOWN.iter().find(|(known, _)| *known == name)?;
        (Self::parse(text).ok()? != Self { text: (*text).to_owned(), ..self.clone() }).then_some(name)
    }

    /// Returns true if the name is empty, or has a character that may look like another one.
    pub fn has_odd_name(&self) -> bool {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        self.name.is_empty() || !self.name.chars().all(is_plain)
    }

    /// Reads a profile from the text of a file.
    ///
    /// # Errors
    /// The fault in one line, escaped.
    pub fn parse(text: &str) -> Result<Self, String> {
        let escaped = |why: &str| escape(why).into_owned();
        let profile: Self = toml::from_str(text).map_err(|error| escaped(error.message()))?;
        profile.check().map_err(|why| escaped(&why))?;
        Ok(Self { text: text.to_owned(), ..profile })
    }

    /// Returns the name. It may hold any character.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text that it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn check(&self) -> Result<(), String> {
        if self.allowed.is_empty() {
            return Err("it allows no algorithm: add [[allowed]]".to_owned());
        }
        let hashes = || self.allowed.iter().flat_map(|one| one.hashes.iter().flatten());
        let allowed = || self.allowed.iter().map(|one| &one.algorithm);
        let mut named = allowed().chain(self.refused.iter().map(|one| &one.algorithm));
        let unknown =
            named.find(|name| !is_known(name)).or_else(|| hashes().find(|name| Keyed::of(name).is_none()));
        if let Some(name) = unknown {
            return Err(format!("there is no algorithm '{name}'; use names such as {}", algorithms::SOME));
        }
        for one in &self.allowed {
            let lists = [
                ("key_bits", one.key_bits.as_ref().is_some_and(Vec::is_empty)),
                ("icv_bits", one.icv_bits.as_ref().is_some_and(Vec::is_empty)),
                ("hashes", one.hashes.as_ref().is_some_and(Vec::is_empty)),
            ];
            if let Some((list, _)) = lists.iter().find(|(_, is_empty)| *is_empty) {
                return Err(format!(
                    "{list} = [] of {} allows none: name some, or leave it out",
                    one.algorithm
                ));
            }
        }
        let all =
            || allowed().map(String::as_str).chain(hashes().filter_map(|name| Some(Keyed::of(name)?.hash)));
        match self.refused.iter().find(|refused| all().any(|name| name == refused.algorithm)) {
            Some(both) => Err(format!("it both allows and refuses {}", both.algorithm)),
            None => Ok(()),
        }
    }

    /// Judges the algorithms of a report.
    pub fn judge(&self, report: &Report) -> Compliance {
        let mut found = Found::default();
        for leg in &report.legs {
            self.leg(leg, &mut found);
        }
        let findings: Vec<ProfileFinding> = found.into_findings();
        let met = match findings.iter().all(|finding| finding.code == "unknown") {
            true if findings.is_empty() => Some(true),
            true => None,
            false => Some(false),
        };
        Compliance { profile: self.name.clone(), met, findings }
    }

    fn leg(&self, leg: &LegReport, found: &mut Found) {
        for seen in leg.esp.iter().filter(|seen| seen.packets > 0) {
            self.sa(seen, leg.way, found);
        }
        if leg.wireguard.as_ref().is_some_and(|seen| seen.messages > 0) {
            let suite = Suite::wireguard();
            for (code, text) in self.suite(&suite, Some(256), Some(128)) {
                found.add(code, format!("WireGuard: {text}"), None);
            }
        } else if leg.esp.iter().all(|seen| seen.packets == 0) {
            let end = leg.node().map_or_else(|| "?".to_owned(), |node| node.to_string());
            let way = if leg.way == Way::Out { "to" } else { "from" };
            if leg.verdict.is_readable() {
                found.add("not-encrypting", format!("nothing {way} {end} was encrypted"), None);
            } else {
                found.add("unknown", format!("no ESP and no WireGuard was seen {way} {end}"), None);
            }
        }
    }

    fn sa(&self, seen: &EspSeen, way: Way, found: &mut Found) {
        let spi = Some(seen.spi);
        let Some(suite) = seen.algorithm.as_deref().and_then(Suite::of) else {
            let why = match seen.algorithm.as_deref().filter(|name| !name.is_empty()) {
                Some(name) => format!("the algorithm {} is not known", escape(name)),
                None => "the algorithm is not known: run as root, or give the keys with --sa".to_owned(),
            };
            found.add("unknown", why, spi);
            return;
        };
        for (code, text) in self.suite(&suite, seen.key_bits, seen.icv_bits) {
            found.add(code, text, spi);
        }
        let Some(state) = &seen.state else { return self.life_unknown(seen, way, found) };
        if let Some(most) = self.sa.max_age_seconds.filter(|most| state.strength.age > *most) {
            found.add("sa-age", format!("older than {most} s"), spi);
        }
        if self.sa.replay_protection && way == Way::Back && state.replay_window == 0 {
            found.add("replay", "no protection against replay (RFC 4303 section 3.4.3)".to_owned(), spi);
        }
        if self.sa.extended_numbers && !state.strength.extended_numbers {
            found.add(
                "sequence-numbers",
                "no extended sequence numbers (RFC 4303 section 2.2.1)".to_owned(),
                spi,
            );
        }
        if let Some(rule) = self.sa.exchanged_keys.as_deref().filter(|_| state.origin != Origin::Ike) {
            let who = match state.origin {
                Origin::Docker => DOCKERS,
                Origin::Overlay => "keys of a file (ovlsniff overlay), and no key exchange",
                Origin::Ike | Origin::Manual => "keys without a lifetime, as from no key exchange",
            };
            found.add("manual-keys", format!("{who} ({})", escape(rule)), spi);
        }
    }

    /// Judges the life of an SA of which the kernel says nothing, as in a file. Its SPI may tell that it is Docker's.
    fn life_unknown(&self, seen: &EspSeen, way: Way, found: &mut Found) {
        let spi = Some(seen.spi);
        let mut origin = self.sa.exchanged_keys.as_deref();
        if let Some(rule) = origin.filter(|_| seen.docker_tag.is_some()) {
            found.add("manual-keys", format!("{DOCKERS} ({})", escape(rule)), spi);
            origin = None;
        }
        let asked = [
            ("its age", self.sa.max_age_seconds.is_some()),
            ("its replay window", self.sa.replay_protection && way == Way::Back),
            ("if its sequence numbers are extended", self.sa.extended_numbers),
            ("where its keys come from", origin.is_some()),
        ];
        let asked: Vec<&str> = asked.iter().filter(|(_, asked)| *asked).map(|(what, _)| *what).collect();
        if !asked.is_empty() {
            let text = format!("only the kernel of the node knows of the SA {}", asked.join(", "));
            found.add("unknown", text, spi);
        }
    }
}

impl Report {
    /// Returns the report with what a profile says of its algorithms.
    #[must_use]
    pub fn under(mut self, profile: &Profile) -> Self {
        self.compliance = Some(profile.judge(&self));
        self
    }
}

/// Findings by code and text, each with the SPIs that it is about.
#[derive(Default)]
struct Found(BTreeMap<(usize, String), Vec<Spi>>);

impl Found {
    fn add(&mut self, code: &'static str, text: String, spi: Option<Spi>) {
        let rank = CODES.iter().position(|known| *known == code).unwrap_or(CODES.len() - 1);
        self.0.entry((rank, text)).or_default().extend(spi);
    }

    fn into_findings(self) -> Vec<ProfileFinding> {
        let finding = |((rank, text), spis): ((usize, String), Vec<Spi>)| {
            let named: Vec<String> = spis.iter().take(MOST_SPIS).map(ToString::to_string).collect();
            let more = if spis.len() > MOST_SPIS { ", …" } else { "" };
            let of =
                if named.is_empty() { String::new() } else { format!(": SPI {}{more}", named.join(", ")) };
            ProfileFinding { code: CODES.get(rank).copied().unwrap_or("unknown"), text: text + &of }
        };
        self.0.into_iter().map(finding).collect()
    }
}

/// Returns the profile of this program whose name is nearly this one, such as `CNSA` or `cnsa.toml`.
fn near(name: &str) -> Option<&'static str> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    KNOWN.iter().map(|(known, _)| *known).find(|known| plain.starts_with(known))
}

fn in_brackets(source: &str) -> String {
    if source.is_empty() { String::new() } else { format!(" ({})", escape(source)) }
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
