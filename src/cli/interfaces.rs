//! `ovlsniff interfaces`.

/// What can be sniffed, and what auto would choose
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Interfaces {
    /// One JSON object a line for each interface
    #[arg(long)]
    pub json: bool,
    /// Look into another network namespace: a name of `ip netns list`, a path or a PID
    #[arg(long, value_name = "NAME|PATH|PID")]
    pub netns: Option<String>,
}
