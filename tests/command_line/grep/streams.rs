//! `--stream`: matches in streams of TCP, from the command line to the output.

use std::fs;

use crate::made::{self, SWARM, ethernet, ipv4, pcap, udp, vxlan};
use crate::run::{ovlsniff, printed, refused};

const REQUEST: &[u8] = b"GET /secret HTTP/1.1\r\nHost: web.example\r\n\r\n";
const HEADER: &str = "T 10.0.0.1:1234 -> 10.0.0.2:80 [A]";

/// A segment in Ethernet. `place` is counted from the SYN of the side.
fn segment(from_client: bool, place: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let (own, other) = if from_client { (0xffff_fff8_u32, 5_u32) } else { (5, 0xffff_fff8) };
    let ports: [u16; 2] = if from_client { [1234, 80] } else { [80, 1234] };
    let mut bytes = ports.map(u16::to_be_bytes).concat();
    bytes.extend([own.wrapping_add(place), other.wrapping_add(1)].map(u32::to_be_bytes).concat());
    bytes.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    let (from, to) = if from_client { ("10.0.0.1", "10.0.0.2") } else { ("10.0.0.2", "10.0.0.1") };
    ethernet(&ipv4(from, to, 6, 0, &bytes))
}

fn data(place: usize, payload: &[u8]) -> Vec<u8> {
    segment(true, 1 + place as u32, 0x10, payload)
}

fn handshake() -> Vec<Vec<u8>> {
    vec![segment(true, 0, 2, b""), segment(false, 0, 0x12, b""), data(0, b"")]
}

/// A handshake, and the request in three segments, with the match in all of them. The sequence numbers wrap in the second.
fn request() -> Vec<Vec<u8>> {
    let mut frames = handshake();
    frames.extend([data(0, &REQUEST[..6]), data(6, &REQUEST[6..14]), data(14, &REQUEST[14..])]);
    frames
}

fn found(frames: &[Vec<u8>], words: &[&str]) -> String {
    let (_dir, file) = pcap(frames);
    printed(&[&["--stream", "-q", "-r", &file], words].concat())
}

#[test]
fn a_match_across_segments_names_the_first_and_the_last() {
    let (_dir, file) = pcap(&request());
    let ran = ovlsniff(&["--stream", "-r", &file, "secret HTTP"]);
    assert_eq!(ran.out, format!("......\n{HEADER} #4-6\n  GET /secret HTTP/1.1\n"));
    assert_eq!(ran.summary(), "6 packets: 1 matched, 0 opaque, 6 readable; 1 connection");
    // Without it, no packet matches.
    assert_eq!(ovlsniff(&["-q", "-r", &file, "secret HTTP"]).code, Some(1));
    assert_eq!(ovlsniff(&["--stream", "-q", "-r", &file, "secret  HTTP"]).code, Some(1));
}

#[test]
fn order_and_retransmissions_do_not_matter() {
    let mut frames = request();
    frames.swap(3, 5);
    frames.insert(4, data(6, &REQUEST[6..14]));
    assert_eq!(found(&frames, &["secret HTTP"]), format!("{HEADER} #4-7\n  GET /secret HTTP/1.1\n"));
    let mut frames = request();
    frames.insert(4, data(2, b"XXXX"));
    let other = "(overlap: other stacks read other bytes)";
    assert_eq!(found(&frames, &["secret HTTP"]), format!("{HEADER} {other} #4-7\n  GET /secret HTTP/1.1\n"));
}

#[test]
fn a_match_never_spans_a_gap_and_gaps_are_counted() {
    let mut frames = request();
    frames.remove(4);
    frames.push(segment(true, 1 + REQUEST.len() as u32, 0x11, b""));
    let (_dir, file) = pcap(&frames);
    let ran = ovlsniff(&["--stream", "-r", &file, "secret HTTP"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.summary().ends_with("; 1 connection: 1 gap (8 bytes)"), "{}", ran.summary());
    let line = printed(&["--stream", "--json", "-q", "-r", &file, "TP/1"]);
    assert!(line.contains(r#""begun":"syn","gap_before":true,"overlap":"none""#), "{line}");
}

#[test]
fn streams_in_tunnels_are_those_of_their_networks() {
    let inside = request().iter().map(|frame| vxlan(4789, 7, frame)).collect::<Vec<_>>();
    let both: Vec<Vec<u8>> = request()
        .iter()
        .zip(&inside)
        // The other network has other bytes for the same addresses, ports and numbers.
        .flat_map(|(plain, inside)| [inside.clone(), vxlan(4789, 8, &plain.to_ascii_uppercase())])
        .collect();
    let tunnel = "vxlan:7 192.0.2.1 -> 192.0.2.2";
    assert_eq!(found(&both, &["secret HTTP"]), format!("{HEADER} {tunnel} #7-11\n  GET /secret HTTP/1.1\n"));
    assert_eq!(found(&both, &["--vni", "7", "secret H"]).lines().count(), 2);
    let (_dir, file) = pcap(&both);
    assert_eq!(ovlsniff(&["--stream", "-q", "-r", &file, "--vni", "8", "secret H"]).code, Some(1));
}

#[test]
fn opened_esp_is_searched_in_streams() {
    let keys = "tests/fixtures/swarm/xfrm-state.txt";
    let out = printed(&["--stream", "-q", "-r", SWARM, "--sa", keys, "^GET[^\n]*\r\nHost", "esp"]);
    let header = "T 10.0.2.4:60312 -> 10.0.2.2:80 [AP] vxlan:4098 esp:0xef7baa5f 192.0.2.1 -> 192.0.2.2 #50";
    assert_eq!(out.lines().next(), Some(header));
}

#[test]
fn a_line_of_json_says_where_the_match_is() {
    let line = found(&request(), &["--json", "secret HTTP|GET"]);
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["stream"]["first_frame"], 4);
    assert_eq!(value["stream"]["last_frame"], 6);
    assert_eq!((&value["stream"]["offset"], &value["stream"]["length"]), (&0.into(), &16.into()));
    assert_eq!(value["spans"], serde_json::json!([[0, 3], [5, 16]]));
    assert_eq!((&value["number"], &value["frames"]), (&6.into(), &3.into()));
    assert_eq!(value["payload"]["text"], "GET /secret HTTP/1.1");
}

#[test]
fn all_frames_of_a_match_are_written() {
    let mut frames = request();
    frames.insert(4, udp("10.0.0.3", "10.0.0.4", 9, b"secret HTTP"));
    frames.insert(4, udp("10.0.0.3", "10.0.0.4", 9, b"else"));
    let (dir, file) = pcap(&frames);
    let written = dir.path().join("out.pcap");
    let words = ["--stream", "-q", "-r", &file, "-O", written.to_str().unwrap(), "secret HTTP"];
    assert_eq!(printed(&words).matches("secret HTTP").count(), 2);
    // The datagram matches by itself, and was first.
    let right = [5, 3, 6, 7].map(|at| frames[at].clone());
    assert_eq!(made::frames(&fs::read(&written).unwrap()), right);

    let inside = request().iter().map(|frame| vxlan(4789, 7, frame)).collect::<Vec<_>>();
    let (dir, file) = pcap(&inside);
    let written = dir.path().join("out.pcap");
    printed(&["--stream", "-q", "-r", &file, "--decap", "-O", written.to_str().unwrap(), "secret HTTP"]);
    assert_eq!(made::frames(&fs::read(&written).unwrap()), request()[3..]);
}

#[test]
fn frames_are_written_in_the_order_of_the_capture_within_a_match_and_once_in_all() {
    let mut frames = handshake();
    let body = b"<aa>\n<bb>\n<cc>";
    // The last frame brings the front of the stream, which the others wait for.
    frames.extend([data(10, &body[10..]), data(7, &body[7..10]), data(0, &body[..7])]);
    let (dir, file) = pcap(&frames);
    let written = dir.path().join("out.pcap");
    for (pattern, order) in [(r"<aa>\s<bb>\s<cc>", [3, 4, 5]), ("<..>", [5, 4, 3])] {
        printed(&["--stream", "-q", "-r", &file, "-O", written.to_str().unwrap(), pattern]);
        let right: Vec<_> = order.iter().map(|at| frames[*at].clone()).collect();
        assert_eq!(made::frames(&fs::read(&written).unwrap()), right, "{pattern}");
    }
    // The inner packet of a frame that waited is its own.
    let inside = frames.iter().map(|frame| vxlan(4789, 7, frame)).collect::<Vec<_>>();
    let (dir, file) = pcap(&inside);
    let written = dir.path().join("out.pcap");
    printed(&[
        "--stream",
        "-q",
        "-r",
        &file,
        "--decap",
        "-O",
        written.to_str().unwrap(),
        r"<aa>\s<bb>\s<cc>",
    ]);
    assert_eq!(made::frames(&fs::read(&written).unwrap()), frames[3..]);
}

#[test]
fn lines_of_the_stream_are_the_context() {
    let body: Vec<u8> = (1..=9).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
    let mut frames = handshake();
    frames.extend(body.chunks(10).enumerate().map(|(n, part)| data(10 * n, part)));
    let lines = |words: &[&str]| -> Vec<String> {
        let out = found(&frames, &[words, &["-W", "byline", "line 5"]].concat());
        out.lines().skip(1).map(str::to_owned).filter(|line| !line.is_empty()).collect()
    };
    assert_eq!(lines(&[]), ["line 5"]);
    assert_eq!(lines(&["-B", "2", "-A", "1"]), ["line 3", "line 4", "line 5", "line 6"]);
    assert_eq!(lines(&["-A", "100"]).len(), 5);
}

#[test]
fn lines_behind_a_match_do_not_begin_the_next_stretch_with_a_newline() {
    let mut frames = handshake();
    frames.push(data(0, b"\none 1\ntwo\r\nthree\nfour 1\n\n\nfive 1\n\nsix 1\n"));
    let texts = |words: &[&str], pattern: &str| -> Vec<String> {
        let out = found(&frames, &[words, &["--json", pattern]].concat());
        let value = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        out.lines().map(|line| value(line)["payload"]["text"].as_str().unwrap().to_owned()).collect()
    };
    let around = ["-A", "1", "-B", "9"];
    assert_eq!(texts(&around, " 1"), ["\none 1\ntwo", "three\nfour 1\n", "\nfive 1\n", "six 1\n"]);
    // A match that begins with the newline has it, and an empty line behind a match with its newline is not lost.
    assert_eq!(texts(&["-B", "9"], "one|\ntwo"), ["\none 1", "\ntwo"]);
    assert_eq!(texts(&["-B", "9"], "four 1\n|five"), ["\none 1\ntwo\r\nthree\nfour 1\n", "\n\nfive 1"]);
}

#[test]
fn the_window_bounds_a_match() {
    let body = [&b"<"[..], &[b'x'; 3000], b">"].concat();
    let mut frames = handshake();
    frames.extend(body.chunks(1000).enumerate().map(|(n, part)| data(1000 * n, part)));
    let (_dir, file) = pcap(&frames);
    assert_eq!(ovlsniff(&["--stream", "-q", "-r", &file, "<.*?>"]).code, Some(0));
    assert_eq!(ovlsniff(&["--stream", "--window", "2K", "-q", "-r", &file, "<.*?>"]).code, Some(1));
    assert_eq!(ovlsniff(&["--stream", "--window", "3K", "-q", "-r", &file, "<.*?>"]).code, Some(0));
}

#[test]
fn the_search_stops_after_as_many_matches() {
    let out = found(&request(), &["-n", "2", "--json", "[a-z]{3}"]);
    assert_eq!(out.lines().count(), 1);
    assert!(out.contains(r#""spans":[[5,8],[8,11]]"#), "{out}");
    let (_dir, file) = pcap(&request());
    let ran = ovlsniff(&["--stream", "-n", "2", "-r", &file, "[a-z]+"]);
    assert!(ran.summary().contains(": 2 matched,"), "{}", ran.summary());
}

#[test]
fn options_without_a_meaning_in_streams_are_refused() {
    for (words, said) in [
        (&["-v", "x"][..], "-v shows packets that do not match"),
        (&["--all", "x"], "--all shows every packet"),
        (&["-S", "64", "x"], "-S counts the bytes of a packet's payload"),
        (&[""], "--stream needs a pattern"),
        (&["--window", "1", "x"], "use a size from 1K to 16M"),
        (&["--window", "17M", "x"], "use a size from 1K to 16M"),
        (&[r"(?u:\bx)"], r"write (?-u:\b)"),
        (&["$"], "pattern '$': matches only where there are no bytes"),
        (&[r"^|\b"], "matches only where there are no bytes"),
        (
            &["--window", "1K", "a{1025}"],
            "its shortest match has 1025 bytes, and the window 1024; use a larger",
        ),
    ] {
        let complaint = refused(&[&["--stream", "-r", SWARM], words].concat());
        assert!(complaint.contains(said), "{words:?}: {complaint}");
    }
    let (_dir, file) = pcap(&request());
    for words in
        [&["--window", "1K", "a{1024}|b"][..], &["--window", "1K", "-e", "a{1025}", "-e", "b"], &["$|a"]]
    {
        assert_ne!(ovlsniff(&[&["--stream", "-r", &file], words].concat()).code, Some(2), "{words:?}");
    }
    let complaint = refused(&["--window", "64K", "-r", SWARM, "x"]);
    assert!(complaint.contains("--stream"), "{complaint}");
}
