//! Grep mode: live traffic or capture files.

mod files;
mod keys;
mod live;
mod nothing;
mod output;
mod pieces;
mod resolve;
mod sheet;
mod threads;
mod tunnels;
mod words;

use anyhow::anyhow;
use ovlsniff::escape::{counted, escape};
use ovlsniff::packet::{LinkType, TunnelPorts};
use ovlsniff::pattern::{Expressions, Pattern};
use ovlsniff::print::match_line;
use ovlsniff::search::{self, Filters, OuterFilter, Search};

use super::signals::Signals;
use super::{Status, tell};
use crate::cli::Grep;
use output::Output;
use words::Words;

pub(super) fn run(mut args: Grep) -> anyhow::Result<Status> {
    let words =
        Words::new(std::mem::take(&mut args.expressions), args.first.take(), std::mem::take(&mut args.rest))?;
    let basic = words.patterns.iter().filter(|_| !args.hex).find_map(|pattern| words::basic_sign(pattern));
    let is_any = words.patterns.iter().all(String::is_empty);
    let inverted = (args.invert_match && !args.all && is_any)
        .then_some("-v shows nothing without a pattern, since every payload matches");
    let pattern = Pattern::new(&Expressions {
        patterns: words.patterns,
        ignore_case: args.ignore_case,
        word: args.word_regexp,
        hex: args.hex,
    })?;
    let (ports, options, output) = (tunnel_ports(&args), options(&args)?, Output::open(&args)?);
    // Keys are read before signals are caught. Nothing has begun that would have to end well, so a signal may just end
    // the program while it waits for keys from a pipe.
    let opener = keys::read(&args)?;
    let mut job = Job {
        banner: banner(&args, words.filter.as_deref(), &pattern),
        search: Search::new(pattern, ports, options),
        filter: words.filter,
        // Signals are caught before anything is opened: opening a FIFO may take long, and a signal must end the wait.
        signals: Signals::install().map_err(|error| anyhow!("install signal handlers: {error}"))?,
        output,
        quiet: args.quiet > 0,
        threads: threads::number(args.threads),
        searching: false,
        cut_short: None,
        outer: None,
        seen: false,
        nothing: None,
    };
    for note in words.note.as_deref().into_iter().chain(basic).chain(inverted) {
        tell(format_args!("ovlsniff: {note}"));
    }
    if let Some(opener) = opener {
        job.search.open_with(opener);
    }
    let ended = if args.read.is_empty() { live::run(&mut job, &args) } else { files::run(&mut job, &args) };
    job.nothing = if ended.is_ok() { nothing::passed(&job, &args) } else { None };
    job.conclude(ended)
}

/// A search with all its parts.
struct Job {
    search: Search,
    filter: Option<String>,
    signals: Signals,
    output: Output,
    banner: Vec<String>,
    quiet: bool,
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
    fn announce(&mut self, source: &str) {
        self.searching = true;
        if !self.quiet {
            tell(source);
            self.banner.iter().for_each(tell);
        }
    }

    /// Prints the statistics so far, as USR1 asks for them.
    fn report(&mut self) -> Result<(), Error> {
        self.output.end_line()?;
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
        let status = match &self.cut_short {
            _ if self.output.summary.matched > 0 => Status::Success,
            Some(_) => Status::CutShort,
            None => Status::NoMatch,
        };
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
        self.output.complaint_of_names().iter().for_each(tell);
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
        } else if let Some(dropped @ 1..) = self.output.summary.dropped {
            tell(format_args!(
                "ovlsniff: {} dropped by kernel; a larger --buffer may help",
                counted(dropped, "packet", "packets")
            ));
        }
    }
}

fn banner(args: &Grep, filter: Option<&str>, pattern: &Pattern) -> Vec<String> {
    let named = |name: &str, value: Option<&str>| {
        value.filter(|value| !value.trim().is_empty()).map(|value| format!("{name}: {}", escape(value)))
    };
    let inner = args.inner.as_deref();
    [named("filter", filter), named("inner filter", inner), match_line(pattern, args.invert_match)]
        .into_iter()
        .flatten()
        .collect()
}

/// Returns the usual ports, and those that were typed.
fn tunnel_ports(args: &Grep) -> TunnelPorts {
    let mut ports = TunnelPorts::default();
    args.vxlan_port.iter().for_each(|port| ports.add_vxlan(port.value()));
    args.geneve_port.iter().for_each(|port| ports.add_geneve(port.value()));
    args.fou_port.iter().for_each(|port| ports.add_fou(port.value()));
    ports
}

fn options(args: &Grep) -> anyhow::Result<search::SearchOptions> {
    let inner = args.inner.as_deref();
    let inner =
        inner.map(|expression| Filters::new(expression, &[LinkType::ETHERNET, LinkType::RAW])).transpose();
    Ok(search::SearchOptions {
        invert: args.invert_match,
        vnis: args.vni.clone(),
        inner: inner.map_err(|error| anyhow!("--inner: {error}"))?,
        depth: args.depth,
        before: args.before,
        after: args.after,
        limit: args.count.filter(|&count| count > 0),
        all: args.all,
        matches_only: args.quiet > 0,
    })
}
