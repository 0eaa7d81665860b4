//! The descriptors that whoever starts the program has left open.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::made::SWARM;
use crate::run::{finish, plain, send, until};

fn bash(script: &str) -> Command {
    let mut command = plain(Command::new("bash"));
    command.args(["-c", script, "bash", env!("CARGO_BIN_EXE_ovlsniff"), SWARM]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn what_was_left_open_is_closed_unless_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let [fifo, left] = ["fifo", "left"].map(|name| folder.path().join(name));
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::write(&left, "").unwrap();
    let script = r#"exec "$1" -q HTTP -r "$3" -r /dev/fd/8 7<"$4" 8<"$2" 200<"$4""#;
    let child = bash(script).arg(&fifo).arg(&left).spawn().unwrap();
    let _writer = File::options().write(true).open(&fifo).unwrap();
    let open = || -> Vec<_> {
        let open = fs::read_dir(format!("/proc/{}/fd", child.id())).into_iter().flatten().flatten();
        open.filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
    };
    until("the named one is open", || {
        open().contains(&fs::canonicalize(SWARM).unwrap()) && open().contains(&fifo)
    });
    assert!(!open().contains(&left), "{:?}", open());
    send(&child, Signal::SIGTERM);
    finish(child);
}

#[test]
fn the_descriptors_of_a_shell_are_read_and_written() {
    let ran = finish(bash(r#""$1" -q HTTP -r <(cat "$2")"#).spawn().unwrap());
    assert_eq!((ran.code, ran.out.is_empty()), (Some(0), false), "{}", ran.err);
    // The shell does not wait for what reads its report, so that writes into another file.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let script =
        r#""$1" verify --vni 4097 --local 192.0.2.1 -r <(cat "$2") -o >(cat >"$3.part"; mv "$3.part" "$3")"#;
    let ran = finish(bash(script).arg(&copy).spawn().unwrap());
    assert!(ran.code.is_some_and(|code| code != 2), "{}", ran.err);
    until("the report is there", || copy.exists());
    assert!(fs::read_to_string(&copy).unwrap().contains("4097"));
}

#[test]
fn a_pipe_without_a_reader_is_waited_for_until_a_signal_comes() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let search = || bash(r#"exec "$1" -qq -r "$2" -O "$3" HTTP"#).arg(&fifo).spawn().unwrap();
    let child = search();
    until("TERM has a handler", || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap_or("0");
        u64::from_str_radix(caught, 16).unwrap() & 1 << (Signal::SIGTERM as i32 - 1) != 0
    });
    send(&child, Signal::SIGTERM);
    let ran = finish(child);
    assert_eq!((ran.code, ran.err.contains("nobody reads this pipe")), (Some(2), true), "{}", ran.err);

    let child = search();
    let read = fs::read(&fifo).unwrap();
    assert_eq!((finish(child).code, read.len() > 24), (Some(0), true));
}

#[test]
fn a_file_that_may_not_grow_is_told_as_a_full_disk_is() {
    let folder = tempfile::tempdir().unwrap();
    let ran = finish(
        bash(r#"ulimit -f 1; exec "$1" -qq -r "$2" -O "$3" '' >/dev/null"#)
            .arg(folder.path().join("cut.pcap"))
            .spawn()
            .unwrap(),
    );
    assert_eq!((ran.code, ran.err.contains("file too large")), (Some(2), true), "{}", ran.err);
}
