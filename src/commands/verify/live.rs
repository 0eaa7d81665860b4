//! The verdict on live traffic, with a probe or without.

use std::cell::RefCell;

use anyhow::anyhow;
use ovlsniff::audit::RunClock;
use ovlsniff::escape::escape;
use ovlsniff::ipsec;
use ovlsniff::keeper;
use ovlsniff::verify::session::{Prepared, Request, Session};
use ovlsniff::verify::{Home, Report, Wanted};

use super::evidence::Kept;
use super::progress::{Lines, watching};
use crate::cli::Verify;
use crate::commands::signals::Signals;
use crate::commands::tell;

/// The request and the signals, which every watch of a repetition needs.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) signals: Signals,
    /// The links or networks that were announced last. They are announced again only when they differ.
    pub(super) announced: RefCell<Vec<String>>,
}

impl Job {
    pub(super) fn new(args: &Verify) -> anyhow::Result<Self> {
        let request = Request {
            wanted: super::wanted(args)?,
            control: args.control.clone(),
            netns: args.netns.clone(),
            interfaces: args.interface.clone(),
            duration: args.duration,
            passive: args.passive,
            targets: args.target.clone(),
            sas: ipsec::read_files(&args.sa)?,
            kernel_keys: !args.no_keys,
            buffer: args.buffer,
            keep: args.evidence.is_some(),
        };
        let signals = Signals::install().map_err(|error| anyhow!("install signal handlers: {error}"))?;
        keeper::heed(signals.stop_flag());
        Ok(Self { request, signals, announced: RefCell::default() })
    }

    /// Watches once, from preparation to report, and looks at the clock now and then. The network is looked for where a watch
    /// before found it.
    pub(super) fn watch(
        &self,
        home: Option<Home>,
        clock: &mut RunClock,
    ) -> anyhow::Result<(Report, Option<Kept>)> {
        let lines = Lines::on_stderr();
        // The engine may take its time, and the addresses to probe may have to be asked for.
        lines.show(&["looking for the network".to_owned()]);
        let wanted = Wanted { home, ..self.request.wanted.clone() };
        let prepared = Session::prepare(&Request { wanted, ..self.request.clone() })?;
        lines.clear();
        let session = match prepared {
            Prepared::Ready(session) => session,
            Prepared::Judged(watched) => return Ok((watched.report, watched.kept)),
        };
        session.warning().into_iter().for_each(note);
        let shown = session.shown();
        if self.announced.replace(shown.to_vec()) != shown {
            tell(format_args!("interface: {}", escape(&shown.join(", "))));
        }
        let shown = shown.to_vec();
        let interrupted = || {
            self.signals.drain();
            self.signals.stopped() || keeper::is_lost()
        };
        let mut progress = |progress| {
            clock.look();
            lines.show(&watching(&shown, &progress));
        };
        let outcome = session.run(self.signals.descriptor()?, interrupted, &mut progress)?;
        lines.clear();
        outcome.complaint.as_deref().into_iter().for_each(note);
        Ok((outcome.report, outcome.kept))
    }
}

pub(super) fn note(note: &str) {
    tell(format_args!("ovlsniff: {note}"));
}
