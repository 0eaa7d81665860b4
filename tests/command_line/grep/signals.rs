//! Signals while the program waits for a FIFO's writer, before and after frames came.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, mkfifo};
use tempfile::TempDir;

use crate::made::{SWARM, frames};
use crate::run::{finish, numbers, program_that_heeds_signals};

/// A search that reads a FIFO, with words of its own.
fn reading(words: &[&str]) -> (TempDir, Child, File) {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let child = program_that_heeds_signals()
        .args(words)
        .arg("-r")
        .arg(&fifo)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Opens as soon as the program has opened the other end.
    let writer = File::options().write(true).open(&fifo).unwrap();
    (dir, child, writer)
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

/// Reads standard output until these many bytes came.
fn wait_for(child: &mut Child, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    child.stdout.as_mut().unwrap().read_exact(&mut read).unwrap();
    read
}

/// Asks for the statistics until these words are in them: a match may be told before the frames after it are read.
fn wait_until_told(child: &mut Child, words: &str) {
    let mut err = child.stderr.take().unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    let mut said = String::new();
    while !said.contains(words) {
        assert!(Instant::now() < end, "{said}");
        send(child, Signal::SIGUSR1);
        let mut buffer = [0; 256];
        let read = err.read(&mut buffer).unwrap();
        assert!(read > 0, "{said}");
        said.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    child.stderr = Some(err);
}

#[test]
fn a_signal_ends_the_search_with_all_flushed() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let (_dir, mut child, mut writer) = reading(&["HTTP"]);
        // All but the last frame, and half of that.
        let whole = fs::read(SWARM).unwrap();
        writer.write_all(&whole[..whole.len() - 20]).unwrap();
        let first = wait_for(&mut child, 40);
        wait_until_told(&mut child, "75 packets: ");
        let start = Instant::now();
        send(&child, signal);
        let ran = finish(child);
        assert!(start.elapsed() < Duration::from_secs(5), "{signal}: {:?}", start.elapsed());
        assert_eq!(ran.code, Some(0), "{signal}: {ran:?}");
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
    sleep(Duration::from_millis(100));
    send(&child, Signal::SIGTERM);
    let ran = finish(child);
    drop(writer);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
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
    // And the search goes on.
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
    let start = Instant::now();
    writer.write_all(&whole[..4000]).unwrap();
    let out = wait_for(&mut child, 60);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(out.starts_with(b"T 10.0.1.4:35530 -> "));
    drop(writer);
    assert_eq!(finish(child).code, Some(2));
}

/// nohup: the terminal may go.
#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("frames");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut command = std::process::Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_ovlsniff")).args(["-r", fifo.to_str().unwrap(), "HTTP"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap();
    // Open once it waits for frames: its handlers are in place then.
    let writer = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(pid, Signal::SIGHUP).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "it ended");
    kill(pid, Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().code().is_some());
    drop(writer);
}
