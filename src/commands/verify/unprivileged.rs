//! Leaving root before anything is opened. What takes root from then on is asked of a keeper.

use anyhow::bail;
use ovlsniff::capture::live::CaptureOptions;
use ovlsniff::host::fence::{self, Work};
use ovlsniff::host::privileges;
use ovlsniff::keeper::{self, Scope};
use ovlsniff::keeping::{self, Outputs};

use super::live::note;
use crate::cli::Verify;

/// Starts the keeper and leaves root, if there is a privilege to leave. A run without any is as it always was, and says itself
/// what it may not do.
pub(super) fn begin(args: &Verify) -> anyhow::Result<()> {
    let scope = if args.no_keys { Scope::Facts } else { Scope::Watch };
    leave(args, Some(scope), Work::Watch)
}

/// Leaves root in the same manner, once a capture file is open. A keeper is needed only for what is to be written. A file may
/// name the filter that it was captured with, and only then is libpcap loaded.
pub(super) fn begin_file(args: &Verify) -> anyhow::Result<()> {
    let writes = args.output.is_some() || args.evidence.is_some();
    leave(args, writes.then_some(Scope::Outputs), Work::Files)
}

fn leave(args: &Verify, scope: Option<Scope>, work: Work) -> anyhow::Result<()> {
    if args.no_drop || !privileges::has_any() {
        return Ok(());
    }
    let user = args.user.as_deref().unwrap_or("nobody");
    privileges::check(user)?;
    let outputs = Outputs { file: args.output.as_deref(), folder: args.evidence.as_deref() };
    let ring = args.buffer.unwrap_or(CaptureOptions::default().buffer);
    scope.map_or(Ok(()), |scope| keeping::start(scope, ring, &outputs))?;
    privileges::leave(user)?.note().into_iter().for_each(note);
    fence::raise(work);
    Ok(())
}

/// Returns the outcome of a watch, unless the keeper ended meanwhile: what it could not be asked is then missing.
pub(super) fn unless_lost<T>(outcome: anyhow::Result<T>) -> anyhow::Result<T> {
    if keeper::is_lost() {
        bail!(
            "the process that kept root for this one has ended, so that nothing more is known of the kernel; start again"
        );
    }
    outcome
}
