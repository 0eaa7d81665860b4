//! `ovlsniff verify` on live networks, and with a Docker engine made for the test. The leak lab has the scenarios that
//! need ESP in the kernel.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::hosts::{Hosts, leave_the_machine};
use crate::docker::{VERSION, engine};
use crate::run::{Ran, Watchdog, finish, program, program_that_heeds_signals, send, until};

/// Makes two hosts with an overlay in clear between them: `clear`, VNI 42.
fn hosts() -> Hosts {
    let hosts = Hosts::new();
    hosts.overlay("clear", 42, "42.0");
    hosts
}

/// Starts `verify` on the first host.
fn verify(hosts: &Hosts, words: &[&str]) -> (Watchdog, Child) {
    let mut command = program_that_heeds_signals();
    command.args(["verify", "--net", "clear"]).args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = hosts.a.run(|| command.spawn()).unwrap();
    (Watchdog::of(&child), child)
}

/// Returns the number of packets that the first host has received through the overlay.
fn received(hosts: &Hosts) -> u64 {
    let packets = hosts.a.run(|| std::fs::read_to_string("/proc/thread-self/net/dev")).unwrap();
    let of = packets.lines().find_map(|line| line.trim_start().strip_prefix("clear:")).unwrap();
    of.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Waits until the program captures, which it does when it has named its interface.
fn wait_for_capture(child: &mut Child) {
    let mut err = BufReader::new(child.stderr.as_mut().unwrap());
    let mut line = String::new();
    while !line.starts_with("interface: ") {
        line.clear();
        assert!(err.read_line(&mut line).unwrap() > 0, "it ended");
    }
}

fn report(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// Tries with a watch of 1 second, then of 4, 16 and 64. A watch does not wait for a busy machine, so one that saw too
/// little is repeated with more time.
fn longer_and_longer(seen: impl Fn(u32) -> Result<(), String>) {
    let tried: Vec<String> = [1, 4, 16, 64].iter().map_while(|&seconds| seen(seconds).err()).collect();
    assert!(tried.len() < 4, "{tried:#?}");
}

#[test]
#[ignore = "needs root"]
fn a_watch_gives_one_verdict_each_time_and_ends_with_the_last_at_a_signal() {
    let hosts = hosts();
    longer_and_longer(|seconds| {
        let (length, every) = (format!("{seconds}s"), format!("{}ms", seconds * 1000 + 200));
        let words = ["--for", &length, "--watch", &every, "--format", "json", "--expect", "clear"];
        let (_watchdog, mut child) = verify(&hosts, &words);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let reports = [lines.next().unwrap(), lines.next().unwrap()].map(|line| report(&line));
        send(&child, Signal::SIGTERM);
        let code = child.wait().unwrap().code();
        let clear = |report: &Value| {
            let counts = &report["directions"][0]["counts"];
            report["verdict"] == "CLEAR" && report["exit"] == 0 && counts["answered"].as_u64() >= Some(2)
        };
        let right = reports.iter().all(clear) && code == Some(0);
        if right { Ok(()) } else { Err(format!("{code:?} {reports:?}")) }
    });
}

/// Returns true for a line that has nothing but a time: `2026-11-27T19:08:52Z`.
fn is_time(line: &str) -> bool {
    line.len() == 20 && line.ends_with('Z') && line.parse::<jiff::Timestamp>().is_ok()
}

#[test]
#[ignore = "needs root"]
fn verdicts_in_a_log_have_a_time_each_and_an_empty_line_between_them() {
    let hosts = hosts();
    let (_watchdog, mut child) = verify(&hosts, &["--for", "500ms", "--watch", "600ms"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut block = || lines.by_ref().take_while(|line| !line.is_empty()).collect::<Vec<String>>();
    let blocks = [block(), block()];
    send(&child, Signal::SIGTERM);
    child.wait().unwrap();
    for block in &blocks {
        assert!(is_time(&block[0]) && block[1].starts_with("clear (vni 42"), "{block:#?}");
        assert_eq!(block.iter().filter(|line| line.starts_with("verdict: ")).count(), 1, "{block:#?}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_repetition_goes_on_when_its_network_goes_away_and_when_it_comes_back() {
    let hosts = hosts();
    let (_watchdog, mut child) = verify(&hosts, &["--for", "500ms", "--watch", "600ms", "--json"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut next =
        |wanted: &dyn Fn(&Value) -> bool| lines.find_map(|line| Some(report(&line)).filter(wanted));
    assert!(next(&|report| report["directions"].is_array()).is_some(), "the first watch");
    for host in [&hosts.a, &hosts.b] {
        host.ip("link del clear");
    }
    // One that goes while a watch is prepared may have another error at first.
    let unknown = "network clear: not known to ovlsniff overlay";
    let gone = next(&|report| report["error"].as_str().is_some_and(|why| why.starts_with(unknown))).unwrap();
    let verdict = gone["verdict"].as_str();
    assert_eq!(
        (verdict, &gone["exit"], &gone["network"]),
        (Some("INCONCLUSIVE"), &3.into(), &"clear".into())
    );
    hosts.overlay("clear", 42, "42.0");
    assert!(next(&|report| report["directions"].is_array()).is_some(), "the first watch after it came back");
    send(&child, Signal::SIGTERM);
    drop(lines);
    let ran = finish(child);
    assert!(ran.code.is_some_and(|code| code != 2), "{ran:?}");
    // It is told once, however many watches were not possible.
    let told = "ovlsniff: clear cannot be watched for now, and the repetition goes on: ";
    assert_eq!(ran.err.matches(told).count(), 1, "{ran:?}");
}

/// Makes a device of this VNI with the name of the overlay on the first host alone.
fn make_again(hosts: &Hosts, vni: u32) {
    hosts.a.ip(&format!(
        "link add clear type vxlan id {vni} local 192.0.2.1 remote 192.0.2.2 dstport 4789
         addr add 10.42.0.1/24 dev clear
         link set clear up"
    ));
}

#[test]
#[ignore = "needs root"]
fn a_repetition_does_not_go_over_to_a_device_of_that_name_in_another_namespace() {
    let hosts = hosts();
    let (_watchdog, mut child) = verify(&hosts, &["--for", "500ms", "--watch", "600ms", "--json"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut next = || report(&lines.next().unwrap());
    let first = next();
    assert_eq!((&first["vnis"][0], &first["namespace"]), (&42.into(), &Value::Null), "{first}");
    // The other host has one as well.
    hosts.a.ip("link del clear");
    let elsewhere = "network clear: it is no longer where it was found first; ";
    // One that goes while a watch is prepared or under way may have another error or report at first.
    let gone = std::iter::repeat_with(&mut next)
        .inspect(|report| assert_eq!(report["namespace"], Value::Null, "{report}"))
        .take(10)
        .find(|report| report["error"].as_str().is_some_and(|why| why.starts_with(elsewhere)))
        .expect("it is gone");
    assert_eq!((gone["verdict"].as_str(), &gone["exit"]), (Some("INCONCLUSIVE"), &3.into()), "{gone}");
    make_again(&hosts, 43);
    let back = std::iter::repeat_with(&mut next).take(10).find(|report| report["directions"].is_array());
    let back = back.expect("the first watch after it came back");
    assert_eq!((&back["vnis"][0], &back["namespace"]), (&43.into(), &Value::Null), "{back}");
    send(&child, Signal::SIGTERM);
    child.wait().unwrap();
}

#[test]
#[ignore = "needs root"]
fn a_repetition_stays_in_another_namespace_when_its_own_gets_a_device_of_that_name() {
    let hosts = hosts();
    hosts.a.ip("link del clear");
    let (_watchdog, mut child) = verify(&hosts, &["--for", "500ms", "--watch", "600ms", "--json"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut next = || report(&lines.next().unwrap());
    let mut reports = vec![next()];
    make_again(&hosts, 43);
    reports.extend(std::iter::repeat_with(&mut next).take(3));
    send(&child, Signal::SIGTERM);
    child.wait().unwrap();
    for report in &reports {
        assert_eq!(
            (&report["vnis"][0], &report["namespace"]),
            (&42.into(), &"/run/netns/b".into()),
            "{report}"
        );
    }
}

#[test]
#[ignore = "needs root"]
fn a_report_names_the_namespace_of_a_device_that_is_in_another_one() {
    let hosts = hosts();
    hosts.a.ip("link del clear");
    let of = |format: &str| {
        let (_watchdog, child) = verify(&hosts, &["--for", "500ms", "--format", format]);
        finish(child).out
    };
    assert!(of("text").starts_with("clear (vni 42, vxlan device in b) "), "{}", of("text"));
    let label = "ovlsniff_verdict{network=\"clear\",vni=\"42\",namespace=\"/run/netns/b\",verdict=";
    assert!(of("prometheus").contains(label), "{}", of("prometheus"));
}

#[test]
#[ignore = "needs root"]
fn a_network_that_nobody_knows_at_the_start_of_a_repetition_is_a_mistake() {
    let hosts = Hosts::new();
    let (_watchdog, child) = verify(&hosts, &["--for", "500ms", "--watch", "600ms", "--json"]);
    let ran = finish(child);
    assert_eq!((ran.code, &*ran.out, ran.err.lines().count()), (Some(2), "", 1), "{ran:?}");
    assert!(ran.err.contains("network clear: not known to ovlsniff overlay"), "{ran:?}");
}

#[test]
#[ignore = "needs root"]
fn a_watch_nobody_reads_any_more_ends() {
    let hosts = hosts();
    longer_and_longer(|seconds| {
        let (length, every) = (format!("{}ms", seconds * 500), format!("{}ms", seconds * 600));
        let (_watchdog, mut child) = verify(&hosts, &["--for", &length, "--watch", &every]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let first: Vec<String> = lines.by_ref().take(2).collect();
        assert!(is_time(&first[0]) && first[1].starts_with("clear (vni 42"), "{first:?}");
        drop(lines);
        // The status is that of the first watch or of the one that it could not print. A watch that saw too little has
        // 3.
        let code = child.wait().unwrap().code();
        if code == Some(1) { Ok(()) } else { Err(format!("{code:?} after {first:?}")) }
    });
}

#[test]
#[ignore = "needs root"]
fn a_signal_in_mid_watch_ends_it_with_a_verdict_on_what_was_seen() {
    let hosts = hosts();
    let (_watchdog, mut child) = verify(&hosts, &["--for", "1h", "--format", "json"]);
    wait_for_capture(&mut child);
    let begin = received(&hosts);
    until("answers to its canaries", || received(&hosts) >= begin + 4);
    send(&child, Signal::SIGTERM);
    let ran = finish(child);
    assert_eq!((report(&ran.out)["verdict"].as_str(), ran.code), (Some("CLEAR"), Some(1)), "{ran:?}");
}

/// The broadcasts of the first watch leave a neighbour in the kernel's table. It had been probed, and never answered.
#[test]
#[ignore = "needs root"]
fn a_second_watch_does_not_probe_the_broadcast_address_that_the_first_one_left_as_a_neighbour() {
    let hosts = hosts();
    for (host, peer) in [(&hosts.a, 2), (&hosts.b, 1)] {
        host.bridge(&format!("fdb append 00:00:00:00:00:00 dev clear dst 192.0.2.{peer} self"));
    }
    for watch in ["first", "second"] {
        // Nothing is known of the other host, so that the whole subnet is asked.
        hosts.a.ip("neigh del 10.42.0.2 dev clear");
        let (_watchdog, child) = verify(&hosts, &["--for", "2s", "--format", "json"]);
        let ran = finish(child);
        let answered = &report(&ran.out)["directions"][0]["counts"]["answered"];
        assert!(answered.as_u64() > Some(0), "{watch}: {ran:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn every_path_of_a_route_with_several_is_watched() {
    let hosts = hosts();
    hosts.second_cable();
    hosts.a.ip("route add 192.0.2.2 nexthop via 192.0.2.2 dev eth0 nexthop via 198.51.100.9 dev eth1");
    let (_watchdog, child) = verify(&hosts, &["--for", "500ms", "--format", "json"]);
    let text = finish(child).out;
    let watched: Vec<&str> =
        text.split("\"captured\":\"").nth(1).unwrap().split('"').next().unwrap().split(", ").collect();
    assert!(watched.contains(&"eth0") && watched.contains(&"eth1"), "{text}");
}

#[test]
#[ignore = "needs root"]
fn what_leaves_by_a_route_that_moved_in_mid_watch_is_seen() {
    let hosts = hosts();
    hosts.second_cable();
    let (_watchdog, mut child) = verify(&hosts, &["--for", "1h", "--passive", "--format", "json"]);
    wait_for_capture(&mut child);
    hosts.a.ip("route add 192.0.2.2 dev eth1");
    hosts.a.ip("neigh replace 192.0.2.2 lladdr 02:00:00:00:00:99 dev eth1");
    let socket = hosts.a.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    until("frames on the other cable", || {
        socket.send_to(b"hello", "10.42.0.2:9").unwrap();
        sent(&hosts, "eth1") > 8
    });
    send(&child, Signal::SIGTERM);
    let ran = finish(child);
    let report = report(&ran.out);
    assert_eq!((&report["verdict"], ran.code), (&"CLEAR".into(), Some(1)), "{ran:?}");
}

/// Returns the number of packets that the first host has sent by a link.
fn sent(hosts: &Hosts, link: &str) -> u64 {
    let counters = hosts.a.run(|| std::fs::read_to_string("/proc/thread-self/net/dev")).unwrap();
    let name = format!("{link}:");
    let of = counters.lines().find_map(|line| line.trim_start().strip_prefix(&name)).unwrap();
    of.split_whitespace().nth(9).unwrap().parse().unwrap()
}

#[test]
#[ignore = "needs root"]
fn a_network_of_the_engine_without_a_container_here_is_inconclusive_and_no_error() {
    leave_the_machine();
    for options in [r#"{"com.docker.network.driver.overlay.vxlanid_list":"4098","encrypted":""}"#, "null"] {
        let network = format!(
            r#"{{"Name":"secure","Id":"0123456789abcdef","Scope":"swarm","Driver":"overlay","Containers":{{}},"Options":{options}}}"#
        );
        let (_place, socket) = engine(&[VERSION, ("/networks/secure", &network)]);
        let run = |name: &str| -> Ran {
            let mut command = program();
            command.args(["verify", "--net", name, "--for", "500ms"]);
            command.env("DOCKER_HOST", format!("unix://{socket}"));
            finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        };
        let mut ran = run("secure");
        until("an answer within the engine's three seconds", || {
            ran.code != Some(2) || {
                ran = run("secure");
                false
            }
        });
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(
            ran.out.contains("verdict: INCONCLUSIVE (no-member)\nremedy: no container of this host"),
            "{ran:?}"
        );
        assert!(run("secuer").complaint().contains("not known to"));
    }
}

/// The device has the name of a network that the engine may know, and be another one.
#[test]
#[ignore = "needs root"]
fn an_engine_that_is_broken_is_not_replaced_by_a_device_with_the_networks_name() {
    let hosts = hosts();
    let (_broken_place, broken) = engine(&[VERSION, ("/networks/clear", "not json")]);
    let (_place, ignorant) = engine(&[VERSION]);
    let run = |socket: &str, words: &[&str]| {
        let mut command = program();
        command.args(["verify", "--net", "clear", "--for", "1s", "--format", "json"]).args(words);
        command.env("DOCKER_HOST", format!("unix://{socket}")).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(hosts.a.run(|| command.spawn()).unwrap())
    };
    assert!(run(&broken, &[]).complaint().contains("Docker's engine gives no usable answer"));
    let found = run(&ignorant, &[]);
    assert_eq!(report(&found.out)["source"], "vxlan device", "{found:?}");
    let described = run(&broken, &["--vni", "42", "--peer", "192.0.2.2"]);
    let report = report(&described.out);
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["reason"] == "engine-unread"), "{described:?}");
    assert_eq!(report["network"], "clear", "{described:?}");
}

#[test]
#[ignore = "needs root"]
fn who_is_no_terminal_sees_no_progress() {
    let (_watchdog, child) = verify(&hosts(), &["--for", "1200ms"]);
    let ran = finish(child);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), "interface: eth0\n"), "{ran:?}");
}
