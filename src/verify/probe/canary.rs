//! The canary: the bytes by which a network's probes are known, and the identifier of their ICMP messages.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The number of canaries that a new one has to differ from. No more are in use at once.
const REMEMBERED: usize = 64;

/// The identifiers of the last canaries of this process.
static LAST: Mutex<VecDeque<u16>> = Mutex::new(VecDeque::new());

/// A random token that nothing else on the wire has in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary(pub(super) String);

impl Canary {
    /// Makes a random canary. Its identifiers are none of those that were in use a short time ago, because several networks
    /// may be probed at the same time, and the two ends of one may both be on this host.
    ///
    /// # Errors
    /// The error of the system if it has no randomness to give.
    pub fn random() -> std::io::Result<Self> {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut bytes = [0; 10];
            getrandom::fill(&mut bytes)?;
            let text =
                bytes.iter().fold("ovlsniff-canary-".to_owned(), |text, byte| format!("{text}{byte:02x}"));
            let canary = Self(text);
            let identifier = canary.identifier();
            // Broadcasts have the identifier that follows.
            if last.iter().all(|other| !matches!(other.wrapping_sub(identifier), 0 | 1 | u16::MAX)) {
                last.push_front(identifier);
                last.truncate(REMEMBERED);
                return Ok(canary);
            }
        }
    }

    /// Returns the identifier of the ICMP messages that carry the canary, made of its digits.
    pub(super) fn identifier(&self) -> u16 {
        let digits = self.bytes().iter().rev().take(6);
        digits.fold(0, |sum: u16, byte| sum.wrapping_mul(31).wrapping_add(u16::from(*byte)))
    }

    /// Returns the bytes to look for.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_that_are_in_use_at_once_have_identifiers_of_their_own() {
        let made: Vec<u16> = (0..2000).map(|_| Canary::random().unwrap().identifier()).collect();
        // Other tests make canaries in between, so that fewer than all of these are told apart from the last one.
        for window in made.windows(16) {
            let (last, before) = window.split_last().unwrap();
            assert!(before.iter().all(|other| other != last && other.wrapping_add(1) != *last), "{window:?}");
        }
    }
}
