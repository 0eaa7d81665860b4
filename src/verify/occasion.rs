//! The occasion of a report: whose it is, and when its watch ended. Reports of several nodes are joined by it.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::packet::Timestamp;

/// The longest name of a node that is read from the kernel, in bytes. Linux allows 64.
const LONGEST: usize = 64;

/// The occasion of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    /// The name of the node that was watched on, which may hold any character; `None` if it is not known, as that of a
    /// file is not.
    pub node: Option<String>,
    /// The end of the watch by this node's clock, or the time of a file's last frame; `None` if there is none.
    pub ended: Option<Timestamp>,
}

/// Returns the name of this host, as the kernel has it for this process; `None` if it has none.
pub fn host_name() -> Option<String> {
    let name = fs::read("/proc/sys/kernel/hostname").ok()?;
    let name = String::from_utf8_lossy(&name[..name.len().min(LONGEST + 1)]).trim().to_owned();
    (!name.is_empty() && name != "(none)").then_some(name)
}
