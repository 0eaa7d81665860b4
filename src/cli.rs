//! What was typed: clap types, no behaviour.

mod grep;
mod interfaces;
mod keys;
pub(crate) mod overlay;
mod values;
mod verify;

pub(crate) use grep::{Color, Grep, Marks, Shape, Way};
pub(crate) use interfaces::Interfaces;
pub(crate) use keys::Keys;
pub(crate) use overlay::Overlay;
pub(crate) use verify::{Expect, Format, Verify};

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

/// Grep the network, or a capture file, through VXLAN, Geneve, GRE and ESP.
#[derive(Debug, Parser)]
#[command(
    name = "ovlsniff",
    version,
    about,
    args_conflicts_with_subcommands = true,
    // The last one counts: a word of the command line before that of an alias.
    args_override_self = true,
    disable_help_subcommand = true,
    max_term_width = 110,
    after_help = EXAMPLES
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) grep: Grep,
}

const EXAMPLES: &str = "\
Examples:
  ovlsniff -i eth0 HTTP                    what mentions HTTP, in tunnels too; `#` for what nobody can read
  ovlsniff -r capture.pcapng -x 'GET /'    a capture file, as a hexdump
  ovlsniff --vni 4097 '' not port 22       every packet with a payload of one overlay network
  ovlsniff --inner 'tcp port 80' --json    filtered by the innermost frame, as JSON Lines

Exit status: 0 matched, 1 nothing matched, 2 error. A pattern that is also the name of a command: -e NAME.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Is this overlay really encrypted?
    Verify(Box<Verify>),
    /// What can be sniffed, and what auto would choose (also: -D)
    Interfaces(Interfaces),
    /// Write the kernel's IPsec keys for Wireshark
    Keys(Keys),
    /// Build VXLAN links between nodes, plain and inside IPsec
    Overlay(Overlay),
    /// Write the completions of a shell
    Completions(Completions),
    /// Write the manual page, of the program or of one command
    Man(Man),
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    pub(crate) shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The command: verify, or overlay up; the program itself without one
    pub(crate) command: Vec<String>,
}

/// The words that may follow `ovlsniff overlay`, the only command that has such.
pub(crate) fn overlay_acts() -> Vec<String> {
    let cli = Cli::command();
    let overlay = cli.find_subcommand("overlay");
    let acts = overlay.into_iter().flat_map(clap::Command::get_subcommands);
    acts.map(|act| act.get_name().to_owned()).collect()
}
