//! The notices that the kernel sends of changes, in namespaces of the test's own.

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
        let mut told = |line: &str, wanted: &dyn Fn(&Change) -> bool| {
            told(&mut changes, || hosts.a.ip(&line.replace("WORD", word)), wanted);
        };
        let route = |to: &str, table| Change::Route(event, to.parse().unwrap(), table);
        let (by_rule, blackhole) = (route("203.0.113.0/24", 1000), route("203.0.113.7/32", 254));
        told("route WORD 203.0.113.0/24 via 192.0.2.2 table 1000", &|change| *change == by_rule);
        told("route WORD blackhole 203.0.113.7", &|change| *change == blackhole);
        let rule = Change::Rule(event, IpVersion::V4);
        told("rule WORD from 192.0.2.1 table 1000", &|change| *change == rule);
        told("addr WORD 198.51.100.9/24 dev eth0", &|change| match change {
            Change::Address(is, _, own) => (*is, own.address()) == (event, ip("198.51.100.9")),
            _ => false,
        });
    }
}

#[test]
#[ignore = "needs root"]
fn a_link_with_its_entries_that_comes_and_goes_is_told() {
    let hosts = Hosts::new();
    let mut changes = Changes::open(Some(&hosts.a.namespace)).unwrap();
    let link = |event, up| {
        move |change: &Change| match change {
            Change::Link(is, link) => (*is, link.name.as_str(), link.up) == (event, "vx0", up),
            _ => false,
        }
    };
    let entry = |event, vtep: &str| {
        let vtep = Some(ip(vtep));
        move |change: &Change| match change {
            Change::Forwarding(is, entry) => (*is, entry.vtep, entry.learned) == (event, vtep, false),
            _ => false,
        }
    };
    let new = "link add vx0 type vxlan id 7 dstport 4789 local 192.0.2.1";
    told(&mut changes, || hosts.a.ip(new), link(Event::Set, false));
    told(&mut changes, || hosts.a.ip("link set vx0 up"), link(Event::Set, true));
    let neighbour = "neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev vx0";
    told(
        &mut changes,
        || hosts.a.ip(neighbour),
        |change| match change {
            Change::Neighbour(Event::Set, one) => one.permanent && one.address == ip("10.0.0.9"),
            _ => false,
        },
    );
    for vtep in ["192.0.2.8", "192.0.2.9"] {
        let flood = format!("fdb append 00:00:00:00:00:00 dev vx0 dst {vtep} self");
        told(&mut changes, || hosts.a.bridge(&flood), entry(Event::Set, vtep));
    }
    let flood = "fdb del 00:00:00:00:00:00 dev vx0 dst 192.0.2.9 self";
    told(&mut changes, || hosts.a.bridge(flood), entry(Event::Gone, "192.0.2.9"));
    told(&mut changes, || hosts.a.ip("link set vx0 down\nlink del vx0"), link(Event::Gone, false));
}

#[test]
#[ignore = "needs root"]
fn a_next_hop_that_comes_and_goes_is_told() {
    let hosts = Hosts::new();
    let mut changes = Changes::open(Some(&hosts.a.namespace)).unwrap();
    for (words, event) in [("add id 7 via 192.0.2.2 fdb", Event::Set), ("del id 7", Event::Gone)] {
        told(
            &mut changes,
            || hosts.a.ip(&format!("nexthop {words}")),
            |change| match change {
                Change::NextHop(is, hop) => (*is, hop.id, hop.gateway) == (event, 7, Some(ip("192.0.2.2"))),
                _ => false,
            },
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
