//! The formats of `verify` beside text and JSON, and `-o FILE`, on the captures of a real Docker Swarm.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::run::{ovlsniff, refused};
use crate::swarm;

#[test]
fn nagios_gets_one_line_and_an_exit_status_of_its_own() {
    let figures = "unreachable=0;;;0 frames=76;;;0 dropped=U;;;0 time=10.805s;;;0\n";
    let ran = swarm::verify("secure", &["--format", "nagios"]);
    let line = format!("OVLSNIFF OK - secure is ENCRYPTED (opened) | nodes=1;;;0 encrypted=1;;;0 {figures}");
    assert_eq!((ran.code, ran.out, ran.err), (Some(0), line, String::new()));
    let ran = swarm::verify("insecure", &["--format", "nagios"]);
    let line = format!(
        "OVLSNIFF CRITICAL - insecure is CLEAR (not-configured); create the network with the option: --opt encrypted | nodes=1;;;0 \
         encrypted=0;;;0 {figures}"
    );
    assert_eq!((ran.code, ran.out), (Some(2), line));
    assert_eq!(swarm::verify("typo", &["--format", "nagios"]).code, Some(3));
}

#[test]
fn an_error_of_a_plugin_is_unknown_and_no_critical_state() {
    for words in [
        &["verify", "--format", "nagios"][..],
        &["verify", "--format=nagios", "--vni", "no"],
        &[
            "verify",
            "--json",
            "--format",
            "nagios",
            "-r",
            "/nowhere.pcap",
            "--local",
            "192.0.2.1",
            "--vni",
            "1",
        ],
        &[
            "verify",
            "--format",
            "nagios",
            "-r",
            "/nowhere.pcap",
            "--local",
            "192.0.2.1",
            "--vni",
            "1",
            "-o",
            "/nowhere/x",
        ],
    ] {
        let ran = ovlsniff(words);
        // A plugin's words are those on standard output.
        let is_twice = words.contains(&"--json");
        let note = if is_twice { "ovlsniff: --format is given twice: the last one counts\n" } else { "" };
        assert_eq!((ran.code, ran.err.as_str(), ran.out.lines().count()), (Some(3), note, 1), "{ran:?}");
        assert!(ran.out.starts_with("OVLSNIFF UNKNOWN - "), "{ran:?}");
    }
    // The format that was typed last counts.
    assert_eq!(ovlsniff(&["verify", "--format", "nagios", "--json"]).code, Some(2));
}

#[test]
fn metrics_tell_the_verdict_of_each_direction_and_the_time_of_its_proof() {
    let ran = swarm::verify("secure", &["--format", "prometheus"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    for line in [
        "ovlsniff_verdict{network=\"secure\",vni=\"4098\",verdict=\"ENCRYPTED\"} 1.0",
        "ovlsniff_verdict{network=\"secure\",vni=\"4098\",verdict=\"CLEAR\"} 0.0",
        "ovlsniff_way_verdict{network=\"secure\",vni=\"4098\",from=\"192.0.2.2\",to=\"192.0.2.1\",verdict=\"ENCRYPTED\"} 1.0",
        "ovlsniff_last_proof_timestamp_seconds{network=\"secure\",vni=\"4098\",from=\"192.0.2.1\",to=\"192.0.2.2\"} 1795397565.552",
        "ovlsniff_as_expected{network=\"secure\",vni=\"4098\"} 1.0",
        "ovlsniff_exit_status 0.0",
        "ovlsniff_watched_frames{network=\"secure\",vni=\"4098\"} 76.0",
        "ovlsniff_watch_seconds{network=\"secure\",vni=\"4098\"} 10.805",
    ] {
        assert!(ran.out.lines().any(|found| found == line), "{line}: {}", ran.out);
    }
    assert!(!ran.out.contains("ovlsniff_dropped_frames"), "the file does not say how many were lost");
    let ran = swarm::verify("insecure", &["--format", "prometheus"]);
    assert_eq!(ran.code, Some(1));
    assert!(!ran.out.contains("last_proof") && ran.out.contains("ovlsniff_exit_status 1.0\n"), "{}", ran.out);
}

#[test]
fn a_report_is_written_whole_and_the_exit_status_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    for (format, begins) in [
        ("text", "insecure (vni 4097"),
        ("json", "{"),
        ("junit", "<?xml"),
        ("prometheus", "# HELP"),
        ("nagios", "OVLSNIFF CRITICAL"),
    ] {
        let ran = swarm::verify("insecure", &["--format", format, "-o", path.to_str().unwrap()]);
        let status = if format == "nagios" { 2 } else { 1 };
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(status), "", ""), "{format}");
        assert!(fs::read_to_string(&path).unwrap().starts_with(begins), "{format}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{format}");
    }
    for stdout in ["-", "/dev/stdout", "/dev/fd/1"] {
        let ran = swarm::verify("insecure", &["-o", stdout]);
        assert!(ran.code == Some(1) && ran.out.starts_with("insecure (vni 4097"), "{stdout}: {ran:?}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().to_str().unwrap();
    let file = format!("{there}/report");
    fs::write(&file, "before").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let words = ["verify", "-r", "/nowhere.pcap", "--local", "192.0.2.1", "--vni", "1", "-o"];
    let said = |path: &str| refused(&[&words[..], &[path]].concat());
    assert_eq!(
        said("/nowhere/report"),
        "ovlsniff: write /nowhere/report: no file can be made in its folder: no such file or directory"
    );
    assert_eq!(
        said(there),
        format!("ovlsniff: write {there}: it is a folder; give the name of a file in it")
    );
    // The capture is not there either, so the earlier report stays as it is.
    assert!(said(&file).contains("/nowhere.pcap"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    let ran = swarm::verify("secure", &["-o", "/dev/full"]);
    assert_eq!(ran.complaint(), "ovlsniff: write /dev/full: no space left on device");
}

#[test]
fn a_report_says_whose_it_is_and_when_its_watch_ended() {
    let report = |more: &[&str]| -> serde_json::Value {
        serde_json::from_str(&swarm::verify("secure", &[&["--json"], more].concat()).out).unwrap()
    };
    // The capture may be another host's, so nothing is said of its name.
    let node = serde_json::json!({ "name": null, "addresses": ["192.0.2.1"] });
    assert_eq!((&report(&[])["node"], &report(&[])["ended"]), (&node, &"2026-11-23T01:32:45.552Z".into()));
    assert_eq!(report(&["--node", "a\nb"])["node"]["name"], "a\nb");
}
