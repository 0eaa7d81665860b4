//! The kernel's state as `verify` reads it, in namespaces where it was set with `ip` and `tc`.

use std::net::IpAddr;
use std::process::{Command, Stdio};

use ovlsniff::packet::IpVersion;
use ovlsniff::verify::{Coverage, Device, Hook, HookKind, KernelState, PolicyDirection};

use super::hosts::{Host, Hosts};

/// Reads the state on a host whose network's packets pass this link.
fn read(host: &Host, link: &str) -> KernelState {
    host.run(|| KernelState::read_with_rules(&[link.to_owned()])).unwrap()
}

/// Sets a file below `/proc/sys/net` of the host.
fn set(host: &Host, file: &str, value: &str) {
    host.run(|| std::fs::write(format!("/proc/sys/net/{file}"), value)).unwrap();
}

#[test]
#[ignore = "needs root"]
fn policies_are_read_whole_and_the_oldest_first() {
    let hosts = Hosts::new();
    hosts.a.ip(
        "xfrm policy add src 192.0.2.2/32 dst 192.0.2.1/32 dir in priority 10 tmpl proto esp mode transport
xfrm policy add src 192.0.2.2/32 dst 192.0.2.1/32 proto udp sport 5 dir in priority 10
xfrm policy add src 192.0.2.2/32 dst 192.0.2.1/32 dev lo dir in priority 11
xfrm policy add src 192.0.2.2/32 dst 192.0.2.1/32 dev eth0 dir in priority 12
xfrm policy add src 192.0.2.2/32 dst 192.0.2.1/32 if_id 42 dir in priority 13",
    );
    let kernel = read(&hosts.a, "eth0");
    let (here, there): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    let read = kernel.policies.iter().map(|policy| {
        assert_eq!(policy.direction, PolicyDirection::In);
        (policy.priority, policy.device, policy.coverage(there, here, Some(4789), 0))
    });
    assert_eq!(
        read.collect::<Vec<_>>(),
        [
            (10, Device::Any, Coverage::Surely),
            (10, Device::Any, Coverage::Partly),
            (11, Device::Loopback, Coverage::Surely),
            (12, Device::Link, Coverage::Never),
            (13, Device::Any, Coverage::Never),
        ]
    );
}

#[test]
#[ignore = "needs root"]
fn settings_are_read_of_every_link_and_for_their_version_of_ip() {
    let hosts = Hosts::new();
    assert_eq!(read(&hosts.a, "eth0").exempt, []);
    hosts.second_cable();
    set(&hosts.a, "ipv4/conf/eth1/disable_policy", "1");
    assert_eq!(read(&hosts.a, "eth0").exempt, [IpVersion::V4]);
    set(&hosts.a, "ipv4/conf/eth0/disable_xfrm", "1");
    assert_eq!(read(&hosts.a, "eth0").exempt_leaving, [IpVersion::V4]);
    assert_eq!(read(&hosts.a, "eth1").exempt_leaving, []);
}

/// Runs `tc` on the host. Returns false if the kernel has not what is asked for.
fn tc(host: &Host, words: &str) -> bool {
    let mut tc = Command::new("tc");
    tc.args(words.split(' ')).stderr(Stdio::null());
    host.run(|| tc.status()).unwrap().success()
}

#[test]
#[ignore = "needs root"]
fn a_filter_for_frames_that_arrive_is_a_hook_and_an_empty_qdisc_is_none() {
    const ALL: &str = "protocol all prio 1 u32 match u32 0 0";
    let hosts = Hosts::new();
    let hooks = || read(&hosts.a, "eth0").hooks;
    if !tc(&hosts.a, "qdisc add dev eth0 clsact") {
        return eprintln!("skipped: this kernel has no clsact");
    }
    assert_eq!(hooks(), []);
    if !tc(&hosts.a, &format!("filter add dev eth0 egress {ALL}")) {
        return eprintln!("skipped: this kernel has no u32");
    }
    assert_eq!(hooks(), []);
    assert!(tc(&hosts.a, &format!("filter add dev eth0 ingress {ALL}")));
    assert_eq!(hooks(), [Hook { link: "eth0".to_owned(), kind: HookKind::Tc }]);
    assert_eq!(read(&hosts.a, "eth1").hooks, []);
}
