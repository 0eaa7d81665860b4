//! Faults of the machine while the program runs, or before it begins. `docs/faults.md` has a row for each.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use ovlsniff::capture::savefile::Savefile;

use super::hosts::Hosts;
use super::sniffer::Sniffer;
use crate::run::{finish, plain, program_that_heeds_signals, until};

/// Starts the program on the first host.
fn sniff(hosts: &Hosts, words: &[&str]) -> Sniffer {
    Sniffer::start(program_that_heeds_signals().args(["--netns", hosts.a.name]).args(words))
}

/// Sends datagrams from the first host to the second.
fn there(hosts: &Hosts, payload: &[u8], count: u32) {
    hosts.a.send("192.0.2.2", 4243, payload, count);
}

/// Runs the program behind commands of the shell, on the first host.
fn behind(hosts: &Hosts, commands: &str, words: &[&str]) -> Command {
    let mut shell = plain(Command::new("ip"));
    let script = format!("{commands}\nexec \"$@\"");
    shell.args(["netns", "exec", hosts.a.name, "sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_ovlsniff")]);
    shell.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

/// Mounts something for this test alone.
fn mount(words: &[&str]) {
    assert!(Command::new("mount").args(words).status().unwrap().success(), "mount {words:?}");
}

#[test]
#[ignore = "needs root"]
fn an_interface_that_comes_back_under_its_name_is_another_one() {
    let hosts = Hosts::new();
    let sniffer = sniff(&hosts, &["-i", "eth0", "canary"]);
    hosts.a.ip("link del eth0
         link add eth0 type veth peer name other
         link set other up
         addr add 192.0.2.1/24 dev eth0
         link set eth0 up");
    let (code, _, err) = sniffer.end();
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("ovlsniff: eth0: the interface disappeared\n"), "{err}");

    let mut sniffer = sniff(&hosts, &["-i", "eth0", "canary"]);
    hosts.a.ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev eth0");
    there(&hosts, b"canary", 1);
    sniffer.wait_for(1);
    assert_eq!(sniffer.stop().0, Some(0));
}

#[test]
#[ignore = "needs root"]
fn a_disk_that_fills_up_ends_the_capture_and_keeps_whole_what_was_written() {
    let hosts = Hosts::new();
    std::fs::create_dir("/run/small").unwrap();
    mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs", "/run/small"]);
    // Its output fits a pipe that nobody reads meanwhile.
    let words = ["-W", "none", "-S", "6", "-i", "eth0", "-O", "/run/small/x.pcap", "canary"];
    let sniffer = sniff(&hosts, &words);
    there(&hosts, &[b"canary".as_slice(), &[b'x'; 1000]].concat(), 400);
    let (code, _, err) = sniffer.end();
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("ovlsniff: write /run/small/x.pcap: no space left on device\n"), "{err}");
    let mut file = Savefile::open("/run/small/x.pcap".as_ref()).unwrap();
    let mut frames = 0;
    while let Ok(Some(frame)) = file.next() {
        assert!(frame.bytes.ends_with(b"xxxx"));
        frames += 1;
    }
    assert!(frames > 40, "{frames} frames fit");
}

#[test]
#[ignore = "needs root"]
fn a_pipe_that_is_read_late_loses_packets_and_every_one_of_them_is_counted() {
    let hosts = Hosts::new();
    let mut sniffer = sniff(&hosts, &["-i", "eth0", "--buffer", "64K", "canary"]);
    let payload = [b"canary".as_slice(), &[b'x'; 1200]].concat();
    // The pipe holds 64 KiB, and the ring as much.
    for _ in 0..50 {
        there(&hosts, &payload, 40);
        thread::sleep(Duration::from_millis(2));
    }
    let mut out = std::mem::replace(&mut sniffer.out, BufReader::new(placeholder()));
    let reader = thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        text
    });
    // All that the ring held is read when the statistics do not change any more.
    let mut line = String::new();
    let mut before = String::new();
    until("the same statistics twice", || {
        thread::sleep(Duration::from_millis(300));
        sniffer.signal(Signal::SIGUSR1);
        line.clear();
        while !line.contains(" dropped by kernel: ") {
            line.clear();
            assert!(sniffer.err.read_line(&mut line).unwrap() > 0, "it ended");
        }
        std::mem::replace(&mut before, line.clone()) == line
    });
    let (code, _, err) = sniffer.stop();
    assert_eq!(code, Some(0), "{err}");
    let closing = err.lines().last().unwrap();
    let number = |before: &str| -> u64 {
        let digits = closing.split(before).next().unwrap().rsplit([' ', '\n']).next().unwrap();
        digits.parse().unwrap_or_else(|_| panic!("{closing}"))
    };
    let (matched, dropped) = (number(" matched"), number(" dropped by kernel"));
    assert!(dropped > 0, "{closing}");
    assert_eq!(matched + dropped, 2000, "{closing}");
    assert_eq!(reader.join().unwrap().matches("canary").count() as u64, matched);
}

/// Returns a pipe's end that nothing comes from.
fn placeholder() -> std::process::ChildStdout {
    let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    child.wait().unwrap();
    child.stdout.take().unwrap()
}

#[test]
#[ignore = "needs root"]
fn a_program_that_hangs_in_a_pipe_ends_with_the_second_signal() {
    let hosts = Hosts::new();
    let mut sniffer = sniff(&hosts, &["-i", "eth0", "canary"]);
    let payload = [b"canary".as_slice(), &[b'x'; 1200]].concat();
    // Asleep and with nothing to read: it waits for room in the pipe.
    until("a full pipe", || {
        there(&hosts, &payload, 20);
        let wait = std::fs::read_to_string(format!("/proc/{}/syscall", sniffer.child.id())).unwrap();
        wait.starts_with("1 ")
    });
    sniffer.signal(Signal::SIGTERM);
    thread::sleep(Duration::from_millis(300));
    assert!(
        sniffer.child.try_wait().unwrap().is_none(),
        "the first signal waits for the output to be written"
    );
    sniffer.signal(Signal::SIGTERM);
    let status = sniffer.child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(143), None));
}

#[test]
#[ignore = "needs root"]
fn a_program_that_was_stopped_goes_on_with_what_the_ring_has_kept() {
    let hosts = Hosts::new();
    let mut sniffer = sniff(&hosts, &["-i", "eth0", "canary"]);
    sniffer.signal(Signal::SIGSTOP);
    until("it is stopped", || sniffer.status("State").starts_with('T'));
    there(&hosts, b"canary", 50);
    sniffer.signal(Signal::SIGCONT);
    sniffer.wait_for(50);
    let (code, _, err) = sniffer.stop();
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains(" packets, 0 dropped by kernel: 50 matched, "), "{err}");
}

#[test]
#[ignore = "needs root"]
fn a_watch_that_was_stopped_judges_by_what_it_saw() {
    let hosts = Hosts::new();
    hosts.overlay("clear", 42, "42.0");
    let words = ["verify", "--net", "clear", "--for", "2s"];
    let mut command = program_that_heeds_signals();
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = hosts.a.run(|| command.spawn()).unwrap();
    thread::sleep(Duration::from_millis(700));
    crate::run::send(&child, Signal::SIGSTOP);
    thread::sleep(Duration::from_secs(3));
    crate::run::send(&child, Signal::SIGCONT);
    let ran = finish(child);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("verdict: CLEAR"), "{ran:?}");
}

/// Stops the program, and makes more notices than the kernel keeps for it and a device on UDP port 4999.
fn overrun(hosts: &Hosts, sniffer: &Sniffer) {
    sniffer.signal(Signal::SIGSTOP);
    until("it is stopped", || sniffer.status("State").starts_with('T'));
    // A notice of a link takes some 2 KiB, and there is room for 8 MiB.
    let flood = |n: u32| format!("link set lo alias n{n}\nlink set eth0 alias n{n}");
    hosts.a.ip(&(0..6000).map(flood).collect::<Vec<_>>().join("\n"));
    hosts.overlay_at(4999, "late", 43, "43.0");
    sniffer.signal(Signal::SIGCONT);
}

/// The kernel's notices are lost when the socket for them is full. Root reads the links again then.
#[test]
#[ignore = "needs root"]
fn more_notices_than_the_kernel_keeps_hide_no_new_device() {
    let hosts = Hosts::new();
    let mut sniffer = Sniffer::start(&mut behind(&hosts, "true", &["--no-drop", "-i", "eth0", "canary"]));
    overrun(&hosts, &sniffer);
    let mut told = String::new();
    sniffer.err.read_line(&mut told).unwrap();
    assert_eq!(told, "tunnel ports: vxlan 4999\n");
    hosts.a.send("10.43.0.2", 4243, b"canary", 1);
    assert!(sniffer.line().contains(" vxlan:43 "));
}

/// A process that has left root reads no links, here or in another namespace.
#[test]
#[ignore = "needs root"]
fn notices_that_are_lost_after_root_was_left_are_said_to_be() {
    let hosts = Hosts::new();
    let here = |words: &[&str]| Sniffer::start(&mut behind(&hosts, "true", words));
    let elsewhere = |words: &[&str]| sniff(&hosts, words);
    for start in [&here as &dyn Fn(&[&str]) -> Sniffer, &elsewhere] {
        let mut sniffer = start(&["-i", "eth0", "canary"]);
        overrun(&hosts, &sniffer);
        let mut told = String::new();
        sniffer.err.read_line(&mut told).unwrap();
        assert!(told.starts_with("ovlsniff: notices of links were lost; "), "{told}");
        hosts.a.ip("link del late");
        hosts.b.ip("link del late");
    }
}

#[test]
#[ignore = "needs root"]
fn more_interfaces_than_descriptors_are_told_with_the_limit() {
    let hosts = Hosts::new();
    let pair = |n: u32| format!("link add c{n} type veth peer name d{n}\nlink set c{n} up\nlink set d{n} up");
    hosts.a.ip(&(0..50).map(pair).collect::<Vec<_>>().join("\n"));
    let ran = finish(behind(&hosts, "ulimit -n 64", &["canary"]).spawn().unwrap());
    let complaint = ran.complaint();
    assert!(complaint.contains("too many open files") && complaint.contains("ulimit -n"), "{complaint}");
    assert_eq!(ran.out, "");

    // Wherever descriptors run out, there is no verdict on what was not seen.
    hosts.overlay("clear", 42, "42.0");
    for limit in [8, 10, 12, 16] {
        let words = ["verify", "--net", "clear", "--for", "1s"];
        let ran = finish(behind(&hosts, &format!("ulimit -n {limit}"), &words).spawn().unwrap());
        let complaint = ran.complaint().to_ascii_lowercase();
        assert!(complaint.contains("ulimit -n") && !complaint.contains("--no-drop"), "{limit}: {complaint}");
        // That the process which keeps root has no room for a descriptor, or this one none for what it hands over, ends neither.
        assert!(complaint.contains("too many open files"), "{limit}: {complaint}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_ring_that_memory_does_not_hold_is_told() {
    let hosts = Hosts::new();
    let words = ["-i", "eth0", "--buffer", "1G", "canary"];
    let ran = finish(behind(&hosts, "ulimit -v 400000", &words).spawn().unwrap());
    let complaint = ran.complaint();
    assert!(complaint.contains("eth0") && complaint.contains("--buffer"), "{complaint}");
    hosts.overlay("clear", 42, "42.0");
    for more in [&[][..], &["--no-drop"]] {
        let words = [&["verify", "--net", "clear", "--buffer", "1G"], more].concat();
        let ran = finish(behind(&hosts, "ulimit -v 400000", &words).spawn().unwrap());
        let complaint = ran.complaint();
        assert!(
            complaint.contains("no memory for its ring; give a smaller one with --buffer"),
            "{complaint}"
        );
    }
}

/// Each watch takes a ring and a thread, which is more than there is for all networks at once.
#[test]
#[ignore = "needs root"]
fn networks_for_which_there_is_no_memory_at_once_are_watched_one_after_the_other() {
    let hosts = Hosts::new();
    for n in 1..=4 {
        hosts.overlay(&format!("net{n}"), 40 + n, &format!("4{n}.0"));
    }
    let words = ["verify", "--all", "--for", "300ms", "--json", "--netns", "a"];
    let ran = finish(behind(&hosts, "ulimit -v 200000", &words).spawn().unwrap());
    assert!(ran.out.lines().count() == 5 && !ran.out.contains("\"error\""), "{ran:?}");
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_keeps_the_old_report_and_is_told_whoever_writes() {
    let hosts = Hosts::new();
    std::fs::create_dir("/run/full").unwrap();
    mount(&["-t", "tmpfs", "-o", "size=16k", "tmpfs", "/run/full"]);
    std::fs::write("/run/full/report", "old").unwrap();
    std::fs::write("/run/full/rest", [0; 12 << 10]).unwrap();
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tunnels/vxlan.pcap");
    let asked = ["verify", "-r", capture, "--vni", "42", "--local", "10.0.0.1"];
    for (option, place) in [("-o", "write /run/full/report"), ("--evidence", "--evidence /run/full/new")] {
        // The keeper writes, or the program itself.
        for more in [&[][..], &["--no-drop"]] {
            let words = [&asked[..], &[option, place.rsplit(' ').next().unwrap()], more].concat();
            let ran = finish(behind(&hosts, "true", &words).spawn().unwrap());
            assert_eq!(ran.code, Some(2), "{ran:?}");
            assert!(ran.err.contains(&format!("ovlsniff: {place}: no space left on device\n")), "{ran:?}");
        }
    }
    assert_eq!(std::fs::read_to_string("/run/full/report").unwrap(), "old");
    assert_eq!(std::fs::read_dir("/run/full").unwrap().count(), 2);
}

#[test]
#[ignore = "needs root"]
fn a_machine_without_proc_is_captured_on_and_its_networks_are_judged_as_root() {
    let hosts = Hosts::new();
    hosts.overlay("clear", 42, "42.0");
    let hidden = "umount -l /proc";
    let mut sniffer = Sniffer::start(&mut behind(&hosts, hidden, &["-i", "eth0", "canary"]));
    there(&hosts, b"canary", 1);
    assert!(sniffer.line().starts_with("U 192.0.2.1:"));
    let (code, _, err) = sniffer.stop();
    assert_eq!(code, Some(0), "{err}");

    // The process that keeps root for a watch is found by /proc.
    let words = ["verify", "--net", "clear", "--for", "2s"];
    let complaint = finish(behind(&hosts, hidden, &words).spawn().unwrap()).complaint().to_owned();
    let remedy =
        "; /proc is not mounted: mount it (mount -t proc proc /proc), or go on as root with --no-drop";
    assert!(complaint.ends_with(remedy), "{complaint}");
    let words = [&words[..], &["--no-drop"]].concat();
    let ran = finish(behind(&hosts, hidden, &words).spawn().unwrap());
    assert!(ran.out.contains("verdict: CLEAR"), "{ran:?}");
}

#[test]
#[ignore = "needs root"]
fn a_proc_that_hides_nearly_everything_is_enough_for_a_search_and_a_watch() {
    let hosts = Hosts::new();
    hosts.overlay("clear", 42, "42.0");
    // It shows no process of another user, and nothing of the system: neither `/proc/net` nor `/proc/sys`.
    let hidden =
        "umount -l /proc; mount -t proc -o hidepid=2,subset=pid proc /proc && [ ! -e /proc/sys ] || exit 9";
    let mut sniffer = Sniffer::start(&mut behind(&hosts, hidden, &["-i", "eth0", "canary"]));
    there(&hosts, b"canary", 1);
    assert!(sniffer.line().starts_with("U 192.0.2.1:"));
    let (code, _, err) = sniffer.stop();
    assert_eq!(code, Some(0), "{err}");

    let words = ["verify", "--net", "clear", "--for", "2s"];
    let ran = finish(behind(&hosts, hidden, &words).spawn().unwrap());
    assert!(ran.out.contains("verdict: CLEAR"), "{ran:?}");
}

#[test]
#[ignore = "needs root"]
fn without_a_database_of_users_root_is_not_silently_kept() {
    let hosts = Hosts::new();
    File::create("/run/nobody-is-here").unwrap();
    mount(&["--bind", "/run/nobody-is-here", "/etc/passwd"]);
    // Not nobody, whom systemd makes up where the database lacks it.
    let words = ["-Z", "daemon", "-i", "eth0", "canary"];
    let ran = finish(behind(&hosts, "true", &words).spawn().unwrap());
    assert_eq!(
        ran.complaint(),
        "ovlsniff: leave root for daemon: no such user; name one with -Z or keep root with --no-drop"
    );
    let mut sniffer = Sniffer::start(&mut behind(&hosts, "true", &["--no-drop", "-i", "eth0", "canary"]));
    there(&hosts, b"canary", 1);
    sniffer.wait_for(1);
    assert_eq!(sniffer.stop().0, Some(0));
}

/// `./x soak` with so little time that memory is held to its bounds alone.
#[test]
#[ignore = "needs root"]
fn the_soak_of_a_minute_passes() {
    let mut soak = plain(Command::new("unshare"));
    soak.args(["--net", "--mount", "--propagation", "private", "python3", "-B", "scripts/soak.py"]);
    soak.args([env!("CARGO_BIN_EXE_ovlsniff"), "0.5", "--rate", "500"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let ran = finish(soak.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    assert!(ran.out.ends_with("soak: passed\n"), "{}", ran.out);
}
