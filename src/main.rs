//! The `ovlsniff` command: parse, run, turn the outcome into an exit status.

mod cli;
mod commands;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use ovlsniff::escape::escape;

/// Errors, of usage too.
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
            // Every message is whole in itself: it has its causes in it, and names from anywhere.
            commands::tell(escape(&format!("ovlsniff: {error}")));
            ExitCode::from(ERROR)
        }
    }
}

/// Help and version go to standard output; what was mistyped is one sentence on standard error.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A reader that has gone away needs no help.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let acts: Vec<String> = cli::overlay_acts();
        commands::tell(format_args!(
            "ovlsniff: overlay: what is to be done? {}; see ovlsniff overlay --help",
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

/// Whether the reader of our output has gone away, which ends the work quietly.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
