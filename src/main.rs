//! The `ovlsniff` command: it reads the command line, runs the command that was named, and turns the outcome into an
//! exit status.
//!
//! Every error is one sentence on standard error, and exit status 2. That holds for usage errors too, of which [`cli`]
//! makes a sentence, and for help that cannot be written. A reader of standard output that goes away is no error,
//! because `ovlsniff … | head` is an ordinary use: the program then ends quietly.
//!
//! A shell that completes a word runs this program too, and says so in the environment: see `commands/complete.rs`.
//!
//! Names from outside (files, interfaces, what was typed) may hold control bytes. The message of an error is escaped as
//! a whole before it is printed, so that no name can steer the terminal.

mod cli;
mod commands;

use std::io;
use std::process::ExitCode;

use ovlsniff::escape::escape;
use ovlsniff::host::descriptors;

/// The exit status of every error, usage errors included.
const ERROR: u8 = 2;

fn main() -> ExitCode {
    descriptors::close_inherited(std::env::args_os());
    commands::outlive_long_files();
    let request = commands::Request::made(|| std::env::args_os().collect());
    let words = cli::words(std::env::args_os());
    let outcome = match request {
        Some(Ok(request)) => return request.answer(),
        Some(Err(error)) => Err(error.into()),
        None => commands::keep(std::env::args_os()).unwrap_or_else(|| match cli::read(&words) {
            Ok(typed) => commands::run(typed),
            Err(cli::Unread::Help(help)) => commands::print_help(&help),
            Err(cli::Unread::Wrong(sentence)) => Err(anyhow::Error::msg(sentence)),
        }),
    };
    match outcome {
        Ok(status) => status.into(),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if cli::is_plugin(&words) => commands::tell_nagios(&sentence(&error)),
        Err(error) => {
            // The message of an error already names its cause, so the chain of causes is not printed.
            commands::tell(escape(&format!("ovlsniff: {}", sentence(&error))));
            ExitCode::from(ERROR)
        }
    }
}

/// Returns the message of an error. Descriptors may run out wherever something is opened, so what to do then is said here,
/// unless the message says it.
fn sentence(error: &anyhow::Error) -> String {
    let said = error.to_string();
    // Most messages have their cause as a text only.
    let is_short =
        ["Too many open files (os error", ": too many open files"].iter().any(|why| said.contains(why))
            && !said.contains("ulimit");
    if is_short { format!("{said}; allow more (ulimit -n)") } else { said }
}

/// Returns true if the reader of standard output has closed the pipe.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
