//! `ovlsniff verify` on live networks: hosts in namespaces of the test's own, and an engine that is not one. What needs
//! ESP in the kernel is in the leak lab.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Two hosts with the overlay `clear` between them, VNI 42 in clear.
struct Hosts([String; 2]);

impl Hosts {
    fn new(test: &str) -> Self {
        let names = ["a", "b"].map(|end| format!("ovlv-{test}-{}-{end}", std::process::id()));
        let hosts = Self(names);
        let [a, b] = &hosts.0;
        for name in [a, b] {
            ip(&format!("netns add {name}"));
            // Without IPv6's chatter and ARP all that passes by was sent by the test.
            ip(&format!("netns exec {name} sysctl -qw net.ipv6.conf.default.disable_ipv6=1"));
        }
        ip(&format!(
            "-n {a} link add eth0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns {b}"
        ));
        for (name, own, peer) in [(a, 1, 2), (b, 2, 1)] {
            for words in [
                "link set lo up".to_owned(),
                "link set eth0 up".to_owned(),
                format!("addr add 192.0.2.{own}/24 dev eth0"),
                format!("neigh add 192.0.2.{peer} lladdr 02:00:00:00:00:0{peer} dev eth0"),
                format!(
                    "link add clear address 02:00:00:00:2a:0{own} type vxlan id 42 local 192.0.2.{own} dstport 4789"
                ),
                format!("addr add 10.42.0.{own}/24 dev clear"),
                "link set clear up".to_owned(),
                format!("neigh add 10.42.0.{peer} lladdr 02:00:00:00:2a:0{peer} dev clear"),
            ] {
                ip(&format!("-n {name} {words}"));
            }
            let entry = format!("-n {name} fdb add 02:00:00:00:2a:0{peer} dev clear dst 192.0.2.{peer} self");
            assert!(Command::new("bridge").args(entry.split(' ')).status().unwrap().success());
        }
        hosts
    }

    fn verify(&self, words: &[&str]) -> Child {
        Command::new("ip")
            .args(["netns", "exec", &self.0[0], env!("CARGO_BIN_EXE_ovlsniff"), "verify"])
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// How many packets the overlay brought to the first host.
    fn received(&self) -> u64 {
        let out = Command::new("ip")
            .args(["-n", &self.0[0], "-s", "-j", "link", "show", "clear"])
            .output()
            .unwrap();
        let links: Value = serde_json::from_slice(&out.stdout).unwrap();
        links[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

fn ip(words: &str) {
    assert!(Command::new("ip").args(words.split(' ')).status().unwrap().success(), "ip {words}");
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

/// Waits until it captures.
fn wait_for_capture(child: &mut Child) {
    let mut err = BufReader::new(child.stderr.as_mut().unwrap());
    let mut line = String::new();
    while !line.starts_with("interface: ") {
        line.clear();
        assert!(err.read_line(&mut line).unwrap() > 0, "it ended");
    }
}

/// Waits for its end, which must come soon.
fn end(mut child: Child) -> Option<i32> {
    let most = Instant::now() + Duration::from_secs(10);
    while Instant::now() < most {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("it did not end");
}

fn report(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
#[ignore = "needs root"]
fn a_watch_gives_one_verdict_each_time_and_ends_with_the_last_at_a_signal() {
    let hosts = Hosts::new("watch");
    let words =
        ["--net", "clear", "--for", "3s", "--watch", "3500ms", "--format", "json", "--expect", "clear"];
    let mut child = hosts.verify(&words);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    for _ in 0..2 {
        let report = report(&lines.next().unwrap());
        assert_eq!((&report["verdict"], &report["exit"]), (&"CLEAR".into(), &0.into()));
        assert!(report["directions"][0]["counts"]["answered"].as_u64() >= Some(2), "{report}");
    }
    signal(&child, Signal::SIGTERM);
    assert_eq!(end(child), Some(0));
}

#[test]
#[ignore = "needs root"]
fn a_watch_nobody_reads_any_more_ends() {
    let hosts = Hosts::new("unread");
    let mut child = hosts.verify(&["--net", "clear", "--for", "500ms", "--watch", "600ms"]);
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("clear (vni 42"), "{first}");
    assert_eq!(end(child), Some(1));
}

#[test]
#[ignore = "needs root"]
fn a_signal_in_mid_watch_ends_it_with_a_verdict_on_what_was_seen() {
    let hosts = Hosts::new("signal");
    let mut child = hosts.verify(&["--net", "clear", "--for", "1m", "--format", "json"]);
    wait_for_capture(&mut child);
    let (begin, end_of_patience) = (hosts.received(), Instant::now() + Duration::from_secs(20));
    while hosts.received() < begin + 4 {
        assert!(Instant::now() < end_of_patience, "no answers to its canaries");
        std::thread::sleep(Duration::from_millis(50));
    }
    signal(&child, Signal::SIGTERM);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(report(&text)["verdict"], "CLEAR");
    assert_eq!(end(child), Some(1));
}

#[test]
#[ignore = "needs root"]
fn every_path_of_a_route_with_several_is_watched() {
    let hosts = Hosts::new("paths");
    let a = &hosts.0[0];
    ip(&format!("-n {a} link add eth1 type veth peer name far1"));
    for words in ["link set eth1 up", "link set far1 up", "addr add 198.51.100.1/24 dev eth1"] {
        ip(&format!("-n {a} {words}"));
    }
    ip(&format!(
        "-n {a} route add 192.0.2.2 nexthop via 192.0.2.2 dev eth0 nexthop via 198.51.100.9 dev eth1"
    ));
    let mut child = hosts.verify(&["--net", "clear", "--for", "500ms", "--format", "json"]);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let watched: Vec<&str> =
        text.split("\"captured\":\"").nth(1).unwrap().split('"').next().unwrap().split(", ").collect();
    assert!(watched.contains(&"eth0") && watched.contains(&"eth1"), "{text}");
    end(child);
}

#[test]
#[ignore = "needs root"]
fn a_route_that_moved_in_mid_watch_is_a_watch_cut_short() {
    let hosts = Hosts::new("moved");
    let a = &hosts.0[0];
    ip(&format!("-n {a} link add eth1 type veth peer name far1"));
    for words in ["link set eth1 up", "link set far1 up"] {
        ip(&format!("-n {a} {words}"));
    }
    let words = ["--net", "clear", "--for", "3s", "--passive", "--format", "json"];
    let mut child = hosts.verify(&words);
    wait_for_capture(&mut child);
    ip(&format!("-n {a} route add 192.0.2.2 dev eth1"));
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let report = report(&text);
    assert_eq!(
        (&report["verdict"], &report["reason"]),
        (&"INCONCLUSIVE".into(), &"cut-short".into()),
        "{text}"
    );
    assert!(report["findings"][0]["text"].as_str().unwrap().contains("leave by eth1"), "{text}");
    assert_eq!(end(child), Some(3));
}

/// An engine that knows the network `secure` as a manager does that has no container on it.
fn engine(options: &'static str) -> (tempfile::TempDir, String) {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or("");
                    let (status, body) = if path.ends_with("/version") {
                        (
                            "200 OK",
                            r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12","Version":"20.10.24"}"#.to_owned(),
                        )
                    } else if path.ends_with("/networks/secure") {
                        let network = r#"{"Name":"secure","Id":"0123456789abcdef","Scope":"swarm","Driver":"overlay","Containers":{},"Options":"#;
                        ("200 OK", format!("{network}{options}}}"))
                    } else {
                        ("404 Not Found", "{}".to_owned())
                    };
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all((head + &body).as_bytes());
                }
            });
        }
    });
    let path = format!("unix://{}", socket.display());
    (place, path)
}

#[test]
fn a_network_of_the_engine_without_a_container_here_is_inconclusive_and_no_error() {
    for options in [r#"{"com.docker.network.driver.overlay.vxlanid_list":"4098","encrypted":""}"#, "null"] {
        let (_place, host) = engine(options);
        let run = |name: &str| {
            Command::new(env!("CARGO_BIN_EXE_ovlsniff"))
                .args(["verify", "--net", name, "--for", "500ms"])
                .env("DOCKER_HOST", &host)
                .output()
                .unwrap()
        };
        let output = run("secure");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(
            said.contains("verdict: INCONCLUSIVE (no-member)\nremedy: no container of this host"),
            "{said}"
        );
        assert_eq!(run("secuer").status.code(), Some(2));
    }
}
