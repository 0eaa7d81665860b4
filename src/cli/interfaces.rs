//! `ovlsniff interfaces`, as typed.

/// List the interfaces, mark those that auto would choose, and list the overlay networks of this host
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Interfaces {
    /// Print one JSON object a line, one for each interface and for each overlay network
    #[arg(long)]
    pub(crate) json: bool,
    /// Network namespace to look at: a name of 'ip netns list', a path, or a process id
    #[arg(long, value_name = "NAME|PATH|PID")]
    pub(crate) netns: Option<String>,
}
