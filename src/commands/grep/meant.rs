//! A search as it is meant, in whichever grammar it was typed.
//!
//! There are two grammars: grep mode's own ([`crate::cli::Grep`]), and ngrep's ([`crate::cli::Ngrep`]). Their words differ, and so do their letters: `-i` names an
//! interface in the one and ignores case in the other. Each is turned into a [`Meant`] once, and everything behind
//! that is the same for both.

mod ngrep;
mod streams;
mod text;

pub(super) use ngrep::Told;
pub(super) use streams::InStreams;

use std::path::PathBuf;

use anyhow::anyhow;
use ovlsniff::capture::bpf::Expression;
use ovlsniff::packet::{Direction, LinkType, TunnelPorts};
use ovlsniff::pattern::{Expressions, Pattern};
use ovlsniff::print::NgrepOptions;
use ovlsniff::print::{JsonOptions, TextOptions};
use ovlsniff::search::{Filters, SearchOptions, View};

use streams::Streams;

use super::words::{self, Grammar, Words};
use crate::cli::{FrameDirection, Grep};

/// A search: its source, its pattern, and the form of its output.
pub(super) struct Meant {
    pub(super) pattern: Pattern,
    /// The filter on the outer headers, in libpcap's language.
    pub(super) filter: Option<Expression>,
    /// The filter on the innermost frame, as it was typed.
    pub(super) inner: Option<String>,
    pub(super) options: SearchOptions,
    /// The search in streams, if TCP is searched in them.
    pub(super) streams: Option<InStreams>,
    /// Sentences for standard error: what was guessed, and what does nothing.
    pub(super) notes: Vec<String>,
    /// The capture files to search. If there are none, live traffic is searched.
    pub(super) read: Vec<PathBuf>,
    pub(super) capture: Capture,
    pub(super) ports: Ports,
    /// The files with keys to open ESP with.
    pub(super) sa: Vec<PathBuf>,
    /// Open ESP with the keys of this host's kernel.
    pub(super) decrypt: bool,
    /// The number of threads that search a file; `None` leaves it to the file.
    pub(super) threads: Option<usize>,
    /// The user to become in place of root; `None` to stay root.
    pub(super) user: Option<String>,
    pub(super) style: Style,
    /// Show names beside addresses.
    pub(super) resolve: bool,
    /// The file to write frames to.
    pub(super) write: Option<PathBuf>,
    /// Write the innermost frames, not the captured ones.
    pub(super) decap: bool,
    /// Flush the output after every packet.
    pub(super) line_buffered: bool,
    /// Say nothing of packets that do not match: no marks, no banner and no statistics.
    pub(super) quiet: bool,
    /// Show the packets of files at the pace at which they were captured.
    pub(super) at_pace: bool,
    /// The lines that ngrep tells beside packets, on standard output. `None` for grep mode, which tells them on standard error.
    pub(super) ngrep: Option<Told>,
}

/// The capture of live traffic.
#[derive(Default)]
pub(super) struct Capture {
    /// The interfaces: names, `any`, or `auto`. None is `auto`.
    pub(super) interfaces: Vec<String>,
    /// The network namespace; `None` for that of this process.
    pub(super) netns: Option<String>,
    /// The direction of the frames; `None` for both.
    pub(super) direction: Option<Direction>,
    pub(super) promiscuous: bool,
    /// The bytes to keep of a frame; `None` or 0 for whole frames.
    pub(super) snaplen: Option<u32>,
    /// The size of the ring, in bytes.
    pub(super) buffer: Option<u32>,
}

/// The UDP ports of tunnels.
#[derive(Default)]
pub(super) struct Ports {
    /// The usual ones, and those that were typed.
    pub(super) all: TunnelPorts,
    /// Those that were typed.
    pub(super) typed: Vec<u16>,
}

/// The form of what is printed.
#[derive(Clone)]
pub(super) enum Style {
    Text(TextOptions),
    Json(JsonOptions),
    Ngrep(NgrepOptions),
}

impl Meant {
    /// Takes grep mode's own grammar.
    ///
    /// # Errors
    /// The words make no filter, the pattern is none, or `--inner` is none.
    pub(super) fn of_grep(args: Grep) -> anyhow::Result<Self> {
        let (ports, style) = (Ports::of(&args), Style::of(&args));
        let streams = Streams::of(&args)?;
        let Words { patterns, filter, note } =
            Words::new(Grammar::Grep, args.expressions, args.first, args.rest)?;
        let basic = patterns.iter().filter(|_| !args.hex).find_map(|pattern| words::basic_sign(pattern));
        let is_any = patterns.iter().all(String::is_empty);
        let inverted = (args.invert_match && !args.all && is_any)
            .then_some("-v shows nothing without a pattern, since every payload matches");
        let expressions =
            Expressions { patterns, ignore_case: args.ignore_case, word: args.word_regexp, hex: args.hex };
        let pattern = Pattern::new(&expressions)?;
        let streams = streams.map(|streams| streams.compile(&expressions, &pattern)).transpose()?;
        let inner = args.inner.as_deref();
        let filters = inner.map(|expression| Filters::new(expression, &[LinkType::ETHERNET, LinkType::RAW]));
        let options = SearchOptions {
            invert: args.invert_match,
            vnis: args.vni,
            inner: filters.transpose().map_err(|error| anyhow!("--inner: {error}"))?,
            depth: args.depth,
            // In streams they are lines.
            before: if args.stream { 0 } else { args.before },
            after: if args.stream { 0 } else { args.after },
            limit: args.count.filter(|&count| count > 0),
            all: args.all,
            empty: false,
            view: View::Innermost,
            matches_only: args.quiet > 0,
        };
        Ok(Self {
            pattern,
            filter: filter.map(Expression::from),
            inner: args.inner,
            options,
            streams,
            notes: note.into_iter().chain(basic.into_iter().chain(inverted).map(str::to_owned)).collect(),
            read: args.read,
            capture: Capture {
                interfaces: args.interface,
                netns: args.netns,
                direction: args.direction.map(|way| match way {
                    FrameDirection::In => Direction::In,
                    FrameDirection::Out => Direction::Out,
                }),
                promiscuous: !args.no_promiscuous,
                snaplen: args.snaplen,
                buffer: args.buffer,
            },
            ports,
            sa: args.sa,
            decrypt: args.decrypt,
            threads: args.threads,
            user: (!args.no_drop).then(|| args.user.unwrap_or_else(|| "nobody".to_owned())),
            style,
            resolve: args.resolve,
            write: args.write,
            decap: args.decap,
            line_buffered: args.line_buffered,
            quiet: args.quiet > 0,
            at_pace: false,
            ngrep: None,
        })
    }
}

impl Ports {
    fn of(args: &Grep) -> Self {
        let mut all = TunnelPorts::default();
        args.vxlan_port.iter().for_each(|port| all.add_vxlan(port.value()));
        args.geneve_port.iter().for_each(|port| all.add_geneve(port.value()));
        args.fou_port.iter().for_each(|port| all.add_fou(port.value()));
        let typed = args.vxlan_port.iter().chain(&args.geneve_port).chain(&args.fou_port);
        Self { all, typed: typed.map(|port| port.value()).collect() }
    }
}

impl Style {
    fn of(args: &Grep) -> Self {
        if args.json {
            Self::Json(JsonOptions { limit: args.depth })
        } else {
            Self::Text(text::options(args))
        }
    }
}
