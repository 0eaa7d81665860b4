//! Errors in the words, in the files and of the system. Each is one sentence with exit status 2, and leaves nothing
//! half done.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::made::SWARM;
use crate::run::{Ran, finish, numbers, ovlsniff, plain, program, refused, shown};

#[test]
fn bad_values_are_told_with_what_would_be_good() {
    for (words, expected) in [
        (
            &["--vni", "99999999"][..],
            "invalid value '99999999' for '--vni <VNI>': a VNI is a number below 16777216, such as 4097 or 0x1001",
        ),
        (&["-c", "0"], "invalid value '0' for '--columns <N>': use a number from 8 to 65536"),
        (
            &["--buffer", "5X"],
            "invalid value '5X' for '--buffer <SIZE>': use a number of bytes, with K, M or G behind it if you like",
        ),
        (
            &["-n", "some"],
            "invalid value 'some' for '--count <N>': use a whole number, 0 or more; names are never resolved, so leave out \
             tcpdump's -n",
        ),
        (
            &["-P", "ab"],
            "invalid value 'ab' for '--replacement <C>': use one visible ASCII character or a blank; \
             patterns are regular expressions of Rust, so leave out grep's -P",
        ),
        (&["-W", "wide"], "invalid value 'wide' for '--shape <SHAPE>': use normal, byline, single or none"),
        (&["--direction", "up"], "invalid value 'up' for '--direction <DIRECTION>': use in or out"),
        (
            &["--vxlan-port", "99999"],
            "invalid value '99999' for '--vxlan-port <PORT>': a UDP port is a number from 1 to 65535",
        ),
        (
            &["--vxlan-port", "0"],
            "invalid value '0' for '--vxlan-port <PORT>': a UDP port is a number from 1 to 65535",
        ),
        (
            &["--geneve-port", "0"],
            "invalid value '0' for '--geneve-port <PORT>': a UDP port is a number from 1 to 65535",
        ),
    ] {
        assert_eq!(refused(words), format!("ovlsniff: {expected}; see ovlsniff --help"), "{words:?}");
    }
}

#[test]
fn mistyped_options_are_told_with_the_nearest_there_is() {
    for (word, nearest) in [("--colo", "--color"), ("--vn", "--vni"), ("--invert", "--invert-match")] {
        let expected =
            format!("ovlsniff: there is no option '{word}'; the nearest is {nearest}; see ovlsniff --help");
        assert_eq!(refused(&[word, "x"]), expected);
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for words in [
        &["-i", "lo", "-r", SWARM][..],
        &["-r", SWARM, "--netns", "1"],
        &["-r", SWARM, "-s", "64"],
        &["-x", "-W", "byline", "-r", SWARM],
        &["--decap", "-r", SWARM],
        &["-Z", "nobody", "--no-drop", "-r", SWARM],
    ] {
        let complaint = refused(words);
        assert!(complaint.ends_with("; see ovlsniff --help"), "{complaint}");
    }
    assert_eq!(
        refused(&["--json", "-O", "-", "-r", SWARM]),
        "ovlsniff: --json and -O - both want standard output; write the capture to a file"
    );
    assert_eq!(
        refused(&["-X", "-y", "4745", "-r", SWARM]),
        "ovlsniff: hex bytes have no case and no words: leave out -y and -w beside -X"
    );
}

#[test]
fn bad_patterns_are_told_with_the_place() {
    for (words, expected) in [
        (&["a("][..], "pattern 'a(': unclosed group at column 2"),
        (
            &["x[z-a]"],
            "pattern 'x[z-a]': invalid character class range, the start must be <= the end at column 3",
        ),
        (&["-e", "fine", "-e", "*x"], "pattern '*x': repetition operator missing expression at column 1"),
        (&["-X", "4g"], "hex pattern '4g': not hex; a byte is two of 0-9 a-f, or ?? for any"),
        (&["-X", "474"], "hex pattern '474': an odd number of digits; a byte has two"),
        (&["-X", "47 0x"], "hex pattern '47 0x': 0x without digits after it"),
        (&["-X", "?4"], "hex pattern '?4': not hex; a byte is two of 0-9 a-f, or ?? for any"),
    ] {
        let words: Vec<&str> = ["-r", SWARM].iter().chain(words).copied().collect();
        assert_eq!(refused(&words), format!("ovlsniff: {expected}"));
    }
}

#[test]
fn bad_filters_are_told_with_the_place_and_with_what_is_meant() {
    for (words, expected) in [
        (
            &["x", "tcp prot 80"][..],
            "filter 'tcp prot 80': at column 5, 'prot' is no word of a filter; did you mean 'port'?",
        ),
        (&["x", "port 80 and and tcp"], "filter 'port 80 and and tcp': syntax error at column 13, 'and'"),
        (
            &["x", "port", "80)", "or", "(port", "81"],
            "filter 'port 80) or (port 81': at column 8, there is no '(' for this ')'",
        ),
        (
            &["--inner", "dport 80"],
            "--inner: filter 'dport 80': at column 1, a filter has no 'dport'; write: dst port",
        ),
        (
            &["x", "ip.addr == 10.0.0.1"],
            "filter 'ip.addr == 10.0.0.1': at column 1, 'ip.addr == 10.0.0.1' is a display filter of Wireshark; write: \
             host 10.0.0.1",
        ),
        (
            &["x", "host", "10.0.0.1/24"],
            "filter 'host 10.0.0.1/24': '10.0.0.1/24' is neither a host nor a network; write: net 10.0.0.0/24, or: host \
             10.0.0.1",
        ),
        (
            &["x", "icmp", "type", "8"],
            "filter 'icmp type 8': 'type' is supported for 802.11; one of ICMP is written: icmp[icmptype] == 8",
        ),
        (&["x", "vni", "4097"], "filter 'vni 4097': at column 1, a VNI is an option of its own: --vni 4097"),
    ] {
        let words: Vec<&str> = ["-r", SWARM].iter().chain(words).copied().collect();
        assert_eq!(refused(&words), format!("ovlsniff: {expected}"));
    }
    // On an interface the fault is told before it is opened, so that it takes no root to see it.
    assert_eq!(
        refused(&["-i", "lo", "x", "port", "80,81"]),
        "ovlsniff: filter 'port 80,81': at column 6, a list is written with 'or': port 80 or 81"
    );
}

#[test]
fn a_pattern_and_a_filter_that_are_swapped_are_noticed() {
    for (words, expected) in [
        (
            &["port 80", "HTTP"][..],
            "'HTTP' is no filter, and 'port 80' is one: the pattern comes first; write: ovlsniff HTTP 'port 80'",
        ),
        (
            &["udp", "HTTP"],
            "'HTTP' is no filter, and 'udp' is one: the pattern comes first; write: ovlsniff HTTP udp",
        ),
        (
            &["tcp port 80", "GET", "/index.html"],
            "'GET /index.html' is no filter, and 'tcp port 80' is one: the pattern comes first; write: ovlsniff \
             'GET /index.html' 'tcp port 80'",
        ),
        (
            &["HTTP", "foo", "bar"],
            "filter 'foo bar': syntax error at column 1, 'foo'; the words after the pattern are the filter: a pattern of \
             several words needs quotes: 'HTTP foo bar'",
        ),
        (
            &["tcp", "and", "HTTP"],
            "a filter cannot begin with 'and', and the first word, 'tcp', is the pattern; write: ovlsniff HTTP tcp",
        ),
        (
            &["HTTP", "and", "GET"],
            "a filter cannot begin with 'and', and the first word, 'HTTP', is the pattern; a pattern of several words needs \
             quotes: 'HTTP and GET'",
        ),
        (
            &["HTTP", "or", "GET"],
            "a filter cannot begin with 'or', and the first word, 'HTTP', is the pattern; for either of two patterns write: \
             -e HTTP -e GET",
        ),
        (
            &["HTTP", "and", "port", "80"],
            "a filter cannot begin with 'and', and the first word, 'HTTP', is the pattern; leave out 'and': ovlsniff HTTP \
             port 80",
        ),
        (&["or", "HTTP"], "filter 'or HTTP': syntax error at column 1, 'or'"),
        (
            &["udp", "port", "4789", "HTTP"],
            "'HTTP' is no filter, and 'udp port 4789' is one: the pattern comes first; write: ovlsniff HTTP udp port 4789",
        ),
        (
            &["port", "80", "HTTP"],
            "'HTTP' is no filter, and 'port 80' is one: the pattern comes first; write: ovlsniff HTTP port 80",
        ),
        (
            &["port", "80", "and", "HTTP"],
            "'HTTP' is no filter, and 'port 80' is one: the pattern comes first; write: ovlsniff HTTP port 80",
        ),
        (
            &["tcp", "port", "80", "HTTP"],
            "'HTTP' is no filter, and 'tcp port 80' is one: the pattern comes first; write: ovlsniff HTTP tcp port 80",
        ),
        (
            &["host", "10.0.0.1", "GET", "/"],
            "'GET /' is no filter, and 'host 10.0.0.1' is one: the pattern comes first; write: ovlsniff 'GET /' host \
             10.0.0.1",
        ),
        (
            &["port", "http", "https"],
            "filter 'port http https': at column 11, 'or' is missing before 'https': port http or https",
        ),
        (
            &["host", "web", "port", "80"],
            "filter 'host web port 80': at column 10, 'and' or 'or' is missing before 'port'",
        ),
        (&["not", "HTTP"], "packets that do not match a pattern are found with -v: -v HTTP"),
        (&["HTTP", "lo"], "filter 'lo': at column 1, an interface is an option: -i lo"),
        (
            &["-e", "HTTP", "foo"],
            "filter 'foo': syntax error at column 1, 'foo'; beside -e all words are the filter",
        ),
    ] {
        let words: Vec<&str> = ["-r", SWARM].iter().chain(words).copied().collect();
        assert_eq!(refused(&words), format!("ovlsniff: {expected}"));
    }
}

#[test]
fn an_inner_filter_without_quotes_is_told_with_them() {
    for (words, expected) in [
        ("--inner udp and port 53", "--inner 'udp and port 53'"),
        ("--inner=udp and port 53", "--inner 'udp and port 53'"),
        ("--inner port 80", "--inner 'port 80'"),
        ("--inner tcp and port 80 HTTP", "--inner 'tcp and port 80' HTTP"),
        ("--inner tcp port 80 HTTP", "--inner 'tcp port 80' HTTP"),
        ("HTTP --inner tcp and port 80", "--inner 'tcp and port 80'"),
        ("-e HTTP --inner host 10.0.1.2", "--inner 'host 10.0.1.2'"),
    ] {
        let words: Vec<&str> = ["-r", SWARM].into_iter().chain(words.split(' ')).collect();
        assert_eq!(
            refused(&words),
            format!("ovlsniff: a filter of several words is one argument: {expected}"),
            "{words:?}"
        );
    }
    assert_eq!(
        refused(&["-r", SWARM, "--inner", "udp", "and", "HTTP"]),
        "ovlsniff: a filter of several words is one argument, in quotes: --inner 'udp and …'"
    );
    // The inner filter, the pattern and the outer filter.
    for words in [
        "--inner tcp HTTP udp port 4789",
        "HTTP --inner tcp udp port 4789",
        "--inner tcp -e HTTP udp port 4789",
    ] {
        let words: Vec<&str> = ["-r", SWARM].into_iter().chain(words.split(' ')).collect();
        assert!(!shown(&words).is_empty(), "{words:?}");
    }
}

#[test]
fn a_filter_that_cannot_match_on_this_link_type_is_refused() {
    assert_eq!(
        refused(&["-r", SWARM, "HTTP", "inbound"]),
        "ovlsniff: filter 'inbound': 'inbound' and 'outbound' are supported for cooked frames only"
    );
    assert_eq!(shown(&["-r", "tests/fixtures/links/sll2.pcap", "GET", "outbound"]).len(), 3);
    assert_eq!(
        refused(&["-r", SWARM, "HTTP", "wlan type mgt"]),
        "ovlsniff: filter 'wlan type mgt': 802.11 link-layer types supported only on 802.11"
    );
}

#[test]
fn files_that_are_no_captures_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("empty"), "").unwrap();
    fs::write(at("header"), &fs::read(SWARM).unwrap()[..10]).unwrap();
    fs::write(at("text"), "# ovlsniff\n").unwrap();
    fs::write(at("packed"), b"\xfd7zXZ\0").unwrap();
    fs::write(at("snoop"), b"snoop\0\0\0\0\0\0\x02\0\0\0\x04").unwrap();
    for (name, expected) in [
        ("text", "FILE is not a capture file: it is text; text2pcap makes a capture of a hex dump"),
        (
            "packed",
            "FILE is not a capture file: it is packed with xz; unpack it: xz -dc FILE | ovlsniff -r -",
        ),
        (
            "snoop",
            "FILE is not a capture file: it is a snoop file; convert it: editcap -F pcapng FILE - | ovlsniff -r -",
        ),
        ("empty", "FILE is empty: a capture file has at least a header"),
        ("header", "FILE is cut off at byte 10, in the file's header"),
        ("none", "open FILE: no such file"),
        ("", "FILE is a directory, not a capture file; name the files in it"),
    ] {
        let file = at(name);
        assert_eq!(refused(&["-r", &file, "HTTP"]), format!("ovlsniff: {}", expected.replace("FILE", &file)));
        // With a good file before it, that one is not searched either.
        refused(&["-r", SWARM, "-r", &file, "HTTP"]);
    }
}

#[test]
fn what_is_no_file_of_its_own_is_refused_with_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let socket = socket.to_str().unwrap();
    for (words, sentence) in [
        (&["-r", "/dev/null", "x"][..], "/dev/null is empty: a capture file has at least a header"),
        (&["-r", "-", "x"], "standard input is empty: a capture file has at least a header"),
        (&["-r", "-", "-r", "-", "x"], "standard input can be read once; give -r - once"),
        (&["-r", socket, "x"], &format!("open {socket}: it cannot be read; it may be a socket")),
        (
            &["-r", SWARM, "-O", dir.path().to_str().unwrap(), "x"],
            &format!("create {}: is a directory", dir.path().display()),
        ),
    ] {
        assert_eq!(refused(words), format!("ovlsniff: {sentence}"));
    }
}

#[test]
fn frames_before_a_cut_are_shown_and_the_offset_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cut.pcap");
    fs::write(&file, &fs::read(SWARM).unwrap()[..5000]).unwrap();
    let ran = ovlsniff(&["-qq", "-r", file.to_str().unwrap(), "HTTP"]);
    assert_eq!(numbers(&ran.out), [22, 24]);
    assert_eq!(
        ran.complaint().replace(file.to_str().unwrap(), "FILE"),
        "ovlsniff: FILE is cut off at byte 5000, in a frame of which 109 of 152 bytes are there (its record begins at \
         byte 4875)"
    );
}

#[test]
fn absurd_lengths_end_the_search_after_the_frames_before() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("absurd.pcap");
    let mut bytes = fs::read(SWARM).unwrap();
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f]);
    fs::write(&file, &bytes).unwrap();
    let ran = ovlsniff(&["-qq", "-r", file.to_str().unwrap(), "HTTP"]);
    assert_eq!(numbers(&ran.out), [22, 24]);
    let complaint = ran.complaint();
    assert!(
        complaint.contains("is damaged at byte") && complaint.contains("2147483647 bytes long"),
        "{complaint}"
    );
}

fn with_little_memory(file: &Path, pattern: &str) -> Ran {
    with_memory(200_000, file, pattern)
}

/// Runs the program with an address space of so many KiB. A shell sets the limit, because this process is shared with other
/// tests.
fn with_memory(kib: u32, file: &Path, pattern: &str) -> Ran {
    let limited = format!("ulimit -v {kib}; exec \"$0\" -qq -r \"$1\" \"$2\"");
    let mut command = plain(Command::new("sh"));
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_ovlsniff")]).arg(file).arg(pattern);
    finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// The header of the zstd frame asks for the largest window that is accepted, 128 MiB, which is set aside at once.
#[test]
fn memory_that_there_is_not_is_no_damage_of_a_packed_file() {
    let capture = fs::read(SWARM).unwrap();
    // RFC 8878: the frame's magic number, no flags, a window of 2^(10 + 17) bytes, and a last block that is not compressed.
    let block = ((capture.len() as u32) << 3 | 1).to_le_bytes();
    let packed = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3][..], &block[..3], &capture].concat();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wide.pcap.zst");
    fs::write(&file, packed).unwrap();
    let ran = ovlsniff(&["-qq", "-r", file.to_str().unwrap(), "HTTP"]);
    assert_eq!((ran.code, numbers(&ran.out)), (Some(0), vec![22, 24]), "{}", ran.err);
    let ran = with_memory(120_000, &file, "HTTP");
    let complaint = ran.complaint();
    let told = "there is no memory to unpack it, which takes up to 128 MiB; allow more (ulimit -v)";
    assert!(complaint.contains(told), "{complaint}");
}

/// Behind the swarm's frames the file has 256 MB of frames of zeros, packed in 1 MB.
#[test]
fn a_zip_bomb_takes_no_memory() {
    let packed = |bytes: &[u8]| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    let zeros =
        [&[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0][..], &vec![0; 0xffff]].concat();
    // gzip files may be joined: their members are unpacked as one stream.
    let whole = [packed(&fs::read(SWARM).unwrap()), packed(&zeros.repeat(64)).repeat(64)].concat();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bomb.pcap.gz");
    fs::write(&file, whole).unwrap();
    let ran = with_little_memory(&file, "HTTP");
    assert_eq!((ran.code, numbers(&ran.out)), (Some(0), vec![22, 24]), "{}", ran.err);
}

/// The file has one block of an unknown type that is 1 GiB long, packed in some 100 KB.
#[test]
fn a_zip_bomb_is_unpacked_a_buffer_at_a_time() {
    let total = 1u32 << 30;
    let section = [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 0x0000_0001, 0xffff_ffff, 0xffff_ffff, 28];
    let head: Vec<u8> = section.into_iter().chain([0xbad, total]).flat_map(u32::to_le_bytes).collect();
    let zeros = zstd::encode_all(&vec![0; 1 << 24][..], 1).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bomb.pcapng.zst");
    fs::write(&file, [zstd::encode_all(&head[..], 1).unwrap(), zeros.repeat(63)].concat()).unwrap();
    let ran = with_little_memory(&file, "x");
    let end = head.len() + 63 * (1 << 24);
    assert_eq!(
        ran.complaint().replace(file.to_str().unwrap(), "FILE"),
        format!(
            "ovlsniff: FILE is cut off at byte {end}, in the block at byte 28 (counted in the unpacked capture)"
        )
    );
}

#[test]
fn a_fifo_whose_writer_dies_is_a_file_that_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let child = program()
        .args(["-qq", "HTTP", "-r"])
        .arg(&fifo)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    File::options().write(true).open(&fifo).unwrap().write_all(&fs::read(SWARM).unwrap()[..3100]).unwrap();
    let ran = finish(child);
    assert_eq!(numbers(&ran.out), [22]);
    assert!(ran.complaint().contains("is cut off at byte 3100"), "{}", ran.complaint());
}

#[test]
fn what_cannot_be_opened_leaves_the_file_to_write_alone() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept.pcap");
    let kept = kept.to_str().unwrap();
    fs::write(kept, "precious").unwrap();
    for words in [
        &["-r", "/nonexistent.pcap", "x"][..],
        &["-r", SWARM, "x", "bogus bogus"],
        &["-i", "nosuch0", "x"],
        &["--netns", "nosuch", "x"],
    ] {
        let words: Vec<&str> = ["-O", kept].iter().chain(words).copied().collect();
        refused(&words);
        assert_eq!(fs::read_to_string(kept).unwrap(), "precious", "{words:?}");
    }
}

#[test]
fn the_file_that_is_read_is_not_written_onto() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link) = (dir.path().join("a.pcap"), dir.path().join("b.pcap"));
    fs::copy(SWARM, &file).unwrap();
    fs::hard_link(&file, &link).unwrap();
    let (file, link) = (file.to_str().unwrap(), link.to_str().unwrap());
    for to in [file, link] {
        let complaint = refused(&["-r", SWARM, "-r", file, "-O", to, "x"]);
        assert_eq!(complaint, format!("ovlsniff: -O {to} would overwrite what -r reads: {file}"));
    }
    assert_eq!(fs::read(file).unwrap(), fs::read(SWARM).unwrap());
    // The shell may redirect the output onto the file that is read.
    let same = File::options().append(true).open(file).unwrap();
    let ran = finish(
        program().args(["-r", file, "-O", "-", "x"]).stdout(same).stderr(Stdio::piped()).spawn().unwrap(),
    );
    assert!(ran.complaint().contains("would overwrite"), "{ran:?}");
    assert_eq!(fs::read(file).unwrap(), fs::read(SWARM).unwrap());
}

#[test]
fn files_that_cannot_be_written_are_told() {
    assert_eq!(
        refused(&["-r", SWARM, "-O", "/nonexistent/x.pcap", "HTTP"]),
        "ovlsniff: create /nonexistent/x.pcap: no such directory"
    );
    for name in ["/dev/full", "-"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let child = program()
            .args(["-r", SWARM, "-O", name, "HTTP"])
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let file = if name == "-" { "standard output" } else { name };
        assert_eq!(finish(child).complaint(), format!("ovlsniff: write {file}: no space left on device"));
    }
}

#[test]
fn a_full_disk_behind_standard_output_is_told() {
    for words in [
        &["-r", SWARM, "HTTP"][..],
        &["-q", "--json", "--all", "-r", SWARM, "HTTP"],
        &["-l", "-r", SWARM, "HTTP"],
        &["man"],
        &["completions", "bash"],
        &["interfaces"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let child = program().args(words).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let ran = finish(child);
        assert_eq!(ran.complaint(), "ovlsniff: write standard output: no space left on device", "{words:?}");
    }
}

#[test]
fn standard_error_that_takes_nothing_is_no_reason_to_stop() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let child = program().args(["-r", SWARM, "HTTP"]).stdout(Stdio::piped()).stderr(full).spawn().unwrap();
    let ran = finish(child);
    assert_eq!((ran.code, numbers(&ran.out)), (Some(0), vec![22, 24]));

    let (reader, writer) = nix::unistd::pipe().unwrap();
    drop(reader);
    let child = program().args(["-r", SWARM, "HTTP"]).stdout(Stdio::piped()).stderr(writer).spawn().unwrap();
    assert_eq!(finish(child).code, Some(0));
}

#[test]
fn unknown_interfaces_and_namespaces_are_told() {
    let complaint = refused(&["-i", "nosuch0", "HTTP"]);
    assert!(complaint.starts_with("ovlsniff: open nosuch0: no such interface; there is: "), "{complaint}");
    // On a machine that has named namespaces, the message lists them between these two parts.
    let complaint = refused(&["--netns", "nosuch", "HTTP"]);
    assert!(complaint.starts_with("ovlsniff: network namespace nosuch: no such namespace"), "{complaint}");
    assert!(complaint.ends_with("; give a name of `ip netns list`, a path or a PID"), "{complaint}");
    assert_eq!(
        refused(&["-i", "lo", "--buffer", "0", "HTTP"]),
        "ovlsniff: ring of 0 bytes: give 1 to 2147483647"
    );
    assert!(crate::run::printed(&["man", "overlay", "up"]).contains(".TH ovlsniff-overlay-up 1"));
    assert_eq!(refused(&["man", "verify", "up"]), "ovlsniff: verify has no command 'up'; there is: merge");
    let complaint = refused(&["man", "nope"]);
    assert!(complaint.starts_with("ovlsniff: there is no command 'nope'; there is: "), "{complaint}");
    assert!(refused(&["completions", "nosh"]).contains("bash"));
}

#[test]
fn no_name_on_the_command_line_steers_the_terminal() {
    for words in [
        &["-r", "a\u{1b}[2J\u{7}b", "HTTP"][..],
        &["-i", "e\u{1b}[2J", "HTTP"],
        &["-r", SWARM, "(\u{1b}[2J", "HTTP"],
        &["-r", SWARM, "HTTP", "port \u{1b}[2J"],
        &["--netns", "\u{1b}[2J", "HTTP"],
        &["-r", SWARM, "-Z", "\u{1b}[2J", "--bogus\u{1b}[2J", "HTTP"],
        &["--vni", "\u{1b}[2J", "HTTP"],
        &["-O", "/nonexistent/\u{1b}[2J", "-r", SWARM, "HTTP"],
        &["man", "\u{1b}[2J"],
    ] {
        let ran = ovlsniff(words);
        assert!(!ran.err.contains('\u{1b}'), "{words:?}: {:?}", ran.err);
        ran.complaint();
    }
}
