//! The keeper's process: the program started again by itself, which keeps root for the one that decodes packets.

use std::ffi::OsString;

use anyhow::anyhow;
use ovlsniff::keeping::{self, Outputs};

use super::{Status, signals};

/// Is a keeper until the other process ends, if that is what these words say. `None` if they say something else.
pub(crate) fn keep(mut words: impl Iterator<Item = OsString>) -> Option<anyhow::Result<Status>> {
    let first = words.nth(1)?;
    if first != keeping::ARGUMENT {
        return None;
    }
    let scope = words.next().unwrap_or_default();
    // Without a size no capture is opened.
    let ring = words.next().and_then(|word| word.to_str()?.parse().ok()).unwrap_or(0);
    let places: Vec<OsString> = words.collect();
    let kept = || {
        // The terminal sends signals to both processes. It is for the other one to end, with a verdict.
        signals::outlive_all().map_err(|error| anyhow!("install signal handlers: {error}"))?;
        keeping::run(&scope.to_string_lossy(), ring, &Outputs::of(&places))?;
        Ok(Status::Success)
    };
    Some(kept())
}
