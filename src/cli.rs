//! The command line as it is typed: clap types, and no behaviour.
//!
//! [`Cli`] holds grep mode, which needs no subcommand, and the subcommands beside it. This room only says which words
//! there are; `commands` makes of them what is meant, once, and hands that to the library. A value is checked while it
//! is parsed, so a wrong one is refused before anything is opened.
//!
//! A kind of value is spelled the same in every command. Kinds that only the command line has (times, sizes) are parsed
//! in [`values`]; those that the overlay's file and `--opt` have too (VNIs, ports, MTUs, addresses, names of devices)
//! are parsed by the library. A test gives every spelling of a kind to every option of that kind.
//!
//! Two settings of clap matter to the user. `args_conflicts_with_subcommands` takes a subcommand's name for the
//! subcommand, so a pattern that equals one is written `-e verify`. `args_override_self` lets an option be given twice:
//! the last one counts, so that the command line overrides an alias of the shell.
//!
//! The doc comments of the fields are the text of `--help`, of the manual page and of the completions. Each is one
//! paragraph: of two, clap would print only the first with `-h`, and both with `--help` in a longer layout. After a
//! change `./x completions` writes `completions/` anew.

mod grep;
mod interfaces;
mod keys;
pub(crate) mod overlay;
mod values;
mod verify;

pub(crate) use grep::{Color, FrameDirection, Grep, Marks, Shape};
pub(crate) use interfaces::Interfaces;
pub(crate) use keys::Keys;
pub(crate) use overlay::Overlay;
pub(crate) use verify::{Expect, Format, Require, Verify};

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

/// Grep the network, or a capture file, through VXLAN, Geneve, GRE and ESP.
#[derive(Debug, Parser)]
#[command(
    name = "ovlsniff",
    version,
    about,
    args_conflicts_with_subcommands = true,
    // Of an option that is given twice the last one counts: the command line overrides a shell alias.
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
  ovlsniff -i eth0 HTTP                    packets that contain HTTP, also inside tunnels; # marks encrypted ones
  ovlsniff -r capture.pcapng -x 'GET /'    search a capture file, print matches as a hex dump
  ovlsniff --vni 4097 '' not port 22       every packet of one overlay network that has a payload
  ovlsniff --inner 'tcp port 80' --json    filter on the innermost frame, print JSON Lines

Exit status: 0 matched, 1 nothing matched, 2 error, 130 a signal ended the search of a file. To search for a word that is a command's name, write -e WORD.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check whether an overlay network is really encrypted
    Verify(Box<Verify>),
    /// List the interfaces, and mark those that auto would choose (also: -D)
    Interfaces(Interfaces),
    /// Write the kernel's IPsec keys for Wireshark
    Keys(Keys),
    /// Build VXLAN links between nodes, in clear or inside IPsec
    Overlay(Overlay),
    /// Print the completion script of a shell
    Completions(Completions),
    /// Print the manual page of the program or of one command
    Man(Man),
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    pub(crate) shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Command to describe: verify, or overlay up [default: the program itself]
    pub(crate) command: Vec<String>,
}

/// Returns the subcommands of `ovlsniff overlay`, the only command that has any.
pub(crate) fn overlay_acts() -> Vec<String> {
    let cli = Cli::command();
    let overlay = cli.find_subcommand("overlay");
    let acts = overlay.into_iter().flat_map(clap::Command::get_subcommands);
    acts.map(|act| act.get_name().to_owned()).collect()
}
