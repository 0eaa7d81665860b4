//! Filters in libpcap's language, compiled by libpcap and run here.
//!
//! libpcap's own `bpf_filter` reads the kernel's way of handing over packets, and the crate around it cannot say that
//! a frame was longer on the wire than in the capture. So the program it compiles is checked once and run by an
//! interpreter of our own: `len` and `greater` see the wire length, loads end at the captured bytes.

mod program;
mod words;

pub use words::is_filter;

use crate::escape::escape;
use crate::packet::LinkType;
use program::Program;

/// A compiled filter for one link type.
#[derive(Clone, Debug)]
pub struct Filter {
    program: Program,
    /// Bytes in front of what the program was compiled for.
    skip: usize,
}

/// The address family of BSD loopback frames. libpcap's program for them compares it with the numbers and in the byte
/// order of this host, which a capture file from another system does not have; so the program is one for the IP
/// packet behind it.
const LOOPBACK_HEADER: usize = 4;

/// Why an expression is no filter.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libpcap does not take it.
    #[error("filter '{expression}': {words}")]
    Invalid {
        /// The expression, fit for a terminal.
        expression: String,
        /// libpcap's words.
        words: String,
    },
    /// No frame of this link type can match.
    #[error("filter '{expression}' can match no frame of link type {link}")]
    RejectsAll {
        /// The expression, fit for a terminal.
        expression: String,
        /// The link type.
        link: LinkType,
    },
    /// libpcap's program is not one that can be run here.
    #[error("filter '{expression}' compiles to a program that cannot be run on frames of link type {link}")]
    Program {
        /// The expression, fit for a terminal.
        expression: String,
        /// The link type.
        link: LinkType,
    },
}

impl Filter {
    /// Compiles `expression` (pcap-filter(7)) for frames of this link type; the empty one matches every frame.
    ///
    /// Names of hosts in it are looked up, as tcpdump does.
    pub fn compile(expression: &str, link: LinkType) -> Result<Self, Error> {
        let shown = || escape(expression).into_owned();
        let invalid = |words: String| Error::Invalid { expression: shown(), words };
        let (skip, behind) = match link {
            LinkType::NULL | LinkType::LOOP => (LOOPBACK_HEADER, LinkType::RAW),
            _ => (0, link),
        };
        let dead = pcap::Capture::dead(pcap::Linktype(dlt(behind))).map_err(|e| invalid(words_of(e)))?;
        let compiled = dead.compile(expression, true).map_err(|e| match words_of(e) {
            words if words.contains("rejects all packets") => Error::RejectsAll { expression: shown(), link },
            words => invalid(words),
        })?;
        // The crate shows an instruction's fields only in its text: "code jt jf k".
        let listing = compiled.get_instructions().iter().map(ToString::to_string);
        let program = Program::parse(listing).ok_or_else(|| Error::Program { expression: shown(), link })?;
        Ok(Self { program, skip })
    }

    /// Whether a frame with these captured bytes, and this length on the wire, passes.
    #[inline]
    pub fn matches(&self, bytes: &[u8], wire_len: u32) -> bool {
        self.program.run(bytes.get(self.skip..).unwrap_or(&[]), wire_len) != 0
    }
}

/// libpcap's number on this system for a link type of the file formats: they differ for a few old ones.
fn dlt(link: LinkType) -> i32 {
    match link.0 {
        100 => 11,
        101 => 12,
        102 => 15,
        103 => 16,
        same => i32::from(same),
    }
}

fn words_of(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(words) => escape(&words).into_owned(),
        pcap::Error::InvalidInputString => "it contains a NUL character".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
