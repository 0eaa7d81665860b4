//! The judgement of one suite: its cipher, its hash and their lengths.

use super::algorithms::{Keyed, Suite};
use super::{Allowed, Profile, in_brackets};
use crate::escape::escape;

/// The demands that are not met, or not known: codes and texts.
pub(super) type Faults = Vec<(&'static str, String)>;

impl Profile {
    /// Judges algorithms and lengths. Of several entries for one algorithm one has to be met; if none is, the faults are
    /// those by the nearest.
    pub(super) fn suite(&self, suite: &Suite, key_bits: Option<u32>, icv_bits: Option<u32>) -> Faults {
        let Suite { cipher, hash } = suite;
        if !suite.encrypts() {
            return vec![("not-encrypting", format!("{cipher} does not encrypt"))];
        }
        for name in std::iter::once(cipher).chain(hash) {
            if let Some(refused) = self.refused.iter().find(|refused| refused.algorithm == *name) {
                return vec![("algorithm", format!("{name}{}", in_brackets(&refused.source)))];
            }
        }
        let entries = self.allowed.iter().filter(|allowed| allowed.algorithm == *cipher);
        let by_each = entries.map(|allowed| allowed.faults(suite, key_bits, icv_bits));
        // A demand that is not known to be met is nearer than what is not met.
        let distance =
            |faults: &Faults| (faults.iter().filter(|(code, _)| *code != "unknown").count(), faults.len());
        by_each.min_by_key(distance).unwrap_or_else(|| {
            vec![("algorithm", format!("{cipher} is not among the algorithms of {}", escape(&self.name)))]
        })
    }
}

impl Allowed {
    fn faults(&self, suite: &Suite, key_bits: Option<u32>, icv_bits: Option<u32>) -> Faults {
        let Suite { cipher, hash } = suite;
        let source = in_brackets(&self.source);
        let mut faults = Faults::new();
        let mut length = |code, what: &str, bits: Option<u32>, right: &[u32]| match bits {
            _ if right.is_empty() => {}
            None => faults.push(("unknown", format!("{what} of unknown length"))),
            Some(bits) if right.contains(&bits) => {}
            Some(bits) => {
                let right: Vec<String> = right.iter().map(ToString::to_string).collect();
                faults.push((code, format!("{what} of {bits} bits, not {}{source}", right.join(" or "))));
            }
        };
        length(
            "key-length",
            &format!("{cipher} with a key"),
            key_bits,
            self.key_bits.as_deref().unwrap_or(&[]),
        );
        length(
            "icv-length",
            &format!("{cipher} with an ICV"),
            icv_bits,
            self.icv_bits.as_deref().unwrap_or(&[]),
        );
        match hash {
            Some(hash) => {
                let of_it = self.hashes().filter(|keyed| keyed.hash == hash);
                let lengths: Vec<Option<u32>> = of_it.map(|keyed| keyed.icv_bits).collect();
                if lengths.is_empty() {
                    let allowed = self.hashes.as_deref().unwrap_or(&[]).join(" or ");
                    faults.push(("algorithm", format!("{hash} beside {cipher}, not {allowed}{source}")));
                } else if !lengths.contains(&None) {
                    let lengths: Vec<u32> = lengths.into_iter().flatten().collect();
                    length("icv-length", &format!("{hash} with an ICV"), icv_bits, &lengths);
                }
            }
            None if !suite.is_combined() => {
                faults.push(("algorithm", format!("{cipher} without any authentication{source}")));
            }
            None => {}
        }
        faults
    }

    /// Yields the hashes, with the lengths of their ICVs.
    pub(super) fn hashes(&self) -> impl Iterator<Item = Keyed<'_>> {
        self.hashes.iter().flatten().filter_map(|name| Keyed::of(name))
    }
}
