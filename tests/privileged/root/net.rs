//! Network namespaces of a test's own, removed when it ends.

use std::net::UdpSocket;
use std::process::Command;

use ovlsniff::capture::namespace::Namespace;

/// Two namespaces: `ovlt-a0` (10.77.0.1) in the first is joined to `ovlt-a1` (10.77.0.2) in the second.
pub(crate) struct Net {
    first: String,
    second: String,
}

impl Net {
    /// Names carry the test's name and PID, so that tests that run at the same time do not meet.
    pub(crate) fn pair(test: &str) -> Self {
        let name = |end| format!("ovlt-{test}-{}-{end}", std::process::id());
        let net = Self { first: name("a"), second: name("b") };
        net.remove();
        for each in [&net.first, &net.second] {
            ip(&format!("netns add {each}"));
            // Without IPv6's own chatter a frame that is counted was sent by the test.
            run(&["ip", "netns", "exec", each, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
            ip(&format!("-n {each} link set lo up"));
        }
        net.link("a", 77);
        net
    }

    /// Another pair beside the first: `ovlt-b0` (10.78.0.1) and `ovlt-b1` (10.78.0.2).
    pub(crate) fn second(&self) {
        self.link("b", 78);
    }

    fn link(&self, name: &str, subnet: u8) {
        let (a, b) = (&self.first, &self.second);
        ip(&format!("-n {a} link add ovlt-{name}0 type veth peer name ovlt-{name}1 netns {b}"));
        for (namespace, end) in [(a, 0), (b, 1)] {
            ip(&format!("-n {namespace} addr add 10.{subnet}.0.{}/24 dev ovlt-{name}{end}", end + 1));
            ip(&format!("-n {namespace} link set ovlt-{name}{end} up"));
        }
        self.neighbours(name, subnet);
    }

    /// What ARP would find out: no packet of a test has to wait for it. Gone when a link goes down.
    pub(crate) fn neighbours(&self, name: &str, subnet: u8) {
        let (a, b) = (&self.first, &self.second);
        let mac = |namespace: &str, end: u8| {
            let path = format!("/sys/class/net/ovlt-{name}{end}/address");
            let out = Command::new("ip").args(["netns", "exec", namespace, "cat", &path]).output().unwrap();
            String::from_utf8(out.stdout).unwrap().trim().to_owned()
        };
        ip(&format!("-n {a} neigh replace 10.{subnet}.0.2 lladdr {} dev ovlt-{name}0", mac(b, 1)));
        ip(&format!("-n {b} neigh replace 10.{subnet}.0.1 lladdr {} dev ovlt-{name}1", mac(a, 0)));
    }

    /// The first namespace.
    pub(crate) fn namespace(&self) -> Namespace {
        Namespace::find(&self.first).unwrap()
    }

    /// Runs `ip` in the first namespace.
    pub(crate) fn ip(&self, words: &str) {
        ip(&format!("-n {} {words}", self.first));
    }

    /// Runs `bridge` in the first namespace.
    pub(crate) fn bridge(&self, words: &str) {
        let words: Vec<&str> =
            ["bridge", "-n", &self.first].into_iter().chain(words.split_whitespace()).collect();
        run(&words);
    }

    /// Runs `work` in the first namespace.
    pub(crate) fn inside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.namespace().visit(work).unwrap()
    }

    /// Runs `work` in the second namespace.
    pub(crate) fn other<T>(&self, work: impl FnOnce() -> T) -> T {
        Namespace::find(&self.second).unwrap().visit(work).unwrap()
    }

    fn remove(&self) {
        for each in [&self.first, &self.second] {
            let _ =
                Command::new("ip").args(["netns", "del", each]).stderr(std::process::Stdio::null()).status();
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Runs `ip` and wants it to succeed.
pub(crate) fn ip(words: &str) {
    let words: Vec<&str> = std::iter::once("ip").chain(words.split_whitespace()).collect();
    run(&words);
}

fn run(words: &[&str]) {
    let out = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Sends `count` datagrams to port 4243.
pub(crate) fn send(from: &str, to: &str, payload: &[u8], count: u32) {
    send_to(from, to, 4243, payload, count);
}

/// Sends `count` datagrams.
pub(crate) fn send_to(from: &str, to: &str, port: u16, payload: &[u8], count: u32) {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    for _ in 0..count {
        // Nobody listens: the answer of the last one may come back as an error of this one.
        let _ = socket.send_to(payload, (to, port));
    }
}
