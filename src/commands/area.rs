//! The lines at the bottom of a terminal that are written over themselves: progress, and what a watch has seen so far.
//!
//! Standard error has one such area ([`show`]). Whatever else goes to the terminal removes it first: [`tell`] does, and
//! [`Beside`] for standard output, where that is a terminal too. Nothing of the area is left in the end. Who is no terminal, and a
//! terminal that cannot go back in its lines (`TERM=dumb`), never sees any of it.

use std::io::{self, IsTerminal, Stderr, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The size of a terminal that does not tell its own, in columns and rows.
const SIZE: (usize, usize) = (80, 24);

static STDERR: Mutex<State> = Mutex::new(State { painter: Painter { shown: 0 }, is_held: false });

/// The area of standard error.
struct State {
    painter: Painter,
    /// True while standard output, on the same terminal, is amid a line.
    is_held: bool,
}

/// Returns true if the output is a terminal on which lines can be written over.
pub(super) fn can_show(out: &impl IsTerminal) -> bool {
    out.is_terminal() && std::env::var_os("TERM").is_some_and(|name| !name.is_empty() && name != "dumb")
}

/// Shows lines on standard error in place of those before, as far as there is room. Call it only if [`can_show`].
pub(super) fn show(lines: &[String]) {
    let mut state = state();
    if !state.is_held {
        let err = io::stderr();
        let size = size(&err);
        state.painter.show(&mut { err }, lines, size);
    }
}

/// Removes the lines from standard error.
pub(super) fn clear() {
    state().painter.clear(&mut io::stderr());
}

/// Writes a text to standard error, in place of the lines. A failure is ignored.
pub(super) fn tell(text: &str) {
    let mut state = state();
    let mut err: Stderr = io::stderr();
    state.painter.clear(&mut err);
    let _ = err.write_all(text.as_bytes());
}

fn state() -> MutexGuard<'static, State> {
    STDERR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the columns and rows of a terminal.
pub(super) fn size(out: &impl std::os::fd::AsFd) -> (usize, usize) {
    let told = terminal_size::terminal_size_of(out);
    told.map_or(SIZE, |(width, height)| (usize::from(width.0), usize::from(height.0)))
}

/// Standard output on a terminal that shows the lines of standard error as well.
pub(super) struct Beside<W>(pub(super) W);

impl<W: Write> Write for Beside<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = state();
        state.painter.clear(&mut io::stderr());
        let written = self.0.write(bytes)?;
        state.is_held =
            bytes.get(..written).and_then(<[u8]>::last).map_or(state.is_held, |last| *last != b'\n');
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Lines that are written over themselves. The cursor stays at the end of the last one.
#[derive(Debug, Default)]
pub(super) struct Painter {
    /// The number of lines that are shown.
    shown: usize,
}

impl Painter {
    /// Shows lines in place of those before. They are cut to the size of the terminal: what wraps or scrolls could not be
    /// written over. Failures are ignored: a terminal that went away is no reason to stop.
    pub(super) fn show(&mut self, out: &mut impl Write, lines: &[String], (width, height): (usize, usize)) {
        let mut text = self.back();
        let room = height.saturating_sub(1).max(1);
        let more = (lines.len() > room).then(|| format!("… and {} more", lines.len() - room + 1));
        let kept = lines.len().min(room) - usize::from(more.is_some());
        let shown = lines.iter().take(kept).chain(&more);
        for (at, line) in shown.enumerate() {
            if at > 0 {
                text.push('\n');
            }
            text.push_str(cut(line, width.saturating_sub(1)));
            text.push_str("\x1b[K");
        }
        text.push_str("\x1b[J");
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        self.shown = lines.len().min(room);
    }

    /// Removes the lines.
    pub(super) fn clear(&mut self, out: &mut impl Write) {
        if self.shown > 0 {
            let text = self.back() + "\x1b[J";
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            self.shown = 0;
        }
    }

    /// Leaves the lines where they are, with the cursor below them.
    pub(super) fn leave(&mut self, out: &mut impl Write) {
        if std::mem::take(&mut self.shown) > 0 {
            let _ = out.write_all(b"\n").and_then(|()| out.flush());
        }
    }

    /// Returns what brings the cursor to the beginning of the first line.
    fn back(&self) -> String {
        match self.shown.saturating_sub(1) {
            0 => "\r".to_owned(),
            up => format!("\r\x1b[{up}A"),
        }
    }
}

/// Returns as much of a line as surely fits into so many columns. Characters beyond ASCII may take two.
fn cut(line: &str, width: usize) -> &str {
    let mut room = width;
    let end = line.char_indices().find(|(_, c)| match room.checked_sub(if c.is_ascii() { 1 } else { 2 }) {
        Some(rest) => {
            room = rest;
            false
        }
        None => true,
    });
    end.map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (1..=count).map(|n| format!("line {n}")).collect()
    }

    #[test]
    fn lines_are_written_over_and_leave_nothing() {
        let (mut out, mut painter) = (Vec::new(), Painter::default());
        painter.show(&mut out, &lines(2), (80, 24));
        painter.show(&mut out, &lines(1), (80, 24));
        painter.clear(&mut out);
        painter.clear(&mut out);
        let expected = "\rline 1\x1b[K\nline 2\x1b[K\x1b[J\r\x1b[1Aline 1\x1b[K\x1b[J\r\x1b[J";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn no_line_wraps_and_none_scrolls() {
        let (mut out, mut painter) = (Vec::new(), Painter::default());
        painter.show(&mut out, &lines(9), (5, 4));
        assert_eq!(String::from_utf8(out).unwrap(), "\rline\x1b[K\nline\x1b[K\n… a\x1b[K\x1b[J");
        assert_eq!(painter.shown, 3);
        assert_eq!((cut("äöü", 5), cut("abc", 3), cut("abc", 0)), ("äö", "abc", ""));
    }

    #[test]
    fn lines_that_are_left_stay_above_the_cursor() {
        let (mut out, mut painter) = (Vec::new(), Painter::default());
        painter.leave(&mut out);
        painter.show(&mut out, &lines(1), (80, 24));
        painter.leave(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\rline 1\x1b[K\x1b[J\n");
    }
}
