//! `ovlsniff interfaces --watch`: packets a second on each interface, by what protects them.
//!
//! One ring for all interfaces (`any`) is captured on, so that an interface that comes is seen from its first packet on, although
//! root was left long before. The packets are classed as grep mode's marks class them, by a search for something that is in
//! no packet. A frame that passes several interfaces, such as a bridge and its port, counts on each.

mod rates;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant, SystemTime};

use anyhow::anyhow;
use ovlsniff::capture::One;
use ovlsniff::capture::live::{CaptureOptions, Device, Event, Live};
use ovlsniff::host::changes::{self, Change, Changes};
use ovlsniff::host::fence::{self, Work};
use ovlsniff::host::namespace::Namespace;
use ovlsniff::host::privileges::{self, Departure};
use ovlsniff::host::survey::{Link, Survey};
use ovlsniff::host::tunnels::{self, Tunnels};
use ovlsniff::packet::TunnelPorts;
use ovlsniff::pattern::{Expressions, Pattern};
use ovlsniff::print::Summary;
use ovlsniff::search::{Found, Search, SearchOptions, Told};

use super::super::area::{self, Painter};
use super::super::signals::Signals;
use super::super::{Status, put, tell};
use crate::cli::Interfaces;
use rates::{Round, Row};

/// The bytes that are searched for, in hex. They are in no packet, unless somebody sends them to be told for readable, which they
/// are.
const NOTHING: &str = "6f 76 6c 73 6e 69 66 66 a7 5e 01 c3 92 f8 3d 44";

/// Watches until a signal comes, or for the number of rounds that was asked for.
pub(super) fn run(args: &Interfaces, every: Duration) -> anyhow::Result<Status> {
    let user = (!args.no_drop).then(|| args.user.as_deref().unwrap_or("nobody"));
    user.map_or(Ok(()), privileges::check)?;
    let signals = Signals::install().map_err(|error| anyhow!("install signal handlers: {error}"))?;
    let namespace = Namespace::given(args.netns.as_deref())?;
    // The notices come first, so that no interface is missed between the two.
    let changes = Changes::of_links(namespace.as_ref())?;
    let mut links = Links::new(&Survey::take(namespace.as_ref())?.links);
    let mut ports = TunnelPorts::default();
    tunnels::find(namespace.as_ref())?.tunnels.add_to(&mut ports);
    let options = CaptureOptions { namespace: namespace.as_ref(), ..CaptureOptions::default() };
    let mut live = Live::open(&[Device::new("any")], &options)?;
    live.wake_on(signals.descriptor()?);
    live.wake_on(changes.as_fd().try_clone_to_owned()?);
    links.changes = Some(changes);
    if let Some(user) = user {
        if privileges::leave(user)? == Departure::Alone {
            tell("ovlsniff: staying root: this user namespace has no other user");
        }
        fence::raise(Work::Live);
    }
    let expressions = Expressions { patterns: vec![NOTHING.to_owned()], hex: true, ..Expressions::default() };
    let search = Search::new(Pattern::new(&expressions)?, ports, SearchOptions::default());
    let mut watch =
        Watch { search, links, counts: BTreeMap::new(), dropped: 0, screen: Screen::new(args.json) };
    let ended = watch.rounds(&mut live, &signals, every, args.count);
    watch.screen.end();
    ended.map(|()| Status::Success)
}

/// The packets of this round by the kernel's index of their interface; 0 is none that is known.
type Counts = BTreeMap<u32, Summary>;

struct Watch {
    search: Search,
    links: Links,
    counts: Counts,
    /// The frames that the kernel had dropped when this round began.
    dropped: u64,
    screen: Screen,
}

impl Watch {
    fn rounds(
        &mut self,
        live: &mut Live,
        signals: &Signals,
        every: Duration,
        most: Option<u64>,
    ) -> anyhow::Result<()> {
        let mut begun = Instant::now();
        let mut told = 0;
        while most.is_none_or(|most| told < most) {
            match live.next(Some(begun + every))? {
                Event::Frame(frame) => {
                    let Self { search, counts, .. } = self;
                    let passed = frame.passed().unwrap_or_default();
                    let sink = &mut |told: Told<'_>| -> Result<(), Infallible> {
                        count(counts, passed, &told);
                        Ok(())
                    };
                    let Ok(()) = search.records(&mut One::new(&frame), sink);
                }
                Event::Idle => {}
                Event::Deadline => {
                    let now = Instant::now();
                    let statistics = live.statistics();
                    let dropped = statistics.dropped_kernel + statistics.dropped_interface;
                    self.round(now - begun, dropped)?;
                    (begun, told) = (now, told + 1);
                }
                Event::Woken => {
                    signals.drain();
                    self.links.catch_up(&mut self.search);
                    if signals.stopped() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends a round, and shows it.
    fn round(&mut self, time: Duration, dropped: u64) -> anyhow::Result<()> {
        let Self { search, counts, .. } = self;
        // Fragments whose rest does not come are counted as they are.
        let sink = &mut |found: Found<'_>| -> Result<(), Infallible> {
            count(counts, 0, &Told::Found(found));
            Ok(())
        };
        let Ok(()) = search.tick(SystemTime::now().into(), sink);
        let rows = self.links.rows(std::mem::take(&mut self.counts));
        let round = Round { time, dropped: dropped.saturating_sub(self.dropped), rows };
        self.dropped = dropped;
        self.screen.show(&round)
    }
}

/// Counts packets of the interface that they passed, or of `current` if they do not say.
fn count(counts: &mut Counts, current: u32, told: &Told<'_>) {
    match told {
        Told::Found(found) => {
            counts.entry(found.frame.passed().unwrap_or(current)).or_default().count(found);
        }
        Told::Skimmed(outcomes) => counts.entry(current).or_default().count_skimmed(outcomes),
    }
}

/// The interfaces that there are, by the kernel's index.
#[derive(Default)]
struct Links {
    known: BTreeMap<u32, Known>,
    changes: Option<Changes>,
}

/// An interface.
struct Known {
    name: String,
    up: bool,
    /// True if it has gone since the last round.
    is_gone: bool,
}

impl Links {
    fn new(links: &[Link]) -> Self {
        let mut new = Self::default();
        for link in links {
            new.set(link);
        }
        new
    }

    fn set(&mut self, link: &Link) {
        self.known.insert(link.index, Known { name: link.name.clone(), up: link.up, is_gone: false });
    }

    /// Takes in the interfaces that have come, changed or gone, and the ports of tunnels among them.
    fn catch_up(&mut self, search: &mut Search) {
        let changes = self.changes.as_mut().map(Changes::take).unwrap_or_default();
        for change in changes {
            match change {
                Change::Link(changes::Event::Set, link) => {
                    Tunnels::of_link(&link).add_to(search.ports());
                    self.set(&link);
                }
                Change::Link(changes::Event::Gone, link) => {
                    if let Some(known) = self.known.get_mut(&link.index) {
                        known.is_gone = true;
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns a row for each interface that is up or had packets, and forgets those that have gone.
    fn rows(&mut self, mut counts: Counts) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for (index, known) in &self.known {
            let counts = counts.remove(index);
            if known.up || known.is_gone || counts.is_some() {
                rows.push(Row {
                    index: *index,
                    name: known.name.clone(),
                    is_gone: known.is_gone,
                    counts: counts.unwrap_or_default(),
                });
            }
        }
        // These came and went within the round, and their notice was lost.
        rows.extend(counts.into_iter().map(|(index, counts)| Row {
            index,
            name: format!("#{index}"),
            is_gone: false,
            counts,
        }));
        self.known.retain(|_, known| !known.is_gone);
        rows
    }
}

/// The place that rounds are shown in.
enum Screen {
    /// A terminal, on which each is written over the last.
    Terminal(Painter),
    /// A pipe or a file, which gets a block for each.
    Blocks,
    /// A line of JSON for each.
    Json,
}

impl Screen {
    fn new(json: bool) -> Self {
        match json {
            true => Self::Json,
            false if area::can_show(&io::stdout()) => Self::Terminal(Painter::default()),
            false => Self::Blocks,
        }
    }

    fn show(&mut self, round: &Round) -> anyhow::Result<()> {
        match self {
            Self::Terminal(painter) => {
                let mut out = io::stdout();
                let size = area::size(&out);
                painter.show(&mut out, &round.lines(size.1.saturating_sub(1)), size);
                Ok(())
            }
            Self::Blocks => Ok(put((round.lines(usize::MAX).join("\n") + "\n\n").as_bytes())?),
            Self::Json => Ok(put(format!("{}\n", round.json()).as_bytes())?),
        }
    }

    /// Leaves the last round on the terminal.
    fn end(&mut self) {
        if let Self::Terminal(painter) = self {
            painter.leave(&mut io::stdout());
        }
    }
}
