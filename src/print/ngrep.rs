//! The standard output of ngrep 1.47, to the byte, for packets as [`crate::packet::Decoder::outermost_into`] gives them.
//!
//! ```text
//! ##
//! T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] #2
//!   GET /foo HTTP/1.1..Host: example.org....
//! #exit
//! ```
//!
//! There is a `#` for each frame that has passed the filter, also in front of a packet that is shown, and the number of a
//! packet counts these frames. [`Ngrep`] counts them itself. What stands before the first frame and behind the last one is
//! in [`preamble`] and [`exit`].
//!
//! The faults of ngrep are mended here: a first fragment is marked as one, only a packet that matched is coloured, relative
//! time starts at zero and may go back, and any width is a width.

mod hit;
mod words;

pub use words::{NgrepPattern, NgrepPreamble, NgrepSource, exit, preamble};

use std::io::{self, Write};
use std::net::{IpAddr, Ipv6Addr};

use super::clock::Clock;
use super::header::wrappings;
use super::ink::Replacement;
use super::numbers::{self, decimal, ipv4_and_port};
use super::payload::{Layout, Shape};
use super::{Outcome, Shown, Times};
use crate::host::docker::names::Ends;
use crate::packet::protocol::{ICMP, ICMPV6, IGMP, TCP, UDP};
use crate::packet::{Ip, Timestamp, Transport};
use hit::Hit;

/// The number of bytes in a row of a hexdump.
const HEX_ROW: usize = 16;

/// The options of ngrep that concern packets.
#[derive(Clone, Debug)]
pub struct NgrepOptions {
    /// The layout of the payload: `-W`, or `-x`.
    pub shape: Shape,
    /// The columns of a line, for [`Shape::Normal`]: those of the terminal, or 80.
    pub columns: usize,
    /// The character for unprintable bytes: `-P`.
    pub replacement: Replacement,
    /// The most bytes of a payload that are printed: `-S`.
    pub limit: Option<usize>,
    /// Colour the first hit: `-C`.
    pub color: bool,
    /// The time stamps in the headers: `-t` and `-T`. They have microseconds, whatever the capture has.
    pub times: Times,
    /// Write the number of the IP protocol behind the letter: `-N`.
    pub protocol: bool,
    /// Print UTF-8 as it is, except for characters that are not fit for terminals: `-u`.
    pub utf8: bool,
    /// Name the tunnels around a packet behind its header.
    pub tunnels: bool,
    /// The number of `-q`. There are no marks from 1 on, and no payloads from 3 on.
    pub quiet: u8,
}

impl Default for NgrepOptions {
    fn default() -> Self {
        Self {
            shape: Shape::default(),
            columns: 80,
            replacement: Replacement::default(),
            limit: None,
            color: false,
            times: Times::default(),
            protocol: false,
            utf8: false,
            tunnels: false,
            quiet: 0,
        }
    }
}

/// Writes packets as ngrep does.
#[derive(Debug)]
pub struct Ngrep<W: Write> {
    writer: W,
    layout: Layout,
    /// The number of bytes in a row, if the last row is filled with blanks.
    row: Option<usize>,
    hit: Option<Hit>,
    clock: Clock,
    limit: usize,
    protocol: bool,
    tunnels: bool,
    single: bool,
    marks: bool,
    payloads: bool,
    /// The number of frames so far.
    frames: u64,
    block: Vec<u8>,
    /// The numbers that are left out, in a piece of a capture: the place of each and its value within the piece.
    numbers: Option<Vec<(usize, u64)>>,
    /// The number of bytes that were written.
    written: usize,
}

impl<W: Write> Ngrep<W> {
    /// Makes a printer that writes to `writer`, which should have a buffer: a mark is a single byte.
    pub fn new(writer: W, options: &NgrepOptions) -> Self {
        let NgrepOptions { shape, columns, replacement, limit, color, times, protocol, utf8, tunnels, quiet } =
            *options;
        let layout = Layout::new(shape, columns, replacement, utf8, false);
        let row = match shape {
            // Nobody counts the columns of UTF-8 to fill its last row.
            Shape::Normal if utf8 => None,
            Shape::Normal => Some(layout.row()),
            Shape::Hex => Some(HEX_ROW),
            Shape::ByLine | Shape::Single | Shape::None => None,
        };
        Self {
            writer,
            hit: color.then(|| Hit::new(shape, layout.row(), replacement)),
            layout,
            row,
            clock: Clock::new(times),
            limit: limit.unwrap_or(usize::MAX),
            protocol,
            tunnels,
            single: shape == Shape::Single,
            marks: quiet < 1,
            payloads: quiet < 3,
            frames: 0,
            block: Vec::new(),
            numbers: None,
            written: 0,
        }
    }

    /// Writes a mark, the header line and the payload. A packet without IP gets its mark only, since ngrep never shows one.
    pub fn packet(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        let Some(ip) = shown.packet.headers.ip else { return self.mark() };
        self.frames += 1;
        self.block.clear();
        self.block.extend_from_slice(if self.marks { b"#\n" } else { b"\n" });
        let payload = shown.packet.payload;
        let payload = payload.get(..self.limit).unwrap_or(payload);
        self.header(shown, ip, payload.len());
        if self.single {
            self.block.push(b' ');
        } else {
            self.block.extend_from_slice(b" #");
            match &mut self.numbers {
                Some(numbers) => numbers.push((self.written + self.block.len(), self.frames)),
                None => decimal(&mut self.block, self.frames),
            }
            self.block.push(b'\n');
        }
        if self.payloads && !payload.is_empty() {
            self.payload(shown, payload);
        }
        self.write_block()
    }

    fn header(&mut self, shown: &Shown<'_>, ip: Ip, len: usize) {
        let out = &mut self.block;
        out.push(letter(ip.protocol));
        if self.protocol {
            out.push(b'(');
            decimal(out, ip.protocol.into());
            out.push(b')');
        }
        out.push(b' ');
        self.clock.stamp(out, microseconds(shown.frame.time));
        ends(out, ip, shown.packet.headers.transport, shown.ends(0).unwrap_or_default());
        match shown.packet.headers.transport {
            Transport::Tcp { flags, .. } if flags.0 != 0 => {
                out.extend_from_slice(b" [");
                out.extend_from_slice(&flags.letters());
                out.push(b']');
            }
            Transport::Icmp(message) | Transport::Icmpv6(message) | Transport::Igmp(message) => {
                out.push(b' ');
                decimal(out, message.kind.into());
                out.push(b':');
                decimal(out, message.code.into());
            }
            Transport::Tcp { .. } | Transport::Udp(_) | Transport::Sctp(_) | Transport::None => {}
        }
        if let Some(fragment) = ip.fragment {
            out.extend_from_slice(if fragment.offset > 0 { b" +" } else { b" " });
            decimal(out, fragment.id.into());
            out.push(b'@');
            decimal(out, fragment.offset.into());
            out.push(b':');
            decimal(out, len as u64);
        }
        if self.tunnels {
            wrappings(out, shown);
        }
    }

    fn payload(&mut self, shown: &Shown<'_>, payload: &[u8]) {
        let first =
            shown.spans.first().filter(|span| shown.outcome == Outcome::Match && span.start < payload.len());
        if let (Some(hit), Some(span)) = (&self.hit, first) {
            return hit.write(&mut self.block, payload, span.start..span.end.min(payload.len()));
        }
        self.layout.write(&mut self.block, payload, &[]);
        if let Some(row) = self.row {
            let missing = (row - payload.len() % row) % row;
            self.block.pop();
            self.block.resize(self.block.len() + missing, b' ');
            self.block.push(b'\n');
        }
    }

    /// Writes the mark of a frame that is not shown.
    pub fn mark(&mut self) -> io::Result<()> {
        self.frames += 1;
        self.written += usize::from(self.marks);
        if self.marks { self.writer.write_all(b"#") } else { Ok(()) }
    }

    /// Writes the marks of so many frames that are not shown.
    pub fn marks(&mut self, frames: usize) -> io::Result<()> {
        self.frames += frames as u64;
        if !self.marks || frames == 0 {
            return Ok(());
        }
        self.block.clear();
        self.block.resize(frames, b'#');
        self.write_block()
    }

    /// Returns the number of frames that were written so far, with a mark or as a packet.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Writes a text of the same options behind this one. The frames of a piece ([`Self::piece`]) are counted on from here.
    /// Times that depend on an earlier packet stay as they are.
    pub(super) fn append(&mut self, text: &Ngrep<Vec<u8>>) -> io::Result<()> {
        let mut done = 0;
        for &(place, number) in text.numbers.iter().flatten() {
            self.append_bytes(&text.writer[done..place])?;
            done = place;
            let number = self.frames + number;
            if let Some(numbers) = &mut self.numbers {
                numbers.push((self.written, number));
                continue;
            }
            self.block.clear();
            decimal(&mut self.block, number);
            self.write_block()?;
        }
        self.frames += text.frames;
        self.append_bytes(&text.writer[done..])
    }

    fn append_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len();
        self.writer.write_all(bytes)
    }

    #[inline]
    fn write_block(&mut self) -> io::Result<()> {
        self.written += self.block.len();
        self.writer.write_all(&self.block)
    }

    /// Returns the writer.
    pub fn writer(&mut self) -> &mut W {
        &mut self.writer
    }
}

impl Ngrep<Vec<u8>> {
    /// Makes a printer for a piece of a capture. The number of frames before it is not known, so the numbers of its packets
    /// are left out until it is appended ([`super::Printer::append`]).
    pub fn piece(options: &NgrepOptions) -> Self {
        Self { numbers: Some(Vec::new()), ..Self::new(Vec::new(), options) }
    }

    /// Forgets everything that was written, and the frames that were counted.
    pub(super) fn clear(&mut self) {
        self.writer.clear();
        self.numbers.iter_mut().for_each(Vec::clear);
        (self.frames, self.written) = (0, 0);
    }
}

/// Returns the letter for an IP protocol.
fn letter(protocol: u8) -> u8 {
    match protocol {
        TCP => b'T',
        UDP => b'U',
        ICMP | ICMPV6 => b'I',
        IGMP => b'G',
        _ => b'?',
    }
}

/// Returns the time as ngrep knows it.
fn microseconds(time: Timestamp) -> Timestamp {
    Timestamp { nanos: time.nanos - time.nanos.rem_euclid(1000), digits: 6, ..time }
}

/// Writes the two addresses, with ports unless both are zero. An IPv6 address with a port has no brackets. An address with a
/// name is in brackets behind it.
fn ends(out: &mut Vec<u8>, ip: Ip, transport: Transport, names: Ends<'_>) {
    let ports = transport.ports().filter(|ports| ports.source != 0 || ports.destination != 0);
    end(out, ip.source, ports.map(|ports| ports.source), names.source);
    out.extend_from_slice(b" -> ");
    end(out, ip.destination, ports.map(|ports| ports.destination), names.destination);
}

fn end(out: &mut Vec<u8>, address: IpAddr, port: Option<u16>, name: Option<&str>) {
    if let Some(name) = name {
        out.extend_from_slice(name.as_bytes());
        out.push(b'(');
        end(out, address, None, None);
        out.push(b')');
    }
    match (address, port) {
        _ if name.is_some() => {}
        (IpAddr::V4(v4), Some(port)) => return ipv4_and_port(out, v4, port),
        (IpAddr::V6(v6), _) if is_compatible(v6) => {
            out.extend_from_slice(b"::");
            let [.., a, b, c, d] = v6.octets();
            numbers::address(out, IpAddr::from([a, b, c, d]));
        }
        _ => numbers::address(out, address),
    }
    if let Some(port) = port {
        out.push(b':');
        decimal(out, port.into());
    }
}

/// Returns true for an IPv4-compatible address, whose last half the C library writes with dots.
fn is_compatible(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0, 0, 0, 0, 0, 0, high, _] if high != 0)
}

#[cfg(test)]
mod tests;
