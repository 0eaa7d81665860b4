//! The output of a search: blocks, marks and lines to standard output, and frames to a capture file.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::bail;
use ovlsniff::capture::bpf::link_description;
use ovlsniff::capture::live::Names;
use ovlsniff::capture::savefile::{Interface, shown};
use ovlsniff::capture::write::{self, Counters, Format, Former, Writer};
use ovlsniff::escape::reason;
use ovlsniff::host::docker::names as resolve;
use ovlsniff::packet::{Frame, LinkType, Timestamp, Undecoded};
use ovlsniff::print::ngrep::{self, NgrepPreamble};
use ovlsniff::print::{Json, Mark, Ngrep, NgrepOptions, Printer, Shown, Summary, Text, TextOptions, Times};
use ovlsniff::search::{Found, Outcome, Told};

use super::meant::{Meant, Style};
use super::pace::Pace;
use super::sheet::Sheet;
use crate::commands::{area, tell};

/// The longest time that a match may wait in the buffer for more output, in nanoseconds of the capture's clock.
const PATIENCE: i64 = 4_000_000;
const BUFFER: usize = 256 << 10;
/// The most link types that the user is told of one by one.
const MOST_WARNINGS: usize = 8;

/// Standard output, or a sink when the capture goes to standard output instead (`-O -`).
type Out = BufWriter<Box<dyn Write>>;

pub(super) struct Output {
    printer: Printer<Out>,
    style: Style,
    file: Option<Writer<File>>,
    /// The file or pipe that was in the place of that file.
    former: Former,
    decap: bool,
    /// True if every packet is flushed.
    eager: bool,
    /// True for a live capture. Its packets come at the wire's pace, so a match must not wait for the buffer to fill.
    live: bool,
    /// The time since which something waits in a buffer, in nanoseconds of the capture's clock.
    pending: Option<i64>,
    pub(super) summary: Summary,
    /// The names of the interfaces, for a capture on `any`: a frame of it says only the number of its interface.
    names: Option<Names>,
    /// The names that are shown beside addresses.
    pub(super) resolved: Option<Arc<resolve::Names>>,
    /// The clock of a file that is shown at its pace.
    pace: Option<Pace>,
    /// The file that is being read, if there are several.
    file_read: Option<String>,
    scratch: Vec<u8>,
    /// The link types that the user was told of, because they are not decoded.
    unknown_links: Vec<LinkType>,
}

impl Style {
    fn printer<W: Write>(&self, writer: W) -> Printer<W> {
        match self {
            Self::Text(options) => Printer::Text(Text::new(writer, options)),
            Self::Json(options) => Printer::Json(Json::new(writer, *options)),
            Self::Ngrep(options) => Printer::Ngrep(Ngrep::new(writer, options)),
        }
    }

    /// Returns the printer for a piece of a file.
    fn of_piece(&self) -> Printer<Vec<u8>> {
        match self {
            Self::Ngrep(options) => Printer::Ngrep(Ngrep::piece(options)),
            other => other.printer(Vec::new()),
        }
    }

    /// Returns true if what is printed of a packet does not depend on the packets before.
    fn stands_alone(&self) -> bool {
        match self {
            Self::Text(TextOptions { times, .. }) | Self::Ngrep(NgrepOptions { times, .. }) => {
                matches!(times, Times::None | Times::Clock)
            }
            Self::Json(_) => true,
        }
    }
}

/// The error of a write, to standard output or to the capture file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("write standard output: {}", reason(.0))]
    Print(#[from] io::Error),
    #[error(transparent)]
    File(#[from] write::Error),
}

impl Error {
    /// Returns true if the reader of the output has closed the pipe.
    pub(super) fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Print(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::File(error) => error.is_broken_pipe(),
        }
    }
}

impl Output {
    /// Checks the options that concern output. The file to write is left for [`Self::create_file`].
    pub(super) fn open(meant: &Meant) -> anyhow::Result<Self> {
        let to_stdout = meant.write.as_deref().is_some_and(write::is_stdout);
        if to_stdout && matches!(meant.style, Style::Json(_)) {
            bail!("--json and -O - both want standard output; write the capture to a file");
        }
        if to_stdout && io::stdout().is_terminal() {
            bail!("-O - would write a capture to the terminal; send it to a file or another program");
        }
        if let Some(path) = meant.write.as_ref().filter(|path| path.extension().is_some_and(is_compression)) {
            bail!(
                "-O {}: the output is not compressed; leave out that ending, or write: -O - | gzip",
                shown(path)
            );
        }
        let out: Box<dyn Write> = if to_stdout {
            Box::new(io::sink())
        } else {
            let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
            let is_shared = stdout.is_terminal() && area::can_show(&io::stderr());
            if is_shared { Box::new(area::Beside(stdout)) } else { Box::new(stdout) }
        };
        if let Some((reading, path)) = meant.write.as_ref().and_then(|path| overwritten(path, meant)) {
            let option = if meant.ngrep.is_some() { "-I" } else { "-r" };
            bail!("-O {} would overwrite what {option} reads: {}", shown(path), shown(reading));
        }
        Ok(Self {
            printer: meant.style.printer(BufWriter::with_capacity(BUFFER, out)),
            style: meant.style.clone(),
            file: None,
            former: Former::None,
            decap: meant.decap,
            eager: meant.line_buffered || io::stdout().is_terminal(),
            live: meant.read.is_empty(),
            pending: None,
            summary: Summary::default(),
            names: None,
            resolved: None,
            pace: None,
            file_read: None,
            scratch: Vec::new(),
            unknown_links: Vec::new(),
        })
    }

    /// Creates the capture file, and empties one that is there. Call it when nothing else can fail any more.
    pub(super) fn create_file(&mut self, meant: &Meant) -> Result<(), write::Error> {
        if let Some(path) = &meant.write {
            let (file, former) = Writer::open(path, Format::of(path))?;
            let file = file.as_ethernet(meant.decap);
            self.file = Some(if self.live { file.captured_on(&system()) } else { file });
            self.former = former;
        }
        Ok(())
    }

    /// Empties the file to write, if there was a former one. From here on nothing of that is left.
    pub(super) fn begin_file(&mut self) -> Result<(), write::Error> {
        self.file.as_ref().map_or(Ok(()), |file| file.empty(self.former))
    }

    /// Leaves the file to write as it was, because there is nothing to write to it. A new one is removed.
    pub(super) fn give_up_file(&mut self, meant: &Meant) {
        let new = self.file.take().filter(|_| self.former == Former::None).and(meant.write.as_deref());
        // A process that has left root may not have the right to; then the file stays, and is empty. It was made because the input
        // is packed, comes from a pipe, or begins as a capture does.
        let _ = new.map(std::fs::remove_file);
    }

    /// Writes the capture file's header at once, because the reader of a pipe waits for it. It has the link type of the
    /// first interface. With `--decap` the link type is not known before a frame is written.
    pub(super) fn declare(&mut self, interfaces: &[Interface]) -> Result<(), Error> {
        let Some(file) = self.file.as_mut().filter(|_| !self.decap) else { return Ok(()) };
        if let [interface, ..] = interfaces {
            file.declare(interface)?;
            file.flush()?;
        }
        Ok(())
    }

    /// Writes the counters of an interface to the capture file, at the end of a live capture.
    pub(super) fn statistics(&mut self, interface: &Interface, counters: &Counters) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        // With --decap the file's frames are not those that were captured.
        let delivered = counters.delivered.filter(|_| !self.decap);
        Ok(file.statistics(interface, &Counters { delivered, ..*counters })?)
    }

    /// Has frames of a capture on `any` shown with the name of the interface that they passed.
    pub(super) fn name_by(&mut self, names: Names) {
        self.names = Some(names);
    }

    /// Sets the file that the next packets come from, when several are read.
    pub(super) fn reading(&mut self, path: &Path) {
        self.file_read =
            Some(if path.as_os_str() == "-" { shown(path) } else { path.to_string_lossy().into_owned() });
    }

    /// Counts a packet, and shows it or prints its mark. Its frame's interface number is an index in `interfaces`.
    #[inline]
    pub(super) fn take(&mut self, found: &Found<'_>, interfaces: &[Interface]) -> Result<(), Error> {
        self.summary.count(found);
        if found.outcome == Outcome::NotDecoded {
            self.warn_of_link(found)?;
        }
        if found.show {
            self.show(found, interfaces)?;
        } else {
            let mark = Mark::from(found.outcome);
            for _ in 0..found.packet.frames {
                self.printer.mark(mark)?;
            }
        }
        if self.eager { self.flush() } else { self.flush_when_due(found.frame.time) }
    }

    /// Takes packets as [`Self::take`] does, also those that were not dissected.
    #[inline]
    pub(super) fn take_told(&mut self, told: &Told<'_>, interfaces: &[Interface]) -> Result<(), Error> {
        match told {
            Told::Found(found) => self.take(found, interfaces),
            Told::Skimmed(outcomes) => self.skimmed(outcomes),
        }
    }

    /// Counts packets that were not dissected, and prints their marks.
    fn skimmed(&mut self, outcomes: &[Outcome]) -> Result<(), Error> {
        self.summary.count_skimmed(outcomes);
        self.printer.marks(outcomes)?;
        // In a file, any time will do. A live capture tells the time by `passed`.
        if !self.live {
            self.pending.get_or_insert(0);
        }
        if self.eager { self.flush() } else { Ok(()) }
    }

    /// Makes an empty sheet, of some `most` bytes, for a piece of a file. `None` if what is printed of a piece depends on
    /// others, or is no text.
    pub(super) fn sheet(&self, most: usize) -> Option<Sheet> {
        let alone =
            self.file.is_none() && self.names.is_none() && self.pace.is_none() && self.style.stands_alone();
        alone.then(|| Sheet::new(self.style.of_piece(), self.file_read.clone(), self.resolved.clone(), most))
    }

    /// Returns true if the user need not be told of the link type of a sheet.
    pub(super) fn knows_link(&self, sheet: &Sheet) -> bool {
        sheet.unknown_link().is_none_or(|link| self.unknown_links.contains(&link))
    }

    /// Goes on with a sheet. `summary` is that of all packets up to its last one.
    pub(super) fn append(&mut self, sheet: &mut Sheet, summary: &Summary) -> Result<(), Error> {
        self.summary = *summary;
        self.printer.append(sheet.printer())?;
        self.pending.get_or_insert(0);
        if self.eager { self.flush() } else { Ok(()) }
    }

    /// Tells the user of a link type that is not decoded when its first frame comes. This is done with `-q` too, which
    /// would otherwise end without a word and without a match.
    fn warn_of_link(&mut self, found: &Found<'_>) -> Result<(), Error> {
        let link = found.frame.link;
        let unknown = found.packet.undecoded(found.frame) == Some(Undecoded::Link(link));
        if !unknown || self.unknown_links.contains(&link) || self.unknown_links.len() > MOST_WARNINGS {
            return Ok(());
        }
        self.unknown_links.push(link);
        self.end_line()?;
        if self.unknown_links.len() > MOST_WARNINGS {
            tell("ovlsniff: more link types are not decoded");
            return Ok(());
        }
        let words = link_description(link).map(|words| format!(" ({words})")).unwrap_or_default();
        tell(format_args!(
            "ovlsniff: link type {}{words} is not decoded; its frames are searched as they are",
            link.0
        ));
        Ok(())
    }

    /// Has packets shown at the pace of their time stamps, until a signal sets `stop`.
    pub(super) fn keep_pace(&mut self, stop: &Arc<AtomicBool>) {
        self.pace = Some(Pace::new(Arc::clone(stop)));
    }

    /// Writes the lines that ngrep begins with. They are flushed, because the first packet may be long in coming.
    pub(super) fn ngrep_preamble(&mut self, told: &NgrepPreamble<'_>) -> Result<(), Error> {
        ngrep::preamble(self.printer.writer(), told)?;
        Ok(self.printer.flush()?)
    }

    /// Writes the lines that ngrep ends with.
    pub(super) fn ngrep_exit(&mut self, quiet: u8, matched: u64) -> Result<(), Error> {
        let Printer::Ngrep(printer) = &mut self.printer else { return Ok(()) };
        let counts = self.live.then_some((printer.frames(), matched));
        Ok(ngrep::exit(printer.writer(), quiet, counts)?)
    }

    /// Waits until a packet is due, at the pace of the time stamps.
    #[cold]
    fn wait_for(&mut self, time: Timestamp) -> Result<(), Error> {
        self.printer.flush()?;
        self.pace.iter_mut().for_each(|pace| pace.wait_for(time));
        Ok(())
    }

    #[cold]
    fn show(&mut self, found: &Found<'_>, interfaces: &[Interface]) -> Result<(), Error> {
        self.warn_of_link(found)?;
        if self.pace.is_some() {
            self.wait_for(found.frame.time)?;
        }
        let own = interfaces.get(found.frame.interface.place());
        let passed = self.names.as_mut().and_then(|names| names.of(found.frame));
        let several = passed.is_some() || interfaces.len() > 1;
        let name = passed.or_else(|| own.and_then(|interface| interface.name.as_deref()));
        let resolved = self.resolved.as_ref().map(|names| names.table());
        self.printer.packet(&Shown {
            frame: found.frame,
            packet: found.packet,
            spans: found.spans,
            outcome: found.outcome,
            interface: name.filter(|_| several || matches!(self.printer, Printer::Json(_))),
            file: self.file_read.as_deref(),
            names: resolved.as_deref(),
            stream: found.stream,
        })?;
        let (Some(file), Some(own)) = (&mut self.file, own) else { return Ok(()) };
        if let Some(stretch) = found.stream {
            return Ok(stretch.written.iter().try_for_each(|copied| file.write(&copied.frame(), own))?);
        }
        if self.decap {
            let (link, bytes) = found.packet.rebuild_inner(&mut self.scratch);
            let wire_len = bytes.len() as u32;
            file.write(&Frame { link, bytes, wire_len, ..*found.frame }, own)?;
            return Ok(());
        }
        for held in found.earlier {
            file.write(&held.frame(), own)?;
        }
        Ok(file.write(found.frame, own)?)
    }

    /// Flushes what has waited too long in a live capture. On a wire that is never quiet, nothing else would flush.
    #[inline]
    fn flush_when_due(&mut self, now: Timestamp) -> Result<(), Error> {
        match self.pending {
            Some(_) if !self.live => {}
            None => self.pending = Some(now.nanos),
            Some(since) if now.nanos.wrapping_sub(since) > PATIENCE => return self.flush(),
            Some(_) => {}
        }
        Ok(())
    }

    /// Flushes what has waited too long, now that frames up to this time were taken.
    #[inline]
    pub(super) fn passed(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.eager { Ok(()) } else { self.flush_when_due(now) }
    }

    /// Flushes if anything waits in a buffer.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        if self.pending.take().is_some() || self.eager {
            self.printer.flush()?;
            if let Some(file) = &mut self.file {
                file.flush()?;
            }
        }
        Ok(())
    }

    /// Ends the line of marks, so that a message on the terminal begins a line of its own.
    pub(super) fn end_line(&mut self) -> Result<(), Error> {
        self.printer.end_line()?;
        Ok(self.printer.flush()?)
    }

    /// Ends the output. After this the operating system has all of it.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        self.end_line()?;
        self.finish_file()
    }

    /// Ends the capture file alone, when nobody reads standard output any more.
    pub(super) fn finish_file(&mut self) -> Result<(), Error> {
        if let Some(file) = &mut self.file {
            file.finish()?;
        }
        Ok(())
    }
}

/// Returns the name of the system, as capture files have it.
fn system() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}", release.trim()).trim_end().to_owned()
}

fn is_compression(ending: &OsStr) -> bool {
    ["gz", "zst"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Returns the file to read that would be overwritten by writing to `path`, and `path` itself.
fn overwritten<'a>(path: &'a Path, meant: &'a Meant) -> Option<(&'a Path, &'a Path)> {
    let reading = meant.read.iter().find(|reading| write::same_file(reading, path))?;
    Some((reading, path))
}
