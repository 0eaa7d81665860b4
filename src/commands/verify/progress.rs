//! The line on a terminal that shows that `verify` is working, and for how long still. It is written over itself, and
//! nothing of it is left in the end. Only a terminal gets it: a log or a script sees nothing.

use std::io::{self, IsTerminal, Stderr, Write};
use std::time::Duration;

use ovlsniff::escape::{counted, escape};
use ovlsniff::verify::session::Progress;

/// The width of a terminal that does not tell its own.
const WIDTH: usize = 80;

/// A line that is rewritten. It is cleared when it is dropped, so that an error's message has a line of its own.
pub(super) struct Line<W: Write> {
    /// The terminal; `None` if there is none.
    out: Option<W>,
    width: usize,
    /// The number of characters that are shown.
    shown: usize,
}

impl Line<Stderr> {
    /// Returns the line on standard error, which shows nothing unless that is a terminal.
    pub(super) fn on_stderr() -> Self {
        let err = io::stderr();
        let width = terminal_size::terminal_size_of(&err).map(|(width, _)| usize::from(width.0));
        Self { out: err.is_terminal().then_some(err), width: width.unwrap_or(WIDTH), shown: 0 }
    }
}

impl<W: Write> Line<W> {
    /// Shows a text in place of the last one. It is cut to the width of the terminal, where a line that wraps could not be
    /// written over.
    pub(super) fn show(&mut self, text: &str) {
        let text: String = text.chars().take(self.width.saturating_sub(1)).collect();
        let length = text.chars().count();
        let rest = self.shown.saturating_sub(length);
        self.write(&format!("\r{text}{:rest$}", ""));
        self.shown = length;
    }

    /// Removes the text.
    pub(super) fn clear(&mut self) {
        if self.shown > 0 {
            self.write(&format!("\r{:1$}\r", "", self.shown));
            self.shown = 0;
        }
    }

    /// Failures are ignored: a terminal that went away is no reason to stop.
    fn write(&mut self, text: &str) {
        if let Some(out) = &mut self.out {
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Returns the text on the watches of `all` networks, `judged` of which are over: `watching 3 networks, 1 judged: 7 s left,
/// 812 frames`.
pub(super) fn watching_all<'p>(
    all: usize,
    judged: usize,
    watches: impl Iterator<Item = &'p Progress>,
) -> String {
    let (left, count) = watches
        .fold((Duration::ZERO, 0), |(left, count), watch| (left.max(watch.left), count + watch.frames));
    let over = if judged > 0 { format!(", {judged} judged") } else { String::new() };
    let networks = if all == 1 { "network" } else { "networks" };
    format!("watching {all} {networks}{over}: {}", so_far(Progress { left, frames: count }))
}

/// Returns the text on a watch: `watching eth0: 7 s left, 812 frames`.
pub(super) fn watching(captured: &[String], progress: Progress) -> String {
    format!("watching {}: {}", escape(&captured.join(", ")), so_far(progress))
}

fn so_far(Progress { left, frames }: Progress) -> String {
    let left = left.as_millis().div_ceil(1000);
    format!("{left} s left, {}", counted(frames, "frame", "frames"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(out: &mut Vec<u8>, width: usize) -> Line<&mut Vec<u8>> {
        Line { out: Some(out), width, shown: 0 }
    }

    #[test]
    fn a_text_is_written_over_and_leaves_nothing() {
        let mut out = Vec::new();
        let mut on = line(&mut out, 80);
        on.show("watching");
        on.show("done");
        on.clear();
        on.clear();
        drop(on);
        assert_eq!(String::from_utf8(out).unwrap(), "\rwatching\rdone    \r    \r");
    }

    #[test]
    fn a_text_that_is_dropped_is_cleared() {
        let mut out = Vec::new();
        line(&mut out, 80).show("ab");
        assert_eq!(out, b"\rab\r  \r");
    }

    #[test]
    fn a_line_never_wraps() {
        let mut out = Vec::new();
        line(&mut out, 5).show("watching");
        assert_eq!(out, b"\rwatc\r    \r");
    }

    #[test]
    fn who_is_no_terminal_sees_nothing() {
        let mut nobody = Line::<Vec<u8>> { out: None, width: 80, shown: 0 };
        nobody.show("watching");
        nobody.clear();
    }

    #[test]
    fn seconds_are_rounded_up_and_names_escaped() {
        let said = |millis, frames| {
            let progress = Progress { left: Duration::from_millis(millis), frames };
            watching(&["eth0".to_owned(), "a\u{1b}b".to_owned()], progress)
        };
        assert_eq!(said(6100, 812), "watching eth0, a\\u{1b}b: 7 s left, 812 frames");
        assert_eq!(said(0, 1), "watching eth0, a\\u{1b}b: 0 s left, 1 frame");
    }

    #[test]
    fn of_several_watches_the_longest_counts_and_the_frames_are_added() {
        let watch = |seconds, frames| Progress { left: Duration::from_secs(seconds), frames };
        let watches = [watch(7, 800), watch(6, 12)];
        assert_eq!(watching_all(3, 1, watches.iter()), "watching 3 networks, 1 judged: 7 s left, 812 frames");
        assert_eq!(watching_all(1, 0, watches[..1].iter()), "watching 1 network: 7 s left, 800 frames");
    }
}
