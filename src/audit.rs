//! The folder of evidence: what an auditor asks for after a verification, and how the verdict is checked with it.
//!
//! ```text
//! Run + Case… -> files: (name, bytes)… -> Folder: written beside, then renamed
//! DIR -> Record: sums, then facts, frames and reports -> Replay: the same verdict, or why not
//! ```
//!
//! A [`Case`] is a network with its report, the facts that the report follows from and the frames that prove it. From the
//! cases and the [`Run`] (who asked for what, when, on which [`Machine`]) [`files()`] makes the contents, without
//! touching a disk. A [`Folder`] puts them on the disk, whole or not at all. It takes nothing but names and bytes, so
//! that it may be held by a process that has more rights than the one that reads packets.
//!
//! [`HeldFolder::open`] opens all that is in a folder, before root is left. [`Replay::read`] begins with the sums, because nothing else in a folder is worth reading if they are wrong. Then
//! the facts go to the judge once more, the frames are decoded once more, and both have to agree with the report. Sums
//! without a signature protect from damage and not from a forger, so `SHA256SUMS` is made to be signed.
//!
//! There is no key in a folder. SAs are written from the fields that were read of them, which no key is among, and
//! frames as they were on the wire.

mod associations;
mod case;
mod clock;
mod contents;
mod folder;
mod frames;
mod machine;
mod manifest;
mod replay;
mod run_clock;
mod series;
mod sums;

pub use case::{Case, Run, Subject};
pub use contents::files;
pub use folder::{Folder, FolderError};
pub use machine::Machine;
pub use replay::{HeldFolder, Replay, ReplayError, Replayed};
pub use run_clock::{ClockSet, RunClock, RunTime};
pub use series::Series;
pub use sums::file_sha256;

/// The version of the form of a folder.
pub const FORMAT: u32 = 1;
