//! A usage error as one sentence, which names the help of the command that was typed.
//!
//! clap says what is wrong in several lines, in the words of a parser, and advises to write `-- -R` for an option that is
//! not there. So only its findings are taken, and put into words here. What people type out of habit comes first:
//! [`super::habits`] knows what they mean.

use std::error::Error as _;
use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use strsim::osa_distance;

use super::{Cli, habits, near, path};

/// Returns the sentence for an error of clap about these words.
pub(super) fn sentence(error: &clap::Error, words: &[OsString]) -> String {
    let path = path(words);
    let command = path.iter().fold(String::new(), |command, name| command + " " + name);
    let all = |kind| values(error, kind);
    let one = |kind| all(kind).into_iter().next().unwrap_or_default();
    let argument = one(ContextKind::InvalidArg);
    let value = one(ContextKind::InvalidValue);
    let other = one(ContextKind::PriorArg);
    let above = path.join(" ");
    let grep = path.is_empty();
    let habit = match error.kind() {
        ErrorKind::UnknownArgument if grep => habits::attached_output(words)
            .or_else(|| nearly_a_command(words))
            .or_else(|| habits::unknown_option(&argument)),
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            habits::extra_word(&above, &argument).map(|line| format!("{line}; see ovlsniff{command} --help"))
        }
        ErrorKind::InvalidSubcommand => {
            let word = one(ContextKind::InvalidSubcommand);
            let near = |act: &String| osa_distance(act, &word) <= 1 + act.len() / 4;
            let meant = acts(&path).iter().any(near);
            let habit = habits::extra_word(&above, &word).filter(|_| !meant);
            habit.map(|line| format!("{line}; see ovlsniff{command} --help"))
        }
        ErrorKind::ArgumentConflict if grep => habits::conflict(bare(&argument), bare(&other)),
        ErrorKind::MissingRequiredArgument => {
            let missing = all(ContextKind::InvalidArg).join(" ");
            habits::missing(&above, &missing).map(|advice| format!("{advice}; see ovlsniff{command} --help"))
        }
        _ => None,
    };
    if let Some(habit) = habit {
        return habit;
    }
    let advice = habits::value(bare(&argument), &value).filter(|_| grep);
    let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            unknown(error, &argument, words, path.is_empty())
        }
        ErrorKind::UnknownArgument => format!("'{argument}' is one word too many"),
        ErrorKind::InvalidSubcommand => {
            let word = one(ContextKind::InvalidSubcommand);
            // clap gives the likeliest one last.
            let near = all(ContextKind::SuggestedSubcommand).into_iter().next_back();
            let near = habits::act(&above, &word).map(str::to_owned).or(near);
            let near = near.map(|act| format!(": write ovlsniff{command} {act}")).unwrap_or_default();
            format!("{above} has no '{word}'{near}; there is: {}", acts(&path).join(", "))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            format!("{above} needs one of: {}", acts(&path).join(", "))
        }
        ErrorKind::ArgumentConflict => {
            let others = all(ContextKind::PriorArg);
            let others = others.iter().filter(|other| **other != argument);
            let others: Vec<&str> = others.map(|other| bare(other)).collect();
            match &others[..] {
                others if argument.is_empty() => {
                    format!("{} does not go with a command behind it: leave out one of them", or(others))
                }
                [] => format!("{} is given with something that it excludes", bare(&argument)),
                others => format!("{} and {} exclude each other", bare(&argument), or(others)),
            }
        }
        ErrorKind::MissingRequiredArgument => {
            format!("{} is missing", all(ContextKind::InvalidArg).join(", "))
        }
        ErrorKind::TooManyValues => format!("{} takes no value, and was given '{value}'", bare(&argument)),
        ErrorKind::InvalidValue if value.is_empty() && !is_given_empty(words) => {
            format!("{argument} is given without a value{}{advice}", choices(error))
        }
        ErrorKind::InvalidValue => {
            format!("invalid value '{value}' for '{argument}'{}{advice}", choices(error))
        }
        ErrorKind::ValueValidation => {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            let is_file = above == "overlay up" && bare(&argument) == "NETWORK" && value.contains(['/', '.']);
            let advice =
                if is_file { format!("; a file of networks is given with -f {value}") } else { advice };
            format!("invalid value '{value}' for '{argument}': {cause}{advice}")
        }
        ErrorKind::InvalidUtf8 => "a word is not UTF-8; search for bytes in hex, with -X".to_owned(),
        _ => merged(error),
    };
    format!("{what}; see ovlsniff{command} --help")
}

/// Returns the sentence for options of a command whose name, the first word that is no option, has a slip.
fn nearly_a_command(words: &[OsString]) -> Option<String> {
    let word = words.iter().filter_map(|word| word.to_str()).find(|word| !word.starts_with('-'))?;
    let exact = Cli::command().find_subcommand(word).is_some();
    near::command(word, false).filter(|_| !exact).map(|line| near::sentence(word, &line))
}

/// Says that there is no such option. In grep mode it may be meant as the pattern.
fn unknown(error: &clap::Error, option: &str, words: &[OsString], grep: bool) -> String {
    let near = values(error, ContextKind::SuggestedArg)
        .into_iter()
        .find(|near| near.starts_with(option) || osa_distance(near, option) <= 1 + option.len() / 4);
    let command = words.iter().filter_map(|word| word.to_str()).find(|word| !word.starts_with('-'));
    let command = command.filter(|word| grep && Cli::command().find_subcommand(word).is_some());
    let hint = match (near, command) {
        (_, Some(command)) => format!("; a command is the first word: ovlsniff {command}"),
        (Some(near), None) => format!("; the nearest is {near}"),
        (None, None) if grep => format!("; to search for it write: -e '{option}'"),
        (None, None) => String::new(),
    };
    format!("there is no option '{option}'{hint}")
}

/// Returns the values that an option takes, if they are a list: `: use in or out`.
fn choices(error: &clap::Error) -> String {
    let choices = values(error, ContextKind::ValidValue);
    let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
    if choices.is_empty() { String::new() } else { format!(": use {}", or(&choices)) }
}

fn or(words: &[&str]) -> String {
    match words {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        words => words.concat(),
    }
}

/// Returns an option without its value's name, `--read` of `--read <FILE>`, or the name of a positional: `NETWORK`.
fn bare(argument: &str) -> &str {
    let name =
        if argument.starts_with('-') { argument.split(' ').next().unwrap_or(argument) } else { argument };
    name.trim_end_matches("...").trim_start_matches(['<', '[']).trim_end_matches(['>', ']'])
}

/// Returns the commands below the one that was typed.
fn acts(path: &[String]) -> Vec<String> {
    let mut command = Cli::command();
    for name in path {
        command = command.find_subcommand(name).cloned().unwrap_or(command);
    }
    command.get_subcommands().map(|act| act.get_name().to_owned()).collect()
}

/// Returns true if an empty value was typed, as in `--marks ''` or `--marks=`. clap reports a missing one alike.
fn is_given_empty(words: &[OsString]) -> bool {
    words.iter().any(|word| word.is_empty() || word.to_string_lossy().ends_with('='))
}

fn values(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// Makes one sentence of the lines that clap prints, for an error that is not put into words above.
fn merged(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let end = |line: &&str| !line.starts_with("Usage:") && !line.starts_with("For more information");
    let lines = text.lines().map(str::trim).take_while(end).filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with("tip: to pass"));
    let lines: Vec<&str> =
        lines.map(|line| line.trim_start_matches("error: ").trim_start_matches("tip: ")).collect();
    lines.join("; ")
}
