//! The search in streams, as it is meant.

use anyhow::bail;
use ovlsniff::pattern::{Expressions, Pattern, StreamPattern};
use ovlsniff::search::{Copies, Patience, StreamOptions};

use crate::cli::Grep;

/// The longest match in a stream, in bytes, if nobody says.
const WINDOW: usize = 64 << 10;

/// The search in streams.
pub(in crate::commands::grep) struct InStreams {
    pub(in crate::commands::grep) pattern: StreamPattern,
    pub(in crate::commands::grep) options: StreamOptions,
}

/// The search in streams, as it was typed.
pub(super) struct Streams {
    window: usize,
    options: StreamOptions,
}

impl Streams {
    /// Returns the search in streams, if it is asked for.
    ///
    /// # Errors
    /// An option beside it has no meaning in streams.
    pub(super) fn of(args: &Grep) -> anyhow::Result<Option<Self>> {
        if !args.stream {
            return Ok(None);
        }
        if args.invert_match {
            bail!(
                "-v shows packets that do not match, and with --stream a match is in no packet; leave one of them out"
            );
        }
        if args.all {
            bail!("--all shows every packet, and --stream matches of streams; leave one of them out");
        }
        if args.depth.is_some() {
            bail!(
                "-S counts the bytes of a packet's payload, which --stream joins to others; leave one of them out"
            );
        }
        let copies = match (&args.write, args.decap) {
            (None, _) => Copies::None,
            (Some(_), false) => Copies::Frames,
            (Some(_), true) => Copies::Inner,
        };
        let patience = if args.read.is_empty() { Patience::Second } else { Patience::Endless };
        let options = StreamOptions { before: args.before, after: args.after, copies, patience };
        Ok(Some(Self { window: args.window.unwrap_or(WINDOW), options }))
    }

    /// Compiles the pattern for streams.
    ///
    /// # Errors
    /// The pattern is empty, or there is no automaton for it.
    pub(super) fn compile(self, expressions: &Expressions, pattern: &Pattern) -> anyhow::Result<InStreams> {
        if pattern.matches_everything() {
            bail!("--stream needs a pattern: without one, every byte of a stream would match");
        }
        Ok(InStreams { pattern: StreamPattern::new(expressions, self.window)?, options: self.options })
    }
}
