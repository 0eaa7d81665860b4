//! Leaving root before anything is opened. What takes root from then on is asked of a keeper.

use anyhow::bail;
use ovlsniff::capture::live::CaptureOptions;
use ovlsniff::host::fence::{self, Work};
use ovlsniff::host::privileges;
use ovlsniff::keeper::{self, Loss, Scope};
use ovlsniff::keeping::{self, Outputs};

use super::live::note;
use crate::cli::{Merge, Verify};

/// The words typed about the user that the process becomes, and about what is written.
pub(super) struct Leaving<'t> {
    pub(super) user: Option<&'t str>,
    pub(super) no_drop: bool,
    pub(super) outputs: Outputs<'t>,
}

impl<'t> From<&'t Verify> for Leaving<'t> {
    fn from(args: &'t Verify) -> Self {
        let outputs = Outputs { file: args.output.as_deref(), folder: args.evidence.as_deref() };
        Self { user: args.user.as_deref(), no_drop: args.no_drop, outputs }
    }
}

impl<'t> From<&'t Merge> for Leaving<'t> {
    fn from(args: &'t Merge) -> Self {
        let outputs = Outputs { file: args.output.as_deref(), folder: None };
        Self { user: args.user.as_deref(), no_drop: args.no_drop, outputs }
    }
}

/// Starts the keeper and leaves root, if there is a privilege to leave. A run without any is as it always was, and says itself
/// what it may not do.
pub(super) fn begin(args: &Verify) -> anyhow::Result<()> {
    let ring = args.buffer.unwrap_or(CaptureOptions::default().buffer);
    let scope = if args.no_keys { Scope::Facts } else { Scope::Watch };
    leave(&args.into(), Some(scope), ring, Work::Watch)
}

/// Leaves root in the same manner, once the files to read are open. A keeper is needed only for what is to be written. A
/// capture may name the filter that it was made with, and only then is libpcap loaded.
pub(super) fn begin_files(leaving: &Leaving<'_>) -> anyhow::Result<()> {
    let writes = leaving.outputs.file.is_some() || leaving.outputs.folder.is_some();
    leave(leaving, writes.then_some(Scope::Outputs), 0, Work::Files)
}

fn leave(leaving: &Leaving<'_>, scope: Option<Scope>, ring: u32, work: Work) -> anyhow::Result<()> {
    if leaving.no_drop || !privileges::has_any() {
        return Ok(());
    }
    let user = leaving.user.unwrap_or("nobody");
    privileges::check(user)?;
    scope.map_or(Ok(()), |scope| keeping::start(scope, ring, &leaving.outputs))?;
    privileges::leave(user)?.note().into_iter().for_each(note);
    fence::raise(work);
    Ok(())
}

/// Returns the outcome of a watch, unless the keeper was lost meanwhile: what it could not be asked is then missing.
pub(super) fn unless_lost<T>(outcome: anyhow::Result<T>) -> anyhow::Result<T> {
    match keeper::loss() {
        Some(Loss::Ended) => bail!(
            "the process that kept root for this one has ended, so that nothing more is known of the kernel; start again"
        ),
        Some(Loss::Silent) => bail!(
            "the process that keeps root for this one does not answer, so that nothing more is known of the kernel; see who has stopped it, and start again"
        ),
        None => outcome,
    }
}
