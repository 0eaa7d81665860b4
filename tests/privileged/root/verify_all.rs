//! `ovlsniff verify --all` and the list of overlays of `ovlsniff interfaces`, on two hosts in namespaces of their own.

use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::hosts::{Hosts, leave_the_machine};
use crate::run::{Ran, Watchdog, finish, program, program_that_heeds_signals, send, until};

/// Makes two hosts with two overlays in clear between them, and a device on the first that no route leads into.
fn hosts() -> Hosts {
    let hosts = Hosts::new();
    hosts.overlay("one", 42, "42.0");
    hosts.overlay("two", 43, "43.0");
    hosts.a.ip("link add meta0 type vxlan external dstport 4790\nlink set meta0 up");
    hosts
}

/// Runs the program beside the hosts, in a namespace without interfaces.
fn run(words: &[&str]) -> Ran {
    let mut command = program();
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap())
}

fn objects(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
#[ignore = "needs root"]
fn every_network_is_judged_and_the_worst_verdict_counts() {
    let _hosts = hosts();
    let ran = run(&["verify", "--all", "--netns", "a", "--for", "4s"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), "networks: one, two, meta0\n"), "{ran:?}");
    assert_eq!(lines[0], "one    vxlan device in a  CLEAR         no-policy    1 node");
    assert_eq!(lines[1], "two    vxlan device in a  CLEAR         no-policy    1 node");
    assert!(
        lines[2]
            .starts_with("meta0  vxlan device in a  INCONCLUSIVE  not watched  network meta0: its device is"),
        "{ran:?}"
    );
    assert!(lines[4].starts_with("one (vni 42, vxlan device in a)"), "{ran:?}");
    assert_eq!(
        lines.last().unwrap(),
        &"verdict: CLEAR: 0 of 3 networks ENCRYPTED, 2 CLEAR (one, two), 1 INCONCLUSIVE (meta0)"
    );
}

#[test]
#[ignore = "needs root"]
fn json_has_a_line_for_each_network_of_every_namespace_and_a_summary() {
    let _hosts = hosts();
    let ran = run(&["verify", "--all", "--for", "4s", "--format", "json", "--expect", "clear"]);
    let objects = objects(&ran);
    let of =
        |at: usize| ["network", "namespace", "verdict"].map(|member| objects[at][member].as_str().unwrap());
    assert_eq!(of(0), ["one", "/run/netns/a", "CLEAR"], "{ran:?}");
    assert_eq!(of(2), ["meta0", "/run/netns/a", "INCONCLUSIVE"]);
    assert_eq!(of(4), ["two", "/run/netns/b", "CLEAR"]);
    // Each network was probed by itself, though all were watched at once.
    assert!(objects[4]["directions"][0]["counts"]["answered"].as_u64() > Some(0), "{ran:?}");
    assert_eq!((&objects[5]["networks"], &objects[5]["verdicts"]["CLEAR"]), (&5.into(), &4.into()));
    assert_eq!((&objects[5]["exit"], ran.code), (&3.into(), Some(3)), "meta0 could not be watched");
}

#[test]
#[ignore = "needs root"]
fn a_signal_ends_all_watches_with_verdicts_on_what_was_seen() {
    let hosts = hosts();
    let mut command = program_that_heeds_signals();
    command.args(["verify", "--all", "--netns", "a", "--for", "1h"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _watchdog = Watchdog::of(&child);
    let received = |name: &str| {
        let packets = hosts.a.run(|| std::fs::read_to_string("/proc/thread-self/net/dev")).unwrap();
        let of = packets.lines().find_map(|line| line.trim_start().strip_prefix(name)).unwrap();
        of.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    until("answers in both networks", || received("one:") > 6 && received("two:") > 6);
    send(&child, Signal::SIGINT);
    let ran = finish(child);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("2 CLEAR (one, two)"), "{ran:?}");
}

#[test]
#[ignore = "needs root"]
fn a_host_without_overlays_is_inconclusive() {
    leave_the_machine();
    let ran = run(&["verify", "--all", "--for", "1s"]);
    let said = "verdict: INCONCLUSIVE: no overlay network was found on this host, so nothing was judged\n";
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), said), "{ran:?}");
}

#[test]
#[ignore = "needs root"]
fn interfaces_lists_the_overlays_of_every_namespace_below_its_table() {
    let _hosts = hosts();
    let ran = run(&["interfaces"]);
    let (_, overlays) = ran.out.split_once("\noverlays:\n").unwrap();
    let expected = "  one    vxlan device in a  vxlan vni 42 port 4789 local 192.0.2.1 nodes 192.0.2.2
  two    vxlan device in a  vxlan vni 43 port 4789 local 192.0.2.1 nodes 192.0.2.2
  meta0  vxlan device in a  vxlan vni any port 4790 (no node is known)
  one    vxlan device in b  vxlan vni 42 port 4789 local 192.0.2.2 nodes 192.0.2.1
  two    vxlan device in b  vxlan vni 43 port 4789 local 192.0.2.2 nodes 192.0.2.1
";
    assert_eq!(overlays, expected);
    let ran = run(&["interfaces", "--json", "--netns", "b"]);
    let objects = objects(&ran);
    let names: Vec<&str> = objects.iter().filter_map(|object| object["overlay"].as_str()).collect();
    assert_eq!(names, ["one", "two"], "those of the other host have another underlay");
}
