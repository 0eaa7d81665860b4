//! The verdict on a capture file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ovlsniff::capture::savefile::{Filtered, Unread, shown};
use ovlsniff::ipsec::{self, Opener};
use ovlsniff::packet::LinkType;
use ovlsniff::verify::{Circumstances, Occasion, Question, Report, Watch, tunnel_ports};

use super::evidence::Kept;
use crate::cli::Verify;
use crate::commands::progress::Progress;

/// More refused frames than these, and the capture had a filter, even if the file names none.
const REFUSED: u64 = 64;

pub(super) fn run(args: &Verify, path: &Path) -> anyhow::Result<(Report, Option<Kept>)> {
    let question = Question { network: super::wanted(args)?.described()?, ..Question::default() };
    let ports = tunnel_ports([&question.network]);
    let sas = ipsec::read_files(&args.sa)?;
    let opener = (!sas.is_empty()).then(|| Opener::new(sas));
    let unread = Unread::open(path, &Arc::new(AtomicBool::new(false)))?;
    super::unprivileged::begin_files(&args.into())?;
    let mut file = unread.read()?;
    file.unpack_ahead();
    let progress = Progress::until_signal(file.reading());
    let mut watch = Watch::new(question, None, ports, opener);
    if args.evidence.is_some() {
        watch.keep_frames();
    }
    let cut_short = loop {
        // The records that are in the buffer go in one go, and what is not usual in the file frame by frame.
        if let Some(mut records) = file.records() {
            watch.records(&mut records);
            let taken = records.taken();
            file.took(taken);
        }
        match file.advance() {
            Ok(true) => watch.frame(&file.frame()),
            Ok(false) => break None,
            // The frames before the damage still count: a clear frame among them is a leak.
            Err(error) => break Some(error.to_string()),
        }
    };
    drop(progress);
    let nanos = watch.nanos();
    let filters = file.interfaces().iter().filter_map(|each| Some((each.filter.clone()?, each.link)));
    // A few frames may have been refused before the filter was there.
    let refused = file.refused().filter(|count| *count > REFUSED);
    let filters = filters.chain(refused.map(|_| (Filtered::Unread, LinkType::ETHERNET)));
    let occasion = Occasion { node: None, ended: watch.ended() };
    let (report, kept) = watch.finish_and_keep(Circumstances {
        source: shown(path),
        nanos,
        dropped: file.dropped(),
        cut_short,
        filters: filters.collect(),
        ..Circumstances::default()
    });
    Ok((Report { occasion, ..report }, kept))
}
