//! The values that an option may have on this host: interfaces, namespaces, users, networks, files.
//!
//! Which of them an option takes follows from the name of its value, as help shows it, so an option that is new has them
//! too. The description that only parses is made without all this.

use std::ffi::OsString;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use clap::{Arg, CommandFactory};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use ovlsniff::escape::escape;
use ovlsniff::host::namespace::{self, Namespace};
use ovlsniff::host::survey::{Link, Survey};
use ovlsniff::overlay::DriverOptions;
use ovlsniff::verify::{Acceptable, Known};

use super::answer::{files, folders};
use super::line::Line;
use crate::cli::{self, Cli};

/// The longest wait for Docker's engine.
const PATIENCE: Duration = Duration::from_millis(300);
/// The longest wait for all candidates. Those that are there by then are offered.
const LONGEST: Duration = Duration::from_millis(400);

/// The endings of capture files.
const CAPTURES: &str = "pcap pcapng cap pcap.gz pcapng.gz cap.gz pcap.zst pcapng.zst cap.zst";

/// A kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Interfaces, after these words.
    Interfaces(&'static [&'static str]),
    Bridges,
    Namespaces,
    Users,
    /// Addresses of this host.
    Addresses,
    /// Overlay networks of every source.
    Networks,
    /// Those that `ovlsniff overlay` built.
    OwnNetworks,
    Vnis,
    Commands,
    /// Words that are always the same.
    Words(&'static [&'static str]),
    /// Files, with these endings before others.
    Files(&'static str),
    Folders,
}

/// Returns the description of the command that is being typed, with the candidates of its values.
pub(super) fn command(line: &Line) -> clap::Command {
    let first = line.before().first().and_then(|word| word.to_str());
    let is_first = line.before().is_empty();
    let (command, path) = if line.is_ngrep() {
        let whole = Cli::command();
        (whole.find_subcommand("ngrep").cloned().unwrap_or(whole), "ngrep")
    } else if is_first || first.is_some_and(|word| Cli::command().find_subcommand(word).is_some()) {
        (Cli::command(), "")
    } else {
        // The engine takes a pattern or a value for a command, if it has the name of one.
        (cli::grep_alone(), "")
    };
    completed(narrowed(command, line.before()), path, line)
}

/// Leaves out the commands that nobody may type any more, since a command that takes options or another command was given
/// options: `verify --net secure` takes no `merge`, and may mean a network of that name.
fn narrowed(command: clap::Command, words: &[OsString]) -> clap::Command {
    let Some((word, rest)) = words.split_first() else { return command };
    let below = word.to_str().and_then(|word| command.find_subcommand(word));
    match below.map(|below| below.get_name().to_owned()) {
        Some(name) => command.mut_subcommand(name, |below| narrowed(below, rest)),
        None if command.is_args_conflicts_with_subcommands_set() => {
            // clap takes names that are there to the end, and so is this one: the program ends with its answer.
            let name: &'static str = command.get_name().to_owned().leak();
            clap::Command::new(name).args(command.get_arguments().cloned())
        }
        None => command,
    }
}

/// Adds the candidates to the options of a command and of those below it.
fn completed(command: clap::Command, path: &str, line: &Line) -> clap::Command {
    let below: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| match kind(&arg, path) {
        Some(kind) => with(arg, kind, line),
        None => arg,
    });
    below.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}");
        command.mut_subcommand(name, |below| completed(below, path.trim(), line))
    })
}

fn with(arg: Arg, kind: Kind, line: &Line) -> Arg {
    let line = line.clone();
    let is_list = arg.get_value_delimiter() == Some(',');
    match kind {
        Kind::Files(endings) => arg.add(ArgValueCompleter::new(move |_: &_| vec![files(endings)])),
        Kind::Folders => arg.add(ArgValueCompleter::new(move |_: &_| vec![folders()])),
        kind if is_list => arg.add(ArgValueCandidates::new(move || {
            let is_listed = |value: &CompletionCandidate| line.lists(value.get_value());
            in_time(kind, &line).into_iter().filter(|value| !is_listed(value)).collect()
        })),
        kind => arg.add(ArgValueCandidates::new(move || in_time(kind, &line))),
    }
}

/// Returns the kind of value that an option takes, or `None` if its values are not known or are the description's own.
fn kind(arg: &Arg, path: &str) -> Option<Kind> {
    let value = arg.get_value_names().and_then(|names| names.first()).map(clap::builder::Str::as_str);
    Some(match (value.unwrap_or_default(), arg.get_id().as_str()) {
        (_, "command") if ["man", "help"].contains(&path) => Kind::Commands,
        ("IF", _) if path.is_empty() => Kind::Interfaces(&["any", "auto"]),
        ("IF", _) if path == "ngrep" => Kind::Interfaces(&["any"]),
        ("IF", _) => Kind::Interfaces(&[]),
        ("BRIDGE", _) => Kind::Bridges,
        ("NAME|PATH|PID" | "NETNS", _) => Kind::Namespaces,
        ("NAME", "user") => Kind::Users,
        ("NAME", "net" | "control") => Kind::Networks,
        ("NETWORK", _) if path != "overlay up" => Kind::OwnNetworks,
        ("VNI", _) if path != "overlay up" => Kind::Vnis,
        ("ADDRESS", "local") => Kind::Addresses,
        ("CODE", _) => Kind::Words(&Acceptable::ALL),
        ("NAME|FILE", "profile") => Kind::Words(&["rfc8221", "cnsa", "fips"]),
        ("KEY[=VALUE]", _) => Kind::Words(&DriverOptions::KEYS),
        ("FILE", "read" | "input" | "write") => Kind::Files(CAPTURES),
        ("FILE", "output") if path == "ngrep" => Kind::Files(CAPTURES),
        ("FILE", "key") => Kind::Files("key"),
        ("FILE", "file") => Kind::Files("toml"),
        ("FILE", "docker_inspect" | "files") => Kind::Files("json"),
        ("FILE", _) => Kind::Files(""),
        ("DIR", _) => Kind::Folders,
        _ => return None,
    })
}

/// Collects the candidates that are found in time. What takes longer ends with the program.
fn in_time(kind: Kind, line: &Line) -> Vec<CompletionCandidate> {
    let until = Instant::now() + LONGEST;
    let (tell, told) = mpsc::channel();
    let line = line.clone();
    std::thread::spawn(move || {
        let _ = find(kind, &line, &tell);
    });
    let mut found: Vec<CompletionCandidate> = Vec::new();
    while let Ok(candidate) = told.recv_timeout(until.saturating_duration_since(Instant::now())) {
        if !found.iter().any(|known| known.get_value() == candidate.get_value()) {
            found.push(candidate);
        }
    }
    found
}

/// Finds the candidates and tells of each. The answer is `None` where something is not known, or nobody listens any more.
fn find(kind: Kind, line: &Line, tell: &Sender<CompletionCandidate>) -> Option<()> {
    let namespace = || Namespace::given(line.value("netns"));
    let say = |name: &str, what: &str| tell.send(candidate(name, what)).ok();
    match kind {
        Kind::Interfaces(words) => {
            for word in words {
                say(word, if *word == "any" { "all interfaces" } else { "those that carry overlays" })?;
            }
            let survey = Survey::take(namespace().ok()?.as_ref()).ok()?;
            survey.links.iter().try_for_each(|link| say(&link.name, &what(link)))
        }
        Kind::Bridges => {
            let survey = Survey::take(None).ok()?;
            let mut bridges = survey.links.iter().filter(|link| link.kind.as_deref() == Some("bridge"));
            bridges.try_for_each(|link| say(&link.name, &what(link)))
        }
        Kind::Addresses => {
            let survey = Survey::take(namespace().ok()?.as_ref()).ok()?;
            let of = |link: &Link| {
                let mut addresses = link.addresses.iter().filter(|_| !link.loopback);
                addresses.try_for_each(|own| say(&own.address().to_string(), &escape(&link.name)))
            };
            survey.links.iter().try_for_each(of)
        }
        Kind::Namespaces => namespace::names().iter().try_for_each(|name| say(name, "")),
        Kind::Users => {
            let users = std::fs::read_to_string("/etc/passwd").ok()?;
            users.lines().filter_map(|line| line.split(':').next()).try_for_each(|user| say(user, ""))
        }
        Kind::Networks | Kind::OwnNetworks | Kind::Vnis => {
            let namespace = namespace().ok()?;
            let tell_known = |known: Known| match kind {
                Kind::OwnNetworks if !known.is_ours => {}
                Kind::Vnis => {
                    let what = format!("{} ({})", escape(&known.name), known.source);
                    let _ = known.vnis.iter().try_for_each(|vni| say(&vni.to_string(), &what));
                }
                _ => _ = say(&known.name, &known.source),
            };
            // Only the names of networks are the engine's.
            let patience = if kind == Kind::Networks { PATIENCE } else { Duration::ZERO };
            Known::each(namespace.as_ref(), patience, tell_known).ok()
        }
        Kind::Commands => {
            let words: Option<Vec<String>> =
                line.before()[1..].iter().map(|word| word.to_str().map(str::to_owned)).collect();
            let above = cli::find(&words?).ok()?;
            above.get_subcommands().try_for_each(|below| {
                let about = below.get_about().map(ToString::to_string).unwrap_or_default();
                say(below.get_name(), &about)
            })
        }
        Kind::Words(words) => words.iter().try_for_each(|word| say(word, "")),
        Kind::Files(_) | Kind::Folders => None,
    }
}

fn candidate(name: &str, what: &str) -> CompletionCandidate {
    let what = Some(what).filter(|what| !what.is_empty());
    CompletionCandidate::new(name).help(what.map(|what| what.to_owned().into()))
}

/// Describes a link in a few words: `up, vxlan vni 4097, 192.0.2.1/24`.
fn what(link: &Link) -> String {
    let mut words = vec![link.state().to_owned()];
    words.extend(link.kind.as_deref().map(|kind| {
        let vni = link.vtep.as_ref().and_then(|vtep| vtep.vni);
        vni.map_or_else(|| escape(kind).into_owned(), |vni| format!("{} vni {vni}", escape(kind)))
    }));
    words.extend(link.addresses.iter().take(2).map(ToString::to_string));
    words.join(", ")
}

#[cfg(test)]
mod tests;
