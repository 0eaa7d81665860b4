//! The verdict on a capture file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ovlsniff::capture::savefile::{Savefile, shown};
use ovlsniff::verify::{Circumstances, Question, Report, Watch};

use super::find;
use crate::cli::Verify;

pub(super) fn run(args: &Verify, path: &Path) -> anyhow::Result<Report> {
    let network = find::for_file(args)?;
    let ports = super::ports([&network])?;
    let opener = super::opener(super::keys(args)?);
    let question = Question { network, ..Question::default() };
    let mut file = Savefile::open_until(path, &Arc::new(AtomicBool::new(false)))?;
    let mut watch = Watch::new(vec![question], ports, opener);
    let cut_short = loop {
        match file.advance() {
            Ok(true) => watch.frame(&file.frame()),
            Ok(false) => break None,
            // What was read before stands: a clear frame in it is one.
            Err(error) => break Some(error.to_string()),
        }
    };
    let nanos = watch.nanos();
    let mut reports = watch.finish(|_, _| Circumstances {
        source: shown(path),
        nanos,
        dropped: file.dropped(),
        cut_short: cut_short.clone(),
        ..Circumstances::default()
    });
    Ok(reports.pop().expect("one verdict for the one question"))
}
