//! `ovlsniff keys`, as typed.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Keys {
    /// Write Wireshark's table esp_sa, a file of its profile folder
    #[arg(long, required = true)]
    pub(crate) wireshark: bool,
    /// File to write, readable by its owner only; - is standard output, the default
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print the keys even to a terminal
    #[arg(long)]
    pub(crate) force: bool,
    /// Take the SAs from this file instead of from the kernel (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) sa: Vec<PathBuf>,
    /// Network namespace to take the SAs from: a name, a path, or a process id
    #[arg(long, value_name = "NAME|PATH|PID", conflicts_with = "sa")]
    pub(crate) netns: Option<String>,
}
