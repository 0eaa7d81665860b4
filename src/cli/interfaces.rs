//! `ovlsniff interfaces`.

/// What can be sniffed, and what auto would choose
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Interfaces {
    /// One JSON object a line for each interface
    #[arg(long)]
    pub(crate) json: bool,
    /// Look into another network namespace: a name of `ip netns list`, a path or a PID
    #[arg(long, value_name = "NAME|PATH|PID")]
    pub(crate) netns: Option<String>,
}
