//! The survey of the kernel's interfaces, and the choice of `auto`.

use std::net::IpAddr;

use ovlsniff::host::auto::choose;
use ovlsniff::host::survey::{Link, Survey};
use ovlsniff::host::wires::Role;
use ovlsniff::packet::Vni;

use super::hosts::Hosts;

fn survey(hosts: &Hosts) -> Survey {
    hosts.a.run(|| Survey::take(None)).unwrap()
}

fn link<'s>(survey: &'s Survey, name: &str) -> &'s Link {
    survey.links.iter().find(|link| link.name == name).unwrap()
}

fn told(survey: &Survey) -> Vec<String> {
    choose(survey, None).iter().map(ToString::to_string).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
#[ignore = "needs root"]
fn links_are_described_as_the_kernel_has_them() {
    let hosts = Hosts::new();
    hosts.a.ip("link add br0 type bridge");
    hosts.a.ip("link set eth0 master br0");
    hosts.a.ip("link add vx0 type vxlan id 4097 dstport 4790 local 192.0.2.1 dev eth0");
    hosts.a.ip("link set vx0 up");
    // Entries for the all-zero MAC flood to each peer. Appended (NTF_APPEND), they do not replace each other.
    for peer in ["192.0.2.2", "192.0.2.3"] {
        hosts.a.bridge(&format!("fdb append 00:00:00:00:00:00 dev vx0 dst {peer}"));
    }
    let survey = survey(&hosts);
    let (lo, veth, bridge) = (link(&survey, "lo"), link(&survey, "eth0"), link(&survey, "br0"));
    assert!(lo.loopback && lo.state() == "up" && lo.hardware_name() == "loopback");
    assert_eq!((veth.kind.as_deref(), veth.master), (Some("veth"), Some(bridge.index)));
    assert_eq!(veth.addresses, ["192.0.2.1/24".parse().unwrap()]);
    assert_eq!((bridge.kind.as_deref(), bridge.state()), (Some("bridge"), "down"));
    let vxlan = link(&survey, "vx0").vtep.as_ref().unwrap();
    assert_eq!((vxlan.vni, vxlan.port), (Vni::new(4097), 4790));
    assert_eq!((vxlan.local, vxlan.underlay), (Some(ip("192.0.2.1")), Some(veth.index)));
    assert_eq!(vxlan.peers, [ip("192.0.2.2"), ip("192.0.2.3")]);
    assert!(!vxlan.foreign_socket);
    assert_eq!(survey.route(ip("192.0.2.3")), Some(veth));
}

#[test]
#[ignore = "needs root"]
fn underlay_of_a_real_device_is_chosen_over_the_default_route() {
    let hosts = Hosts::new();
    hosts.second_cable();
    hosts.a.ip("route add default via 198.51.100.2 dev eth1");
    assert_eq!(told(&survey(&hosts)), ["eth1 (default route)"]);
    for tunnel in ["dev eth0 remote 192.0.2.2", "local 192.0.2.1", "remote 192.0.2.2"] {
        hosts.a.ip(&format!("link add vx0 type vxlan id 7 dstport 4789 {tunnel}"));
        assert_eq!(told(&survey(&hosts)), ["eth0 (underlay of vx0)"], "{tunnel}");
        hosts.a.ip("link del vx0");
    }
    hosts.a.ip("link add vx0 type vxlan id 7 dstport 4789");
    hosts.a.bridge("fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.2");
    hosts.a.bridge("fdb append 00:00:00:00:00:00 dev vx0 dst 203.0.113.1");
    assert_eq!(told(&survey(&hosts)), ["eth0 (underlay of vx0)", "eth1 (underlay of vx0)"]);
    hosts.a.ip("link set eth0 down");
    assert_eq!(told(&survey(&hosts)), ["eth1 (underlay of vx0)"]);
}

#[test]
#[ignore = "needs root"]
fn default_route_with_the_lowest_metric_counts() {
    let hosts = Hosts::new();
    hosts.second_cable();
    assert_eq!(told(&survey(&hosts)), ["eth0 (up)", "eth1 (up)"]);
    hosts.a.ip("route add default via 192.0.2.2 dev eth0 metric 200");
    hosts.a.ip("route add default via 198.51.100.2 dev eth1 metric 100");
    assert_eq!(told(&survey(&hosts)), ["eth1 (default route)"]);
}

#[test]
#[ignore = "needs root"]
fn associations_of_a_namespace_without_any_are_known_to_be_none() {
    let hosts = Hosts::new();
    assert_eq!(survey(&hosts).sa_sources, Some(Vec::new()));
}

#[test]
#[ignore = "needs root"]
fn the_gateways_of_next_hops_are_peers_and_routes_are_asked_for_where_they_lead() {
    let hosts = Hosts::new();
    hosts.second_cable();
    hosts.a.ip("nexthop add id 1 via 192.0.2.2 fdb
        nexthop add id 2 via 198.51.100.2 fdb
        nexthop add id 9 group 1/2 fdb
        link add vx0 type vxlan id 7 dstport 4789 local 192.0.2.1
        link set vx0 up");
    hosts.a.bridge("fdb add 02:00:00:00:00:07 dev vx0 nhid 9 self");
    let survey = hosts.a.run(|| Survey::take_toward(None, &[ip("198.51.100.77")])).unwrap();
    let vxlan = link(&survey, "vx0").vtep.as_ref().unwrap();
    assert_eq!(vxlan.peers, [ip("192.0.2.2"), ip("198.51.100.2")]);
    assert_eq!((vxlan.learned.len(), vxlan.next_hops.len()), (0, 0));
    for (to, by) in [("192.0.2.2", "eth0"), ("198.51.100.2", "eth1"), ("198.51.100.77", "eth1")] {
        assert_eq!(survey.route(ip(to)).map(|link| link.name.as_str()), Some(by), "{to}");
    }
    assert_eq!(survey.gateways(9).count(), 2);
}

#[test]
#[ignore = "needs root"]
fn links_have_the_roles_that_their_kinds_give_them() {
    let hosts = Hosts::new();
    hosts.second_cable();
    hosts.a.ip("link add br0 type bridge
        link set br0 up
        link set eth1 master br0
        link add vx0 type vxlan id 7 dstport 4789 local 192.0.2.1 remote 192.0.2.2
        link set vx0 up
        link add vx1 type vxlan id 8 dstport 4789 local 192.0.2.1 remote 192.0.2.2
        link set vx1 netns b");
    hosts.b.ip("link set vx1 up");
    let survey = survey(&hosts);
    let role = |name| survey.role(link(&survey, name));
    assert_eq!((role("eth0"), role("eth1")), (Role::Wire, Role::Wire));
    for aside in ["lo", "br0", "vx0"] {
        assert_eq!(role(aside), Role::Aside, "{aside}");
    }
    let other = hosts.b.run(|| Survey::take(None)).unwrap();
    assert_eq!(other.role(link(&other, "vx1")), Role::Aside);
}
