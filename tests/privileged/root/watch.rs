//! `ovlsniff interfaces --watch` on real interfaces.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::hosts::Hosts;
use crate::run::{Watchdog, finish, program_that_heeds_signals, send};

fn interface<'j>(round: &'j Value, name: &str) -> Option<&'j Value> {
    round["interfaces"].as_array().unwrap().iter().find(|row| row["name"] == name)
}

#[test]
#[ignore = "needs root"]
fn packets_are_counted_by_class_on_interfaces_that_come_and_go_until_a_signal() {
    let hosts = Hosts::new();
    let mut command = program_that_heeds_signals();
    command.args(["interfaces", "--watch", "200ms", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = hosts.a.run(|| command.spawn()).unwrap();
    let _watchdog = Watchdog::of(&child);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let first = next();
    assert!(interface(&first, "lo").is_some() && interface(&first, "eth0").is_some(), "{first}");

    // The program has left root by now, and sees an interface that comes all the same.
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(!line("Uid:").split_whitespace().any(|id| id == "0"), "{status}");
    assert_eq!(line("CapEff:").split_whitespace().nth(1), Some("0000000000000000"));
    hosts.a.ip("link add later type bridge\nlink set later up");
    hosts.a.send("192.0.2.2", 4242, b"readable", 7);
    hosts.a.run(|| {
        let esp_in_udp = UdpSocket::bind("192.0.2.1:4500").unwrap();
        for sequence in 1..=5u8 {
            let packet: Vec<u8> = [0xc1, 2, 3, 4, 0, 0, 0, sequence]
                .into_iter()
                .chain((0..64).map(|n| u8::wrapping_mul(n, 37) ^ sequence))
                .collect();
            esp_in_udp.send_to(&packet, "192.0.2.2:4500").unwrap();
        }
    });
    let (mut readable, mut opaque, mut has_come) = (0, 0, false);
    while !has_come || readable < 7 || opaque < 5 {
        let round = next();
        let eth = interface(&round, "eth0").unwrap();
        readable += eth["readable"].as_u64().unwrap();
        opaque += eth["opaque_by_kind"]["ESP in UDP"].as_u64().unwrap_or_default();
        has_come |= interface(&round, "later").is_some();
        assert_eq!(round["dropped"], 0);
    }
    assert_eq!(opaque, 5);

    hosts.a.ip("link del later");
    while interface(&next(), "later").is_none_or(|row| row["gone"] != true) {}
    assert!(interface(&next(), "later").is_none());

    send(&child, Signal::SIGINT);
    drop(lines);
    let ran = finish(child);
    assert!(matches!(ran.code, Some(0)), "{ran:?}");
}

#[test]
#[ignore = "needs root"]
fn a_number_of_rounds_is_printed_as_blocks_where_there_is_no_terminal() {
    let hosts = Hosts::new();
    hosts.a.ip("link add a\u{1b}[2Jb type bridge\nlink set a\u{1b}[2Jb up");
    let mut command = program_that_heeds_signals();
    command.args(["interfaces", "--watch", "50ms", "-n", "2"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = finish(hosts.a.run(|| command.spawn()).unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let blocks: Vec<&str> = ran.out.split_terminator("\n\n").collect();
    assert_eq!(blocks.len(), 2, "{}", ran.out);
    for block in blocks {
        assert!(block.contains("\nINTERFACE ") && block.contains("\na\\u{1b}[2Jb  "), "{block}");
        assert!(!block.contains('\u{1b}'), "{block:?}");
    }
}
