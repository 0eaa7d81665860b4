//! `ovlsniff interfaces`, as typed.

use std::time::Duration;

use super::values;

/// List the interfaces, mark those that auto would choose, and list the overlay networks of this host
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Interfaces {
    /// Print one JSON object a line, one for each interface and for each overlay network
    #[arg(long)]
    pub(crate) json: bool,
    /// Network namespace to look at: a name of 'ip netns list', a path, or a process id
    #[arg(long, value_name = "NAME|PATH|PID")]
    pub(crate) netns: Option<String>,
    /// Show packets a second on each interface instead, opaque by kind, readable and not decoded, at this interval until a signal [default interval: 1s]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "1s", value_parser = values::watch)]
    pub(crate) watch: Option<Duration>,
    /// With --watch, stop after N rounds
    #[arg(short = 'n', long, value_name = "N", value_parser = values::number(1..=u64::MAX), requires = "watch")]
    pub(crate) count: Option<u64>,
    /// With --watch, user to become in place of root, once everything is open [default: nobody]
    #[arg(short = 'Z', long, value_name = "NAME", requires = "watch", conflicts_with = "no_drop")]
    pub(crate) user: Option<String>,
    /// With --watch, stay root instead of becoming another user
    #[arg(long, requires = "watch")]
    pub(crate) no_drop: bool,
}
