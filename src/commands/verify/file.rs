//! The verdict on a capture file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ovlsniff::capture::savefile::{Savefile, shown};
use ovlsniff::ipsec::{self, Opener};
use ovlsniff::verify::{Circumstances, Question, Report, Watch, tunnel_ports};

use crate::cli::Verify;

pub(super) fn run(args: &Verify, path: &Path) -> anyhow::Result<Report> {
    let question = Question { network: super::wanted(args).described()?, ..Question::default() };
    let ports = tunnel_ports([&question.network])?;
    let sas = ipsec::read_files(&args.sa)?;
    let opener = (!sas.is_empty()).then(|| Opener::new(sas));
    let mut file = Savefile::open_until(path, &Arc::new(AtomicBool::new(false)))?;
    let mut watch = Watch::new(question, None, ports, opener);
    let cut_short = loop {
        match file.advance() {
            Ok(true) => watch.frame(&file.frame()),
            Ok(false) => break None,
            // The frames before the damage still count: a clear frame among them is a leak.
            Err(error) => break Some(error.to_string()),
        }
    };
    let nanos = watch.nanos();
    let (source, dropped) = (shown(path), file.dropped());
    Ok(watch.finish(Circumstances { source, nanos, dropped, cut_short, ..Circumstances::default() }))
}
