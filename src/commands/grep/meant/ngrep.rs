//! ngrep's grammar, turned into what is meant.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use ovlsniff::capture::bpf::{Expression, syntax_error};
use ovlsniff::capture::savefile::shown;
use ovlsniff::escape::{quoted, reason};
use ovlsniff::pattern::{Dot, Expressions, Pattern};
use ovlsniff::print::NgrepOptions;
use ovlsniff::print::{Replacement, Shape, Times};
use ovlsniff::search::{SearchOptions, View};

use super::{Capture, Meant, Ports, Style, text};
use crate::cli::{self, Ngrep};
use crate::commands::grep::words::{Grammar, Words};

/// The most bytes of a file with a filter. libpcap's own limit is lower for most expressions.
const LONGEST_FILTER: u64 = 64 << 10;

/// The words of the lines that ngrep tells before the first frame and behind the last.
#[derive(Clone, Debug)]
pub(in crate::commands::grep) struct Told {
    /// The number of `-q`.
    pub(in crate::commands::grep) quiet: u8,
    /// The filter as it was typed, with a blank behind each of its words.
    pub(in crate::commands::grep) filter: Option<String>,
    pub(in crate::commands::grep) pattern: String,
    pub(in crate::commands::grep) word: bool,
    pub(in crate::commands::grep) hex: bool,
    /// A device whose name begins with `any` was named, also beside a file.
    pub(in crate::commands::grep) any_device: bool,
}

impl Meant {
    /// Takes ngrep's grammar.
    ///
    /// # Errors
    /// An option that is refused, options that exclude each other, or words that make no pattern or no filter.
    pub(in crate::commands::grep) fn of_ngrep(args: Ngrep) -> anyhow::Result<Self> {
        refuse(&args)?;
        let style = Style::Ngrep(options(&args));
        let given = args.filter_file.as_deref().map(read_filter).transpose()?;
        if let Some((path, word)) = args.filter_file.as_ref().zip(args.rest.first()) {
            bail!(
                "-F {} and the words from {} on are two filters; leave out one of them",
                shown(path),
                quoted(word)
            );
        }
        let Words { patterns, filter, note } = Words::new(Grammar::Ngrep, Vec::new(), args.first, args.rest)?;
        let filter = Expression::of_ip(&filter.or(given).unwrap_or_default());
        let long = (!filter.asks_tagged())
            .then(|| "the filter is long, so frames with VLAN tags do not pass it, as in ngrep".to_owned());
        let pattern = patterns.into_iter().next().unwrap_or_default();
        let told = Told {
            quiet: args.quiet,
            filter: Some(filter.text().trim()).filter(|text| !text.is_empty()).map(|text| format!("{text} ")),
            pattern: pattern.clone(),
            word: args.word,
            hex: args.hex,
            any_device: args.device.as_deref().is_some_and(begins_with_any),
        };
        let expressions = Expressions {
            patterns: Some(pattern).filter(|pattern| !pattern.is_empty()).into_iter().collect(),
            ignore_case: args.ignore_case,
            word: args.word,
            hex: args.hex,
        };
        let pattern =
            Pattern::ngrep(&expressions, if args.single_line { Dot::NotNewline } else { Dot::Any })?;
        Ok(Self {
            pattern,
            filter: Some(filter),
            inner: None,
            streams: None,
            options: SearchOptions {
                invert: args.invert_match,
                vnis: Vec::new(),
                inner: None,
                depth: args.depth,
                before: 0,
                after: args.after,
                limit: args.count.filter(|&count| count > 0),
                all: false,
                empty: args.empty,
                view: if args.tunnels { View::Innermost } else { View::Outermost },
                // The number of a packet counts all that have passed the filter.
                matches_only: false,
            },
            notes: note.into_iter().chain(long).collect(),
            read: args.input.into_iter().collect(),
            capture: Capture {
                interfaces: args.device.into_iter().collect(),
                promiscuous: !args.no_promiscuous,
                snaplen: args.snaplen,
                ..Capture::default()
            },
            ports: Ports::default(),
            sa: Vec::new(),
            decrypt: false,
            threads: None,
            user: (!args.no_drop).then(|| "nobody".to_owned()),
            style,
            resolve: args.resolve,
            write: args.output,
            decap: false,
            line_buffered: args.line_buffered,
            quiet: true,
            at_pace: args.replay,
            ngrep: Some(told),
        })
    }
}

fn begins_with_any(device: &str) -> bool {
    device.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("any"))
}

/// Refuses what is not done here, and what makes no sense together.
fn refuse(args: &Ngrep) -> anyhow::Result<()> {
    let is_stdin = |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if is_stdin(&args.input) && is_stdin(&args.filter_file) {
        bail!("-I - and -F - both want standard input; give the filter in a file");
    }
    if args.kill.is_some() {
        bail!("-K kills connections, and this program only listens; leave it out");
    }
    if args.list {
        bail!("-L is for Windows only; the interfaces are listed by: ovlsniff interfaces");
    }
    if args.hexdump && args.shape != cli::Shape::Normal {
        bail!("-x prints a hex dump, which has no other shape; leave out -x or -W");
    }
    Ok(())
}

/// Reads a filter from a file, or from standard input. Its lines are one expression.
fn read_filter(path: &Path) -> anyhow::Result<String> {
    let unread = |error: &io::Error| anyhow!("read the filter in {}: {}", shown(path), reason(error));
    let file: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| unread(&error))?)
    };
    let mut text = String::new();
    file.take(LONGEST_FILTER + 1).read_to_string(&mut text).map_err(|error| unread(&error))?;
    if text.len() as u64 > LONGEST_FILTER {
        bail!("the filter in {} is longer than 64 KiB; write a shorter one", shown(path));
    }
    let filter = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    match syntax_error(&filter).filter(|_| !filter.is_empty()) {
        Some(fault) => Err(anyhow!("the filter in {}: {fault}", shown(path))),
        None => Ok(filter),
    }
}

fn options(args: &Ngrep) -> NgrepOptions {
    let times = match args.relative {
        _ if args.time => Times::Clock,
        0 => Times::None,
        // ngrep goes to and fro between the two with each -T.
        times if times % 2 == 1 => Times::SinceLast,
        _ => Times::SinceFirst,
    };
    NgrepOptions {
        shape: if args.hexdump { Shape::Hex } else { text::shape(args.shape) },
        columns: text::columns(args.columns.filter(|&columns| columns > 0)),
        replacement: Replacement::new(args.replacement).unwrap_or_default(),
        limit: args.depth,
        color: args.color,
        times,
        protocol: args.protocol_number,
        utf8: args.utf8,
        tunnels: args.tunnels,
        quiet: args.quiet,
    }
}
