//! Several threads over one file: the output is that of one thread, byte for byte.

use std::fs;
use std::process::Command;

use crate::made::{self, SWARM, frames, udp};
use crate::run::{Ran, ovlsniff, plain, refused};

/// A capture of these frames, over and over until it has this many bytes. A frame comes 10 µs after the one before.
fn long<'a>(frames: impl IntoIterator<Item = &'a Vec<u8>>, size: usize) -> Vec<u8> {
    let frames: Vec<&Vec<u8>> = frames.into_iter().collect();
    let mut file = made::capture(0xa1b2_c3d4, 0, &[]);
    let mut number = 0_u32;
    while file.len() < size {
        for &frame in &frames {
            let len = frame.len() as u32;
            let time = [1_700_000_000 + number / 100_000, number % 100_000 * 10];
            file.extend([time[0], time[1], len, len].map(u32::to_le_bytes).concat());
            file.extend(frame);
            number += 1;
        }
    }
    file
}

/// A file with these bytes.
fn file(bytes: &[u8]) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.pcap");
    fs::write(&path, bytes).unwrap();
    (dir, path.to_str().unwrap().to_owned())
}

fn run(threads: &str, file: &str, words: &[&str]) -> Ran {
    ovlsniff(&[&["--threads", threads, "-r", file], words].concat())
}

/// Searches the file by one thread and by several, and returns what one prints.
fn alike(file: &str, words: &[&str]) -> Ran {
    let one = run("1", file, words);
    for threads in ["2", "3", "8"] {
        let several = run(threads, file, words);
        assert_eq!((several.code, &several.err), (one.code, &one.err), "{threads} {words:?}");
        // The outputs are long.
        assert!(several.bytes == one.bytes, "{threads} {words:?}");
    }
    one
}

fn swarm() -> Vec<Vec<u8>> {
    frames(&fs::read(SWARM).unwrap())
}

#[test]
fn every_shape_is_the_same() {
    let (_dir, file) = file(&long(&swarm(), 900_000));
    for words in [
        &["HTTP"][..],
        &["-q", "HTTP"],
        &["--json", "HTTP"],
        &["-x", ""],
        &["-t", "-W", "byline", "-y", "http"],
        &["-W", "single", "--marks", "ngrep", "[a-z]+/[0-9]"],
        &["-v", "-qq", "HTTP"],
        &["--vni", "1,2", "HTTP"],
        &["--inner", "tcp port 80", ""],
        &["HTTP", "udp"],
        &["", "tcp port 1"],
        &["-T", "HTTP"],
        &["-A", "1", "HTTP"],
    ] {
        alike(&file, words);
    }
    // The numbers of frames have many digits at the end.
    let numbers = crate::run::numbers(&run("3", &file, &["-qq", "HTTP"]).out);
    assert!(numbers.is_sorted() && numbers.last() > Some(&1000), "{numbers:?}");
}

#[test]
fn the_limit_falls_on_the_same_packet() {
    let (_dir, file) = file(&long(&swarm(), 500_000));
    for limit in ["1", "7", "38"] {
        let ran = alike(&file, &["-n", limit, "HTTP"]);
        assert!(ran.summary().contains(&format!("{limit} matched")), "{}", ran.err);
    }
}

#[test]
fn what_frames_show_of_others_is_not_lost_at_a_seam() {
    let whole = [&[b'a'; 40][..], b"HT", b"TP", &[b'b'; 36]].concat();
    let pieces = made::fragments("192.0.2.1", "192.0.2.2", 17, &made::udp_segment(1, 2, &whole), 48);
    let others =
        ["crafted/wireguard.pcap", "crafted/not-opaque.pcap", "ipsec/esp-null.pcap", "ipsec/esp-in-udp.pcap"];
    let others = others.map(|name| frames(&fs::read(format!("tests/fixtures/{name}")).unwrap())).concat();
    let plain = vec![udp("192.0.2.1", "192.0.2.2", 7, &[b'x'; 900]); 97];
    let mut all = long(&plain, 300_000);
    for part in [
        long(pieces.iter().chain(&plain[..3]), 300_000),
        long(others.iter().chain(&plain[..9]), 300_000),
        long(&plain, 300_000),
    ] {
        all.extend_from_slice(&part[24..]);
    }
    let (_dir, file) = file(&all);
    let ran = alike(&file, &["HTTP"]);
    assert!(ran.summary().contains("matched") && !ran.summary().contains(" 0 matched"), "{}", ran.err);
    alike(&file, &["--json", "HTTP"]);
}

/// A guess that takes these for records of the file is found out.
#[test]
fn records_inside_of_payloads_are_none_of_the_file() {
    let small = long(&[udp("192.0.2.9", "192.0.2.8", 9, b"HTTP, but not here")], 40_000);
    let carriers: Vec<Vec<u8>> =
        small[24..].chunks(1200).map(|part| udp("192.0.2.1", "192.0.2.2", 7, part)).collect();
    let (_dir, file) = file(&long(&carriers, 900_000));
    for words in [&["-q", "not here"][..], &["not here"]] {
        assert_eq!(alike(&file, words).code, Some(0));
    }
}

#[test]
fn a_file_that_is_cut_or_damaged_ends_as_it_does_in_order() {
    let sound = long(&swarm(), 600_000);
    let half = sound.len() / 2;
    let header = &sound[..24];
    for bytes in [
        sound[..sound.len() - 7].to_vec(),
        [&sound[..half], &[0xff; 64][..], &sound[half..]].concat(),
        [&sound[..half], &[0; 64][..], &sound[half..]].concat(),
        [&sound, header, &sound[24..]].concat(),
    ] {
        let (_dir, file) = file(&bytes);
        assert_eq!(alike(&file, &["HTTP"]).code, Some(2));
    }
}

#[test]
fn a_link_type_that_is_not_decoded_is_told_of_once() {
    let mut bytes = long(&swarm(), 400_000);
    bytes[20] = 147;
    let (_dir, file) = file(&bytes);
    let ran = alike(&file, &["HTTP"]);
    assert_eq!(ran.err.matches("link type 147").count(), 2, "{}", ran.err);
}

#[test]
fn a_piece_that_prints_more_than_its_share_is_printed_in_order() {
    let quiet = vec![udp("192.0.2.1", "192.0.2.2", 7, &[b'x'; 1400])];
    let loud = vec![udp("192.0.2.1", "192.0.2.2", 7, b"\0HTTP")];
    let mut all = long(&quiet, 6_000_000);
    all.extend_from_slice(&long(&loud, 1_500_000)[24..]);
    all.extend_from_slice(&long(&quiet, 1_000_000)[24..]);
    let (_dir, file) = file(&all);
    let several = run("8", &file, &["--json", "HTTP"]);
    assert!(several.bytes == run("1", &file, &["--json", "HTTP"]).bytes);
    assert!(several.bytes.len() > 8_000_000, "{}", several.bytes.len());
}

/// A thread that finds no memory would end the program.
#[test]
fn a_limited_address_space_gets_as_many_threads_as_it_has_room_for() {
    let (_dir, file) = file(&long(&swarm(), 500_000));
    let one = run("1", &file, &["HTTP"]);
    for threads in ["2", "128"] {
        let mut shell = plain(Command::new("sh"));
        shell.args(["-c", "ulimit -v 300000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ovlsniff")]);
        let limited = shell.args(["--threads", threads, "-r", &file, "HTTP"]).output().unwrap();
        assert_eq!(
            limited.status.code(),
            Some(0),
            "{threads} {:?}",
            String::from_utf8_lossy(&limited.stderr)
        );
        assert!(limited.stdout == one.bytes, "{threads}");
    }
}

#[test]
fn no_threads_and_very_many_are_refused() {
    for threads in ["0", "129", "-1", "two"] {
        let complaint = refused(&[&format!("--threads={threads}"), "-r", SWARM, "HTTP"]);
        assert!(complaint.contains("--threads"), "{complaint}");
    }
}
