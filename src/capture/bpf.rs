//! Filter expressions in libpcap's language, compiled by libpcap and run here.
//!
//! libpcap could run its programs too, but the pcap crate's call for that takes only the captured bytes: a frame that
//! was longer on the wire would be tested with the wrong length. So the compiled program is checked once and run by
//! our own interpreter. `len` and `greater` see the length on the wire, and loads end at the captured bytes.

mod display;
mod expression;
mod fault;
mod meant;
mod place;
mod program;
mod words;

pub use expression::Expression;
pub(crate) use fault::{direction, explain};
pub use fault::{shown, syntax_error};
pub use words::{has_keyword, is_filter};

use crate::escape::escape;
use crate::packet::LinkType;
use program::{Program, Ways};

/// A compiled filter for one link type.
#[derive(Clone, Debug)]
pub struct Filter {
    program: Program,
    ways: Ways,
    /// The bytes in front of the packet that the program was compiled for.
    skip: usize,
}

/// The length of the address family in front of BSD loopback frames. libpcap's program for such frames compares the
/// family with this host's number and byte order, which are wrong for a file from another system. So the program is
/// compiled for the IP packet behind the family.
const LOOPBACK_HEADER: usize = 4;

/// The fault of every expression if there is no libpcap.
const ABSENT: &str = "libpcap cannot be loaded; install it (its package is libpcap0.8, or libpcap)";

/// The error of an expression that cannot be used as a filter.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libpcap refuses the expression.
    #[error("filter '{expression}': {words}")]
    Invalid {
        /// The expression, fit for a terminal.
        expression: String,
        /// The fault, with its place if it is one of the grammar.
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
    /// No IP packet passes, and no other frames are asked about: see [`Expression::of_ip`].
    #[error(
        "filter '{expression}' passes no IP packet, and ngrep knows no others; grep mode does: leave out the word ngrep"
    )]
    NoIp {
        /// The expression, fit for a terminal.
        expression: String,
    },
    /// The compiled program fails the interpreter's check.
    #[error("filter '{expression}' compiles to a program that cannot be run on frames of link type {link}")]
    Program {
        /// The expression, fit for a terminal.
        expression: String,
        /// The link type.
        link: LinkType,
    },
}

impl Filter {
    /// Compiles an expression for frames of this link type, as [`Self::compile`] does.
    pub(crate) fn of(expression: &Expression, link: LinkType) -> Result<Self, Error> {
        let on = expression.on(link);
        Self::compile(&on, link).map_err(|error| match error {
            Error::RejectsAll { .. } if on != expression.text() => {
                Error::NoIp { expression: fault::shown(expression.text()) }
            }
            // The fault is told in the words that were typed.
            error if on != expression.text() => Self::compile(expression.text(), link).err().unwrap_or(error),
            error => error,
        })
    }

    /// Compiles `expression` (pcap-filter(7)) for frames of this link type. The empty expression matches every frame.
    ///
    /// Host names in the expression are looked up, as tcpdump does.
    pub fn compile(expression: &str, link: LinkType) -> Result<Self, Error> {
        let shown = || fault::shown(expression);
        let invalid =
            |words: String| Error::Invalid { expression: shown(), words: explain(expression, link, &words) };
        let (skip, behind) = match link {
            LinkType::NULL | LinkType::LOOP => (LOOPBACK_HEADER, LinkType::RAW),
            _ => (0, link),
        };
        let dead = pcap::Capture::dead(pcap::Linktype(dlt(behind))).map_err(|e| invalid(words_of(e)))?;
        let compiled = dead.compile(expression, true).map_err(|e| match words_of(e) {
            words if words.contains("rejects all packets") => Error::RejectsAll { expression: shown(), link },
            words if words.ends_with("filtering not implemented") => invalid(format!(
                "libpcap cannot tell one protocol from another in frames of link type {link}: ask for what their IP packets show (host, net, port, tcp)"
            )),
            words => invalid(words),
        })?;
        // The crate shows the fields of an instruction only as text: "code jt jf k".
        let listing = compiled.get_instructions().iter().map(ToString::to_string);
        let program = Program::parse(listing).ok_or_else(|| Error::Program { expression: shown(), link })?;
        if program.asks_the_kernel() {
            return Err(invalid("'inbound' and 'outbound' are supported for cooked frames only".to_owned()));
        }
        Ok(Self { program, ways: Ways::default(), skip })
    }

    /// Returns true if a frame with these captured bytes and this length on the wire passes the filter.
    #[inline]
    pub fn matches(&mut self, bytes: &[u8], wire_len: u32) -> bool {
        self.ways.run(&self.program, bytes.get(self.skip..).unwrap_or(&[]), wire_len) != 0
    }
}

/// Translates a link type of the file formats to libpcap's number on this system. The two differ for a few old types.
fn dlt(link: LinkType) -> i32 {
    match link.0 {
        100 => 11,
        101 => 12,
        102 => 15,
        103 => 16,
        106 => 19,
        same => i32::from(same),
    }
}

/// Returns libpcap's words for a link type, such as `802.11 plus radiotap header`; `None` if it knows none.
pub fn link_description(link: LinkType) -> Option<String> {
    pcap::Linktype(dlt(link)).get_description().ok()
}

fn words_of(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(words) => escape(&words).into_owned(),
        // Only a handle that is not there ends in this error.
        pcap::Error::InsufficientMemory => ABSENT.to_owned(),
        pcap::Error::InvalidInputString => "it contains a NUL character".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
