//! The facts of a watch, kept so that the judge can be asked again, on another machine and years later.
//!
//! The judge reads a [`Tally`] and the [`Circumstances`], and nothing else: no clock, no kernel, no frame. So these two
//! are what is kept, as JSON, with the [`Question`]. What only the time of the watch could show is in them as a count:
//! whoever reads them has to believe that a key opened 40 packets, because the key is not kept. The frames that are kept
//! beside the facts ([`FrameKeeper`]) are decoded once more, and what they show without a key must not contradict the
//! facts ([`Facts::comparison`]).
//!
//! Facts that are read may come from anybody. Their values are checked as those of a file are: an address is an address,
//! a VNI has 24 bits, and no number is so large that the judge's sums could overflow.

mod compare;
mod counts;
mod frames;
mod values;

use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::judge::judge;
use super::occasion::Occasion;
use super::report::{EspSeen, Report};
use super::tally::{Circumstances, Counted, Question, Tally};
use crate::capture::savefile::Filtered;
use crate::escape::escape;
use crate::ipsec::Sa;
use crate::packet::Spi;
pub use compare::{Comparison, Contradiction, SeenAgain};
pub(super) use frames::Looked;
pub use frames::{FrameKeeper, FrameKind, KeptFrame, Noted};
pub(super) use values::{echoes, lengths};

/// The version of the form of [`Facts`].
pub const FORMAT: u32 = 1;
/// The most bytes of facts that are read.
pub const MOST_BYTES: usize = 64 << 20;
/// The largest number that facts may hold, 2^53: no sum of a few thousand of these overflows.
const LARGEST: u64 = 1 << 53;
/// The longest inner frame of a probe, and the largest MTU, in bytes.
const LONGEST: u32 = 1 << 20;
/// The longest expression of a filter that a capture file may have, in bytes.
const LONGEST_FILTER: usize = 1024;
/// The most probes. A watch sends no more than half as many.
const MOST_PROBES: usize = 500_000;
/// The most levels of lists and objects in facts.
const DEEPEST: usize = 24;

/// Everything that the judge reads, and the notes on the frames that are kept beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    format: u32,
    question: Question,
    counted: Counted,
    circumstances: Circumstances,
    occasion: Occasion,
    /// The algorithms that the keys told, which are not kept.
    algorithms: Vec<Named>,
    /// One for each kept frame, in their order.
    pub(super) frames: Vec<Noted>,
    /// True if there were more frames in clear than are kept.
    pub(super) more_frames: bool,
}

/// The algorithm of an SPI on one leg of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    leg: usize,
    spi: Spi,
    algorithm: Option<String>,
    icv_bits: Option<u32>,
    key_bits: Option<u32>,
}

/// The error of facts that cannot be read. It is one sentence, escaped.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// They are of a later version of this program.
    #[error(
        "its facts have the format {0}, and this program reads {FORMAT}: use a later version of ovlsniff"
    )]
    Later(u32),
    /// They are damaged or made up.
    #[error("its facts are damaged: {0}")]
    Damaged(String),
}

impl Facts {
    /// Takes the facts that a tally and the circumstances of a watch are.
    pub fn new(tally: &Tally, circumstances: Circumstances) -> Self {
        Self {
            format: FORMAT,
            question: tally.question.clone(),
            counted: Counted::of(tally, &circumstances),
            circumstances,
            occasion: Occasion::default(),
            algorithms: Vec::new(),
            frames: Vec::new(),
            more_frames: false,
        }
    }

    /// Judges the facts.
    pub fn report(&self) -> Report {
        let tally = self.tally();
        let mut report = judge(&tally, self.circumstances.clone());
        report.occasion = self.occasion.clone();
        for named in &self.algorithms {
            let leg = report.legs.get_mut(named.leg);
            let seen = leg.and_then(|leg| leg.esp.iter_mut().find(|seen| seen.spi == named.spi));
            if let Some(seen) = seen.filter(|seen| seen.algorithm.is_none()) {
                seen.algorithm.clone_from(&named.algorithm);
                (seen.icv_bits, seen.key_bits) = (named.icv_bits, named.key_bits);
            }
        }
        report
    }

    pub(super) fn tally(&self) -> Tally {
        self.counted.clone().tally(self.question.clone())
    }

    /// Sets the occasion of the report.
    #[must_use]
    pub fn of(self, occasion: Occasion) -> Self {
        Self { occasion, ..self }
    }

    /// Returns the question that the watch was to answer.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Returns what is known beside the frames.
    pub fn circumstances(&self) -> &Circumstances {
        &self.circumstances
    }

    /// Returns the notes on the kept frames, in their order.
    pub fn frames(&self) -> &[Noted] {
        &self.frames
    }

    /// Returns true if frames in clear were left out, because there were too many.
    pub fn left_some_out(&self) -> bool {
        self.more_frames
    }

    /// Returns true if the frames were captured as they passed, and not read from a file.
    pub fn is_live(&self) -> bool {
        !self.question.own.is_empty()
    }

    /// Takes over the algorithms of a report that the keys have named.
    pub(super) fn name_algorithms(&mut self, judged: &Report, named: &Report) {
        for (at, (before, after)) in judged.legs.iter().zip(&named.legs).enumerate() {
            for (_, after) in before.esp.iter().zip(&after.esp).filter(|(before, after)| before != after) {
                let EspSeen { spi, icv_bits, key_bits, .. } = *after;
                let algorithm = after.algorithm.clone();
                self.algorithms.push(Named { leg: at, spi, algorithm, icv_bits, key_bits });
            }
        }
    }

    /// Takes over the notes on the frames of a keeper.
    pub(super) fn note_frames(&mut self, keeper: &FrameKeeper) {
        self.frames = keeper.frames().map(|frame| frame.noted.clone()).collect();
        self.more_frames = keeper.left_some_out();
    }

    /// Returns the facts as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        // Nothing in the facts can fail: the keys of all maps are texts or numbers.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Reads facts.
    ///
    /// # Errors
    /// [`FactsError`] if they are of a later version, or not such as this program writes.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FactsError> {
        let damaged = |error: serde_json::Error| FactsError::Damaged(escape(&error.to_string()).into_owned());
        if bytes.len() > MOST_BYTES {
            return Err(damaged(serde_json::Error::custom("they are too long")));
        }
        let value: Value = serde_json::from_slice(bytes).map_err(damaged)?;
        if let Some(later) =
            value.get("format").and_then(Value::as_u64).filter(|found| *found > FORMAT.into())
        {
            return Err(FactsError::Later(u32::try_from(later).unwrap_or(u32::MAX)));
        }
        if !is_modest(&value, DEEPEST) {
            return Err(damaged(serde_json::Error::custom("a number in them is too large")));
        }
        let mut facts: Self = serde_json::from_value(value).map_err(damaged)?;
        if let Some(why) = facts.fault() {
            return Err(damaged(serde_json::Error::custom(why)));
        }
        // A text that is escaped when it is found out is printed as it is.
        let network = &mut facts.question.network;
        for unread in [&mut network.engine_unread, &mut network.namespaces_unread] {
            *unread = unread.take().map(|text| escape(&text).into_owned());
        }
        Ok(facts)
    }

    /// Returns the reason why no watch can have made these facts.
    fn fault(&self) -> Option<&'static str> {
        let carriers = || self.question.carriers.iter().chain(&self.circumstances.carriers);
        let long = self.circumstances.probes.iter().any(|probe| probe.inner_len > LONGEST)
            || carriers().any(|carrier| carrier.mtu > LONGEST);
        let endless = self.circumstances.filters.iter().any(|(filter, _)| match filter {
            Filtered::Expression(text) => text.len() > LONGEST_FILTER,
            Filtered::Unread => false,
        });
        match self.format {
            FORMAT if endless || self.circumstances.probes.len() > MOST_PROBES => Some("they are too long"),
            FORMAT if long => Some("a length in them is too large"),
            FORMAT => self.counted.fault(),
            _ => Some("they have an unknown format"),
        }
    }
}

/// Names the algorithms that the keys know and the kernel did not name: those of a capture file, and of SAs that are
/// gone.
pub(super) fn name_algorithms(report: &mut Report, sas: &[Sa]) {
    for leg in &mut report.legs {
        let Some(to) = leg.to else { continue };
        for seen in leg.esp.iter_mut().filter(|seen| seen.algorithm.is_none()) {
            let known = sas.iter().find(|sa| sa.spi.matches(seen.spi) && sa.destination.matches(to));
            seen.algorithm = known.map(|sa| sa.algorithm.name());
            seen.icv_bits = known.and_then(|sa| u32::try_from(sa.algorithm.icv_bits()?).ok());
            seen.key_bits = known.and_then(|sa| u32::try_from(sa.algorithm.cipher_bits()?).ok());
        }
    }
}

/// Returns true if all numbers are at most [`LARGEST`], and nothing is nested deeper than this.
fn is_modest(value: &Value, depth: usize) -> bool {
    match value {
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(positive), _) => positive <= LARGEST,
            (None, Some(negative)) => negative.unsigned_abs() <= LARGEST,
            _ => false,
        },
        Value::Array(values) => depth > 0 && values.iter().all(|value| is_modest(value, depth - 1)),
        Value::Object(values) => depth > 0 && values.values().all(|value| is_modest(value, depth - 1)),
        _ => true,
    }
}
