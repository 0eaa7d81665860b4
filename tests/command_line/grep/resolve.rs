//! Names beside addresses, from an engine that a test plays.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::changing::Changing;
use crate::docker::{VERSION, engine};
use crate::made::{SWARM, capture, pcap, udp, vxlan};
use crate::run::{Ran, Watchdog, finish, ovlsniff, program, program_that_heeds_signals, send, until};

/// The sentence where there is no engine.
const ABSENT: &str = "there is no engine at the socket (/nonexistent/docker.sock); start the engine, or name its socket in DOCKER_HOST";

const CONTAINERS: &str = r#"[{"Names":["/c-insecure"],"NetworkSettings":{"Networks":{
    "insecure":{"NetworkID":"yxpr2zjuhgxh","IPAddress":"10.0.1.4","MacAddress":"02:42:0a:00:01:04"}}}}]"#;
const DETAIL: &str =
    r#"{"Name":"insecure","Services":{"web":{"VIP":"10.0.1.2","Tasks":[]}},"Containers":null}"#;
const NETWORKS: &str = r#"[{"Name":"insecure","Id":"yxpr2zjuhgxh","Driver":"overlay",
    "Options":{"com.docker.network.driver.overlay.vxlanid_list":"4097"}}]"#;
const ANSWERS: [(&str, &str); 4] =
    [VERSION, ("/containers/json", CONTAINERS), ("/networks/yxpr2zjuhgxh", DETAIL), ("/networks", NETWORKS)];

fn resolved(answers: &[(&str, &str)], words: &[&str]) -> Ran {
    let (_place, socket) = engine(answers);
    let mut command = program();
    command.env("DOCKER_HOST", format!("unix://{socket}")).arg("--resolve").args(words);
    finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

#[test]
fn a_capture_of_a_swarm_shows_containers_services_and_networks() {
    let ran = resolved(&ANSWERS, &["-qq", "-r", SWARM, "HTTP"]);
    assert_eq!(
        ran.out,
        "T c-insecure(10.0.1.4):35530 -> web(10.0.1.2):80 [AP] vxlan:4097(insecure) 192.0.2.1 -> 192.0.2.2 #22
T web(10.0.1.2):80 -> c-insecure(10.0.1.4):35530 [AP] vxlan:4097(insecure) 192.0.2.2 -> 192.0.2.1 #24
"
    );
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
fn json_has_names_beside_addresses() {
    let ran = resolved(&ANSWERS, &["-q", "--json", "-r", SWARM, "HTTP"]);
    let line: Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!(line["flow"]["source"], "10.0.1.4");
    assert_eq!(line["flow"]["source_name"], "c-insecure");
    assert_eq!(line["flow"]["destination_name"], "web");
    assert_eq!(line["encapsulations"][0]["network"], "insecure");
    assert_eq!(line["encapsulations"][0]["outer"]["flow"].get("source_name"), None);
}

#[test]
fn names_that_are_not_asked_for_cost_no_question() {
    let (_place, socket) = engine(&ANSWERS);
    let mut command = program();
    command.env("DOCKER_HOST", format!("unix://{socket}")).args(["-qq", "-r", SWARM, "HTTP"]);
    let ran = finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!(ran.out, ovlsniff(&["-qq", "-r", SWARM, "HTTP"]).out);
    assert!(!ran.out.contains('('), "{}", ran.out);
}

#[test]
fn the_output_of_several_threads_has_the_same_names() {
    let frames: Vec<Vec<u8>> =
        (0..40_000_u32).map(|_| vxlan(4789, 4097, &udp("10.0.1.4", "10.0.1.2", 7, b"a canary"))).collect();
    let (_dir, file) = pcap(&frames);
    let [one, four] = ["1", "4"]
        .map(|threads| resolved(&ANSWERS, &["-qq", "--threads", threads, "-r", &file, "canary"]).out);
    assert_eq!(one.matches("c-insecure(10.0.1.4):").count(), 40_000);
    assert!(one == four);
}

#[test]
fn a_search_goes_on_without_an_engine_and_says_so_once() {
    let plain = ovlsniff(&["-qq", "-r", SWARM, "HTTP"]);
    let ran = ovlsniff(&["--resolve", "-qq", "-r", SWARM, "HTTP"]);
    assert_eq!((ran.code, &ran.out), (Some(0), &plain.out));
    assert_eq!(ran.err, format!("ovlsniff: --resolve: no names: {ABSENT}\n"));
    let ran = resolved(&[], &["-qq", "-r", SWARM, "HTTP"]);
    assert_eq!((ran.code, &ran.out), (Some(0), &plain.out));
    assert_eq!(ran.err, "ovlsniff: --resolve: no names: no usable answer (it gives no version)\n");
}

#[test]
fn an_engine_that_hangs_does_not_keep_a_search_from_its_end() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("docker.sock");
    let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let begun = Instant::now();
    let mut command = program();
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    command.args(["--resolve", "-qq", "-r", SWARM, "HTTP"]);
    let ran = finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 2));
    assert!(ran.err.contains("has not answered within 5 s; no names are shown\n"), "{}", ran.err);
    assert!(begun.elapsed().as_secs() < 60);
}

#[test]
fn a_signal_while_the_engine_is_waited_for_ends_the_search_before_its_first_frame() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("docker.sock");
    let silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let mut command = program_that_heeds_signals();
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    command.args(["--resolve", "-qq", "-r", SWARM, "HTTP"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It waits for an answer once it has asked.
    let (mut asked, _) = silent.accept().unwrap();
    asked.read_exact(&mut [0]).unwrap();
    send(&child, Signal::SIGINT);
    let ran = finish(child);
    assert_eq!((ran.code, ran.out.as_str()), (Some(130), ""));
    let expected = format!(
        "ovlsniff: stopped by a signal before the first frame of {SWARM}; not searched: the rest of it\n"
    );
    assert_eq!(ran.err, expected);
}

#[test]
fn a_docker_host_that_is_no_socket_is_told_to_be_none() {
    let mut command = program();
    command.env("DOCKER_HOST", "tcp://127.0.0.1:1").args(["--resolve", "-qq", "-r", SWARM, "HTTP"]);
    let ran = finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 2));
    assert_eq!(
        ran.err,
        "ovlsniff: --resolve: no names: DOCKER_HOST is tcp://127.0.0.1:1, and only Unix sockets are asked; name one as \
         unix:///PATH, or unset it\n"
    );
}

#[test]
fn a_name_cannot_steer_a_terminal_or_fake_a_field() {
    let containers = CONTAINERS.replace("/c-insecure", r"/c\u001b[2J) -> 1.2.3.4:80 [AP] #1");
    let answers = [VERSION, ("/containers/json", &containers), ANSWERS[2], ANSWERS[3]];
    let ran = resolved(&answers, &["-qq", "-r", SWARM, "GET"]);
    let name = r"c\u{1b}\u{5b}2J\u{29}\u{20}-\u{3e}\u{20}1.2.3.4\u{3a}80\u{20}\u{5b}~";
    assert!(ran.out.starts_with(&format!("T {name}(10.0.1.4):35530 -> web(10.0.1.2):80 ")), "{}", ran.out);
}

#[test]
fn a_container_that_is_renamed_while_a_pipe_is_read_has_its_new_name_from_then_on() {
    let changing = Changing::new("before");
    let mut command = program();
    command.env("DOCKER_HOST", format!("unix://{}", changing.socket));
    command.args(["--resolve", "-qq", "-l", "-r", "-", "canary"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _watchdog = Watchdog::of(&child);
    let (mut pipe, mut out) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let datagram = udp("127.0.0.1", "192.0.2.2", 7, b"a canary");
    let file = capture(0xa1b2_c3d4, 0, &[datagram]);
    let (header, record) = file.split_at(24);
    pipe.write_all(header).unwrap();
    let mut next = || {
        pipe.write_all(record).unwrap();
        let mut line = String::new();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended");
        line
    };
    assert!(next().starts_with("U before(127.0.0.1):"));
    changing.rename("after");
    until("another name", || next().starts_with("U after(127.0.0.1):"));
    drop(pipe);
    assert!(child.wait().unwrap().success());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(err, "");
}

#[test]
fn ngreps_letter_for_names_is_r() {
    let changing = Changing::new("proxy");
    let (_dir, file) = pcap(&[udp("127.0.0.1", "192.0.2.2", 7, b"a canary")]);
    let ngrep = |words: &[&str]| {
        let mut command = program();
        command.env("DOCKER_HOST", format!("unix://{}", changing.socket));
        command.arg("ngrep").args(words).args(["-qqI", &file, "canary"]);
        finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    let [with, without] = [&["-r"][..], &[]].map(|words| ngrep(words).out);
    assert!(without.contains("\nU 127.0.0.1:"), "{without}");
    assert_eq!(with, without.replace("127.0.0.1:", "proxy(127.0.0.1):"));
}
