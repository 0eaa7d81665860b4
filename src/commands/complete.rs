//! Completion of a word, asked for by a shell.
//!
//! The scripts in `completions/`, which `ovlsniff completions SHELL` prints, know nothing of this program's words. They call
//! it with [`VARIABLE`] in the environment and the line so far as its arguments: `ovlsniff -- INDEX TYPED WORD…`. The engine
//! of `clap_complete` finds out what the word is that is being typed, from the same description of the command line that
//! parses it, and [`candidates`] knows the names that this host has now. So completions are never older than the program.
//!
//! Nothing is asked of the user, and nothing is told: where an answer fails or takes too long, there are fewer
//! candidates. A name that would steer a terminal is not offered. The others are quoted as the shell needs it: by the shell
//! itself or, for bash, by [`answer`].

mod answer;
mod candidates;
mod line;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use answer::Shell;
use line::Line;

/// The variable of the environment that asks for a completion. It names the shell.
const VARIABLE: &str = "OVLSNIFF_COMPLETE";

/// The error of a line that the environment calls a request, and that is none.
#[derive(Debug, thiserror::Error)]
#[error(
    "{VARIABLE} is set, by which the scripts of shells ask for completions, and these arguments are no such request: unset it, or print the script with: ovlsniff completions SHELL"
)]
pub(crate) struct NoRequest;

/// A word to complete, in a line that a shell has asked about.
pub(crate) struct Request {
    shell: Shell,
    line: Line,
}

impl Request {
    /// Returns the request, if the environment says that a shell makes one. clap_complete takes an empty variable, and `0`,
    /// for none, and so does this.
    ///
    /// # Errors
    /// The arguments are no request. They are not obeyed as usual either: whoever asks for words wants no capture to start.
    pub(crate) fn made(arguments: impl FnOnce() -> Vec<OsString>) -> Option<Result<Self, NoRequest>> {
        // Every start of the program comes here, and ends at the next line.
        let shell = std::env::var_os(VARIABLE)?;
        if shell.is_empty() || shell == "0" {
            return None;
        }
        let shell = shell.to_str().and_then(Shell::named);
        let request = || Some(Self { shell: shell?, line: Line::read(arguments())? });
        Some(request().ok_or(NoRequest))
    }

    /// Prints the candidates, a line each.
    pub(crate) fn answer(mut self) -> ExitCode {
        if self.shell == Shell::Bash {
            self.line.join_broken();
        }
        let mut command = candidates::command(&self.line);
        let words = self.line.words.clone();
        let found = clap_complete::engine::complete(&mut command, words, self.line.at, None);
        let text = answer::text(self.shell, &self.line, &found.unwrap_or_default());
        // The shell may have been told to go on without an answer.
        let _ = std::io::stdout().write_all(&text);
        ExitCode::SUCCESS
    }
}
