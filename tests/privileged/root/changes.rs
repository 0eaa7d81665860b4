//! What the kernel tells of changes, in namespaces of the test's own.

use std::net::IpAddr;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ovlsniff::host::changes::{Change, Changes, Event};
use ovlsniff::packet::IpVersion;

use super::hosts::Hosts;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Acts, and waits until the kernel tells of a change that is looked for. It may tell of others as well.
fn told(changes: &mut Changes, act: impl FnOnce(), wanted: impl Fn(&Change) -> bool) {
    act();
    let mut all = Vec::new();
    while !all.iter().any(&wanted) {
        let mut readable = [PollFd::new(changes.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut readable, PollTimeout::from(5000u16)), Ok(1), "nothing more after {all:?}");
        all.extend(changes.take());
        assert!(!all.contains(&Change::Lost), "{all:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_route_a_rule_and_an_address_that_come_and_go_are_told() {
    let hosts = Hosts::new();
    let mut changes = Changes::open(Some(&hosts.a.namespace)).unwrap();
    for (word, event) in [("add", Event::Set), ("del", Event::Gone)] {
        let route = |to: &str, table| Change::Route(event, to.parse().unwrap(), table);
        let ip = |line: &str| hosts.a.ip(&line.replace("WORD", word));
        told(
            &mut changes,
            || ip("route WORD 203.0.113.0/24 via 192.0.2.2 table 1000"),
            |change| *change == route("203.0.113.0/24", 1000),
        );
        told(
            &mut changes,
            || ip("route WORD blackhole 203.0.113.7"),
            |change| *change == route("203.0.113.7/32", 254),
        );
        told(
            &mut changes,
            || ip("rule WORD from 192.0.2.1 table 1000"),
            |change| *change == Change::Rule(event, IpVersion::V4),
        );
        told(
            &mut changes,
            || ip("addr WORD 198.51.100.9/24 dev eth0"),
            |change| matches!(change, Change::Address(is, _, own) if *is == event && own.to_string() == "198.51.100.9/24"),
        );
    }
}

#[test]
#[ignore = "needs root"]
fn a_link_with_its_entries_that_comes_and_goes_is_told() {
    let hosts = Hosts::new();
    let mut changes = Changes::open(Some(&hosts.a.namespace)).unwrap();
    let link = |event, up| move |change: &Change| matches!(change, Change::Link(is, link) if (*is, link.name.as_str(), link.up) == (event, "vx0", up));
    let new = "link add vx0 type vxlan id 7 dstport 4789 local 192.0.2.1";
    told(&mut changes, || hosts.a.ip(new), link(Event::Set, false));
    told(&mut changes, || hosts.a.ip("link set vx0 up"), link(Event::Set, true));
    told(
        &mut changes,
        || hosts.a.ip("neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev vx0"),
        |change| matches!(change, Change::Neighbour(Event::Set, one) if one.permanent && one.address == ip("10.0.0.9")),
    );
    for vtep in ["192.0.2.8", "192.0.2.9"] {
        told(
            &mut changes,
            || hosts.a.bridge(&format!("fdb append 00:00:00:00:00:00 dev vx0 dst {vtep} self")),
            |change| matches!(change, Change::Forwarding(Event::Set, entry) if entry.vtep == Some(ip(vtep)) && !entry.learned),
        );
    }
    told(
        &mut changes,
        || hosts.a.bridge("fdb del 00:00:00:00:00:00 dev vx0 dst 192.0.2.9 self"),
        |change| matches!(change, Change::Forwarding(Event::Gone, entry) if entry.vtep == Some(ip("192.0.2.9"))),
    );
    told(&mut changes, || hosts.a.ip("link set vx0 down\nlink del vx0"), link(Event::Gone, false));
}

#[test]
#[ignore = "needs root"]
fn a_next_hop_that_comes_and_goes_is_told() {
    let hosts = Hosts::new();
    let mut changes = Changes::open(Some(&hosts.a.namespace)).unwrap();
    for (word, event) in [("add id 7 via 192.0.2.2 fdb", Event::Set), ("del id 7", Event::Gone)] {
        told(
            &mut changes,
            || hosts.a.ip(&format!("nexthop {word}")),
            |change| matches!(change, Change::NextHop(is, hop) if (*is, hop.id, hop.gateway) == (event, 7, Some(ip("192.0.2.2")))),
        );
    }
}

#[test]
#[ignore = "needs root"]
fn more_changes_than_are_handed_over_at_once_are_lost_and_said_to_be() {
    let hosts = Hosts::new();
    let mut changes = Changes::open(Some(&hosts.a.namespace)).unwrap();
    let route = |n: u32| format!("route add 203.{}.{}.0/24 via 192.0.2.2", n / 250, n % 250);
    hosts.a.ip(&(0..5000).map(route).collect::<Vec<_>>().join("\n"));
    let found = changes.take();
    assert_eq!((found.len(), found.last()), (4097, Some(&Change::Lost)));
}
