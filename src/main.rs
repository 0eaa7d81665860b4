//! The `ovlsniff` command: it parses the command line, runs the command that was named, and turns the outcome into an
//! exit status.
//!
//! Every error is one sentence on standard error, and exit status 2. That holds for usage errors too: clap reports them
//! in several lines, and [`usage`] makes one sentence of these. A reader of standard output that goes away is no error,
//! because `ovlsniff … | head` is an ordinary use: the program then ends quietly.
//!
//! Names from outside (files, interfaces, what was typed) may hold control bytes. The message of an error is escaped as
//! a whole before it is printed, so that no name can steer the terminal.

mod cli;
mod commands;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use ovlsniff::escape::escape;

/// The exit status of every error, usage errors included.
const ERROR: u8 = 2;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match commands::run(cli) {
        Ok(status) => status.into(),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // The message of an error already names its cause, so the chain of causes is not printed.
            commands::tell(escape(&format!("ovlsniff: {error}")));
            ExitCode::from(ERROR)
        }
    }
}

/// Prints help and version to standard output, and a usage error as one sentence to standard error.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // The reader may have closed the pipe, which is no error.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let acts: Vec<String> = cli::overlay_acts();
        commands::tell(format_args!(
            "ovlsniff: overlay needs a subcommand: {}; see ovlsniff overlay --help",
            acts.join(", ")
        ));
        return ExitCode::from(ERROR);
    }
    let text = error.render().to_string();
    let mut sentence = String::new();
    let end = |line: &&str| !line.starts_with("Usage:") && !line.starts_with("For more information");
    for line in text.lines().map(str::trim).take_while(end) {
        let line = line.strip_prefix("error: ").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(if sentence.ends_with(':') { " " } else { "; " });
        }
        sentence.push_str(line.strip_prefix("tip: ").unwrap_or(line));
    }
    commands::tell(escape(&format!("ovlsniff: {sentence}; see ovlsniff --help")));
    ExitCode::from(ERROR)
}

/// Returns true if the reader of standard output has closed the pipe.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
