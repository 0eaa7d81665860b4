//! The command line as it is typed: clap types, and what is said of words that are none of these.
//!
//! [`Cli`] holds grep mode, which needs no subcommand, and the subcommands beside it. One of these is ngrep's own grammar, which is also
//! that of a program by the name of `ngrep` ([`words`]). This room only says which words
//! there are, and asks neither the kernel nor the file system; `commands` makes of them what is meant, once, and hands that to the library. A value is checked while it
//! is parsed, so a wrong one is refused before anything is opened.
//!
//! A kind of value is spelled the same in every command. Kinds that only the command line has (times, sizes) are parsed
//! in [`values`]; those that the overlay's file and `--opt` have too (VNIs, ports, MTUs, addresses, names of devices)
//! are parsed by the library. A test gives every spelling of a kind to every option of that kind.
//!
//! Two settings of clap matter to the user. `args_conflicts_with_subcommands` takes a subcommand's name for the
//! subcommand, so a pattern that equals one is written `-e verify`. `args_override_self` lets an option be given twice:
//! the last one counts, so that the command line overrides an alias of the shell; a note tells of values that differ.
//!
//! [`read`] parses the words. Of an error of clap [`complaint`] makes one sentence. [`habits`] is the table of what people
//! type who know ngrep, tcpdump, tshark or grep, [`near`] knows the words that are nearly a command's name, and
//! [`pointless`] is the table of options that do nothing beside others.
//!
//! The doc comments of the fields are the text of `--help`, of the manual page and of the completions. Each is one
//! paragraph: of two, clap would print only the first with `-h`, and both with `--help` in a longer layout. The name of a
//! value (`IF`, `FILE`) says what a shell offers for it.

mod complaint;
mod grep;
mod habits;
mod interfaces;
mod keys;
mod merge;
pub(crate) mod near;
mod ngrep;
pub(crate) mod overlay;
mod pointless;
mod spelled;
mod values;
mod verify;

pub(crate) use grep::{Color, FrameDirection, Grep, Marks, Shape};
pub(crate) use habits::is_capture_name;
pub(crate) use interfaces::Interfaces;
pub(crate) use keys::Keys;
pub(crate) use merge::{At, Merge, MergeFormat, Pairs};
pub(crate) use ngrep::Ngrep;
pub(crate) use overlay::Overlay;
pub(crate) use spelled::Spelled;
pub(crate) use verify::{Expect, Format, Require, Verify, VerifyAct, is_plugin};

use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
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
    /// Grep the network with ngrep's options (also when called as ngrep)
    Ngrep(Box<Ngrep>),
    /// Print the completion script of a shell
    Completions(Completions),
    /// Print the manual page of the program or of one command
    Man(Man),
    /// Print the help of the program or of one command
    Help(Help),
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    pub(crate) shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Help {
    /// Command to explain: verify, or overlay up [default: the program itself]
    pub(crate) command: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Command to describe: verify, or overlay up [default: the program itself]
    pub(crate) command: Vec<String>,
}

/// The command line, read.
pub(crate) struct Typed {
    pub(crate) cli: Cli,
    /// The words of grep mode, as they were spelled; none for a command.
    pub(crate) words: Vec<Spelled>,
    /// Sentences for standard error about options that were typed in vain.
    pub(crate) notes: Vec<String>,
}

/// The outcome of a command line that names nothing to run.
pub(crate) enum Unread {
    /// Help or the version, to be printed.
    Help(clap::Error),
    /// One sentence that says what is wrong, and what to type.
    Wrong(String),
}

/// Returns the words behind the name of the program. A program by the name of `ngrep` takes ngrep's: it is often a link to this
/// one.
pub(crate) fn words(line: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut line = line.into_iter();
    let program = line.next().unwrap_or_default();
    let is_ngrep = Path::new(&program).file_name().is_some_and(|name| name == "ngrep");
    is_ngrep.then(|| "ngrep".into()).into_iter().chain(line).collect()
}

/// Reads the command line, given without the name of the program.
pub(crate) fn read(words: &[OsString]) -> Result<Typed, Unread> {
    if let Some(command) = help_wanted(words) {
        return Err(help(&command).map_or_else(Unread::Wrong, Unread::Help));
    }
    // To describe the subcommands to clap takes a tenth of the time that the program needs to start. Grep mode without a word
    // that may name one is read without them; whatever is wrong with the words is told by the whole description.
    if !words.iter().any(may_name_command) {
        if let Ok(typed) = read_by(grep_alone(), words) {
            return Ok(typed);
        }
    }
    read_by(Cli::command(), words)
}

/// Reads the command line by a description of it.
fn read_by(command: clap::Command, words: &[OsString]) -> Result<Typed, Unread> {
    // The description is left to the end of the program: to take it apart piece by piece takes a third as long as to make it.
    let mut command = ManuallyDrop::new(command);
    if let Some(wrong) = habits::one_dash(words, &command) {
        return Err(Unread::Wrong(wrong));
    }
    let parsed = command.try_get_matches_from_mut(named(words));
    let mut matches = parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Unread::Help(error),
        _ => Unread::Wrong(complaint::sentence(&error, words)),
    })?;
    let ids = pointless::typed(&matches);
    let cli = Cli::from_arg_matches_mut(&mut matches)
        .map_err(|error| Unread::Wrong(complaint::sentence(&error, words)))?;
    let (mut notes, mut spelled) = (Vec::new(), Vec::new());
    if cli.command.is_none() {
        spelled = spelled::spelled(words, &command);
        if let Some(wrong) = habits::taken_otherwise(&spelled) {
            return Err(Unread::Wrong(wrong));
        }
        notes = habits::notes(&spelled, cli.grep.stream);
        notes.extend(pointless::notes(&cli.grep, &ids));
    }
    if cli.grep.quiet == 0 {
        let (of, rest) = named_in(&command, words);
        notes.extend(pointless::repeated(&spelled::spelled(rest, of), of));
    }
    Ok(Typed { cli, words: spelled, notes })
}

/// Describes grep mode as [`Cli`] does, without what is only shown by help and complaints.
pub(crate) fn grep_alone() -> clap::Command {
    Grep::augment_args(clap::Command::new("ovlsniff").args_override_self(true))
}

/// Returns true if a word is the name of a subcommand, or would be without dashes.
fn may_name_command(word: &OsString) -> bool {
    const NAMES: [&str; 8] =
        ["verify", "interfaces", "keys", "overlay", "ngrep", "completions", "man", "help"];
    word.to_str().is_some_and(|word| NAMES.contains(&word.trim_start_matches('-')))
}

/// Returns the help of a command, as clap prints it for `--help`.
pub(crate) fn help(command: &[String]) -> Result<clap::Error, String> {
    find(command)?;
    let words: Vec<OsString> = command.iter().map(OsString::from).chain(["--help".into()]).collect();
    match read(&words) {
        Err(Unread::Help(help)) => Ok(help),
        _ => Err("there is no help".to_owned()),
    }
}

/// Returns a command by its name, with the names of those above it: none is the program itself. The error is a sentence
/// that lists the commands there are.
pub(crate) fn find(names: &[String]) -> Result<clap::Command, String> {
    let mut command = Cli::command();
    // Building gives the commands their display names, `ovlsniff-NAME`.
    command.build();
    for name in names {
        let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        let known = known.join(", ");
        let found = command.find_subcommand(name).cloned();
        let above = command.get_bin_name().unwrap_or_default().trim_start_matches("ovlsniff").trim_start();
        command = found.ok_or_else(|| match above {
            "" => format!("there is no command '{name}'; there is: {known}"),
            above if known.is_empty() => format!("{above} has no commands; leave out '{name}'"),
            above => format!("{above} has no command '{name}'; there is: {known}"),
        })?;
    }
    Ok(command)
}

/// Returns the command that `help` is asked about behind a command: `overlay help up`, `verify help`. A command that takes
/// words, such as `overlay up`, may mean this one.
fn help_wanted(words: &[OsString]) -> Option<Vec<String>> {
    if !words.iter().any(|word| word == "help") {
        return None;
    }
    let above = path(words);
    let (word, rest) = words.get(above.len()..)?.split_first()?;
    let takes_none = || find(&above).is_ok_and(|command| command.get_positionals().next().is_none());
    (word == "help" && !above.is_empty() && takes_none()).then(|| {
        let rest = rest.iter().map(|word| word.to_string_lossy().into_owned());
        above.into_iter().chain(rest).collect()
    })
}

/// Returns the command that is typed first, with the words behind its name: `overlay up`, or the program itself.
fn named_in<'c, 'w>(
    command: &'c clap::Command,
    words: &'w [OsString],
) -> (&'c clap::Command, &'w [OsString]) {
    match words.split_first().and_then(|(word, rest)| Some((command.find_subcommand(word)?, rest))) {
        Some((below, rest)) => named_in(below, rest),
        None => (command, words),
    }
}

/// Returns every command with the names of those above it: `ovlsniff overlay`, `ovlsniff overlay up`.
pub(crate) fn command_lines() -> Vec<String> {
    let cli = Cli::command();
    let commands = cli.get_subcommands().flat_map(|command| {
        let line = format!("ovlsniff {}", command.get_name());
        let below = command.get_subcommands().map(|act| format!("{line} {}", act.get_name()));
        [line.clone()].into_iter().chain(below).collect::<Vec<_>>()
    });
    commands.collect()
}

/// Returns the names of the commands that are typed first: `overlay`, `up`.
fn path(words: &[OsString]) -> Vec<String> {
    let mut command = Cli::command();
    let mut path = Vec::new();
    for word in words {
        let Some(below) = word.to_str().and_then(|word| command.find_subcommand(word)).cloned() else {
            break;
        };
        path.push(below.get_name().to_owned());
        command = below;
    }
    path
}

fn named(words: &[OsString]) -> impl Iterator<Item = OsString> {
    [OsString::from("ovlsniff")].into_iter().chain(words.iter().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_names_a_command_is_read_by_the_whole_description() {
        for command in Cli::command().get_subcommands() {
            for name in [command.get_name()].into_iter().chain(command.get_all_aliases()) {
                assert!(
                    may_name_command(&name.into()) && may_name_command(&format!("--{name}").into()),
                    "{name}"
                );
            }
        }
        assert!(!["verifying", "", "-"].map(OsString::from).iter().any(may_name_command));
    }

    #[test]
    fn a_program_by_the_name_of_ngrep_takes_its_words() {
        let words = |line: &[&str]| words(line.iter().map(OsString::from));
        assert_eq!(words(&["/usr/local/bin/ngrep", "-q", "foo"]), ["ngrep", "-q", "foo"]);
        assert_eq!(words(&["ngrep"]), ["ngrep"]);
        for other in ["ovlsniff", "./ovlsniff", "ngrep.old", "ngrep/ovlsniff", ""] {
            assert_eq!(words(&[other, "foo"]), ["foo"], "{other}");
        }
        assert_eq!(super::words([]), [""; 0]);
    }

    #[test]
    fn grep_mode_alone_is_described_as_beside_the_commands() {
        let lines = [
            "",
            "HTTP",
            "-q HTTP tcp port 80",
            "-qqyw -r a.pcap -- -x",
            "--vni 1,2 --vni=3 -e a -e b udp",
            "-n 5 -n 6 -W single",
            "-D --json",
            "--json -x -t '' not port 22",
            "-TT -A2 -B 3 --marks none",
            "-XO- 4745",
            "-i eth0 -i eth1 --all",
        ];
        for line in lines {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            let read = |command| {
                let typed = read_by(command, &words).ok()?;
                Some((format!("{:?}", typed.cli), typed.words, typed.notes))
            };
            let whole = read(Cli::command());
            assert!(whole.is_some(), "{line}");
            assert_eq!(read(grep_alone()), whole, "{line}");
        }
    }
}
