//! ngrep's grammar, from its command line to its output. `tests/privileged/ngrep/alike.rs` holds the output to the real ngrep's.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::made::{pcap, udp};
use crate::run::{Ran, finish, ovlsniff, plain, printed, refused, with_input};

const HTTP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/plain/ethernet.pcap");

/// Runs the program under the name `ngrep`.
fn as_ngrep(words: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let ngrep = dir.path().join("ngrep");
    symlink(env!("CARGO_BIN_EXE_ovlsniff"), &ngrep).unwrap();
    let mut command = plain(Command::new(ngrep));
    finish(command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

#[test]
fn a_link_by_the_name_of_ngrep_is_the_command() {
    let words = ["-I", HTTP, "GET", "port", "80"];
    let link = as_ngrep(&words);
    let command = ovlsniff(&[&["ngrep"][..], &words].concat());
    assert_eq!((link.code, link.out.as_str()), (Some(0), command.out.as_str()), "{}", link.err);
    assert!(link.out.starts_with(&format!("input: {HTTP}\nfilter: ( port 80 ) and (")), "{}", link.out);
    assert!(link.out.contains("\nmatch (JIT): GET\n#") && link.out.ends_with("#exit\n"), "{}", link.out);
    assert_eq!(link.err, "");
}

/// In grep mode `-i` names an interface, `-w` takes no file, `-r` reads one and `-e` is a pattern.
#[test]
fn letters_mean_what_they_mean_in_ngrep() {
    let shown = |words: &[&str]| printed(&[&["ngrep", "-qI", HTTP], words].concat()).matches("\nT ").count();
    assert_eq!(shown(&["-i", "get /plain4"]), shown(&["GET /plain4"]));
    assert_eq!(ovlsniff(&["ngrep", "-qI", HTTP, "get /plain4"]).code, Some(1));
    assert!(shown(&["-e", "GET"]) > shown(&["GET"]), "-e shows packets without a payload too");
    assert_eq!(shown(&["-w", "plain4"]), shown(&["plain4"]));
    assert_eq!(ovlsniff(&["ngrep", "-qI", HTTP, "-w", "plai"]).code, Some(1));
    assert_eq!(shown(&["-X", "0x474554"]), shown(&["GET"]));
}

#[test]
fn the_first_word_that_begins_a_filter_is_the_filter_with_a_note() {
    let ran = ovlsniff(&["ngrep", "-qI", HTTP, "tcp", "port", "80"]);
    assert_eq!(ran.code, Some(0));
    assert_eq!(
        ran.err,
        "ovlsniff: taking 'tcp port 80' as the filter; for a pattern write: '(tcp)' and the filter behind it\n"
    );
    assert!(!ran.out.contains("match"), "{}", ran.out);
}

#[test]
fn what_is_not_done_here_is_refused_with_a_sentence() {
    for (words, sentence) in [
        (&["-K", "1", "foo"][..], "-K kills connections, and this program only listens; leave it out"),
        (&["-L"], "-L is for Windows only; the interfaces are listed by: ovlsniff interfaces"),
        (&["-x", "-W", "byline"], "-x prints a hex dump, which has no other shape; leave out -x or -W"),
        (&["-I", "/nonexistent.pcap"], "open /nonexistent.pcap: no such file"),
    ] {
        assert_eq!(refused(&[&["ngrep"], words].concat()), format!("ovlsniff: {sentence}"), "{words:?}");
    }
    for words in [&["-n", "some"][..], &["-X", "474"], &["-Xi", "47"], &["(unclosed"], &["foo", "prot", "80"]]
    {
        refused(&[&["ngrep", "-I", HTTP], words].concat());
    }
}

#[test]
fn a_filter_may_come_from_a_file_of_several_lines() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("filter");
    let path = file.to_str().unwrap();
    fs::write(&file, "port 80 and\nhost 192.0.2.1\n").unwrap();
    let ran = ovlsniff(&["ngrep", "-I", HTTP, "-F", path, "GET"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("\nfilter: ( port 80 and host 192.0.2.1 ) and ("), "{}", ran.out);
    assert_eq!(
        refused(&["ngrep", "-I", HTTP, "-F", path, "GET", "port", "80"]),
        format!("ovlsniff: -F {path} and the words from port on are two filters; leave out one of them")
    );
    let ran = with_input(&["ngrep", "-I", HTTP, "-F", "-", "GET"], b"port 80 and host 192.0.2.1\n");
    assert!(ran.out.contains("\nfilter: ( port 80 and host 192.0.2.1 ) and ("), "{}", ran.err);
    let endless = refused(&["ngrep", "-I", HTTP, "-F", "/dev/zero", "GET"]);
    assert!(endless.ends_with("is longer than 64 KiB; write a shorter one"), "{endless}");
    fs::write(&file, "port 80 and").unwrap();
    let wrong = refused(&["ngrep", "-I", HTTP, "-F", path, "GET"]);
    assert!(wrong.starts_with(&format!("ovlsniff: the filter in {path}: ")), "{wrong}");
}

#[test]
fn a_capture_comes_from_a_pipe_and_goes_to_one() {
    let bytes = fs::read(HTTP).unwrap();
    let ran = with_input(&["ngrep", "-I", "-", "-O", "-", "GET"], &bytes);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(ran.bytes[..4], bytes[..4], "a capture, and nothing else");
    let again = with_input(&["ngrep", "-q", "-I", "-", "GET"], &ran.bytes);
    let direct = printed(&["ngrep", "-q", "-I", HTTP, "GET"]);
    assert_eq!(again.out.matches("\nT ").count(), direct.matches("\nT ").count());
}

#[test]
fn a_file_is_shown_at_its_pace() {
    let frame = |payload| udp("192.0.2.1", "192.0.2.2", 53, payload);
    let (_dir, file) = pcap(&[frame(b"one"), frame(b"two")]);
    let mut bytes = fs::read(&file).unwrap();
    let second = 24 + 16 + frame(b"one").len();
    bytes[second] += 1;
    fs::write(&file, bytes).unwrap();
    let words = ["ngrep", "-qI", &file, "."];
    let begun = Instant::now();
    let at_once = printed(&words);
    assert_eq!(at_once.matches("\nU ").count(), 2, "{at_once}");
    let fast = begun.elapsed();
    let begun = Instant::now();
    assert_eq!(printed(&[&words[..], &["-D"]].concat()), at_once);
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}, and {fast:?} without", begun.elapsed());
}

#[test]
fn tunnels_are_looked_into_only_when_asked() {
    let vxlan = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tunnels/vxlan.pcap");
    let outer = printed(&["ngrep", "-qI", vxlan, "HTTP"]);
    assert!(outer.contains(":4789 #") && !outer.contains("vxlan:"), "{outer}");
    let inner = printed(&["ngrep", "-qI", vxlan, "--tunnels", "HTTP"]);
    assert!(inner.contains(":80 ") && inner.contains(" vxlan:"), "{inner}");
}

/// Scripts have `ngrep -pI FILE`, and ngrep says nothing of options that are for interfaces.
#[test]
fn options_for_interfaces_do_nothing_beside_a_file() {
    let plain = printed(&["ngrep", "-I", HTTP, "GET"]);
    for words in [&["-pI", HTTP][..], &["-s", "40", "-I", HTTP], &["-d", "nosuch0", "-I", HTTP]] {
        assert_eq!(printed(&[&["ngrep"], words, &["GET"]].concat()), plain, "{words:?}");
    }
}

#[test]
fn a_third_t_is_the_first_one_again() {
    let (_dir, file) = pcap(&[
        udp("192.0.2.1", "192.0.2.2", 1, b"a"),
        udp("192.0.2.1", "192.0.2.2", 2, b"a"),
        udp("192.0.2.1", "192.0.2.2", 3, b"a"),
    ]);
    let last = |flags: &str| printed(&["ngrep", flags, "-I", &file]).contains("+0.002000");
    assert!(last("-TT") && !last("-TTT") && !last("-T"));
}

#[test]
fn a_filter_that_knows_no_tags_is_told_without_them() {
    let ran = ovlsniff(&["ngrep", "-I", HTTP, "", "pppoes"]);
    assert!(ran.out.contains("\nfilter: ( pppoes ) and (ip || ip6)\n"), "{ran:?}");
}
