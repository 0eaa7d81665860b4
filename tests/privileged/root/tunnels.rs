//! The UDP ports of tunnels that a live search learns from the kernel.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::hosts::Hosts;
use super::sniffer::Sniffer;
use crate::run::{finish, plain, program_that_heeds_signals, shown, until};

/// The words with which every test searches: no marks, and a packet in a line.
const SEARCH: [&str; 5] = ["-W", "single", "--marks", "none", "^canary"];

/// Starts the program on the first host.
fn sniff(hosts: &Hosts, words: &[&str]) -> Sniffer {
    let program = &mut program_that_heeds_signals();
    Sniffer::start(program.args(["--netns", hosts.a.name]).args(words).args(SEARCH))
}

/// Sends a datagram from the first host to the second inside the overlay, and returns the headers that are printed for it.
fn header(hosts: &Hosts, mut sniffer: Sniffer) -> String {
    hosts.a.send("10.0.1.2", 4243, b"canary", 1);
    sniffer.wait_for(1);
    let (_, out, err) = sniffer.stop();
    assert_eq!(out.lines().count(), 1, "{out} {err}");
    out
}

#[test]
#[ignore = "needs root"]
fn a_device_on_an_odd_port_is_searched_wherever_one_listens() {
    let hosts = Hosts::new();
    hosts.overlay_at(18_998, "vx", 4209, "0.1");
    for (words, banner) in [
        (&["-i", "eth0"][..], "interface: eth0\ntunnel ports: vxlan 18998\n"),
        (&["-i", "any", "--inner", "udp", "--vni", "4209"], "interface: any\ntunnel ports: vxlan 18998\n"),
        (&[], "interface: eth0 (underlay of vx)\ntunnel ports: vxlan 18998\n"),
    ] {
        let sniffer = sniff(&hosts, words);
        assert!(sniffer.banner.starts_with(banner), "{}", sniffer.banner);
        let header = header(&hosts, sniffer);
        assert!(
            header.contains(" -> 10.0.1.2:4243 ") && header.contains(" vxlan:4209 192.0.2.1 "),
            "{header}"
        );
    }
}

#[test]
#[ignore = "needs root"]
fn a_device_of_another_namespace_whose_socket_is_here_is_known_as_dockers_are() {
    let hosts = Hosts::new();
    // In the sandbox, the device has the socket on the first host; the other one has a socket of its own there.
    hosts.a.ip("netns add sandbox
                link add vx type vxlan id 4209 local 192.0.2.1 remote 192.0.2.2 dstport 18998
                link set vx netns sandbox
                netns exec sandbox ip addr add 10.0.1.1/24 dev vx
                netns exec sandbox ip link set vx up
                netns exec sandbox ip link add own type vxlan id 7 dev vx dstport 7777
                netns exec sandbox ip link set own up");
    let sniffer = sniff(&hosts, &["-i", "eth0"]);
    let banner = "interface: eth0\ntunnel ports: vxlan 18998\nmatch: ^canary\n";
    assert_eq!(sniffer.banner, banner);
    assert_eq!(sniffer.stop().0, Some(1));
    // Seen from the sandbox, the first host's socket is elsewhere.
    let words = ["--netns", "sandbox", "-i", "any", "canary"];
    let sniffer = Sniffer::start(program_that_heeds_signals().args(words));
    assert!(sniffer.banner.starts_with("interface: any\ntunnel ports: vxlan 7777\n"), "{}", sniffer.banner);
}

/// Root may put a process in a namespace that has no name. Anybody may do so in a user namespace of his own, and must not
/// have a say in what is a tunnel.
#[test]
#[ignore = "needs root"]
fn a_namespace_without_a_name_counts_if_it_is_no_other_users() {
    let hosts = Hosts::new();
    for (port, unshare) in [(7001, "-n"), (7002, "-Urn")] {
        let sleep = ["unshare", unshare, "sh", "-c", "echo; exec sleep 60"];
        let mut command = plain(Command::new("env"));
        let mut inside = command.args(sleep).stdout(Stdio::piped()).spawn().unwrap();
        BufReader::new(inside.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let pid = inside.id();
        hosts.a.ip(&format!(
            "link add vx type vxlan id 7 local 192.0.2.1 dstport {port}
             link set vx netns {pid}"
        ));
        let set_up = ["-t", &pid.to_string(), "-n", "ip", "link", "set", "vx", "up"];
        assert!(Command::new("nsenter").args(set_up).status().unwrap().success());
        let sniffer = sniff(&hosts, &["-i", "eth0"]);
        let learned = sniffer.banner.contains("\ntunnel ports: vxlan 7001\n");
        assert_eq!((learned, sniffer.banner.lines().count()), (port == 7001, if learned { 3 } else { 2 }));
        inside.kill().unwrap();
        inside.wait().unwrap();
    }
}

#[test]
#[ignore = "needs root"]
fn a_device_in_metadata_mode_has_a_port_too() {
    let hosts = Hosts::new();
    for (host, peer) in [(&hosts.a, 2), (&hosts.b, 1)] {
        host.ip(&format!(
            "link add vx type vxlan external dstport 18998
             addr add 10.0.1.{}/24 dev vx
             link set vx up
             neigh add 10.0.1.{peer} lladdr 02:00:00:00:aa:0{peer} dev vx
             route add 10.0.1.{peer}/32 encap ip id 4209 dst 192.0.2.{peer} dev vx",
            3 - peer
        ));
    }
    let header = header(&hosts, sniff(&hosts, &["-i", "eth0"]));
    assert!(header.contains(" vxlan:4209 192.0.2.1 -> 192.0.2.2 "), "{header}");
}

#[test]
#[ignore = "needs root"]
fn a_device_that_comes_during_the_capture_is_learned_and_told() {
    let hosts = Hosts::new();
    let mut sniffer = sniff(&hosts, &["-i", "eth0"]);
    assert_eq!(sniffer.banner, "interface: eth0\nmatch: ^canary\n");
    hosts.overlay_at(18_998, "vx", 4209, "0.1");
    let mut told = String::new();
    sniffer.err.read_line(&mut told).unwrap();
    assert_eq!(told, "tunnel ports: vxlan 18998\n");
    // Docker moves its devices away as soon as they are made.
    hosts.a.ip("netns add sandbox
                link add moved type vxlan id 7 local 192.0.2.1 dstport 7777
                link set moved netns sandbox");
    told.clear();
    sniffer.err.read_line(&mut told).unwrap();
    assert_eq!(told, "tunnel ports: vxlan 7777\n");
    let header = header(&hosts, sniffer);
    assert!(header.contains(" vxlan:4209 "), "{header}");
}

#[test]
#[ignore = "needs root"]
fn with_q_the_ports_are_learned_and_not_told() {
    let hosts = Hosts::new();
    hosts.overlay_at(18_998, "vx", 4209, "0.1");
    let words = ["--netns", hosts.a.name, "-i", "eth0", "-q", "-n", "1"];
    let mut command = program_that_heeds_signals();
    let command =
        command.args(words).args(["-W", "single", "^canary"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    until("a packet was found", || {
        hosts.a.send("10.0.1.2", 4243, b"canary", 1);
        child.try_wait().unwrap().is_some()
    });
    let ran = finish(child);
    assert!(ran.out.contains(" vxlan:4209 "), "{ran:?}");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
#[ignore = "needs root"]
fn what_was_typed_counts_more_than_the_kernels_word() {
    let hosts = Hosts::new();
    hosts.overlay_at(18_998, "vx", 4209, "0.1");
    let words = ["--geneve-port", "18998", "-i", "eth0", "--all", "-W", "single", ""];
    let program = &mut program_that_heeds_signals();
    let mut sniffer = Sniffer::begin(program.args(["--netns", hosts.a.name]).args(words), "interface: ");
    assert_eq!(sniffer.banner, "interface: eth0\n");
    hosts.a.send("10.0.1.2", 4243, b"canary", 1);
    let line = sniffer.line();
    assert!(line.contains(" geneve:4209 192.0.2.1 -> 192.0.2.2 ") && !line.contains("vxlan"), "{line}");
}

#[test]
#[ignore = "needs root"]
fn a_file_is_read_with_the_usual_ports() {
    let hosts = Hosts::new();
    hosts.overlay_at(18_998, "vx", 4209, "0.1");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.pcap").display().to_string();
    header(&hosts, sniff(&hosts, &["-i", "eth0", "-O", &file]));
    hosts.a.run(|| {
        assert_eq!(shown(&["-r", &file, "^canary"]), [0; 0]);
        assert_eq!(shown(&["-r", &file, "--vxlan-port", "18998", "^canary"]), [1]);
    });
}

#[test]
#[ignore = "needs root"]
fn a_node_of_fifty_networks_has_all_their_ports() {
    let hosts = Hosts::new();
    for vni in 4096..4145 {
        hosts.a.ip(&format!("link add vx{vni} type vxlan id {vni} local 192.0.2.1 dstport {}", 14_789 + vni));
    }
    hosts.overlay_at(14_789 + 4145, "vx", 4145, "0.1");
    let sniffer = sniff(&hosts, &["-i", "eth0"]);
    assert!(sniffer.banner.contains("\ntunnel ports: vxlan 18885-18934\n"), "{}", sniffer.banner);
    let header = header(&hosts, sniffer);
    assert!(header.contains(" vxlan:4145 "), "{header}");
}

/// A user who may capture, but not enter other namespaces, as `setcap` allows it.
#[test]
#[ignore = "needs root"]
fn without_root_the_own_tunnels_are_known_and_the_others_are_doubtful() {
    let hosts = Hosts::new();
    hosts.overlay_at(18_998, "vx", 4209, "0.1");
    hosts.a.ip("netns add sandbox
                link add moved type vxlan id 7 local 192.0.2.1 dstport 7777
                link set moved netns sandbox
                netns exec sandbox ip link set moved up");
    let install = ["-m", "755", env!("CARGO_BIN_EXE_ovlsniff"), "/run/ovlsniff"];
    assert!(Command::new("install").args(install).status().unwrap().success());
    let sniff = |words: &[&str]| {
        let mut command = plain(Command::new("env"));
        command.args(["--default-signal", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.args([
            "--inh-caps=-all,+net_raw",
            "--ambient-caps=-all,+net_raw",
            "/run/ovlsniff",
            "-i",
            "eth0",
        ]);
        hosts.a.run(|| Sniffer::start(command.args(words).args(SEARCH)))
    };
    let sniffer = sniff(&[]);
    let banner = "interface: eth0\ntunnel ports: vxlan 18998\n\
                  ovlsniff: without root, tunnels of other network namespaces are not known; if UDP port 4242 or 4243 or 7777 is one of \
                  theirs, give it with --vxlan-port or --geneve-port\nmatch: ^canary\n";
    assert_eq!(sniffer.banner, banner);
    assert!(header(&hosts, sniffer).contains(" vxlan:4209 "));
    // The other two are sockets of a program on the first host.
    let sniffer = sniff(&["--vxlan-port", "7777,4242", "--geneve-port", "4243"]);
    assert_eq!(sniffer.banner, "interface: eth0\ntunnel ports: vxlan 18998\nmatch: ^canary\n");
}
