//! A sheet: the output for one piece of a file, printed by the thread that searches the piece.
//!
//! The thread does not know how many frames there are before its piece. It numbers its frames from a number that is about right,
//! and notes where numbers are printed. When the right one is known, they are overwritten in place, since mostly their digits
//! are as many.

use std::io::{self, Write};
use std::sync::Arc;

use ovlsniff::host::docker::names::Names;
use ovlsniff::packet::{LinkType, Undecoded};
use ovlsniff::print::{Mark, Printer, Shown, Summary};
use ovlsniff::search::{Found, Outcome, Told};

/// The output for a piece, and its numbers.
pub(super) struct Sheet {
    printer: Printer<Vec<u8>>,
    /// The most bytes of output, more or less. A piece that prints more is searched in order.
    most: usize,
    summary: Summary,
    numbers: Vec<Number>,
    /// The name of the file, if there are several.
    file: Option<String>,
    names: Option<Arc<Names>>,
    unknown_link: Option<LinkType>,
}

/// A frame's number, and the place where it is printed.
struct Number {
    at: usize,
    frame: u64,
}

impl Sheet {
    pub(super) fn new(
        printer: Printer<Vec<u8>>,
        file: Option<String>,
        names: Option<Arc<Names>>,
        most: usize,
    ) -> Self {
        let (summary, numbers, unknown_link) = (Summary::default(), Vec::new(), None);
        Self { printer, most, summary, numbers, file, names, unknown_link }
    }

    /// Makes it empty. It keeps memory for half of what it may hold.
    pub(super) fn clear(&mut self) {
        self.printer.clear();
        self.printer.writer().shrink_to(self.most / 2);
        self.numbers.clear();
        self.summary = Summary::default();
        self.unknown_link = None;
    }

    pub(super) fn printer(&self) -> &Printer<Vec<u8>> {
        &self.printer
    }

    /// Returns the number of bytes of output.
    pub(super) fn len(&mut self) -> usize {
        self.printer.writer().len()
    }

    pub(super) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Returns the link type of the frames, if it is not decoded.
    pub(super) fn unknown_link(&self) -> Option<LinkType> {
        self.unknown_link
    }

    /// Counts packets, and shows them or prints their marks. Fails if the sheet is full.
    #[inline]
    pub(super) fn take(&mut self, told: &Told<'_>) -> io::Result<()> {
        match told {
            Told::Found(found) => self.found(found),
            Told::Skimmed(outcomes) => {
                self.summary.count_skimmed(outcomes);
                self.printer.marks(outcomes)
            }
        }
    }

    fn found(&mut self, found: &Found<'_>) -> io::Result<()> {
        self.summary.count(found);
        if found.show || found.outcome == Outcome::NotDecoded {
            let link = found.frame.link;
            if found.packet.undecoded(found.frame) == Some(Undecoded::Link(link)) {
                self.unknown_link = Some(link);
            }
        }
        if found.show {
            return self.show(found);
        }
        let mark = Mark::from(found.outcome);
        (0..found.packet.frames).try_for_each(|_| self.printer.mark(mark))
    }

    fn show(&mut self, found: &Found<'_>) -> io::Result<()> {
        let start = self.printer.writer().len();
        if start > self.most {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let names = self.names.as_ref().map(|names| names.table());
        // A classic file has one interface, without a name.
        self.printer.packet(&Shown {
            frame: found.frame,
            packet: found.packet,
            spans: found.spans,
            outcome: found.outcome,
            interface: None,
            file: self.file.as_deref(),
            names: names.as_deref(),
            stream: None,
        })?;
        if let Some(place) = self.printer.number() {
            self.numbers.push(Number { at: start + place, frame: found.frame.number });
        }
        Ok(())
    }

    /// Adds the difference to all numbers of frames. A negative one wraps around.
    pub(super) fn renumber(&mut self, difference: u64) {
        if difference == 0 || self.numbers.is_empty() {
            return;
        }
        let bytes = self.printer.writer();
        if self.numbers.iter().all(|number| number.digits() == number.moved(difference).digits()) {
            for number in &self.numbers {
                let mut rest = number.moved(difference).frame;
                for digit in bytes[number.at..number.at + number.digits()].iter_mut().rev() {
                    *digit = b'0' + (rest % 10) as u8;
                    rest /= 10;
                }
            }
            return;
        }
        let old = std::mem::take(bytes);
        let mut done = 0;
        for number in &self.numbers {
            bytes.extend_from_slice(&old[done..number.at]);
            let _ = write!(bytes, "{}", number.moved(difference).frame);
            done = number.at + number.digits();
        }
        bytes.extend_from_slice(&old[done..]);
    }
}

impl Number {
    fn moved(&self, difference: u64) -> Self {
        Self { at: self.at, frame: self.frame.wrapping_add(difference) }
    }

    fn digits(&self) -> usize {
        self.frame.checked_ilog10().unwrap_or(0) as usize + 1
    }
}
