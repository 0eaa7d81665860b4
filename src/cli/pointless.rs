//! Options that do nothing beside others, such as `-x` beside `--json`.
//!
//! Two options that contradict each other (`-x` and `-W byline`) are refused by clap. An option that only has no effect is
//! told in a note, and the search goes on: it may come from an alias of the shell. So is an option that takes one value
//! and is given several.

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Id};

use super::spelled::{Spelled, longs, shorts};
use super::{Grep, Marks, Shape};

/// Options of the text that is printed, by their ids.
const TEXT: [&str; 9] =
    ["hexdump", "shape", "replacement", "columns", "utf8", "time", "relative", "color", "marks"];
/// Those of the payload in it.
const PAYLOAD: [&str; 5] = ["hexdump", "shape", "replacement", "columns", "utf8"];
/// The options that `-D` looks at.
const LISTING: [&str; 3] = ["list", "json", "netns"];

/// Returns the ids of the options that were typed.
pub(super) fn typed(matches: &ArgMatches) -> Vec<Id> {
    let is_typed = |id: &&Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
    matches.ids().filter(is_typed).cloned().collect()
}

/// Returns a sentence for each option that makes others pointless, which were typed too.
pub(super) fn notes(grep: &Grep, typed: &[Id]) -> Vec<String> {
    let ids = typed.iter().map(Id::as_str);
    let typed = |id: &str| typed.iter().any(|typed| typed == id);
    if grep.list {
        let others = ids.filter(|id| !LISTING.contains(id));
        return note(&others.collect::<Vec<_>>(), "-D").into_iter().collect();
    }
    let to_stdout = grep.write.as_ref().is_some_and(|path| path.as_os_str() == "-");
    let rows: [(bool, &[&str], &str); 10] = [
        (grep.json, &TEXT, "--json"),
        (to_stdout && !grep.json, &TEXT, "-O -"),
        (to_stdout, &["resolve"], "-O -"),
        (grep.quiet > 1, &PAYLOAD, "-qq"),
        (grep.quiet > 0, &["marks"], "-q"),
        // With ngrep's marks, packets that are shown have one too.
        (grep.all && grep.marks != Marks::Ngrep, &["marks"], "--all"),
        (grep.all, &["after", "before"], "--all"),
        (grep.hexdump, &["columns", "utf8"], "-x"),
        // The bytes before a segment may be on any other thread.
        (grep.stream, &["threads"], "--stream"),
        (grep.shape != Shape::Normal, &["columns"], "-W byline, single or none"),
    ];
    let mut told: Vec<&str> = Vec::new();
    let mut notes = Vec::new();
    for (_, ids, beside) in rows.into_iter().filter(|(so, ..)| *so) {
        let ids: Vec<&str> = ids.iter().copied().filter(|id| typed(id) && !told.contains(id)).collect();
        notes.extend(note(&ids, beside));
        told.extend(ids);
    }
    if grep.first.is_none() && grep.expressions.is_empty() {
        let ids = ["ignore_case", "word_regexp", "hex"].into_iter().filter(|id| typed(id));
        let names = note(&ids.collect::<Vec<_>>(), "");
        notes.extend(names.map(|note| format!("{}out a pattern", note.trim_end())));
    }
    if grep.json && grep.quiet > 1 {
        notes.push("-qq does no more than -q with --json".to_owned());
    }
    notes
}

/// Returns a sentence for each option that takes one value and was given several: the last one counts.
pub(super) fn repeated(words: &[Spelled], command: &clap::Command) -> Vec<String> {
    let single = |arg: &&clap::Arg| !arg.is_positional() && matches!(arg.get_action(), ArgAction::Set);
    let note = |arg: &clap::Arg| {
        let values: Vec<&str> = words.iter().filter_map(|word| value_of(word, arg)).collect();
        let times = match values[..] {
            [first, ..] if values.iter().all(|value| *value == first) => return None,
            [] => return None,
            [_, _] => "twice".to_owned(),
            _ => format!("{} times", values.len()),
        };
        Some(format!("{} is given {times}: the last one counts", spelling(arg)?))
    };
    command.get_arguments().filter(single).filter_map(note).collect()
}

/// Returns the value that a word gives an option. `--json` is another spelling of `--format json`.
fn value_of<'a>(word: &'a Spelled, arg: &clap::Arg) -> Option<&'a str> {
    match word {
        Spelled::Letter(letter, value) => shorts(arg).contains(letter).then_some(value),
        Spelled::Long(name, None) => (arg.get_id() == "format" && name == "json").then_some(name),
        Spelled::Long(name, value) => value.as_deref().filter(|_| longs(arg).contains(&name.as_str())),
        _ => None,
    }
}

/// Returns `-x and -t do nothing with --json`, or nothing for no option.
fn note(ids: &[&str], beside: &str) -> Option<String> {
    let names: Vec<String> = ids.iter().filter_map(|id| name(id)).collect();
    let (last, most) = names.split_last()?;
    Some(if most.is_empty() {
        format!("{last} does nothing with {beside}")
    } else {
        format!("{} and {last} do nothing with {beside}", most.join(", "))
    })
}

/// Returns an option as it is spelled: its letter, or else its long form.
fn name(id: &str) -> Option<String> {
    let command = <super::Cli as clap::CommandFactory>::command();
    let arg = command.get_arguments().find(|arg| arg.get_id() == id)?;
    spelling(arg)
}

fn spelling(arg: &clap::Arg) -> Option<String> {
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    short.or_else(|| arg.get_long().map(|long| format!("--{long}")))
}
