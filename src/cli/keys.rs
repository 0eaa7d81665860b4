//! `ovlsniff keys`, as typed.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Keys {
    /// As Wireshark's table esp_sa, which its profile folder holds
    #[arg(long, required = true)]
    pub(crate) wireshark: bool,
    /// File to write, readable by its owner only; standard output without it, or with '-'
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write keys to a terminal too
    #[arg(long)]
    pub(crate) force: bool,
    /// SAs of this file instead of the kernel's (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) sa: Vec<PathBuf>,
    /// Network namespace: a name, a path, or a process id
    #[arg(long, value_name = "NAME|PATH|PID", conflicts_with = "sa")]
    pub(crate) netns: Option<String>,
}
