//! Several threads over one file.
//!
//! The main thread deals pieces of the file to workers in turn. Each searches its piece for itself, prints into a [`Sheet`], and
//! sends that back. The main thread takes the sheets in the file's order, and writes one if its piece began where the last one
//! had ended, and what came before it would not have made it another one (`ovlsniff::search::OfPieces`). So the output is that of
//! one thread, byte for byte.
//!
//! A *run* of pieces ends with the first that does not fit: a guess was wrong, a frame needs what others have shown meanwhile, a
//! fragment waits for the rest, the limit of matches is reached, the file is damaged. The main thread then goes on in order from the end
//! of the last piece that fitted, over a stretch, and begins another run behind it. After runs that were short, it goes twice as
//! far each time. So a file in which everything depends on everything is searched by one thread, nearly as if there were no
//! others, and one in which a handshake passes now and then is searched by all of them.
//!
//! The sheets that wait for their turn are most of the memory that is taken. They share a fixed sum: of many threads, each has
//! less, and shorter pieces where much is printed.
//!
//! The end of the file, which may be cut off or still growing, is always read in order.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use ovlsniff::capture::savefile::{Piece, Pieces, Records, Savefile};
use ovlsniff::packet::Frame;
use ovlsniff::search::{Alone, Filters, Knowledge, OfPieces, OuterFilter, Told};

use super::files::{ended, in_order};
use super::sheet::Sheet;
use super::{Error, Job, threads};

/// The shortest rest of a file that is worth several threads, in bytes. One reads it in a millisecond.
const WORTH: u64 = 4 << 20;
/// The longest piece, and the shortest one where little is printed.
const LONGEST: u64 = 1 << 20;
const SHORTEST: u64 = 16 << 10;
/// The pieces of a file that has enough bytes for them, for each thread.
const SHARE: u64 = 16;
/// The pieces that are dealt to a thread at a time: the one that it searches, and the next one.
const DEALT: usize = 2;
/// The longest stretch in order between two runs.
const STRETCH: u64 = 64 << 20;
/// The most bytes of all sheets, more or less, and of one.
const SHEETS: usize = 16 << 20;
const SHEET: usize = 4 << 20;
/// The bytes that are printed for a byte of a packet: mostly fewer than these, in any form.
const GROWTH: usize = 16;

/// Searches a file from where it is to its end, by several threads where that pays.
pub(super) fn search(
    job: &mut Job,
    file: &mut Savefile,
    mut filter: Option<&mut OuterFilter>,
) -> Result<(), Error> {
    let Some((pieces, threads)) = plan(job, file) else { return in_order(job, file, filter, u64::MAX) };
    let longest = (pieces.len() / (threads as u64 * SHARE)).clamp(SHORTEST, LONGEST);
    let sheet = sheet(threads);
    // Nobody knows how much the first pieces print.
    let first = longest.min((sheet / GROWTH) as u64);
    // The first frames are searched in order. What they show of others is mostly all that there is.
    in_order(job, file, filter.as_deref_mut(), file.offset() + 1)?;
    if file.ended() || job.search.is_over() || job.signals.stopped() {
        return Ok(());
    }
    if file.offset() + longest > pieces.len() {
        // There is no piece for a thread.
        return in_order(job, file, filter, u64::MAX);
    }
    let abandoned = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers = (0..threads).filter_map(|_| {
            let mut worker = Worker::new(&pieces, job.search.of_pieces()?);
            let ((tasks, to_do), (done, results)) = (channel(), channel());
            let abandoned = &abandoned;
            let work = move || worker.work(&to_do, &done, abandoned);
            // Without threads, all is searched in order.
            thread::Builder::new().spawn_scoped(scope, work).ok()?;
            Some((tasks, results))
        });
        let workers = workers.collect();
        let (pieces, abandoned) = (&pieces, &abandoned);
        let mut crew = Crew { pieces, workers, abandoned, spare: Vec::new(), sheet, longest, size: first };
        let mut stretch = first;
        while !(file.ended() || job.search.is_over() || job.signals.stopped()) {
            if file.offset() + longest > pieces.len() {
                return in_order(job, file, filter, u64::MAX);
            }
            let fitted = crew.run(job, file, filter.as_deref_mut())?;
            if job.signals.stopped() {
                break;
            }
            in_order(job, file, filter.as_deref_mut(), file.offset() + stretch)?;
            // With short pieces, few bytes are searched in vain where the next one does not fit.
            crew.size = crew.size.min(first);
            let short = fitted < DEALT * threads;
            stretch = if short { (2 * stretch).min(STRETCH) } else { first };
        }
        Ok(())
    })
}

/// Decides whether several threads pay, and returns their number.
fn plan(job: &mut Job, file: &Savefile) -> Option<(Pieces, usize)> {
    let pieces = if job.threads == Some(1) { None } else { file.pieces() }?;
    let threads = match job.threads {
        Some(threads) => threads,
        None if pieces.len().saturating_sub(file.offset()) < WORTH => return None,
        None => threads::unasked(),
    };
    let pays = threads > 1 && job.output.sheet(0).is_some() && job.search.of_pieces().is_some();
    pays.then(|| (pieces.for_readers(threads), threads))
}

/// Returns the bytes that a sheet of so many threads has room for.
fn sheet(threads: usize) -> usize {
    (SHEETS / (DEALT * threads)).min(SHEET)
}

/// The filter at the beginning of a run, from which all its pieces are searched.
struct Begin {
    filters: Option<Filters>,
    /// True if the filters are asked about each frame, because the user may have to be told that none has passed.
    asks_of_each: bool,
}

/// A place in the file, between two records.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    /// The number of frames before it.
    number: u64,
}

/// A piece to search.
struct Task {
    begin: Arc<Begin>,
    /// The knowledge of the search at the end of the last piece that fitted.
    knowledge: Arc<Knowledge>,
    span: Range<u64>,
    /// True if a record begins where the span does.
    known: bool,
    /// The number of frames that are thought to be before it.
    number: u64,
    sheet: Sheet,
}

/// A piece that was searched.
struct Done {
    /// The end of its span.
    end: u64,
    sheet: Sheet,
    /// The packets of the sheet. `None` if the piece must be searched in order.
    part: Option<Part>,
}

/// A part of the file whose packets are on a sheet.
struct Part {
    /// The place of its first record, with the number that is thought to be right.
    from: Place,
    /// The place behind its last record.
    to: Place,
    alone: Alone,
    passage: Passage,
}

/// The work of the filter on the outer headers.
#[derive(Clone, Copy, Default)]
struct Passage {
    /// The number of frames that were kept out.
    refused: u64,
    /// True if a frame passed.
    passed: bool,
}

/// The workers, as the main thread sees them.
struct Crew<'a> {
    pieces: &'a Pieces,
    workers: Vec<(Sender<Task>, Receiver<Done>)>,
    /// True while the pieces that are dealt are of no use any more.
    abandoned: &'a AtomicBool,
    /// Sheets that are not in use.
    spare: Vec<Sheet>,
    /// The bytes that a sheet has room for.
    sheet: usize,
    longest: u64,
    /// The length of the next piece.
    size: u64,
}

impl Crew<'_> {
    /// Searches pieces from where the file is, as long as they fit, and has the file go on behind them. Returns their number.
    fn run(
        &mut self,
        job: &mut Job,
        file: &mut Savefile,
        filter: Option<&mut OuterFilter>,
    ) -> Result<usize, Error> {
        let Some(begin) = Begin::of(job, filter.as_deref()) else { return Ok(0) };
        let from = Place { offset: file.offset(), number: file.number() };
        let (mut place, mut fitted, mut dealt) = (from, 0, VecDeque::new());
        let ended = self.deal_and_take(&Arc::new(begin), job, filter, (&mut place, &mut fitted), &mut dealt);
        // Pieces that are dealt already are of no use any more.
        self.abandoned.store(true, Ordering::Relaxed);
        for worker in dealt {
            self.spare.extend(self.result(worker).map(|done| done.sheet));
        }
        self.abandoned.store(false, Ordering::Relaxed);
        if fitted > 0 {
            file.go_on_at(place.offset, place.number).map_err(anyhow::Error::from)?;
        }
        ended.map(|()| fitted)
    }

    /// Deals pieces and takes them in their order. `dealt` has the workers that still owe a piece.
    fn deal_and_take(
        &mut self,
        begin: &Arc<Begin>,
        job: &mut Job,
        mut filter: Option<&mut OuterFilter>,
        (place, fitted): (&mut Place, &mut usize),
        dealt: &mut VecDeque<usize>,
    ) -> Result<(), Error> {
        let from = place.offset;
        let (mut next, mut turns) = (from, (0..self.workers.len()).cycle());
        loop {
            while next < self.pieces.len() && dealt.len() < DEALT * self.workers.len() {
                let span = next..(next + self.size).min(self.pieces.len());
                let (Some(worker), Some(sheet)) =
                    (turns.next(), self.spare.pop().or_else(|| job.output.sheet(self.sheet)))
                else {
                    return Ok(());
                };
                next = span.end;
                let known = span.start == from;
                let task = Task {
                    begin: Arc::clone(begin),
                    knowledge: Arc::new(job.search.knowledge()),
                    known,
                    number: place.number_at(span.start),
                    span,
                    sheet,
                };
                if self.workers[worker].0.send(task).is_err() {
                    return Ok(());
                }
                dealt.push_back(worker);
            }
            let Some(mut done) = dealt.pop_front().and_then(|worker| self.result(worker)) else {
                return Ok(());
            };
            self.adapt_size(done.sheet.len());
            // A long record may reach over a whole piece.
            let fits = place.offset >= done.end || Self::take(&mut done, job, filter.as_deref_mut(), place)?;
            self.spare.push(done.sheet);
            if !fits {
                return Ok(());
            }
            *fitted += 1;
            self.pieces.passed(place.offset);
            if ended(job)? {
                return Ok(());
            }
        }
    }

    /// Makes the next pieces shorter if one filled half of its sheet, and longer if it filled little of it.
    fn adapt_size(&mut self, output: usize) {
        if output >= self.sheet / 2 {
            self.size = (self.size / 2).max(SHORTEST.min((self.sheet / GROWTH) as u64));
        } else if output <= self.sheet / 8 {
            self.size = (self.size * 2).min(self.longest);
        }
    }

    /// Waits for a worker's next piece. `None` if the worker has panicked, which the end of the scope will tell.
    fn result(&self, worker: usize) -> Option<Done> {
        self.workers[worker].1.recv().ok()
    }

    /// Takes the packets of a piece, if they go on at this place and do not depend on what was before.
    fn take(
        done: &mut Done,
        job: &mut Job,
        filter: Option<&mut OuterFilter>,
        place: &mut Place,
    ) -> Result<bool, Error> {
        let Done { sheet, part: Some(part), .. } = done else { return Ok(false) };
        if part.from.offset != place.offset || !job.output.knows_link(sheet) {
            return Ok(false);
        }
        let summary = job.output.summary.and(sheet.summary()).filter(|_| job.search.join(&part.alone));
        let Some(summary) = summary else { return Ok(false) };
        if let Some(filter) = filter {
            filter.add(part.passage.refused, part.passage.passed);
        }
        sheet.renumber(place.number.wrapping_sub(part.from.number));
        job.output.append(sheet, &summary)?;
        let frames = part.to.number - part.from.number;
        *place = Place { offset: part.to.offset, number: place.number + frames };
        Ok(true)
    }
}

impl Begin {
    /// Returns the filter, if pieces can be searched with it.
    fn of(job: &Job, filter: Option<&OuterFilter>) -> Option<Self> {
        let filters = match filter {
            Some(filter) => Some(filter.filters()?.clone()),
            None => None,
        };
        let asks_of_each = job.quiet && filter.is_some_and(|filter| !filter.has_passed());
        Some(Self { filters, asks_of_each })
    }
}

impl Place {
    /// Returns the number of frames before an offset further on, if they are as long as those before this place.
    fn number_at(self, offset: u64) -> u64 {
        let more = u128::from(offset.saturating_sub(self.offset)) * u128::from(self.number)
            / u128::from(self.offset.max(1));
        self.number + more as u64
    }
}

/// A thread that searches pieces.
struct Worker<'a> {
    pieces: &'a Pieces,
    search: OfPieces,
    /// The bytes of a piece.
    piece: Piece,
    begin: Option<Arc<Begin>>,
    /// The filters of `begin`.
    filters: Option<Filters>,
    passage: Passage,
}

impl<'a> Worker<'a> {
    fn new(pieces: &'a Pieces, search: OfPieces) -> Self {
        Self {
            pieces,
            search,
            piece: Piece::default(),
            begin: None,
            filters: None,
            passage: Passage::default(),
        }
    }

    /// Searches pieces until there are no more.
    fn work(&mut self, tasks: &Receiver<Task>, results: &Sender<Done>, abandoned: &AtomicBool) {
        for mut task in tasks {
            task.sheet.clear();
            let part = if abandoned.load(Ordering::Relaxed) { None } else { self.search(&mut task) };
            if results.send(Done { end: task.span.end, sheet: task.sheet, part }).is_err() {
                return;
            }
        }
    }

    /// Searches a piece. `None` if it must be searched in order.
    fn search(&mut self, task: &mut Task) -> Option<Part> {
        if self.begin.as_ref().is_none_or(|begin| !Arc::ptr_eq(begin, &task.begin)) {
            self.filters.clone_from(&task.begin.filters);
            self.begin = Some(Arc::clone(&task.begin));
        }
        self.search.begin(&task.knowledge);
        self.passage = Passage::default();
        self.piece.begin(self.pieces, task.span.clone(), task.known)?;
        let from = Place { offset: self.piece.offset(), number: task.number };
        let mut number = task.number;
        while !self.piece.is_done() {
            let mut records = self.piece.records(self.pieces, number)?;
            let filters = (self.filters.as_mut(), task.begin.asks_of_each);
            search_all(&mut records, &mut self.search, filters, &mut self.passage, &mut task.sheet).ok()?;
            let taken = records.taken();
            self.piece.took(taken);
            number = taken.number;
        }
        let to = Place { offset: self.piece.offset(), number };
        Some(Part { from, to, alone: self.search.alone()?, passage: self.passage })
    }
}

/// Searches records. Fails if there is too much to print.
fn search_all(
    records: &mut Records<'_>,
    search: &mut OfPieces,
    (filters, each): (Option<&mut Filters>, bool),
    passage: &mut Passage,
    sheet: &mut Sheet,
) -> io::Result<()> {
    let sink = &mut |told: Told<'_>| sheet.take(&told);
    let Some(filters) = filters else { return search.records(records, sink) };
    let mut admits = |frame: &Frame<'_>| {
        let passes = filters.matches(frame.link, frame.bytes, frame.wire_len);
        passage.passed |= passes;
        passage.refused += u64::from(!passes);
        passes
    };
    if !each {
        return search.records_that(records, &mut admits, sink);
    }
    while let Some(frame) = records.next() {
        if admits(&frame) {
            search.frame(&frame, &mut |found| sink(Told::Found(found)))?;
        }
    }
    Ok(())
}
