//! Two hosts with a cable between them, and a `/run` without other names, for each test alone.
//!
//! A thread can leave the network and the mount namespace of its process, and the programs that it starts go with it.
//! So a test sees no interface, no named namespace and no Docker engine of the machine, whatever else runs there.
//! Everything that the test makes is gone with its thread, however that ends.

use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use ovlsniff::host::namespace::Namespace;

/// Moves this thread out of the machine's network, and away from its `/run` with the names of network namespaces and
/// Docker's socket. This lasts until the thread ends.
pub(crate) fn leave_the_machine() {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("namespaces of its own");
    for words in [&["--make-rprivate", "/"][..], &["-t", "tmpfs", "tmpfs", "/run"]] {
        assert!(Command::new("mount").args(words).status().unwrap().success(), "mount {words:?}");
    }
    batch("ip", "link set lo up");
}

/// A host in a network namespace with a name.
pub(crate) struct Host {
    pub(crate) name: &'static str,
    pub(crate) namespace: Namespace,
    /// The last byte of its addresses.
    number: u8,
    /// Sockets that take the datagrams sent to [`PORTS`], so that no ICMP error comes back and quotes a payload.
    _sinks: [UdpSocket; 2],
}

/// The UDP ports on which every host takes datagrams and does nothing with them.
const PORTS: [u16; 2] = [4242, 4243];

impl Host {
    fn new(name: &'static str, number: u8) -> Self {
        batch("ip", &format!("netns add {name}"));
        let namespace = Namespace::find(name).unwrap();
        let sinks = namespace.visit(|| {
            // IPv6 is switched off. A kernel without IPv6 has no such switch.
            let switch = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
            assert!(fs::write(switch, "1").is_ok() || !fs::exists(switch).unwrap(), "write {switch}");
            batch("ip", "link set lo up");
            PORTS.map(|port| UdpSocket::bind(("0.0.0.0", port)).unwrap())
        });
        Self { name, namespace, number, _sinks: sinks.unwrap() }
    }

    /// Runs `work` on this host. A program that `work` starts stays there.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        self.namespace.visit(work).unwrap()
    }

    /// Runs `ip` on this host, once for each line.
    pub(crate) fn ip(&self, lines: &str) {
        self.run(|| batch("ip", lines));
    }

    /// Runs `bridge` on this host, once for each line.
    pub(crate) fn bridge(&self, lines: &str) {
        self.run(|| batch("bridge", lines));
    }

    /// Sends `count` datagrams from this host.
    pub(crate) fn send(&self, to: &str, port: u16, payload: &[u8], count: u32) {
        self.run(|| {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            for _ in 0..count {
                socket.send_to(payload, (to, port)).unwrap();
            }
        });
    }
}

/// Two hosts: `eth0` is 192.0.2.1 on the first, in namespace `a`, and 192.0.2.2 on the second, in `b`.
///
/// IPv6 is off and the neighbours are permanent, so every frame on the cable was sent by the test.
pub(crate) struct Hosts {
    pub(crate) a: Host,
    pub(crate) b: Host,
}

impl Hosts {
    pub(crate) fn new() -> Self {
        leave_the_machine();
        let hosts = Self { a: Host::new("a", 1), b: Host::new("b", 2) };
        hosts.cable("eth0", "192.0.2", "02:00:00:00:00");
        hosts
    }

    /// Adds a second cable: `eth1`, 198.51.100.1 and 198.51.100.2.
    pub(crate) fn second_cable(&self) {
        self.cable("eth1", "198.51.100", "02:00:00:00:01");
    }

    fn cable(&self, name: &str, net: &str, mac: &str) {
        let ends = format!("link add {name} address {mac}:01 type veth peer name {name} address {mac}:02");
        self.a.ip(&format!("{ends} netns {}", self.b.name));
        for (host, peer) in self.each() {
            host.ip(&format!("addr add {net}.{}/24 dev {name}\nlink set {name} up", host.number));
            host.ip(&format!("neigh add {net}.{peer} lladdr {mac}:0{peer} dev {name}"));
        }
    }

    /// Adds an overlay in clear on the first cable: a VXLAN device with this VNI, 10.`subnet`.1 and 10.`subnet`.2.
    pub(crate) fn overlay(&self, name: &str, vni: u32, subnet: &str) {
        self.overlay_at(4789, name, vni, subnet);
    }

    /// Does the same on another UDP port.
    pub(crate) fn overlay_at(&self, port: u16, name: &str, vni: u32, subnet: &str) {
        let mac = "02:00:00:00:aa";
        for (host, peer) in self.each() {
            let own = host.number;
            host.ip(&format!(
                "link add {name} address {mac}:0{own} type vxlan id {vni} local 192.0.2.{own} dstport {port}
                 addr add 10.{subnet}.{own}/24 dev {name}
                 link set {name} up
                 neigh add 10.{subnet}.{peer} lladdr {mac}:0{peer} dev {name}"
            ));
            host.bridge(&format!("fdb add {mac}:0{peer} dev {name} dst 192.0.2.{peer} self"));
        }
    }

    /// Returns each host, with the number of the other one.
    fn each(&self) -> [(&Host, u8); 2] {
        [(&self.a, self.b.number), (&self.b, self.a.number)]
    }
}

/// Runs a program of iproute2 on each line, and asserts that it succeeds.
fn batch(program: &str, lines: &str) {
    let mut command = Command::new(program);
    let child = command.args(["-batch", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{program}: {error}"));
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {lines}: {}", String::from_utf8_lossy(&output.stderr));
}
