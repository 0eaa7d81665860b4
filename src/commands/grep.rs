//! Grep mode: live traffic or capture files.

mod files;
mod keys;
mod live;
mod meant;
mod ngrep;
mod nothing;
mod output;
mod pace;
mod pieces;
mod resolve;
mod sheet;
mod threads;
mod tunnels;
mod words;

use anyhow::anyhow;
use ovlsniff::capture::bpf::Expression;
use ovlsniff::capture::savefile::Interface;
use ovlsniff::escape::{counted, escape};
use ovlsniff::print::match_line;
use ovlsniff::search::{OuterFilter, Search};

use super::signals::Signals;
use super::{Status, put, tell};
use crate::cli::{Grep, Ngrep};
use meant::{InStreams, Meant, Told};
use ngrep::Source;
use output::Output;

/// Runs a search that was typed in grep mode's own grammar.
pub(super) fn run(args: Grep) -> anyhow::Result<Status> {
    search(Meant::of_grep(args)?)
}

/// Runs a search that was typed in ngrep's grammar.
pub(super) fn run_ngrep(args: Ngrep) -> anyhow::Result<Status> {
    if args.version {
        tell_version()?;
        return Ok(Status::Success);
    }
    search(Meant::of_ngrep(args)?)
}

fn tell_version() -> anyhow::Result<()> {
    Ok(put(format!("ngrep: ovlsniff {}\n", env!("CARGO_PKG_VERSION")).as_bytes())?)
}

fn search(mut meant: Meant) -> anyhow::Result<Status> {
    let streams = meant.streams.take();
    let meant = &meant;
    let output = Output::open(meant)?;
    // Keys are read before signals are caught. Nothing has begun that would have to end well, so a signal may just end
    // the program while it waits for keys from a pipe.
    let opener = keys::read(meant)?;
    let mut job = Job {
        banner: banner(meant),
        search: Search::new(meant.pattern.clone(), meant.ports.all.clone(), meant.options.clone()),
        filter: meant.filter.clone(),
        // Signals are caught before anything is opened: opening a FIFO may take long, and a signal must end the wait.
        signals: Signals::install().map_err(|error| anyhow!("install signal handlers: {error}"))?,
        output,
        quiet: meant.quiet,
        ngrep: meant.ngrep.clone(),
        threads: threads::number(meant.threads),
        searching: false,
        cut_short: None,
        outer: None,
        seen: false,
        nothing: None,
    };
    for note in &meant.notes {
        tell(format_args!("ovlsniff: {note}"));
    }
    if let Some(InStreams { pattern, options }) = streams {
        job.search.follow_streams(pattern, options);
    }
    if let Some(opener) = opener {
        job.search.open_with(opener);
    }
    if meant.at_pace && !meant.read.is_empty() {
        job.output.keep_pace(job.signals.stop_flag());
    }
    let ended = if meant.read.is_empty() { live::run(&mut job, meant) } else { files::run(&mut job, meant) };
    job.nothing = if ended.is_ok() && meant.ngrep.is_none() { nothing::passed(&job, meant) } else { None };
    job.conclude(ended)
}

/// A search with all its parts.
struct Job {
    search: Search,
    filter: Option<Expression>,
    signals: Signals,
    output: Output,
    banner: Vec<String>,
    quiet: bool,
    /// The lines that ngrep tells on standard output, if its grammar was typed.
    ngrep: Option<Told>,
    /// The number of threads that search a file, if it does not depend on the file.
    threads: Option<usize>,
    /// True once everything is open and the search has begun.
    searching: bool,
    /// The sentence that says how far the search came in files which a signal kept it from reading to their end.
    cut_short: Option<String>,
    /// The filter of files, once they are read.
    outer: Option<OuterFilter>,
    /// True once a frame has come from the kernel, whose filter it has passed.
    seen: bool,
    /// The sentence that says which filter let nothing through.
    nothing: Option<String>,
}

/// The error that ended a search early. A failed write is told apart, because a closed pipe ends the search quietly.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Output(#[from] output::Error),
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Job {
    /// Tells the user what is searched, and for what.
    fn announce(
        &mut self,
        meant: &Meant,
        source: &Source<'_>,
        interfaces: &[Interface],
    ) -> Result<(), Error> {
        self.searching = true;
        if let Some(told) = &self.ngrep {
            ngrep::preamble(meant, told, source, interfaces, |lines| self.output.ngrep_preamble(lines))?;
        } else if !self.quiet {
            tell(source);
            self.banner.iter().for_each(tell);
        }
        Ok(())
    }

    /// Prints the statistics so far, as USR1 asks for them.
    fn report(&mut self) -> Result<(), Error> {
        self.output.end_line()?;
        self.output.summary.streams = self.search.stream_counts();
        if self.quiet {
            tell(format_args!(
                "{} matched; with -q, packets that do not match are not counted",
                self.search.matched()
            ));
        } else {
            tell(self.output.summary);
        }
        Ok(())
    }

    /// Flushes everything and prints the closing line, after an error too.
    fn conclude(mut self, ended: Result<(), Error>) -> anyhow::Result<Status> {
        self.output.summary.streams = self.search.stream_counts();
        let status = match &self.cut_short {
            _ if self.output.summary.matched > 0 => Status::Success,
            Some(_) => Status::CutShort,
            None => Status::NoMatch,
        };
        if let Some(told) = self.ngrep.as_ref().filter(|_| self.searching) {
            // A failed write is told by the end of the output.
            let _ = self.output.ngrep_exit(told.quiet, self.search.matched());
        }
        let ended = ended.and_then(|()| Ok(self.output.finish()?));
        match ended {
            Err(Error::Output(error)) if error.is_broken_pipe() => {
                // The reader of standard output has gone. What went to a file is still to be whole.
                let _ = self.output.finish_file();
                return Ok(status);
            }
            Err(Error::Output(error)) => return Err(error.into()),
            Err(Error::Other(error)) => {
                // The matches before the error are still written.
                let _ = self.output.finish();
                self.summarise();
                return Err(error);
            }
            Ok(()) => self.summarise(),
        }
        Ok(status)
    }

    fn summarise(&self) {
        self.output.complaints_of_names().iter().for_each(tell);
        if let Some(sentence) = &self.cut_short {
            tell(format_args!("ovlsniff: {sentence}"));
        }
        if !self.searching {
            return;
        }
        if let Some(sentence) = &self.nothing {
            tell(format_args!("ovlsniff: {sentence}"));
        }
        if !self.quiet {
            tell(self.output.summary);
            return;
        }
        if let Some(dropped @ 1..) = self.output.summary.dropped {
            tell(format_args!(
                "ovlsniff: {} dropped by kernel; a larger --buffer may help",
                counted(dropped, "packet", "packets")
            ));
        }
        if let Some(lost) = self.output.summary.given_up() {
            tell(format_args!("ovlsniff: {lost}"));
        }
    }
}

fn banner(meant: &Meant) -> Vec<String> {
    let named = |name: &str, value: Option<&str>| {
        value.filter(|value| !value.trim().is_empty()).map(|value| format!("{name}: {}", escape(value)))
    };
    let filter = meant.filter.as_ref().map(Expression::text);
    let lines = [named("filter", filter), named("inner filter", meant.inner.as_deref())];
    lines.into_iter().chain([match_line(&meant.pattern, meant.options.invert)]).flatten().collect()
}
