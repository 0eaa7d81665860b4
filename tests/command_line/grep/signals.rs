//! Signals while the program waits for the writer of a FIFO, before and after frames arrived.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use crate::made::{SWARM, frames};
use crate::run::{Watchdog, finish, numbers, plain, program_that_heeds_signals, send, until};

/// Starts a search that reads a FIFO, with these words. Returns its guards, the program, and the FIFO's writing end.
fn reading(words: &[&str]) -> ((TempDir, Watchdog), Child, File) {
    started_reading(program_that_heeds_signals().args(words), &[])
}

/// Starts a search that reads a FIFO, and then the files that these words name.
fn started_reading(command: &mut Command, others: &[&str]) -> ((TempDir, Watchdog), Child, File) {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    command.arg("-r").arg(&fifo).args(others);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let watchdog = Watchdog::of(&child);
    // This returns when the program has opened the other end, which it does with its handlers in place.
    let writer = File::options().write(true).open(&fifo).unwrap();
    ((dir, watchdog), child, writer)
}

/// Reads this many bytes of standard output, and returns them.
fn wait_for(child: &mut Child, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    child.stdout.as_mut().unwrap().read_exact(&mut read).unwrap();
    read
}

/// Asks for the statistics until they contain these words. A match may be printed before the frames after it are read.
fn wait_until_told(child: &mut Child, words: &str) {
    let mut err = child.stderr.take().unwrap();
    let mut said = String::new();
    until(words, || {
        send(child, Signal::SIGUSR1);
        let mut buffer = [0; 256];
        let read = err.read(&mut buffer).unwrap();
        assert!(read > 0, "{said}");
        said.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        said.contains(words)
    });
    child.stderr = Some(err);
}

#[test]
fn a_signal_ends_the_search_with_all_flushed() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let (_dir, mut child, mut writer) = reading(&["HTTP"]);
        // The last frame lacks its last 20 bytes.
        let whole = fs::read(SWARM).unwrap();
        writer.write_all(&whole[..whole.len() - 20]).unwrap();
        let first = wait_for(&mut child, 40);
        wait_until_told(&mut child, "75 packets: ");
        send(&child, signal);
        let ran = finish(child);
        // Something matched, whatever the rest holds.
        assert_eq!(ran.code, Some(0), "{signal}: {ran:?}");
        assert!(ran.err.contains("ovlsniff: stopped by a signal after frame 75 "), "{}", ran.err);
        let out = String::from_utf8(first).unwrap() + &ran.out;
        assert_eq!(numbers(&out), [22, 24], "{signal}");
        assert_eq!(
            ran.summary(),
            "75 packets: 2 matched, 10 opaque (10 ESP), 63 readable without a match",
            "{signal}"
        );
    }
}

#[test]
fn a_signal_ends_what_has_not_begun() {
    let (_dir, child, writer) = reading(&["HTTP"]);
    send(&child, Signal::SIGTERM);
    let ran = finish(child);
    drop(writer);
    // Nothing was searched, so that nobody may say that nothing matches.
    assert_eq!((ran.code, ran.out.as_str()), (Some(130), ""), "{ran:?}");
    assert!(
        ran.err.contains("ovlsniff: stopped by a signal before the first frame of ")
            && ran.err.contains("fifo; not searched: the rest of it\n"),
        "{}",
        ran.err
    );
}

/// A script would take 1 for "nothing matches".
#[test]
fn a_file_that_a_signal_left_half_read_is_not_one_without_a_match() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (dir, mut child, mut writer) = reading(&["-q", "no such thing"]);
        let whole = fs::read(SWARM).unwrap();
        writer.write_all(&whole[..whole.len() - 20]).unwrap();
        // The answer to USR1 shows that the search goes on.
        wait_until_told(&mut child, "0 matched");
        send(&child, signal);
        let ran = finish(child);
        assert_eq!((ran.code, ran.out.as_str()), (Some(130), ""), "{signal}: {ran:?}");
        let fifo = dir.0.path().join("fifo");
        let told = format!("of {}; not searched: the rest of it\n", fifo.display());
        assert!(
            ran.err.contains("ovlsniff: stopped by a signal ") && ran.err.ends_with(&told),
            "{}",
            ran.err
        );
    }
}

#[test]
fn a_signal_ends_the_search_of_several_files() {
    let mut command = program_that_heeds_signals();
    command.arg("no such thing");
    let (_dir, mut child, mut writer) = started_reading(&mut command, &["-r", SWARM, "-r", SWARM]);
    let whole = fs::read(SWARM).unwrap();
    writer.write_all(&whole[..whole.len() - 20]).unwrap();
    wait_until_told(&mut child, "75 packets: ");
    send(&child, Signal::SIGINT);
    let ran = finish(child);
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(ran.err.contains("; not searched: the rest of it and 2 more files\n"), "{}", ran.err);
    assert!(ran.err.contains("ovlsniff: stopped by a signal after frame 75 (byte 14344) of "), "{}", ran.err);
}

#[test]
fn what_is_written_is_a_whole_file_after_a_signal() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("out.pcap");
    let (_dir, mut child, mut writer) = reading(&["-O", file.to_str().unwrap(), "HTTP"]);
    writer.write_all(&fs::read(SWARM).unwrap()).unwrap();
    wait_for(&mut child, 40);
    wait_until_told(&mut child, "76 packets: ");
    send(&child, Signal::SIGTERM);
    assert_eq!(finish(child).code, Some(0));
    assert_eq!(frames(&fs::read(&file).unwrap()).len(), 2);
    drop(writer);
}

#[test]
fn usr1_prints_the_statistics_while_nothing_comes() {
    let (_dir, mut child, mut writer) = reading(&["HTTP"]);
    let whole = fs::read(SWARM).unwrap();
    writer.write_all(&whole).unwrap();
    wait_for(&mut child, 40);
    wait_until_told(&mut child, "76 packets: 2 matched, 10 opaque (10 ESP), 64 readable without a match\n");
    // The search goes on afterwards.
    writer.write_all(&whole[24..]).unwrap();
    drop(writer);
    let ran = finish(child);
    assert_eq!(
        (ran.code, ran.summary()),
        (Some(0), "152 packets: 4 matched, 20 opaque (20 ESP), 128 readable without a match")
    );
}

#[test]
fn a_match_is_written_at_once_while_the_pipe_stays_open() {
    let (_dir, mut child, mut writer) = reading(&["-q", "HTTP"]);
    let whole = fs::read(SWARM).unwrap();
    writer.write_all(&whole[..4000]).unwrap();
    let out = wait_for(&mut child, 60);
    assert!(out.starts_with(b"T 10.0.1.4:35530 -> "));
    drop(writer);
    assert_eq!(finish(child).code, Some(2));
}

/// nohup ignores HUP for the program, which is to outlive its terminal.
#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let mut nohup = plain(Command::new("nohup"));
    nohup.args([env!("CARGO_BIN_EXE_ovlsniff"), "HTTP"]);
    let (_dir, child, mut writer) = started_reading(&mut nohup, &[]);
    send(&child, Signal::SIGHUP);
    writer.write_all(&fs::read(SWARM).unwrap()).unwrap();
    drop(writer);
    let ran = finish(child);
    assert_eq!((ran.code, numbers(&ran.out)), (Some(0), vec![22, 24]), "{ran:?}");
}

/// A report is for a search. The signal may come from a script that sends it to every program of this name.
#[test]
fn usr1_does_not_end_the_judgement_of_a_file() {
    let words = ["verify", "--vni", "4098", "--local", "192.0.2.1", "--peer", "192.0.2.2"];
    let judged = crate::run::ovlsniff(&[&words[..], &["-r", SWARM]].concat());
    let (_guards, child, mut writer) = reading(&words);
    send(&child, Signal::SIGUSR1);
    writer.write_all(&fs::read(SWARM).unwrap()).unwrap();
    drop(writer);
    let ran = finish(child);
    assert_eq!((ran.code, ran.out.lines().count()), (judged.code, judged.out.lines().count()), "{ran:?}");
}
