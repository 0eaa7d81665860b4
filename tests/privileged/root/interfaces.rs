//! What the kernel says about interfaces and what is chosen, and privileges.

use std::net::IpAddr;
use std::process::Command;

use ovlsniff::capture::auto::choose;
use ovlsniff::capture::interfaces::{Link, Survey};
use ovlsniff::packet::Vni;

use super::net::Net;

fn survey(net: &Net) -> Survey {
    net.inside(Survey::take).unwrap()
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
    let net = Net::pair("links");
    net.ip("link add ovlt-br type bridge");
    net.ip("link set ovlt-a0 master ovlt-br");
    net.ip("link add vx0 type vxlan id 4097 dstport 4790 local 10.77.0.1 dev ovlt-a0");
    net.ip("link set vx0 up");
    // NTF_APPEND: one entry of flooding for each peer.
    for peer in ["10.77.0.2", "10.77.0.3"] {
        net.bridge(&format!("fdb append 00:00:00:00:00:00 dev vx0 dst {peer}"));
    }
    let survey = survey(&net);
    let (lo, veth, bridge) = (link(&survey, "lo"), link(&survey, "ovlt-a0"), link(&survey, "ovlt-br"));
    assert!(lo.loopback && lo.state() == "up" && lo.hardware_name() == "loopback");
    assert_eq!((veth.kind.as_deref(), veth.master), (Some("veth"), Some(bridge.index)));
    assert_eq!(veth.addresses, [(ip("10.77.0.1"), 24)]);
    assert_eq!((bridge.kind.as_deref(), bridge.state()), (Some("bridge"), "down"));
    let vxlan = link(&survey, "vx0").vxlan.as_ref().unwrap();
    assert_eq!((vxlan.vni, vxlan.port), (Vni::new(4097), 4790));
    assert_eq!((vxlan.local, vxlan.underlay), (Some(ip("10.77.0.1")), Some(veth.index)));
    assert_eq!(vxlan.peers, [ip("10.77.0.2"), ip("10.77.0.3")]);
    assert!(!vxlan.elsewhere);
    assert_eq!(survey.route(ip("10.77.0.3")), Some(veth));
}

#[test]
#[ignore = "needs root"]
fn underlay_of_a_real_device_is_chosen_over_the_default_route() {
    let net = Net::pair("auto");
    net.second();
    net.ip("route add default via 10.78.0.2 dev ovlt-b0");
    assert_eq!(told(&survey(&net)), ["ovlt-b0 (default route)"]);
    for tunnel in ["dev ovlt-a0 remote 10.77.0.2", "local 10.77.0.1", "remote 10.77.0.2"] {
        net.ip(&format!("link add vx0 type vxlan id 7 dstport 4789 {tunnel}"));
        assert_eq!(told(&survey(&net)), ["ovlt-a0 (underlay of vx0)"], "{tunnel}");
        net.ip("link del vx0");
    }
    net.ip("link add vx0 type vxlan id 7 dstport 4789");
    net.bridge("fdb append 00:00:00:00:00:00 dev vx0 dst 10.77.0.2");
    net.bridge("fdb append 00:00:00:00:00:00 dev vx0 dst 203.0.113.1");
    assert_eq!(told(&survey(&net)), ["ovlt-a0 (underlay of vx0)", "ovlt-b0 (underlay of vx0)"]);
    net.ip("link set ovlt-a0 down");
    assert_eq!(told(&survey(&net)), ["ovlt-b0 (underlay of vx0)"]);
}

#[test]
#[ignore = "needs root"]
fn default_route_with_the_lowest_metric_counts() {
    let net = Net::pair("metric");
    net.second();
    assert_eq!(told(&survey(&net)), ["ovlt-a0 (up)", "ovlt-b0 (up)"]);
    net.ip("route add default via 10.77.0.2 dev ovlt-a0 metric 200");
    net.ip("route add default via 10.78.0.2 dev ovlt-b0 metric 100");
    assert_eq!(told(&survey(&net)), ["ovlt-b0 (default route)"]);
}

#[test]
#[ignore = "needs root"]
fn associations_of_a_namespace_without_any_are_known_to_be_none() {
    let net = Net::pair("sa");
    assert_eq!(survey(&net).sa_sources, Some(Vec::new()));
}

/// Runs what `shell` says about our own binary as `nobody`.
fn as_nobody(args: &[&str]) -> (String, String, Option<i32>) {
    let out = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"])
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code())
}

#[test]
#[ignore = "needs root"]
fn without_privilege_interfaces_are_listed_and_associations_are_unknown() {
    // Cargo's target directory need not be open to others.
    let place = tempfile::tempdir().unwrap();
    let binary = place.path().join("ovlsniff");
    std::fs::copy(env!("CARGO_BIN_EXE_ovlsniff"), &binary).unwrap();
    for open in [place.path(), &binary] {
        std::fs::set_permissions(open, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let (out, err, code) = as_nobody(&[binary.to_str().unwrap(), "interfaces"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("loopback") && out.contains("IPsec SAs: not known without CAP_NET_ADMIN"), "{out}");
}
