//! A keeper that is stopped, and one that ends: the watch does not wait for it.

use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use super::keeper::{Watching, is_alive};
use crate::run::{send, until};

/// The longest time that something may take which comes at once, on a busy machine. The watches here last longer.
const SOON: Duration = Duration::from_secs(45);

const SILENT: &str = "ovlsniff: the process that keeps root for this one does not answer, so that nothing more is known of the kernel; see who has stopped it, and start again";
const ENDED: &str = "ovlsniff: the process that kept root for this one has ended, so that nothing more is known of the kernel; start again";

#[test]
#[ignore = "needs root"]
fn a_signal_ends_a_watch_whose_keeper_is_stopped() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let watching = Watching::as_root(&[]);
        let keeper = watching.keeper;
        kill(keeper, Signal::SIGSTOP).unwrap();
        let begun = Instant::now();
        send(&watching.child, signal);
        let (code, told) = watching.end();
        assert_eq!((code, told.lines().last()), (Some(2), Some(SILENT)));
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        // It ends as soon as it goes on.
        kill(keeper, Signal::SIGCONT).unwrap();
        until("the keeper has ended", || !is_alive(keeper));
    }
}

#[test]
#[ignore = "needs root"]
fn a_watch_whose_keeper_is_stopped_ends_without_a_signal() {
    let watching = Watching::as_root(&["--for", "5s"]);
    let keeper = watching.keeper;
    kill(keeper, Signal::SIGSTOP).unwrap();
    let (code, told) = watching.end();
    assert_eq!((code, told.lines().last()), (Some(2), Some(SILENT)));
    kill(keeper, Signal::SIGCONT).unwrap();
}

#[test]
#[ignore = "needs root"]
fn both_may_be_stopped_and_go_on_as_a_terminal_does_it() {
    let watching = Watching::as_root(&["--for", "5s"]);
    for signal in [Signal::SIGSTOP, Signal::SIGCONT] {
        send(&watching.child, signal);
        kill(watching.keeper, signal).unwrap();
        // Longer than a reply is waited for.
        std::thread::sleep(if signal == Signal::SIGSTOP { Duration::from_secs(12) } else { Duration::ZERO });
    }
    let (code, told) = watching.end();
    assert!(code.is_some_and(|code| code != 2), "{told}");
}

/// The watch once went on for ten seconds, because the end of the socket kept it from finding the ring empty. On a busy
/// machine the fastest of some watches counts.
#[test]
#[ignore = "needs root"]
fn the_end_of_a_keeper_is_noticed_at_once() {
    let mut times = Vec::new();
    while !times.iter().any(|time| *time < Duration::from_secs(5)) {
        assert!(times.len() < 5, "{times:?}");
        let watching = Watching::as_root(&[]);
        let begun = Instant::now();
        kill(watching.keeper, Signal::SIGKILL).unwrap();
        let (code, told) = watching.end();
        assert_eq!((code, told.lines().last()), (Some(2), Some(ENDED)));
        times.push(begun.elapsed());
    }
}

#[test]
#[ignore = "needs root"]
fn the_end_of_a_keeper_is_noticed_between_two_watches() {
    let mut watching = Watching::as_root(&["--for", "1s", "--watch", "1h"]);
    let mut report = String::new();
    BufReader::new(watching.child.stdout.as_mut().unwrap()).read_line(&mut report).unwrap();
    assert!(!report.is_empty());
    kill(watching.keeper, Signal::SIGKILL).unwrap();
    let (code, told) = watching.end();
    assert_eq!((code, told.lines().last()), (Some(2), Some(ENDED)));
}
