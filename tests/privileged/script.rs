//! Tests that need the `script` of util-linux, which makes a terminal. They look at what the program writes to one.

mod bash;
mod progress;

use std::io::Write;
use std::process::{Command, Stdio};

use crate::made::{SWARM, pcap, udp};
use crate::run::{plain, until};

/// Runs the program on a terminal of its own, 60 columns wide. Returns its exit status and everything that it wrote.
fn on_a_terminal(words: &[&str]) -> (Option<i32>, String) {
    on_a_terminal_named("xterm", words)
}

fn on_a_terminal_named(name: &str, words: &[&str]) -> (Option<i32>, String) {
    let command = [&[env!("CARGO_BIN_EXE_ovlsniff")], words].concat().join("' '");
    let command = format!("stty rows 24 cols 60; '{command}'");
    let mut script = plain(Command::new("script"));
    let output = script.args(["-qec", &command, "/dev/null"]).env("TERM", name).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn hostile() -> (tempfile::TempDir, String) {
    let all: Vec<u8> = (0..=255).collect();
    let text =
        "needle \u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{202e}evil\u{2066}\u{feff}\u{85}\u{200b}\u{e000} grün";
    pcap(&[
        udp("192.0.2.1", "192.0.2.2", 7, &[b"needle ", &all[..]].concat()),
        udp("192.0.2.1", "192.0.2.2", 7, text.as_bytes()),
    ])
}

#[test]
#[ignore = "needs script"]
fn no_payload_steers_the_terminal() {
    let (_dir, file) = hostile();
    for shape in [
        &["-W", "normal"][..],
        &["-W", "byline"],
        &["-W", "single"],
        &["-W", "none"],
        &["-x"],
        &["--json"],
        &["-u"],
        &["-u", "-W", "byline"],
        &["-u", "-W", "none"],
    ] {
        let (_, out) = on_a_terminal(&[&["--color", "never", "-t", "-r", &file, "needle"], shape].concat());
        let hostile = |c: char| {
            c.is_control() && !matches!(c, '\r' | '\n')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e000}')
        };
        assert_eq!(out.chars().filter(|c| hostile(*c)).count(), 0, "{shape:?}: {out:?}");
        assert!(out.contains("needle"), "{shape:?}: {out}");
        // Lines end only where the program ends them: every carriage return is part of a line end.
        assert_eq!(out.matches('\r').count(), out.matches("\r\n").count(), "{shape:?}");
    }
}

#[test]
#[ignore = "needs script"]
fn matches_are_coloured_on_a_terminal_and_lines_are_as_wide_as_it_is() {
    let (_dir, file) = hostile();
    let (_, out) = on_a_terminal(&["-q", "-r", &file, "needle"]);
    let sequences: Vec<&str> =
        out.split('\u{1b}').skip(1).map(|rest| &rest[..=rest.find('m').unwrap()]).collect();
    // Two headers and two matches, each begun and ended.
    assert_eq!(sequences.len(), 8, "{out:?}");
    assert!(sequences.iter().all(|s| {
        s.strip_prefix('[').is_some_and(|s| s.chars().all(|c| c.is_ascii_digit() || c == ';' || c == 'm'))
    }));
    let widest = out
        .lines()
        .filter(|line| line.starts_with("  ") && !line.contains('\u{1b}'))
        .map(|line| line.trim_end().len())
        .max();
    assert!(widest.is_some_and(|widest| (50..=60).contains(&widest)), "{out}");
}

#[test]
#[ignore = "needs script"]
fn headers_stand_out_and_a_blank_line_is_between_packets() {
    let frames = ["one", "two", "hit"].map(|text| udp("192.0.2.1", "192.0.2.2", 7, text.as_bytes()));
    let (_dir, file) = pcap(&frames);
    let words = ["-r", &file, "-v", "hit"];
    let header = |number: u32| format!("\x1b[1mU 192.0.2.1:4000 -> 192.0.2.2:7 #{number}\x1b[0m\r\n");
    let (_, out) = on_a_terminal(&words);
    let packets = format!("{}  one\r\n\r\n{}  two\r\n\r\n.\r\n3 packets: ", header(1), header(2));
    assert!(out.contains(&packets), "{out:?}");
    for (name, more) in [("dumb", &[][..]), ("", &[]), ("xterm", &["--color", "never"])] {
        let (_, out) = on_a_terminal_named(name, &[&words[..], more].concat());
        assert!(!out.contains('\u{1b}') && out.contains("  one\r\n\r\nU 192"), "{name}: {out:?}");
    }
    let (_, out) = on_a_terminal_named("dumb", &[&words[..], &["--color", "always"]].concat());
    assert!(out.contains(&packets), "{out:?}");
}

#[test]
#[ignore = "needs script"]
fn a_capture_is_not_written_to_a_terminal() {
    let (_, out) = on_a_terminal(&["-r", SWARM, "-O", "-", "HTTP"]);
    assert_eq!(
        out.trim_end(),
        "ovlsniff: -O - would write a capture to the terminal; send it to a file or another program"
    );
}

#[test]
#[ignore = "needs script"]
fn a_terminal_gets_no_keys_without_force() {
    let keys = ["keys", "--wireshark", "--sa", "tests/fixtures/swarm/xfrm-state.txt"];
    let (status, printed) = on_a_terminal(&keys);
    assert_eq!(status, Some(2));
    assert!(printed.contains("-o FILE") && !printed.contains("0x2024"), "{printed}");
    let (status, printed) = on_a_terminal(&[&keys[..], &["--force"]].concat());
    assert_eq!(status, Some(0));
    assert!(printed.contains("0x2024"));
}

/// Somebody who types this waits for a capture that nobody sends.
#[test]
#[ignore = "needs script"]
fn a_terminal_is_no_capture() {
    let (code, out) = on_a_terminal(&["-r", "-", "x"]);
    let sentence = "ovlsniff: open standard input: it is a terminal; send a capture to it, as in: tcpdump -w - | ovlsniff -r -";
    assert_eq!((code, out.trim_end()), (Some(2), sentence));
}

/// A terminal that goes away hangs up. The program that ignores this, as under `nohup`, ends when it has something to write.
#[test]
#[ignore = "needs script"]
fn a_terminal_that_goes_away_ends_the_search() {
    for trap in ["trap - HUP", "trap '' HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let (fifo, pid) = (folder.path().join("frames"), folder.path().join("pid"));
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let program = env!("CARGO_BIN_EXE_ovlsniff");
        let command =
            format!("{trap}; echo $$ > {}; exec '{program}' -r '{}' ''", pid.display(), fifo.display());
        let mut script = plain(Command::new("script"));
        let mut script = script
            .args(["-qec", &command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let capture = std::fs::read(SWARM).unwrap();
        let mut frames = std::fs::File::options().write(true).open(&fifo).unwrap();
        frames.write_all(&capture[..4096]).unwrap();
        let pid: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        let ended = || {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !state.contains("(ovlsniff)") || state.contains(") Z ")
        };
        assert!(!ended());
        script.kill().unwrap();
        script.wait().unwrap();
        // A pipe that nobody reads is closed, and the program ends with the error that it cannot tell.
        let _ = frames.write_all(&capture[4096..]);
        drop(frames);
        until("its end", ended);
    }
}
