//! Keys on the command line: `--sa`, `--decrypt` and `ovlsniff keys`.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::Signal;

use crate::made::SWARM as CAPTURE;
use crate::run::{Watchdog, plain, program, program_that_heeds_signals, send};

const KEYS: &str = "tests/fixtures/swarm/xfrm-state.txt";

fn ovlsniff(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_page_behind_esp_is_found_with_the_keys_and_not_without() {
    let found = ovlsniff(&["-r", CAPTURE, "--sa", KEYS, "Hello from the overlay"]);
    let printed = text(&found.stdout);
    assert!(
        printed.contains(
            "T 10.0.2.2:80 -> 10.0.2.4:60312 [AP] vxlan:4098 esp:0x73d2fd07 192.0.2.2 -> 192.0.2.1 #52\n"
        ),
        "{printed}"
    );
    assert!(text(&found.stderr).contains("2 matched, 0 opaque"), "{}", text(&found.stderr));

    let without = ovlsniff(&["-r", CAPTURE, "Hello from the overlay"]);
    assert!(!text(&without.stdout).contains("10.0.2.2"));
    assert!(text(&without.stderr).contains("10 ESP"), "{}", text(&without.stderr));
}

#[test]
fn filters_see_the_opened_packet() {
    let count = |args: &[&str]| {
        let mut all = vec!["-r", CAPTURE, "--sa", KEYS, "-qq"];
        all.extend_from_slice(args);
        text(&ovlsniff(&all).stdout).lines().filter(|line| line.starts_with("T ")).count()
    };
    assert_eq!(count(&["--vni", "4098", ""]), 2);
    assert_eq!(count(&["--inner", "src host 10.0.2.2", ""]), 1);
    assert_eq!(count(&["-B", "1", "Hello", "--vni", "4098"]), 2, "what came before is opened as well");
}

/// The kernel fragmented the datagram before it reached the tunnel and ESP.
#[test]
fn a_datagram_in_fragments_inside_of_esp_is_searched_whole() {
    const FRAGMENTS: &str = "tests/fixtures/ipsec/esp-inner-fragments";
    let (capture, keys) = (format!("{FRAGMENTS}.pcap"), format!("{FRAGMENTS}.xfrm"));
    let shown = |args: &[&str]| {
        let found = ovlsniff(&[&["-r", &capture, "--sa", &keys, "-qq", "-W", "single"], args].concat());
        let lines: Vec<String> = text(&found.stdout).lines().map(str::to_owned).collect();
        lines
    };
    let whole = shown(&["^big (inner-frag-[a-z]+) x+ END-inner-frag-[a-z]+\n$"]);
    assert_eq!(whole.len(), 2, "{whole:?}");
    assert!(
        whole[0].contains(":7007 vxlan:4098 esp:0x") && whole[1].contains(":7007 vxlan:4098 esp-null:0x")
    );
    // A packet of context is kept as it was captured, and is opened once more.
    let context = shown(&["-B", "1", "^echo: big "]);
    assert_eq!(context.len(), 4, "{context:?}");
    assert!(context.iter().all(|line| line.contains("10.0.1.2:7007")), "{context:?}");
    // The filter leaves out the frames that would complete the datagrams, so the fragments are searched alone.
    assert_eq!(shown(&["big inner-frag", "ip[2:2] > 1000"]).len(), 4);
    assert!(shown(&["END-inner-frag", "ip[2:2] > 1000"]).is_empty());
}

#[test]
fn decap_writes_what_was_inside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inner.pcap");
    let found = ovlsniff(&[
        "-r",
        CAPTURE,
        "--sa",
        KEYS,
        "-O",
        path.to_str().unwrap(),
        "--decap",
        "--vni",
        "4098",
        "",
    ]);
    assert!(found.status.success(), "{}", text(&found.stderr));
    let again = ovlsniff(&["-r", path.to_str().unwrap(), "-q", "HTTP"]);
    let printed = text(&again.stdout);
    assert!(printed.contains("T 10.0.2.4:60312 -> 10.0.2.2:80 [AP] #1\n"), "{printed}");
    assert!(printed.contains("T 10.0.2.2:80 -> 10.0.2.4:60312 [AP] #2\n"), "{printed}");
}

#[test]
fn json_tells_of_dockers_key_and_of_the_reason() {
    let opened = ovlsniff(&["-r", CAPTURE, "--sa", KEYS, "--json", "--vni", "4098", "GET"]);
    assert!(text(&opened.stdout).contains("\"docker_key_tag\":"), "{}", text(&opened.stdout));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong");
    let keys = std::fs::read_to_string(KEYS).unwrap().replace("0x2024c15e", "0x2024c15f");
    std::fs::write(&path, keys).unwrap();
    let shut = ovlsniff(&["-r", CAPTURE, "--sa", path.to_str().unwrap(), "--json", "--all", "nothing"]);
    assert_eq!(text(&shut.stdout).matches("\"why\":\"bad-icv\"").count(), 10);
}

#[test]
fn the_table_for_wireshark_is_its_owners_and_opens_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("esp_sa");
    std::fs::write(&path, "old").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let written = ovlsniff(&["keys", "--wireshark", "--sa", KEYS, "-o", path.to_str().unwrap()]);
    assert!(written.status.success(), "{}", text(&written.stderr));
    assert!(written.stdout.is_empty() && written.stderr.is_empty());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 6);

    let found = ovlsniff(&["-r", CAPTURE, "--sa", path.to_str().unwrap(), "Hello from the overlay"]);
    assert!(text(&found.stderr).contains("2 matched, 0 opaque"), "{}", text(&found.stderr));
}

#[test]
fn what_cannot_be_read_is_one_sentence_and_2() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("dam\x1baged");
    std::fs::write(
        &damaged,
        std::fs::read_to_string(KEYS).unwrap().replace("0xef077f2e57f9", "0xef077f2e57fx"),
    )
    .unwrap();
    let damaged = damaged.to_str().unwrap();
    for (file, words) in [
        (damaged, "line 11: the key is not hexadecimal"),
        ("/nonexistent", "no such file"),
        ("/dev/zero", "more than 64 MiB are no list of SAs"),
        ("Cargo.toml", "no SA of ESP in Cargo.toml"),
    ] {
        // To read 64 MiB takes a while, so /dev/zero is tried once.
        let asked = if file == "/dev/zero" { 1 } else { 2 };
        let both = [&["keys", "--wireshark", "--sa", file][..], &["-r", CAPTURE, "x", "--sa", file]];
        for args in &both[..asked] {
            let refused = ovlsniff(args);
            let said = text(&refused.stderr);
            assert_eq!(refused.status.code(), Some(2));
            assert!(said.contains(words) && said.lines().count() == 1 && !said.contains('\x1b'), "{said}");
            assert!(!said.contains("57f9") && refused.stdout.is_empty());
        }
    }
}

#[test]
fn what_cannot_be_written_to_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("/dev/stdout", &link).unwrap();
    for (path, words) in
        [("/nonexistent/esp_sa", "no such file"), (link.to_str().unwrap(), "not a regular file")]
    {
        let refused = ovlsniff(&["keys", "--wireshark", "--sa", KEYS, "-o", path]);
        assert_eq!(refused.status.code(), Some(2));
        let said = text(&refused.stderr);
        assert!(said.starts_with(&format!("ovlsniff: write {path}: ")) && said.contains(words), "{said}");
    }
    assert!(link.is_symlink());

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let refused = program().args(["keys", "--wireshark", "--sa", KEYS]).stdout(full).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).starts_with("ovlsniff: write standard output: no space left"));
}

#[test]
fn what_the_shell_made_for_everybody_is_its_owners_before_keys_go_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("esp_sa");
    for more in [&[][..], &["-o", "-"]] {
        let file = std::fs::File::create(&path).unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o644)).unwrap();
        let mut command = program();
        command.args(["keys", "--wireshark", "--sa", KEYS]).args(more).stdout(file);
        assert!(command.status().unwrap().success());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 6);
    }
}

#[test]
fn a_file_in_the_way_of_the_temporary_one_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo theirs > \"$1.$$.new\"; exec \"$0\" keys --wireshark --sa \"$2\" -o \"$1\"";
    let out = plain(Command::new("sh"))
        .args(["-c", script, env!("CARGO_BIN_EXE_ovlsniff")])
        .args([folder.path().join("esp_sa").to_str().unwrap(), KEYS])
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(2), "{}", text(&out.stderr));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 1);
    assert_eq!(std::fs::read_to_string(&left[0]).unwrap(), "theirs\n");
}

#[test]
fn waiting_for_keys_ends_with_a_signal() {
    let mut child = program_that_heeds_signals()
        .args(["-r", CAPTURE, "--sa", "-", "x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _watchdog = Watchdog::of(&child);
    // This is more than fits the pipe. When it is written, the program has begun to read, and waits for the rest.
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(&vec![b'\n'; 1 << 20]).unwrap();
    send(&child, Signal::SIGTERM);
    // The signal ends the program by its default effect: nothing has begun that would have to end well.
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn standard_input_is_read_once() {
    let refused = ovlsniff(&["-r", "-", "--sa", "-", "x"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("both want standard input"), "{}", text(&refused.stderr));
}
