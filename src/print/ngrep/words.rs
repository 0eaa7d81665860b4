//! The lines that ngrep writes before the first frame and behind the last one.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use crate::escape::escape;

/// The words of the lines before the first frame. Control characters of names and patterns are escaped.
#[derive(Clone, Copy, Debug)]
pub struct NgrepPreamble<'a> {
    /// The number of `-q`. From 2 on, only the names of files are told.
    pub quiet: u8,
    /// The place that frames come from.
    pub source: NgrepSource<'a>,
    /// The BPF filter that is installed.
    pub filter: Option<&'a str>,
    /// The pattern, if there is one.
    pub pattern: Option<NgrepPattern<'a>>,
    /// The file that packets are written to: `-O`.
    pub output: Option<&'a str>,
}

/// The place that frames come from.
#[derive(Clone, Copy, Debug)]
pub enum NgrepSource<'a> {
    /// A capture file, by its name as typed: `-I`.
    File(&'a str),
    /// An interface, and its IPv4 network and mask.
    Interface(&'a str, Option<(Ipv4Addr, Ipv4Addr)>),
}

/// A pattern as it was typed, and how it is meant.
#[derive(Clone, Copy, Debug, Default)]
pub struct NgrepPattern<'a> {
    /// The expression, or bytes in hex.
    pub text: &'a str,
    /// Packets that do not match are shown: `-v`.
    pub inverted: bool,
    /// Whole words are searched for: `-w`.
    pub word: bool,
    /// The text is bytes in hex: `-X`.
    pub hex: bool,
}

/// Writes the lines in front of the first frame.
///
/// ```
/// use ovlsniff::print::ngrep::{NgrepPattern, NgrepPreamble, NgrepSource, preamble};
///
/// let mut lines = Vec::new();
/// let pattern = NgrepPattern { text: "HTTP", ..NgrepPattern::default() };
/// let told = NgrepPreamble {
///     quiet: 0,
///     source: NgrepSource::File("a.pcap"),
///     filter: Some("(ip || ip6)"),
///     pattern: Some(pattern),
///     output: None,
/// };
/// preamble(&mut lines, &told).unwrap();
/// assert_eq!(lines, b"input: a.pcap\nfilter: (ip || ip6)\nmatch (JIT): HTTP\n");
/// ```
pub fn preamble(out: &mut impl Write, told: &NgrepPreamble<'_>) -> io::Result<()> {
    let quiet = told.quiet;
    match told.source {
        NgrepSource::File(name) => writeln!(out, "input: {}", escape(name))?,
        NgrepSource::Interface(..) if quiet > 1 => {}
        NgrepSource::Interface(name, network) => {
            write!(out, "interface: {}", escape(name))?;
            let known =
                |&(network, mask): &(Ipv4Addr, Ipv4Addr)| !network.is_unspecified() && !mask.is_unspecified();
            if let Some((network, mask)) = network.filter(known) {
                write!(out, " ({network}/{mask})")?;
            }
            writeln!(out)?;
        }
    }
    if let Some(filter) = told.filter.filter(|_| quiet < 2) {
        writeln!(out, "filter: {}", escape(filter))?;
    }
    if let Some(pattern) =
        told.pattern.filter(|pattern| quiet < 2 && (pattern.word || !pattern.text.is_empty()))
    {
        writeln!(out, "{}", pattern.line())?;
    }
    if let Some(output) = told.output {
        writeln!(out, "output: {}", escape(output))?;
    }
    Ok(())
}

/// Writes the lines behind the last frame. A live capture has `counts`: the frames that passed the filter, and the matches.
pub fn exit(out: &mut impl Write, quiet: u8, counts: Option<(u64, u64)>) -> io::Result<()> {
    if quiet > 0 {
        return Ok(());
    }
    writeln!(out, "exit")?;
    match counts {
        Some((received, matched)) => writeln!(out, "{received} received, {matched} matched"),
        None => Ok(()),
    }
}

impl NgrepPattern<'_> {
    /// Returns the line that tells what is searched for. Debian's ngrep names PCRE2's compiler in it.
    fn line(&self) -> String {
        let verb = if self.inverted { "don't match" } else { "match" };
        let text = escape(self.text);
        if self.hex {
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(&text);
            return format!("{verb}: 0x{digits}");
        }
        if self.word {
            return format!(r"{verb} (JIT): ((^{text}\W)|(\W{text}$)|(\W{text}\W))");
        }
        format!("{verb} (JIT): {text}")
    }
}
