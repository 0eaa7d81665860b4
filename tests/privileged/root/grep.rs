//! Grep mode on live traffic between two hosts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ovlsniff::capture::savefile::{Filtered, Savefile};

use super::hosts::{Host, Hosts};
use super::promptness::assert_prompt;
use super::sniffer::Sniffer;
use crate::run::{program_that_heeds_signals, refused, shown, until};

/// Makes two hosts with VXLAN 4097 between them: 10.0.1.1 and 10.0.1.2 on `vx`.
fn hosts() -> Hosts {
    let hosts = Hosts::new();
    hosts.overlay("vx", 4097, "0.1");
    hosts
}

/// Starts the program on the first host.
fn sniff(hosts: &Hosts, words: &[&str]) -> Sniffer {
    Sniffer::start(program_that_heeds_signals().args(["--netns", hosts.a.name]).args(words))
}

/// Sends datagrams from the first host to the second, inside the overlay.
fn there(hosts: &Hosts, payload: &[u8], count: u32) {
    hosts.a.send("10.0.1.2", 4243, payload, count);
}

/// Sends datagrams from the second host to the first, inside the overlay.
fn back(hosts: &Hosts, payload: &[u8], count: u32) {
    hosts.b.send("10.0.1.1", 4243, payload, count);
}

/// Answers one client's request for a page.
fn serve(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert!(request.read_line(&mut line).unwrap() > 0, "half a request");
    }
    stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 22\r\n\r\nHello from the overlay").unwrap();
}

/// Fetches the page as a client on this host, and returns the answer.
fn fetch(host: &Host, server: &str) -> String {
    let mut stream = host.run(|| TcpStream::connect(server)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: 10.0.1.2\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
#[ignore = "needs root"]
fn the_course_sees_request_and_answer_of_the_overlay() {
    let hosts = hosts();
    let listener = hosts.b.run(|| TcpListener::bind("10.0.1.2:80")).unwrap();
    let server = thread::spawn(move || serve(&listener));
    let sniffer = sniff(&hosts, &["-i", "eth0", "-n", "2", "HTTP"]);
    assert!(sniffer.banner.starts_with("interface: eth0\n"), "{}", sniffer.banner);
    assert!(fetch(&hosts.a, "10.0.1.2:80").ends_with("Hello from the overlay"));
    server.join().unwrap();
    let (code, out, err) = sniffer.end();
    assert_eq!(code, Some(0), "{err}");
    let headers: Vec<&str> = out.lines().filter(|line| line.starts_with("T ")).collect();
    assert!(headers[0].contains("-> 10.0.1.2:80 [AP] vxlan:4097 192.0.2.1 -> 192.0.2.2 #"), "{out}");
    assert!(headers[1].starts_with("T 10.0.1.2:80 -> 10.0.1.1:"), "{out}");
    assert!(out.contains("  GET / HTTP/1.1..Host: 10.0.1.2") && out.contains("  HTTP/1.0 200 OK.."), "{out}");
}

#[test]
#[ignore = "needs root"]
fn auto_chooses_the_underlay_and_says_why() {
    let hosts = hosts();
    let mut sniffer = sniff(&hosts, &["-n", "1", "canary"]);
    assert!(sniffer.banner.starts_with("interface: eth0 (underlay of vx"), "{}", sniffer.banner);
    there(&hosts, b"canary-auto", 1);
    let mut line = sniffer.line();
    while !line.contains("vxlan:4097") {
        line = sniffer.line();
    }
    assert_eq!(sniffer.end().0, Some(0));
}

#[test]
#[ignore = "needs root"]
fn a_match_is_in_the_pipe_within_ten_milliseconds() {
    let hosts = hosts();
    let mut sniffer = sniff(&hosts, &["-i", "eth0", "--marks", "none", "^canary", "udp port 4789"]);
    let through_the_program = || {
        thread::sleep(Duration::from_millis(13));
        let sent = Instant::now();
        there(&hosts, b"canary-latency", 1);
        while !sniffer.line().contains("canary-latency") {}
        sent.elapsed()
    };
    // `cat` is the yardstick: another process that has to wake up, and writes into a pipe.
    let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut into, mut out) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
    let through_cat = || {
        thread::sleep(Duration::from_millis(13));
        let sent = Instant::now();
        into.write_all(b"canary").unwrap();
        out.read_exact(&mut [0; 6]).unwrap();
        sent.elapsed()
    };
    assert_prompt(through_the_program, through_cat);
    drop(into);
    cat.wait().unwrap();
    assert_eq!(sniffer.stop().0, Some(0));
}

#[test]
#[ignore = "needs root"]
fn any_and_several_interfaces_are_heard() {
    let hosts = hosts();
    for (words, banner, copies) in [
        (&["-i", "any"][..], "interface: any\n", 2),
        (&["-i", "eth0", "-i", "vx"], "interface: eth0, vx\n", 2),
        (&["-i", "vx"], "interface: vx\n", 1),
    ] {
        let mut sniffer =
            sniff(&hosts, &[words, &["-W", "single", "--marks", "none", "^canary-any", "udp"]].concat());
        assert!(sniffer.banner.starts_with(banner), "{}", sniffer.banner);
        there(&hosts, b"canary-any", 1);
        sniffer.wait_for(copies);
        let (code, out, err) = sniffer.stop();
        assert_eq!((code, out.lines().count()), (Some(0), copies), "{words:?} {out} {err}");
        assert_eq!(out.contains("vxlan:4097"), copies == 2, "{out}");
        // The same packet comes twice, and each copy names the interface that it passed.
        for (interface, copy) in [(" eth0 ", "vxlan:4097"), (" vx ", "10.0.1.2:4243 vx ")] {
            let said = out.lines().any(|line| line.contains(interface) && line.contains(copy));
            assert_eq!(said, copies == 2, "{words:?} {interface} {out}");
        }
    }
    let mut sniffer = sniff(&hosts, &["-i", "any", "--json", "^canary-any", "udp"]);
    there(&hosts, b"canary-any", 1);
    sniffer.wait_for(2);
    let (_, out, _) = sniffer.stop();
    assert!(out.contains(r#""interface":"eth0""#) && out.contains(r#""interface":"vx""#), "{out}");
}

/// The kernel applies the filter and does not say how much it kept out.
#[test]
#[ignore = "needs root"]
fn a_filter_that_the_kernel_lets_nothing_through_is_told() {
    let hosts = hosts();
    for (words, advice) in [
        (&["canary", "port", "4243"][..], "; for those inside of tunnels: --inner 'port 4243'"),
        (&["canary", "port", "4243", "--inner", "udp"], ""),
    ] {
        let sniffer = sniff(&hosts, &[&["-i", "eth0"], words].concat());
        there(&hosts, b"canary", 1);
        let (code, out, err) = sniffer.stop();
        let told = format!(
            "ovlsniff: no packet passed the filter 'port 4243', which sees the outer packets{advice}\n\
             0 packets, 0 dropped by kernel: "
        );
        assert_eq!((code, out.as_str(), err.contains(&told)), (Some(1), "", true), "{err}");
    }
    assert_eq!(
        refused(&["--netns", hosts.a.name, "-i", "eth0", "canary", "udp and inbound"]),
        "ovlsniff: filter 'udp and inbound': 'inbound' would lose frames; write: --direction in (on eth0)"
    );
}

/// Half a datagram arrives, and then nothing more. It is searched alone once the rest is overdue, after 30 seconds.
#[test]
#[ignore = "needs root"]
fn a_lone_fragment_is_shown_though_the_wire_is_quiet() {
    let hosts = hosts();
    for host in [&hosts.a, &hosts.b] {
        host.ip("link set vx down");
    }
    hosts.a.ip("route add 198.51.100.9 dev eth0");
    hosts.a.ip("neigh add 198.51.100.9 lladdr 02:00:00:00:00:09 dev eth0");
    // The filter leaves out the last fragment.
    let mut sniffer =
        sniff(&hosts, &["-i", "eth0", "-W", "single", "-n", "1", "canary-first", "ip[6:2] & 0x2000 != 0"]);
    let begin = Instant::now();
    hosts.a.send("198.51.100.9", 7, &[&b"canary-first"[..], &[b'x'; 2000]].concat(), 1);
    assert!(sniffer.line().contains("198.51.100.9:7"));
    assert!(begin.elapsed().as_secs() >= 29, "{:?}", begin.elapsed());
}

#[test]
#[ignore = "needs root"]
fn only_the_asked_direction_is_shown() {
    let hosts = hosts();
    for (direction, sender) in [("out", "10.0.1.1"), ("in", "10.0.1.2")] {
        let mut sniffer =
            sniff(&hosts, &["-p", "-i", "eth0", "--direction", direction, "^canary", "udp port 4789"]);
        there(&hosts, b"canary-there", 2);
        back(&hosts, b"canary-back", 2);
        sniffer.wait_for(2);
        let (_, out, err) = sniffer.stop();
        let headers: Vec<&str> = out.lines().filter(|line| line.starts_with("U ")).collect();
        assert_eq!(headers.len(), 2, "{out} {err}");
        assert!(headers.iter().all(|line| line.starts_with(&format!("U {sender}:"))), "{out}");
    }
}

#[test]
#[ignore = "needs root"]
fn every_ending_signal_flushes_what_was_found() {
    let hosts = hosts();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("out.pcapng");
        let mut sniffer =
            sniff(&hosts, &["-i", "eth0", "-O", file.to_str().unwrap(), "^canary", "udp port 4789"]);
        there(&hosts, b"canary", 3);
        sniffer.wait_for(3);
        sniffer.signal(signal);
        let (code, out, err) = sniffer.end();
        assert_eq!((code, out.matches("canary").count()), (Some(0), 3), "{signal}: {out} {err}");
        assert!(err.contains(" packets, 0 dropped by kernel: 3 matched, "), "{err}");
        assert_eq!(shown(&["-r", file.to_str().unwrap(), "canary"]), [1, 2, 3]);
        // The file has the interface's filter and counters, and says that no frame of the capture is missing in it.
        let (file, missing, lost) = counted(&file);
        assert_eq!((missing, lost), (Some(0), Some(0)), "{signal}: {err}");
        assert_eq!(file.interfaces()[0].name.as_deref(), Some("eth0"));
        assert_eq!(file.interfaces()[0].filter, Some(Filtered::Expression("udp port 4789".to_owned())));
    }
}

/// Reads a file to its end. Returns it with the number of frames that were captured and are not in it, and of those that
/// the capture lost.
fn counted(path: &Path) -> (Savefile, Option<u64>, Option<u64>) {
    let mut file = Savefile::open(path).unwrap();
    while file.advance().unwrap() {}
    let (missing, lost) = (file.missing(), file.dropped());
    // Frames that are missing count as lost too.
    (file, missing, lost.map(|lost| lost - missing.unwrap_or(0)))
}

#[test]
#[ignore = "needs root"]
fn usr1_prints_the_statistics_of_a_live_capture() {
    let hosts = hosts();
    let mut sniffer = sniff(&hosts, &["-i", "eth0", "^canary", "udp port 4789"]);
    there(&hosts, b"canary", 1);
    assert!(sniffer.line().starts_with("U "));
    sniffer.signal(Signal::SIGUSR1);
    let mut line = String::new();
    sniffer.err.read_line(&mut line).unwrap();
    assert!(line.contains("dropped by kernel: 1 matched, 0 opaque"), "{line}");
    assert_eq!(sniffer.stop().0, Some(0));
}

#[test]
#[ignore = "needs root"]
fn root_is_left_once_all_is_open() {
    let hosts = hosts();
    for (words, nobody) in [(&[][..], true), (&["-Z", "nobody"], true), (&["--no-drop"], false)] {
        let sniffer = sniff(&hosts, &[words, &["-i", "eth0", "canary"]].concat());
        let uids = sniffer.status("Uid");
        let expected = if nobody { "65534" } else { "0" };
        assert!(uids.split(' ').all(|uid| uid == expected), "{words:?} {uids}");
        if nobody {
            assert_eq!(sniffer.status("CapEff"), "0000000000000000");
        }
        assert_eq!(sniffer.stop().0, Some(1));
    }
}

#[test]
#[ignore = "needs root"]
fn drops_of_a_ring_that_is_too_small_are_told() {
    let hosts = hosts();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.pcapng");
    let words = ["-i", "eth0", "--buffer", "64K", "-O", file.to_str().unwrap(), "canary"];
    let mut sniffer = sniff(&hosts, &words);
    // The ring fills while the program is stopped.
    sniffer.signal(Signal::SIGSTOP);
    until("it is stopped", || sniffer.status("State").starts_with('T'));
    there(&hosts, &[b'x'; 1200], 2000);
    sniffer.signal(Signal::SIGCONT);
    // It has read what is in the ring once it shows one of these.
    for _ in 0..10 {
        there(&hosts, b"canary", 1);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    sniffer.line();
    let (_, _, err) = sniffer.stop();
    let dropped = err.split(", ").nth(1).unwrap().split(' ').next().unwrap().parse::<u32>().unwrap();
    assert!(dropped > 100, "{err}");
    let (_, missing, lost) = counted(&file);
    assert!(missing.is_some_and(|missing| missing > 0), "{missing:?}");
    assert_eq!(lost, Some(u64::from(dropped)));
}

#[test]
#[ignore = "needs root"]
fn an_interface_that_goes_away_ends_the_capture_with_its_name() {
    let hosts = hosts();
    let sniffer = sniff(&hosts, &["-i", "eth0", "^canary", "udp port 4789"]);
    there(&hosts, b"canary-last", 1);
    hosts.a.ip("link del eth0");
    let (code, out, err) = sniffer.end();
    assert_eq!(code, Some(2), "{err}");
    assert!(out.contains("canary-last"), "{out}");
    assert_eq!(
        err.lines().filter(|line| line.starts_with("ovlsniff: ")).collect::<Vec<_>>(),
        ["ovlsniff: eth0: the interface disappeared"]
    );
}

/// libpcap has no filters for the frames of such a log, and reports an empty one as an error.
#[test]
#[ignore = "needs root"]
fn the_log_of_a_packet_filter_is_heard() {
    let hosts = hosts();
    let rules = "add table inet t; add chain inet t out { type filter hook output priority 0; }; \
                 add rule inet t out udp dport 4243 log group 9";
    let nft = || Command::new("nft").arg(rules).status().unwrap();
    assert!(hosts.a.run(nft).success());
    let sniffer = sniff(&hosts, &["-i", "nflog:9", "-n", "1", "--inner", "dst host 10.0.1.2", "^canary"]);
    assert!(sniffer.banner.starts_with("interface: nflog:9\n"), "{}", sniffer.banner);
    there(&hosts, b"canary-log", 1);
    let (code, out, err) = sniffer.end();
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("U 10.0.1.1:") && out.contains(" -> 10.0.1.2:4243 #1\n  canary-log\n"), "{out}");
}
