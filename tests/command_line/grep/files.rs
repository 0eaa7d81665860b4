//! Reading several files, pipes and compressed files, and writing the packets that matched.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::made::{self, SWARM, frames, pcap, udp, vxlan};
use crate::run::{finish, numbers, ovlsniff, program, shown, with_input};

#[test]
fn several_files_are_read_one_after_the_other() {
    let (_dir, other) = pcap(&[udp("192.0.2.1", "192.0.2.2", 7, b"HTTP too")]);
    let ran = ovlsniff(&["-r", SWARM, "-r", &other, "-I", SWARM, "--marks", "none", "HTTP"]);
    assert_eq!(numbers(&ran.out), [22, 24, 1, 22, 24]);
    assert_eq!(ran.err.lines().next(), Some(format!("input: {SWARM}, {other}, {SWARM}").as_str()));
    assert_eq!(ran.summary(), "153 packets: 5 matched, 20 opaque (20 ESP), 128 readable without a match");
}

/// Frames are numbered anew in each file, so a number alone does not say which frame it is.
#[test]
fn of_several_files_each_match_names_its_own() {
    let frames = ["one", "two"].map(|text| udp("192.0.2.1", "192.0.2.2", 7, text.as_bytes()));
    let ((_a, first), (_b, second)) = (pcap(&frames[..1]), pcap(&frames[1..]));
    let ran = ovlsniff(&["-qq", "-r", &first, "-r", &second, ""]);
    let header = "U 192.0.2.1:4000 -> 192.0.2.2:7";
    assert_eq!(ran.out, format!("{header} {first} #1\n{header} {second} #1\n"));
    let ran = ovlsniff(&["--json", "-r", &first, "-r", &second, "two"]);
    assert!(ran.out.contains(&format!(r#""file":"{second}""#)), "{}", ran.out);
    let ran = ovlsniff(&["--json", "-r", &second, "two"]);
    assert!(!ran.out.contains("file"), "{}", ran.out);
    // Context before a match comes from its own file only.
    let ran = ovlsniff(&["-qq", "-B", "1", "-r", &first, "-r", &second, "two"]);
    assert_eq!(ran.out, format!("{header} {second} #1\n"));
}

/// Wireshark numbers the journal's entries too, and it knows no time of a simple packet.
#[test]
fn frames_have_wiresharks_numbers_and_a_time_only_if_the_file_has_one() {
    let block = |kind: u32, body: &[u8]| {
        let len = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, body, &len].concat()
    };
    let section =
        block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    let interface = block(1, &[1, 0, 0, 0, 0, 0, 0, 0]);
    let journal = block(9, b"MESSAGE=hello\n\0\0");
    let frame = udp("192.0.2.1", "192.0.2.2", 7, b"needle");
    let len = frame.len() as u32;
    assert_eq!(len % 4, 0);
    let simple = block(3, &[&len.to_le_bytes()[..], &frame].concat());
    let ticks = 1_700_000_000_000_000_u64;
    let words = [0, (ticks >> 32) as u32, ticks as u32, len, len].map(u32::to_le_bytes).concat();
    let enhanced = block(6, &[&words[..], &frame].concat());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file.pcapng");
    fs::write(
        &file,
        [section, interface, simple.clone(), journal, enhanced.clone(), simple, enhanced].concat(),
    )
    .unwrap();
    let file = file.to_str().unwrap();

    let line = |time: &str, number| format!("U {time} 192.0.2.1:4000 -> 192.0.2.2:7 #{number}\n");
    let (none, at) = ("(no time)", "2023/11/14 22:13:20.000000");
    let ran = ovlsniff(&["-qq", "-t", "-r", file, "needle"]);
    assert_eq!(ran.out, line(none, 1) + &line(at, 3) + &line(none, 4) + &line(at, 5));
    for relative in ["-T", "-TT"] {
        let ran = ovlsniff(&["-qq", relative, "-r", file, "needle"]);
        assert_eq!(ran.out, line(none, 1) + &line("+0.000000", 3) + &line(none, 4) + &line("+0.000000", 5));
    }
    let ran = ovlsniff(&["--json", "-r", file, "needle"]);
    let times: Vec<_> = ran.out.lines().map(|line| line.matches(r#""time""#).count()).collect();
    let nanos: Vec<_> = ran.out.lines().map(|line| line.matches(r#""time_ns""#).count()).collect();
    assert_eq!((times, nanos), (vec![0, 1, 0, 1], vec![0, 1, 0, 1]), "{}", ran.out);
    // The file that is written has no other times.
    let copy = dir.path().join("copy.pcapng");
    let copy = copy.to_str().unwrap();
    ovlsniff(&["-qq", "-r", file, "-O", copy, "needle"]);
    let ran = ovlsniff(&["-qq", "-t", "-r", copy, "needle"]);
    assert_eq!(ran.out, line(none, 1) + &line(at, 2) + &line(none, 3) + &line(at, 4));
}

#[test]
fn packed_files_and_standard_input_are_read_like_others() {
    let whole = fs::read(SWARM).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&whole).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("swarm.pcap.gz", gzip.finish().unwrap()),
        ("swarm.pcap.zst", zstd::encode_all(&whole[..], 1).unwrap()),
        ("a name without an ending", whole.clone()),
    ] {
        let file = dir.path().join(name);
        fs::write(&file, &bytes).unwrap();
        assert_eq!(shown(&["-r", file.to_str().unwrap(), "HTTP"]), [22, 24], "{name}");
        let ran = with_input(&["-r", "-", "HTTP"], &bytes);
        assert_eq!((ran.code, numbers(&ran.out)), (Some(0), vec![22, 24]), "{name}");
        assert!(ran.err.starts_with("input: standard input\n"), "{}", ran.err);
    }
}

#[test]
fn what_matched_is_written_as_pcap_or_by_name_as_pcapng() {
    let all = frames(&fs::read(SWARM).unwrap());
    let wanted = [all[21].clone(), all[23].clone()];
    let dir = tempfile::tempdir().unwrap();
    let (classic, ng) = (dir.path().join("out.pcap"), dir.path().join("out.pcapng"));
    let ran = ovlsniff(&["-qq", "-r", SWARM, "-O", classic.to_str().unwrap(), "HTTP"]);
    assert_eq!(numbers(&ran.out), [22, 24]);
    assert_eq!(frames(&fs::read(&classic).unwrap()), wanted);
    ovlsniff(&["-q", "-r", SWARM, "-O", ng.to_str().unwrap(), "HTTP"]);
    assert_eq!(fs::read(&ng).unwrap()[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    for written in [&classic, &ng] {
        let again = ovlsniff(&["-q", "-t", "-r", written.to_str().unwrap(), "-W", "single", "HTTP"]);
        let direct = ovlsniff(&["-q", "-t", "-r", SWARM, "-W", "single", "HTTP"]);
        assert_eq!(again.out, direct.out);
    }
}

#[test]
fn a_capture_on_standard_output_has_nothing_else_beside_it() {
    for marks in [&[][..], &["--marks", "ngrep"], &["-l"], &["--all"]] {
        let ran = ovlsniff(&[marks, &["-r", SWARM, "-O", "-", "HTTP"]].concat());
        let all = frames(&fs::read(SWARM).unwrap());
        let wanted = if marks == ["--all"] { all } else { vec![all[21].clone(), all[23].clone()] };
        assert_eq!((ran.code, frames(&ran.bytes)), (Some(0), wanted), "{marks:?}");
        assert_eq!(ran.summary(), "76 packets: 2 matched, 10 opaque (10 ESP), 64 readable without a match");
    }
}

#[test]
fn nothing_found_is_an_empty_capture_that_can_be_read() {
    let ran = ovlsniff(&["-q", "-r", SWARM, "-O", "-", "no such thing"]);
    assert_eq!((ran.code, ran.bytes.len()), (Some(1), 24));
    let read = with_input(&["-r", "-", "x"], &ran.bytes);
    assert_eq!(
        (read.code, read.summary()),
        (Some(1), "0 packets: 0 matched, 0 opaque, 0 readable without a match")
    );
}

#[test]
fn decap_writes_the_innermost_frames() {
    let inner = udp("10.0.0.1", "10.0.0.2", 7, b"needle");
    let plain = udp("192.0.2.9", "192.0.2.2", 7, b"needle");
    let (_dir, file) =
        pcap(&[vxlan(4789, 5, &inner), plain.clone(), vxlan(4789, 5, &vxlan(8472, 6, &inner))]);
    let ran = ovlsniff(&["-q", "-r", &file, "-O", "-", "--decap", "needle"]);
    assert_eq!(frames(&ran.bytes), [inner.clone(), plain, inner]);
}

/// The datagram of the tunnel does not fit one frame.
#[test]
fn a_match_in_a_fragmented_tunnel_is_written_with_all_its_frames() {
    let inner = udp("10.0.0.1", "10.0.0.2", 7, &[&[b'x'; 700][..], b"needle", &[b'y'; 700]].concat());
    let segment = made::vxlan_segment(4789, 5, &inner);
    let pieces = made::fragments("192.0.2.1", "192.0.2.2", 17, &segment, 368);
    assert_eq!(pieces.len(), 4);
    let between = udp("192.0.2.1", "192.0.2.2", 7, b"between");
    let mut sent = pieces.clone();
    sent.insert(2, between);
    let (_dir, file) = pcap(&sent);

    let ran = ovlsniff(&["-qq", "-r", &file, "^x+needley+$"]);
    assert_eq!(ran.out, "U 10.0.0.1:4000 -> 10.0.0.2:7 vxlan:5 192.0.2.1 -> 192.0.2.2 #5\n");
    assert_eq!(shown(&["-r", &file, "--vni", "5", "needle"]), [5]);
    let ran = ovlsniff(&["-q", "-r", &file, "-O", "-", "needle"]);
    assert_eq!(frames(&ran.bytes), pieces);
    let ran = ovlsniff(&["-q", "-r", &file, "-O", "-", "--decap", "needle"]);
    assert_eq!(frames(&ran.bytes), [inner]);
    let json = ovlsniff(&["-q", "--json", "-r", &file, "needle"]).out;
    assert!(json.contains(r#""frames":4,"#), "{json}");
    // Each frame has a mark, while the summary counts the four fragments as one packet.
    let marks = ovlsniff(&["-r", &file, "no such thing"]);
    assert_eq!(
        (marks.out.as_str(), marks.summary()),
        (".....\n", "2 packets: 0 matched, 0 opaque, 2 readable without a match")
    );
}

/// A container sent a datagram that does not fit the overlay's MTU, so each fragment is in a tunnel frame of its own.
#[test]
fn a_datagram_in_fragments_inside_a_tunnel_is_searched_whole() {
    let text = [&[b'x'; 700][..], b"needle", &[b'y'; 700]].concat();
    let pieces = made::fragments("10.0.0.1", "10.0.0.2", 17, &made::udp_segment(4000, 7, &text), 352);
    let in_network = |vni, piece: &Vec<u8>| vxlan(4789, vni, piece);
    let mut sent: Vec<Vec<u8>> = pieces.iter().rev().map(|piece| in_network(5, piece)).collect();
    assert_eq!(sent.len(), 5);
    // Another network has the same addresses, and a datagram with the same identifier.
    sent.insert(2, in_network(6, &pieces[0]));
    let (_dir, file) = pcap(&sent);

    let ran = ovlsniff(&["-qq", "-r", &file, "^x+needley+$"]);
    assert_eq!(ran.out, "U 10.0.0.1:4000 -> 10.0.0.2:7 vxlan:5 192.0.2.1 -> 192.0.2.2 #6\n");
    assert_eq!(shown(&["-r", &file, "--inner", "udp dst port 7", "needle"]), [6]);
    let ran = ovlsniff(&["-q", "-r", &file, "-O", "-", "needle"]);
    assert_eq!(frames(&ran.bytes), [&sent[..2], &sent[3..]].concat());
    let ran = ovlsniff(&["-q", "-r", &file, "-O", "-", "--decap", "needle"]);
    assert_eq!(frames(&ran.bytes), [udp("10.0.0.1", "10.0.0.2", 7, &text)].map(|whole| without_macs(&whole)));
    let marks = ovlsniff(&["-r", &file, "no such thing"]);
    assert_eq!(
        (marks.out.as_str(), marks.summary()),
        ("......\n", "2 packets: 0 matched, 0 opaque, 2 readable without a match")
    );

    // A lost fragment does not hide the others, which are searched alone.
    sent.remove(0);
    let (_dir, file) = pcap(&sent);
    assert_eq!(shown(&["-r", &file, "needle"]), [3]);
}

/// Returns the frame as `--decap` writes a reassembled datagram: with zeros for MAC addresses and a correct IP
/// checksum.
fn without_macs(frame: &[u8]) -> Vec<u8> {
    let mut packet = frame[14..].to_vec();
    let sum: u32 = packet[..20].chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    [&[0; 12][..], &[8, 0], &packet].concat()
}

#[test]
fn fragments_that_stay_incomplete_are_searched_alone_at_the_end() {
    let segment = made::vxlan_segment(4789, 5, &udp("10.0.0.1", "10.0.0.2", 7, &b"n33dle".repeat(150)));
    let mut pieces = made::fragments("192.0.2.1", "192.0.2.2", 17, &segment, 304);
    pieces.remove(1);
    let whole = udp("192.0.2.1", "192.0.2.2", 7, b"n33dle");
    let (_dir, file) = pcap(&[&pieces[..], &[whole]].concat());
    assert_eq!(pieces.len(), 3);
    let found = shown(&["-r", &file, "n33dle"]);
    assert_eq!(found, [4, 1, 2, 3]);
    let ran = ovlsniff(&["-q", "-r", &file, "-O", "-", "n33dle"]);
    assert_eq!(frames(&ran.bytes).len(), 4);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    for words in [&["-l", "--all"][..], &["--json", "--all"], &["-l", "-O", "-"]] {
        let mut child = program()
            .args(words)
            .args(["-q", "-r", SWARM, "-r", SWARM, ""])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = finish(child);
        assert!(matches!(ran.code, Some(0 | 1)) && ran.err.is_empty(), "{words:?} {ran:?}");
    }
    for words in [&["man"][..], &["completions", "zsh"], &["interfaces"], &["--help"]] {
        let mut child = program().args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = finish(child);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{words:?}");
    }
}

/// A search of several files does not end at the first damaged one.
#[test]
fn the_files_behind_a_damaged_one_are_searched_and_the_damage_is_told() {
    let whole = fs::read(SWARM).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let cut = dir.path().join("cut.pcap");
    fs::write(&cut, &whole[..whole.len() - 7]).unwrap();
    let ran = ovlsniff(&["-qq", "-r", cut.to_str().unwrap(), "-r", SWARM, "HTTP"]);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(2), 4), "{}", ran.out);
    assert!(ran.err.contains("cut.pcap"), "{}", ran.err);
}

#[test]
fn what_standard_output_is_takes_the_capture_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.pcap");
    let out = fs::File::create(&path).unwrap();
    let words = ["-r", SWARM, "-O", path.to_str().unwrap(), "HTTP"];
    assert!(program().args(words).stdout(out).stderr(Stdio::null()).status().unwrap().success());
    assert_eq!(frames(&fs::read(&path).unwrap()).len(), 2);
}

#[test]
fn a_name_that_promises_compression_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.pcap.GZ");
    let ran = ovlsniff(&["-r", SWARM, "-O", file.to_str().unwrap(), "HTTP"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("-O - | gzip"), "{}", ran.err);
}

#[test]
fn what_the_snaplen_cut_off_is_not_passed_over() {
    let ran = ovlsniff(&["-r", "tests/fixtures/plain/snap60.pcap", "HTTP"]);
    assert!(
        ran.summary().ends_with(
            "52 readable without a match (44 of them cut off by the snaplen), 2 not decoded: cut off in udp"
        ),
        "{}",
        ran.err
    );
}

/// A shell alias may give options that the command line gives again.
#[test]
fn of_an_option_that_is_given_twice_the_last_counts() {
    let ran = ovlsniff(&[
        "--color", "always", "-l", "-n", "1", "-l", "--color", "never", "-n", "2", "-qr", SWARM, "HTTP",
    ]);
    assert_eq!(numbers(&ran.out), [22, 24], "{}", ran.err);
    assert!(!ran.out.contains('\x1b'));
}

/// Frames of other link types may be captured beside those that the filter is about.
#[test]
fn frames_of_a_link_type_that_an_inner_filter_makes_no_sense_for_do_not_pass_it() {
    let ran = ovlsniff(&["-r", "tests/fixtures/tunnels/ip-in-ip.pcap", "--inner", "arp", ""]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
}

/// The dynamic loader prints what it would load. libpcap brings a dozen libraries with it, and files need none of them.
#[test]
fn the_program_starts_without_libpcap() {
    let loaded = program().env("LD_TRACE_LOADED_OBJECTS", "1").output().unwrap();
    let loaded = String::from_utf8(loaded.stdout).unwrap();
    assert!(loaded.contains("libc.so") && !loaded.contains("libpcap"), "{loaded}");
    // A filter needs it.
    assert_eq!(numbers(&ovlsniff(&["-r", SWARM, "-qq", "HTTP", "udp port 4789"]).out), [22, 24]);
}

/// The loader looks into a folder first that has other files under libpcap's names, and gives up.
#[test]
fn without_libpcap_a_pattern_is_searched_and_a_filter_is_named_as_a_whole() {
    const ABSENT: &str = "libpcap cannot be loaded; install it (its package is libpcap0.8, or libpcap)";
    let folder = tempfile::tempdir().unwrap();
    for name in ["libpcap.so.0.8", "libpcap.so.1"] {
        fs::write(folder.path().join(name), "no library").unwrap();
    }
    let run = |words: &[&str]| {
        let mut program = program();
        program.env("LD_LIBRARY_PATH", folder.path()).args(["-r", SWARM, "-qq"]).args(words);
        finish(program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    assert_eq!(numbers(&run(&["HTTP"]).out), [22, 24]);
    let as_filter =
        |words| format!("ovlsniff: taking '{words}' as the filter; for a pattern write: -e 'udp'\n");
    for (words, filter, note) in [
        (&["HTTP", "udp", "port", "4789"][..], "udp port 4789", String::new()),
        (&["udp", "port", "4789"], "udp port 4789", as_filter("udp port 4789")),
        (&["-e", "udp", "port", "4789"], "port 4789", String::new()),
    ] {
        let ran = run(words);
        assert_eq!(ran.err, format!("{note}ovlsniff: filter '{filter}': {ABSENT}\n"));
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    }
}
