//! The verdict once more, from a folder of evidence alone.

mod agrees;
mod follows;
mod held;

use std::collections::BTreeMap;
use std::io;

use self::agrees::Watched;
use self::held::Entry;
use super::manifest::{self, Listed, Manifest};
use super::sums::{self, is_safe, sha256};
use crate::escape::{counted, escape, reason};
use crate::packet::Timestamp;
use crate::print::report;
use crate::verify::kept::{Contradiction, Facts, FactsError, MOST_BYTES, SeenAgain};
use crate::verify::profile::Profile;
use crate::verify::{Expectation, Judged, Network, Overlay, Overview, Report, Terms};

pub use self::held::HeldFolder;

/// The most bytes of one file.
const MOST_FILE: u64 = 128 << 20;
/// The most bytes of the file of sums and of the manifest.
const MOST_LIST: u64 = 16 << 20;
/// The first four bytes of a pcapng file.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// The error of a folder from which no verdict follows. It is one sentence, and names in it are escaped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file cannot be read.
    #[error("--replay: read {file}: {}", reason(.source))]
    Unread {
        /// The file.
        file: String,
        /// The error of the system.
        source: io::Error,
    },
    /// The folder has no sums.
    #[error("--replay {0}: this is no folder of evidence: its SHA256SUMS is missing or damaged")]
    NoSums(String),
    /// The folder has folders of evidence in it.
    #[error(
        "--replay {0}: this is a folder of --watch: the folders of evidence are one level down, in it, each named by its time; name one of them"
    )]
    Series(String),
    /// A file is not the one that was written.
    #[error("--replay: {0} was altered or is missing: its SHA-256 is not that of SHA256SUMS")]
    Altered(String),
    /// There is a file of which the sums do not tell.
    #[error("--replay: {0} is not listed in SHA256SUMS: somebody added it")]
    Added(String),
    /// The folder is of a later version of this program.
    #[error("--replay: the folder has the format {0}, and this program reads {format}: use a later version of ovlsniff", format = super::FORMAT)]
    Later(u32),
    /// A file is not such as this program writes.
    #[error("--replay: {file}: {why}")]
    Damaged {
        /// The file.
        file: String,
        /// The fault.
        why: String,
    },
    /// The facts are no facts.
    #[error("--replay: {file}: {source}")]
    Facts {
        /// The file.
        file: String,
        /// The fault.
        source: FactsError,
    },
    /// The frames show something else than the facts say.
    #[error("--replay: {folder} contradicts itself: {source}")]
    Contradicted {
        /// The folder of the network.
        folder: String,
        /// The contradiction.
        source: Contradiction,
    },
    /// A report, an overview, the manifest or the description of the run does not follow from the facts.
    #[error("--replay: {file} is not what follows from the facts{versions}")]
    OtherFile {
        /// The file.
        file: String,
        /// The two versions, if they differ.
        versions: String,
    },
}

/// A folder of evidence that was read and judged once more.
#[derive(Debug)]
pub struct Replay {
    /// The user's expectation at that time.
    pub expected: Expectation,
    /// The verdict.
    pub replayed: Replayed,
    /// The counts of the frames that were decoded once more, for all networks together.
    pub seen: SeenAgain,
    /// The number of files whose sums were right.
    pub files: usize,
    /// The facts that could only be believed, in one line each.
    pub attested: Vec<String>,
}

/// The networks that were judged once more.
#[derive(Debug)]
pub enum Replayed {
    /// One network.
    One(Box<Report>),
    /// All networks of a host.
    All(Box<Overview>),
}

/// A folder that is being read.
struct Reader {
    folder: HeldFolder,
    sums: BTreeMap<String, String>,
}

impl Replay {
    /// Checks the sums of a folder, judges its facts, and compares its frames and reports with them. `profile` takes the
    /// place of the one that was asked for at that time.
    ///
    /// # Errors
    /// The first [`ReplayError`].
    pub fn read(folder: HeldFolder, profile: Option<&Profile>) -> Result<Self, ReplayError> {
        let reader = Reader::open(folder)?;
        let manifest = reader.manifest()?;
        let damaged =
            |why: &str| ReplayError::Damaged { file: manifest::NAME.to_owned(), why: why.to_owned() };
        let (Some(terms), Some(expected)) = (manifest.terms(), manifest.expected()) else {
            return Err(damaged("its terms are not known"));
        };
        reader.lists_all(&manifest)?;
        let kept_profile = reader.profile(&manifest, profile.is_some())?;
        let mut seen = SeenAgain::default();
        let mut attested = Vec::new();
        let mut judged = Vec::new();
        let mut watched = Vec::new();
        for (at, listed) in manifest.networks.iter().enumerate() {
            let Some(folder) = &listed.folder else {
                let judged_so = unwatched(listed);
                if listed.verdict != judged_so.verdict().name() {
                    return Err(follows::other(manifest::NAME, &manifest));
                }
                judged.push(judged_so);
                continue;
            };
            let facts = reader.facts(folder)?;
            let (again, times) = reader.compare(folder, &facts)?;
            seen += again;
            let report = reader.report(folder, &facts, &manifest, &terms, expected, kept_profile.as_ref())?;
            reader.beside(folder, &facts, &report, &manifest)?;
            Reader::listed_as(at, &report, &manifest)?;
            attested.extend(attested_of(&facts, &report, &again));
            let overlay = Overlay { network: facts.question().network.clone(), ..Overlay::default() };
            judged.push(Judged { overlay, outcome: Ok(report.clone()) });
            watched.push(Watched { facts, report, times });
        }
        reader.nothing_else(&manifest, &watched)?;
        let clock_set = reader.run(&watched, &manifest)?;
        let replayed = if manifest.all {
            let engine_unread = manifest.engine_unread.as_deref().map(|why| escape(why).into_owned());
            let mut reports = judged.iter().filter_map(|judged| judged.outcome.as_ref().ok());
            let occasion = reports.next().map(|report| report.occasion.clone()).unwrap_or_default();
            // It is printed as it is, and escaped already where this program has written it.
            let namespaces_unread = manifest.namespaces_unread.as_deref().map(|why| escape(why).into_owned());
            let mut overview = Overview { networks: judged, occasion, engine_unread, namespaces_unread };
            reader.overview(&overview, expected, &manifest)?;
            if let Some(profile) = profile {
                for judged in &mut overview.networks {
                    judged.outcome = judged.outcome.clone().map(|report| report.under(profile));
                }
            }
            Replayed::All(Box::new(overview))
        } else {
            match judged.pop().map(|judged| judged.outcome) {
                Some(Ok(report)) => Replayed::One(Box::new(match profile {
                    Some(profile) => report.under(profile),
                    None => report,
                })),
                _ => return Err(damaged("it lists no network")),
            }
        };
        attested.push(
            "run.json: the machine, its clock, the program and the SHA-256 of a capture file".to_owned(),
        );
        attested.extend(clock_set);
        Ok(Self { expected, replayed, seen, files: reader.sums.len(), attested })
    }
}

impl Reader {
    /// Reads the sums, and holds every file against them.
    fn open(folder: HeldFolder) -> Result<Self, ReplayError> {
        let text = folder.bytes(sums::NAME, MOST_LIST);
        let text = text.map_err(|error| follows::without_sums(folder.path(), error))?;
        let sums = String::from_utf8(text).ok().and_then(|text| sums::read(&text));
        let sums = sums.ok_or_else(|| ReplayError::NoSums(super::folder::shown(folder.path())))?;
        let reader = Self { folder, sums };
        for (name, sum) in &reader.sums {
            let bytes = reader.folder.bytes(name, MOST_FILE).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::InvalidData => ReplayError::Altered(name.clone()),
                _ => ReplayError::Unread { file: escape(name).into_owned(), source },
            })?;
            if sha256(&bytes) != *sum {
                return Err(ReplayError::Altered(name.clone()));
            }
        }
        reader.nothing_added()?;
        Ok(reader)
    }

    /// Returns an error if there is a file that the sums do not tell of. Signatures of the sums are none of these.
    fn nothing_added(&self) -> Result<(), ReplayError> {
        for (name, entry) in self.folder.entries() {
            let within = format!("{name}/");
            let is_used = || !name.contains('/') && self.sums.keys().any(|known| known.starts_with(&within));
            let rest = name.strip_prefix(sums::NAME);
            let is_known = match entry {
                Entry::Folder => is_used(),
                // Nothing but a file can be a signature.
                Entry::File(_) | Entry::Unopened(_) => {
                    self.sums.contains_key(name)
                        || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                }
                Entry::Other => false,
            };
            if !is_known {
                return Err(ReplayError::Added(escape(name).into_owned()));
            }
        }
        Ok(())
    }

    /// Reads a file of the list.
    fn listed(&self, name: &str, most: u64) -> Result<Vec<u8>, ReplayError> {
        let file = escape(name).into_owned();
        let Some(sum) = self.sums.get(name).filter(|_| is_safe(name)) else {
            return Err(ReplayError::Damaged { file, why: "it is not listed in SHA256SUMS".to_owned() });
        };
        let bytes = self
            .folder
            .bytes(name, most)
            .map_err(|source| ReplayError::Unread { file: file.clone(), source })?;
        if sha256(&bytes) == *sum { Ok(bytes) } else { Err(ReplayError::Altered(file)) }
    }

    fn manifest(&self) -> Result<Manifest, ReplayError> {
        let bytes = self.listed(manifest::NAME, MOST_LIST)?;
        let damaged = |why: String| ReplayError::Damaged { file: manifest::NAME.to_owned(), why };
        let value: serde_json::Value = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(escape(&error.to_string()).into_owned()))?;
        let format = value.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if format > super::FORMAT.into() {
            return Err(ReplayError::Later(u32::try_from(format).unwrap_or(u32::MAX)));
        }
        let manifest: Manifest = serde_json::from_value(value)
            .map_err(|error| damaged(escape(&error.to_string()).into_owned()))?;
        if !manifest.is_bounded() {
            return Err(damaged("it lists too many networks or none".to_owned()));
        }
        Ok(manifest)
    }

    /// Reads the profile. `replaced` is true if another one takes its place in what is told.
    fn profile(&self, manifest: &Manifest, replaced: bool) -> Result<Option<Profile>, ReplayError> {
        if manifest.profile.is_none() {
            return Ok(None);
        }
        let name = "profile.toml";
        let damaged = |why: String| ReplayError::Damaged { file: name.to_owned(), why };
        let text =
            String::from_utf8(self.listed(name, MOST_LIST)?).map_err(|error| damaged(error.to_string()))?;
        let profile = Profile::parse(&text).map_err(damaged)?;
        if manifest.profile.as_deref() != Some(profile.name()) {
            return Err(follows::other(manifest::NAME, manifest));
        }
        match profile.borrowed_name().filter(|_| !replaced) {
            Some(known) => Err(damaged(format!(
                "its name begins as that of the profile {known} of ovlsniff, and it is another one; to judge by that of this program, add --profile {known}"
            ))),
            None if profile.has_odd_name() && !replaced => Err(damaged(
                "its name has other characters than letters of ASCII, digits, '-', '_' and '.', and may look like another one; to \
                 judge by a profile that you know, add --profile"
                    .to_owned(),
            )),
            None => Ok(Some(profile)),
        }
    }

    fn facts(&self, folder: &str) -> Result<Facts, ReplayError> {
        let name = format!("{folder}/facts.json");
        let bytes = self.listed(&name, MOST_BYTES as u64)?;
        Facts::from_json(&bytes)
            .map_err(|source| ReplayError::Facts { file: escape(&name).into_owned(), source })
    }

    /// Decodes the frames once more. Returns what was seen, and the times of the first and the last frame.
    fn compare(
        &self,
        folder: &str,
        facts: &Facts,
    ) -> Result<(SeenAgain, Option<(Timestamp, Timestamp)>), ReplayError> {
        let name = format!("{folder}/frames.pcapng");
        let damaged = |why: String| ReplayError::Damaged { file: escape(&name).into_owned(), why };
        // A compressed file could be of any length.
        if !self.listed(&name, MOST_FILE)?.starts_with(&PCAPNG) {
            return Err(damaged("this is no pcapng file".to_owned()));
        }
        let contradicted = |source| ReplayError::Contradicted { folder: escape(folder).into_owned(), source };
        let mut file = self.folder.capture(&name).map_err(|error| damaged(error.to_string()))?;
        let mut comparison = facts.comparison();
        let mut times: Option<(Timestamp, Timestamp)> = None;
        while file.advance().map_err(|error| damaged(error.to_string()))? {
            let frame = file.frame();
            if frame.time.known {
                let (first, last) = times.unwrap_or((frame.time, frame.time));
                times = Some((
                    if frame.time.nanos < first.nanos { frame.time } else { first },
                    if frame.time.nanos > last.nanos { frame.time } else { last },
                ));
            }
            comparison.frame(&frame).map_err(contradicted)?;
        }
        Ok((comparison.finish().map_err(contradicted)?, times))
    }

    /// Judges the facts, and holds the report in the folder against what follows from them.
    fn report(
        &self,
        folder: &str,
        facts: &Facts,
        manifest: &Manifest,
        terms: &Terms,
        expected: Expectation,
        profile: Option<&Profile>,
    ) -> Result<Report, ReplayError> {
        let mut again = facts.report().on(terms.clone());
        if let Some(profile) = profile {
            again = again.under(profile);
        }
        self.is(&format!("{folder}/report.json"), report::json(&again, expected).as_bytes(), manifest)?;
        self.is(&format!("{folder}/report.txt"), report::text(&again, expected).as_bytes(), manifest)?;
        Ok(again)
    }
}

fn unwatched(listed: &Listed) -> Judged {
    let network = Network { name: listed.name.clone(), ..Network::default() };
    let why = escape(listed.error.as_deref().unwrap_or("it was not watched")).into_owned();
    Judged { overlay: Overlay { network, ..Overlay::default() }, outcome: Err(why) }
}

/// Says what of a verdict has to be believed, because only the time of the watch could show it.
fn attested_of(facts: &Facts, report: &Report, seen: &SeenAgain) -> Vec<String> {
    let name = escape(&report.network);
    let mut lines = Vec::new();
    for leg in &report.legs {
        let Some(node) = leg.node() else { continue };
        let counts = &leg.counts;
        let mut parts = Vec::new();
        if counts.opened > 0 {
            parts.push(format!(
                "{} frames of the network found inside ESP with keys that are not kept",
                counts.opened
            ));
        }
        if counts.matched > 0 {
            parts.push(format!("{} probes of {} sent, matched by length", counts.matched, counts.probes));
        }
        if counts.answered > 0 {
            parts.push(format!("{} probes answered", counts.answered));
        }
        if counts.copies > 0 {
            parts.push(format!("{} clear frames that were copies", counts.copies));
        }
        if !parts.is_empty() {
            lines.push(format!("{name}, {} {node}: {}", leg.way.name(), parts.join(", ")));
        }
    }
    if seen.cut > 0 {
        let frames = counted(seen.cut as u64, "kept frame that is", "kept frames that are");
        lines.push(format!("{name}: the rest of {frames} cut off"));
    }
    if facts.circumstances().kernel.is_some() {
        lines.push(format!("{name}: the kernel's SAs, policies, counters and rules"));
    }
    lines
}
