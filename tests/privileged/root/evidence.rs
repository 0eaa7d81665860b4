//! `ovlsniff verify --evidence` on live overlays in clear: what is kept gives the same verdict to anybody.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::hosts::Hosts;
use crate::run::{Ran, Watchdog, finish, program, program_that_heeds_signals, send, until};
use crate::schema::by_schema;

fn hosts() -> Hosts {
    let hosts = Hosts::new();
    hosts.overlay("clear", 42, "42.0");
    hosts
}

/// Runs the program on the first host.
fn on_a(hosts: &Hosts, words: &[&str]) -> Ran {
    let mut command = program();
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(hosts.a.run(|| command.spawn()).unwrap())
}

/// Replays a folder as a user without privileges, who gets a copy.
fn replayed(folder: &Path) -> Ran {
    let copy = tempfile::tempdir().unwrap();
    let script = "cp -r \"$1\" \"$2/evidence\" && chmod -R a+rX \"$2\"";
    let copied =
        std::process::Command::new("sh").args(["-c", script, "sh"]).arg(folder).arg(copy.path()).status();
    assert!(copied.unwrap().success());
    // The program is copied too: its folder may be closed to others.
    let tool = copy.path().join("ovlsniff");
    fs::copy(env!("CARGO_BIN_EXE_ovlsniff"), &tool).unwrap();
    let mut command = crate::run::plain(std::process::Command::new(&tool));
    command.args(["verify", "--json", "--replay"]).arg(copy.path().join("evidence")).uid(65534).gid(65534);
    finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(of) else { return Vec::new() };
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    // One in the making has a name that begins with a dot.
    all.retain(|path| path.is_dir() && !path.file_name().unwrap().to_str().unwrap().starts_with('.'));
    all.sort();
    all
}

#[test]
#[ignore = "needs root"]
fn a_live_verdict_is_replayed_by_anybody() {
    let (hosts, around) = (hosts(), tempfile::tempdir().unwrap());
    let place = around.path().join("evidence");
    let words = ["verify", "--net", "clear", "--for", "4s", "--json", "--evidence", place.to_str().unwrap()];
    let ran = on_a(&hosts, &words);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, report["verdict"].as_str()), (Some(1), Some("CLEAR")), "{ran:?}");
    let again = replayed(&place);
    assert_eq!((again.code, &again.out), (Some(1), &ran.out), "{again:?}");
    assert!(again.err.contains("probes answered") && again.err.contains("the kernel's SAs"), "{}", again.err);
    let json = |name: &str| serde_json::from_slice(&fs::read(place.join(name)).unwrap()).unwrap();
    by_schema(include_str!("../../../docs/run-schema.json"), &json("run.json"), "run");
    by_schema(include_str!("../../../docs/facts-schema.json"), &json("network-1/facts.json"), "facts");
    for file in ["associations.txt", "policies.txt", "nftables.txt", "iptables.txt", "ip6tables.txt"] {
        assert!(place.join("network-1").join(file).exists(), "{file}");
    }
}

#[test]
#[ignore = "needs root"]
fn all_networks_are_kept_in_one_folder() {
    let (hosts, around) = (hosts(), tempfile::tempdir().unwrap());
    hosts.overlay("other", 43, "43.0");
    let place = around.path().join("evidence");
    let words = [
        "verify",
        "--all",
        "--for",
        "4s",
        "--json",
        "--expect",
        "clear",
        "--evidence",
        place.to_str().unwrap(),
    ];
    let ran = on_a(&hosts, &words);
    assert!(place.join("network-1/facts.json").exists() && place.join("network-2/facts.json").exists());
    let again = replayed(&place);
    let verdicts = |text: &str| -> Vec<(String, String)> {
        let word = |line: &Value, name: &str| line[name].as_str().unwrap_or("all").to_owned();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| (word(&line, "network"), word(&line, "verdict"))).collect()
    };
    assert_eq!((again.code, verdicts(&again.out)), (ran.code, verdicts(&ran.out)), "{again:?} {ran:?}");
    let manifest = serde_json::from_slice(&fs::read(place.join("manifest.json")).unwrap()).unwrap();
    by_schema(include_str!("../../../docs/manifest-schema.json"), &manifest, "manifest");
    assert!(fs::read_to_string(place.join("overview.txt")).unwrap().contains("verdict: CLEAR"));
}

#[test]
#[ignore = "needs root"]
fn a_repetition_keeps_a_folder_for_each_verdict_that_is_not_as_expected() {
    let (hosts, around) = (hosts(), tempfile::tempdir().unwrap());
    let place = around.path().join("series");
    let mut command = program_that_heeds_signals();
    command.args(["verify", "--net", "clear", "--for", "1s", "--watch", "1200ms", "--evidence"]).arg(&place);
    let child = hosts.a.run(|| command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()).unwrap();
    let _watchdog = Watchdog::of(&child);
    until("two folders", || folders(&place).len() >= 2);
    send(&child, Signal::SIGTERM);
    let ran = finish(child);
    assert!(ran.code.is_some_and(|code| code != 2), "{ran:?}");
    for folder in folders(&place) {
        let again = replayed(&folder);
        assert_ne!(again.code, Some(2), "{again:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_repetition_keeps_one_folder_of_verdicts_that_stay_as_expected() {
    let (hosts, around) = (hosts(), tempfile::tempdir().unwrap());
    let place = around.path().join("series");
    let mut command = program_that_heeds_signals();
    command.args([
        "verify",
        "--net",
        "clear",
        "--for",
        "4s",
        "--watch",
        "4s",
        "--expect",
        "clear",
        "--evidence",
    ]);
    command.arg(&place).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = hosts.a.run(|| command.spawn()).unwrap();
    until("a folder", || !folders(&place).is_empty());
    std::thread::sleep(std::time::Duration::from_secs(9));
    send(&child, Signal::SIGTERM);
    let ran = finish(child);
    let unexpected = ran.out.matches("verdict: INCONCLUSIVE").count();
    assert!(
        ran.out.matches("verdict: CLEAR").count() >= 2 && folders(&place).len() <= 1 + 2 * unexpected,
        "{ran:?}"
    );
}

#[test]
#[ignore = "needs root"]
fn the_sum_of_a_capture_is_kept_though_nobody_cannot_enter_its_folder() {
    // The folders of tempfile are for their owner alone.
    let (closed, around) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let capture = closed.path().join("node1.pcap");
    fs::copy("tests/fixtures/swarm/swarm-node1.pcap", &capture).unwrap();
    let place = around.path().join("evidence");
    let mut command = program();
    command
        .args(["verify", "--local", "192.0.2.1", "--peer", "192.0.2.2", "--vni", "4097", "-r"])
        .arg(&capture);
    command.arg("--evidence").arg(&place).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = finish(command.spawn().unwrap());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let run: Value = serde_json::from_slice(&fs::read(place.join("run.json")).unwrap()).unwrap();
    let sum = std::process::Command::new("sha256sum").arg(&capture).output().unwrap().stdout;
    let sum = String::from_utf8_lossy(&sum).split(' ').next().unwrap().to_owned();
    assert_eq!(run["watched"][0]["file_sha256"].as_str(), Some(&*sum), "{ran:?}");
}
