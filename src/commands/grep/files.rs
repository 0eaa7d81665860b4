//! The search through capture files.

use std::path::PathBuf;

use anyhow::anyhow;
use ovlsniff::capture::savefile::{Savefile, Unread, shown};
use ovlsniff::packet::LinkType;
use ovlsniff::search::{Filters, OuterFilter, Told};

use super::meant::Meant;
use super::ngrep::Source;
use super::{Error, Job, ngrep, pieces};
use crate::commands::progress::Progress;

pub(super) fn run(job: &mut Job, meant: &Meant) -> Result<(), Error> {
    if meant.read.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(anyhow!("standard input can be read once; give -r - once").into());
    }
    // All files are opened before root is left, and one that cannot be opened is told before any is searched. Nothing in them
    // but their first four bytes is looked at before.
    let mut unread = Vec::with_capacity(meant.read.len());
    for path in &meant.read {
        unread.push(Unread::open(path, job.signals.stop_flag()).map_err(anyhow::Error::from)?);
    }
    // A process that has left root may not be able to remove the file to write again. So it is not made for what is no capture.
    let makes = meant.write.is_none() || !unread.iter().any(Unread::is_no_capture);
    super::live::leave_root(job, meant, makes)?;
    let (files, mut filter) = begin(job, meant, unread).inspect_err(|_| job.output.give_up_file(meant))?;
    if !makes {
        super::live::create_file(job, meant)?;
    }
    job.output.begin_file().map_err(anyhow::Error::from)?;
    let progress = (!meant.at_pace).then(|| Progress::of(files.iter().map(Savefile::reading).collect()));
    // After a damaged file the others are still searched. The first error is returned at the end.
    let mut damaged = Ok(());
    for (n, mut file) in files.into_iter().enumerate() {
        if n == 0 {
            job.announce(meant, &Source::Files(&meant.read), file.interfaces())?;
            job.output.declare(file.interfaces())?;
        }
        if let [_, _, ..] = meant.read[..] {
            job.output.reading(&meant.read[n]);
        }
        if let Some(progress) = &progress {
            progress.reads(n);
        }
        if job.threads != Some(1) {
            file.unpack_ahead();
        }
        job.search.read_again(|| file.again());
        // A signal may have come while names were waited for.
        let searched =
            if job.signals.stopped() { Ok(()) } else { pieces::search(job, &mut file, filter.as_mut()) };
        // Fragments that still wait for the rest of their datagram are searched as they are, also in a damaged file.
        let output = &mut job.output;
        job.search.finish(&mut |found| output.take(&found, file.interfaces()))?;
        match searched {
            Err(Error::Other(error)) => damaged = damaged.and(Err(Error::Other(error))),
            searched => searched?,
        }
        if job.search.is_over() {
            break;
        }
        if job.signals.stopped() {
            job.cut_short = rest(&file, &meant.read[n..]);
            break;
        }
    }
    job.outer = filter;
    damaged
}

/// Reads the headers of the files, and makes the filter for their link types.
fn begin(
    job: &Job,
    meant: &Meant,
    unread: Vec<Unread>,
) -> Result<(Vec<Savefile>, Option<OuterFilter>), Error> {
    let files: Result<Vec<_>, _> = unread.into_iter().map(Unread::read).collect();
    let mut files = files.map_err(anyhow::Error::from)?;
    if meant.ngrep.is_some() {
        // The lines before the first frame, and what is refused, depend on the link type.
        files.iter_mut().for_each(Savefile::read_first_interface);
        ngrep::check_links(&files)?;
    }
    let filter = filter(job, &files)?;
    Ok((files, filter))
}

/// Searches a file in order, from where it is to its end, or as far as `end` at least.
pub(super) fn in_order(
    job: &mut Job,
    file: &mut Savefile,
    mut filter: Option<&mut OuterFilter>,
    end: u64,
) -> Result<(), Error> {
    while file.offset() < end {
        if file.waits() && !file.ready() {
            job.output.flush()?;
            while !file.wait() && !job.signals.stopped() {
                if job.signals.take_report() {
                    job.report()?;
                }
            }
        }
        let output = &mut job.output;
        // With a filter and -q, each frame is looked at until one has passed: the user may have to be told that none did.
        let at_once = filter.as_ref().is_none_or(|filter| !job.quiet || filter.has_passed());
        if let Some(mut records) = file.records().filter(|_| at_once) {
            // The records that are in the buffer are searched in one go, and what is not usual in the file frame by frame.
            let sink = &mut |told: Told<'_>| output.take_told(&told, file.interfaces());
            match &mut filter {
                None => job.search.records(&mut records, sink)?,
                Some(filter) => {
                    job.search.records_that(&mut records, &mut |frame| filter.passes(frame), sink)?;
                }
            }
            let taken = records.taken();
            file.took(taken);
            if taken.bytes > 0 {
                if ended(job)? {
                    return Ok(());
                }
                continue;
            }
        }
        if !file.advance().map_err(anyhow::Error::from)? {
            return Ok(());
        }
        let frame = file.frame();
        if let Some(filter) = &mut filter {
            if !filter.passes(&frame) {
                continue;
            }
        }
        job.search.frame(&frame, &mut |found| output.take(&found, file.interfaces()))?;
        if ended(job)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Returns true if the search is over or a signal has ended it. Reports if a signal has asked for that.
pub(super) fn ended(job: &mut Job) -> Result<bool, Error> {
    if job.search.is_over() || job.signals.stopped() {
        return Ok(true);
    }
    if job.signals.take_report() {
        job.report()?;
    }
    Ok(false)
}

/// Says what a signal left unread: the rest of the first of `files`, which is `file`, and the others. `None` if that is
/// nothing.
fn rest(file: &Savefile, files: &[PathBuf]) -> Option<String> {
    let (first, others) = files.split_first()?;
    let left = match (file.ended(), others.len()) {
        (true, 0) => return None,
        (true, 1) => "1 more file".to_owned(),
        (true, more) => format!("{more} more files"),
        (false, 0) => "the rest of it".to_owned(),
        (false, 1) => "the rest of it and 1 more file".to_owned(),
        (false, more) => format!("the rest of it and {more} more files"),
    };
    let place = match file.number() {
        0 => "before the first frame".to_owned(),
        number => format!("after frame {number} (byte {})", file.offset()),
    };
    Some(format!("stopped by a signal {place} of {}; not searched: {left}", shown(first)))
}

/// Compiles the filter, which must make sense for the link type of at least one of the files.
fn filter(job: &Job, files: &[Savefile]) -> Result<Option<OuterFilter>, Error> {
    let Some(expression) = &job.filter else { return Ok(None) };
    let mut links: Vec<LinkType> = Vec::new();
    for interface in files.iter().flat_map(Savefile::interfaces) {
        if !links.contains(&interface.link) {
            links.push(interface.link);
        }
    }
    if links.is_empty() {
        links.push(LinkType::ETHERNET);
    }
    let filters = Filters::new(expression.clone(), &links).map_err(anyhow::Error::from)?;
    Ok(Some(job.search.outer_filter(filters)))
}
