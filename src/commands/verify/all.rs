//! The verdicts on every overlay network of this host. They are watched at the same time, each by a session of its own, with
//! the same code as a single one.
//!
//! Every session captures the probes of the others as well. It cannot take them for its own: a canary is ten random bytes, and
//! no two have the same identifier in their ICMP messages. They are no leak of its network either, unless they are in that
//! network's tunnel.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

use anyhow::anyhow;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use ovlsniff::audit::RunClock;
use ovlsniff::capture::live::CaptureOptions;
use ovlsniff::escape::escape;
use ovlsniff::host::namespace::Namespace;
use ovlsniff::keeper;
use ovlsniff::verify::session::{Error, Prepared, Progress, Request, Session, Watched};
use ovlsniff::verify::{Inventory, Judged, Overlay, Overview, Report, Terms, Wanted, WantedError};

use super::evidence::Kept;
use super::live::{Job, note};
use super::progress::{Lines, watching_all};
use crate::commands::signals::Signals;
use crate::commands::tell;

/// The most networks that are watched at the same time. Each has a ring of its own, 32 MiB unless `--buffer` says otherwise.
const AT_ONCE: usize = 8;
/// The address space in bytes that a watch takes beside its ring: what the C library sets aside for a thread's memory, its stack,
/// and what it works on.
const SPACE: u64 = 96 << 20;
/// The longest wait for Docker's engine. The engine of a busy node takes several seconds for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time between two looks for a signal.
const LOOK: Duration = Duration::from_millis(100);

/// The news of a watch: the position of its network in the inventory, and what became of it.
enum News {
    Progress(usize, Progress),
    Note(String),
    Judged(usize, Result<Box<Watched>, String>),
}

impl Job {
    /// Takes the inventory, and watches all its networks once. Each has its verdict on these terms. Looks at the clock now and
    /// then.
    pub(super) fn watch_all(
        &self,
        terms: &Terms,
        clock: &mut RunClock,
    ) -> anyhow::Result<(Overview, Vec<Option<Kept>>)> {
        let lines = Lines::on_stderr();
        lines.show(&["looking for overlay networks".to_owned()]);
        let namespace = Namespace::given(self.request.netns.as_deref())?;
        let Inventory { overlays, engine_unread, namespaces_unread } =
            Inventory::take(namespace.as_ref(), PATIENCE)?;
        lines.clear();
        self.announce_networks(&overlays);
        let wakes: Vec<(UnixStream, UnixStream)> = (0..overlays.len().min(at_once(self.request.buffer)))
            .map(|_| wake())
            .collect::<Result<_, _>>()
            .map_err(|error| anyhow!("make a socket to wake a watch: {error}"))?;
        let mut outcomes: BTreeMap<usize, Result<Report, String>> = BTreeMap::new();
        let mut all_kept: Vec<Option<Kept>> = overlays.iter().map(|_| None).collect();
        let (request, signals) = (&self.request, &self.signals);
        let crew = Crew { request, signals, overlays: &overlays, next: AtomicUsize::new(0) };
        let (mut started, mut refused) = (0, None);
        std::thread::scope(|scope| {
            let (news, told) = channel();
            for (woken, _) in &wakes {
                let (news, crew) = (news.clone(), &crew);
                // Fewer threads watch all networks, too, one after the other.
                if let Err(error) = Builder::new().spawn_scoped(scope, move || crew.work(woken, &news)) {
                    refused = Some(error);
                    break;
                }
                started += 1;
            }
            drop(news);
            let mut progress: BTreeMap<usize, Progress> = BTreeMap::new();
            let names: Vec<String> = overlays.iter().map(|overlay| overlay.network.name.clone()).collect();
            let mut verdicts: BTreeMap<usize, String> = BTreeMap::new();
            let mut notes: Vec<String> = Vec::new();
            let mut ended = false;
            loop {
                clock.look();
                match told.recv_timeout(LOOK) {
                    Ok(News::Progress(at, of)) => {
                        progress.insert(at, of);
                        lines.show(&watching_all(&names, &verdicts, &progress));
                    }
                    // Every session tells of the same keys that the kernel keeps back.
                    Ok(News::Note(text)) if notes.contains(&text) => {}
                    Ok(News::Note(text)) => {
                        lines.clear();
                        note(&text);
                        notes.push(text);
                    }
                    Ok(News::Judged(at, outcome)) => {
                        progress.remove(&at);
                        let judged = |watched: Box<Watched>| {
                            let Watched { report, kept, .. } = *watched;
                            if let Some(place) = all_kept.get_mut(at) {
                                *place = kept;
                            }
                            report.on(terms.clone())
                        };
                        let outcome = outcome.map(judged);
                        let verdict = |report: &Report| report.verdict.name().to_owned();
                        verdicts
                            .insert(at, outcome.as_ref().map_or_else(|_| "not judged".to_owned(), verdict));
                        lines.show(&watching_all(&names, &verdicts, &progress));
                        outcomes.insert(at, outcome);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                self.signals.drain();
                if (self.signals.stopped() || keeper::is_lost()) && !ended {
                    ended = true;
                    // A watch that has ended reads no more of its socket, and needs no waking.
                    for (_, wake) in &wakes {
                        let _ = (&*wake).write(&[0]);
                    }
                }
            }
        });
        lines.clear();
        if let Some(error) = refused.filter(|_| started == 0) {
            return Err(anyhow!(
                "start a thread to watch: {error}; allow more memory (ulimit -v), or more processes (ulimit -u)"
            ));
        }
        let judged = |(at, overlay)| {
            let outcome = outcomes.remove(&at).unwrap_or_else(|| Err("its watch ended early".to_owned()));
            Judged { overlay, outcome }
        };
        let networks = overlays.into_iter().enumerate().map(judged).collect();
        Ok((Overview { networks, engine_unread, namespaces_unread, ..Overview::default() }, all_kept))
    }

    fn announce_networks(&self, overlays: &[Overlay]) {
        let names: Vec<String> = overlays.iter().map(|overlay| overlay.network.name.clone()).collect();
        if self.announced.replace(names.clone()) != names {
            tell(format_args!("networks: {}", escape(&names.join(", "))));
        }
    }
}

/// The workers that watch the networks, and what they share.
struct Crew<'j> {
    request: &'j Request,
    signals: &'j Signals,
    overlays: &'j [Overlay],
    /// The position of the next network that nobody watches yet.
    next: AtomicUsize,
}

impl Crew<'_> {
    /// Watches one network after the other, as long as there is one that nobody else watches.
    fn work(&self, woken: &UnixStream, news: &Sender<News>) {
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(overlay) = self.overlays.get(at) else { return };
            let outcome = if self.signals.stopped() {
                Err("a signal came before its watch began".to_owned())
            } else {
                self.watch_one(at, overlay, woken, news)
            };
            let _ = news.send(News::Judged(at, outcome));
        }
    }

    fn watch_one(
        &self,
        at: usize,
        overlay: &Overlay,
        woken: &UnixStream,
        news: &Sender<News>,
    ) -> Result<Box<Watched>, String> {
        if overlay.unreadable {
            return Err(WantedError::Unreadable(escape(&overlay.network.name).into_owned()).to_string());
        }
        let found = Some(Box::new(overlay.network.clone()));
        let request = Request { wanted: Wanted { found, ..Wanted::default() }, ..self.request.clone() };
        let prepared = Session::prepare(&request).map_err(|error| match error {
            Error::NoLink(_) if overlay.network.peers.is_empty() => {
                "no other node of it is known to the kernel, so there is nothing to watch".to_owned()
            }
            error => error.to_string(),
        })?;
        let session = match prepared {
            Prepared::Ready(session) => session,
            Prepared::Judged(watched) => return Ok(watched),
        };
        let say = |text: &str| drop(news.send(News::Note(text.to_owned())));
        session.warning().into_iter().for_each(say);
        let descriptor = woken.try_clone().map_err(|error| format!("wait for signals: {error}"))?;
        let interrupted = || {
            let _ = (&*woken).read(&mut [0; 8]);
            self.signals.stopped() || keeper::is_lost()
        };
        let mut progress = |progress| drop(news.send(News::Progress(at, progress)));
        let watched =
            session.run(descriptor.into(), interrupted, &mut progress).map_err(|e| e.to_string())?;
        watched.complaint.as_deref().into_iter().for_each(say);
        Ok(Box::new(watched))
    }
}

/// Returns the number of networks that are watched at the same time: fewer where the address space is limited (`ulimit -v`),
/// because a watch without memory for its ring would have no verdict.
fn at_once(buffer: Option<u32>) -> usize {
    let room = getrlimit(Resource::RLIMIT_AS).map_or(RLIM_INFINITY, |(soft, _)| soft);
    if room == RLIM_INFINITY {
        return AT_ONCE;
    }
    let ring = buffer.unwrap_or(CaptureOptions::default().buffer);
    usize::try_from(room / (SPACE + u64::from(ring))).map_or(AT_ONCE, |room| room.clamp(1, AT_ONCE))
}

/// Makes the two ends of a socket that wakes a watch. Its reading end does not block.
fn wake() -> std::io::Result<(UnixStream, UnixStream)> {
    let (woken, wake) = UnixStream::pair()?;
    woken.set_nonblocking(true)?;
    Ok((woken, wake))
}
