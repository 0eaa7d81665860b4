//! The progress of a search through files, on the terminal behind standard error: how far it is, how fast, and for how long
//! still.
//!
//! A thread of its own looks at the counts of what was read, some times a second, so that the search never asks for the time. It
//! says nothing in the first second, and nothing at all where standard error is no terminal. `indicatif` estimates and words
//! the line, and [`super::area`] shows it: what is found goes to the same terminal, and may be amid a line.
//!
//! Of compressed files, the compressed bytes count: nobody knows how many they will be.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use nix::sys::signal::SigSet;
use ovlsniff::capture::savefile::Reading;
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::area;

/// The time in which nothing is said. Most files are searched by then.
const PATIENCE: Duration = Duration::from_secs(1);
/// The time between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// The width from which on there is room for a bar.
const WIDE: usize = 72;

/// The progress, which is shown until this is dropped.
pub(super) struct Progress {
    at: Arc<AtomicUsize>,
    /// The thread, and the channel that ends it when it is closed.
    shown: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins to show how far these files were read.
    pub(super) fn of(files: Vec<Arc<Reading>>) -> Self {
        Self::that(files, &[])
    }

    /// Begins to show how far a file was read, of a program that signals end as they do by default: what is shown is removed
    /// before.
    pub(super) fn until_signal(file: Arc<Reading>) -> Self {
        Self::that(vec![file], &[SIGINT, SIGTERM, SIGQUIT])
    }

    fn that(files: Vec<Arc<Reading>>, ending: &'static [i32]) -> Self {
        let at = Arc::new(AtomicUsize::new(0));
        let shown = area::can_show(&io::stderr()).then(|| -> Option<_> {
            let (leash, end) = channel();
            let at = Arc::clone(&at);
            // Their handler needs a socket, which a process that has left root may not be able to make.
            let signals = if ending.is_empty() { None } else { Some(Signals::new(ending).ok()?) };
            let work = move || watch(&files, &at, &end, signals);
            let thread = thread::Builder::new().name("progress".to_owned()).spawn(work);
            thread.ok().map(|thread| (leash, thread))
        });
        Self { at, shown: shown.flatten() }
    }

    /// Takes note that this file is read now, counted from 0.
    pub(super) fn reads(&self, file: usize) {
        self.at.store(file, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((leash, thread)) = self.shown.take() {
            drop(leash);
            let _ = thread.join();
            area::clear();
        }
    }
}

/// Shows the progress until the other end of the channel is closed, or one of the signals comes, which then ends the program.
fn watch(files: &[Arc<Reading>], at: &AtomicUsize, end: &Receiver<()>, mut signals: Option<Signals>) {
    // Signals are for the thread that searches: they end its waiting.
    let _ = SigSet::all().thread_block();
    let (bar, begun) = (Bar::of(files), Instant::now());
    while end.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        for signal in signals.iter_mut().flat_map(Signals::pending) {
            area::clear();
            let _ = emulate_default_handler(signal);
        }
        if begun.elapsed() >= PATIENCE {
            let (width, _) = area::size(&io::stderr());
            area::show(&[bar.line(files, at.load(Ordering::Relaxed), width)]);
        }
    }
}

/// A bar that is drawn into a text.
struct Bar {
    bar: ProgressBar,
    text: Text,
}

impl Bar {
    fn of(files: &[Arc<Reading>]) -> Self {
        let total = files.iter().map(|file| file.total()).sum::<Option<u64>>();
        let text = Text::default();
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(text.clone()), u8::MAX);
        let bar = ProgressBar::no_length();
        bar.set_draw_target(target);
        if let Some(total) = total {
            bar.set_length(total);
        }
        Self { bar, text }
    }

    /// Returns the line for a terminal of this width.
    fn line(&self, files: &[Arc<Reading>], at: usize, width: usize) -> String {
        let read: u64 =
            files.iter().map(|file| file.total().map_or(file.bytes(), |len| file.bytes().min(len))).sum();
        let mut template = match self.bar.length() {
            Some(_) => "{bytes} of {total_bytes} ({percent}%), {bytes_per_sec}, {eta} left".to_owned(),
            None => "{bytes}, {bytes_per_sec}".to_owned(),
        };
        if files.len() > 1 {
            template = format!("file {} of {}: {template}", at + 1, files.len());
        }
        if width >= WIDE && self.bar.length().is_some() {
            template = format!("[{{bar:16}}] {template}");
        }
        // A template that cannot be read would show nothing, which a test would see.
        if let Ok(style) = ProgressStyle::with_template(&template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self.bar.set_position(read);
        self.bar.tick();
        self.text.taken()
    }
}

/// A terminal that keeps the line which is drawn last.
#[derive(Clone, Debug, Default)]
struct Text(Arc<Mutex<String>>);

impl Text {
    fn change(&self, change: impl FnOnce(&mut String)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn taken(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).trim_end().to_owned()
    }
}

impl TermLike for Text {
    /// The area cuts the line.
    fn width(&self) -> u16 {
        512
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(line)
    }

    fn write_str(&self, part: &str) -> io::Result<()> {
        self.change(|text| text.push_str(part));
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.change(String::clear);
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the line about two files of 1 MiB, of which so many bytes were read, on a terminal of this width.
    fn line(read: [u64; 2], width: usize) -> String {
        let files = read.map(|read| Arc::new(Reading::new(read, Some(1 << 20))));
        Bar::of(&files).line(&files, 1, width)
    }

    #[test]
    fn a_line_says_how_much_is_read_of_all_files() {
        let wide = line([1 << 20, 1 << 19], 80);
        assert!(wide.starts_with("[============>   ] file 2 of 2: 1.50 MiB of 2.00 MiB (75%), "), "{wide}");
        assert!(wide.ends_with(" left"), "{wide}");
        assert!(line([0, 0], 60).starts_with("file 2 of 2: 0 B of 2.00 MiB (0%), "));
    }

    #[test]
    fn a_file_that_grows_is_read_to_its_end_at_most() {
        assert!(line([1 << 20, 5 << 20], 60).contains("2.00 MiB of 2.00 MiB (100%)"));
    }

    #[test]
    fn nothing_is_estimated_of_a_pipe() {
        let files = [Arc::new(Reading::new(2048, None))];
        let line = Bar::of(&files).line(&files, 0, 80);
        assert!(line.starts_with("2.00 KiB, ") && line.ends_with("/s"), "{line}");
    }
}
