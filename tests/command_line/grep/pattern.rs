//! Patterns and filters: the words of the command line told apart, and the packets that match.

use crate::made::{SWARM, esp, pcap, udp, vxlan};
use crate::run::{ovlsniff, program, shown};

fn plain(payloads: &[&[u8]]) -> (tempfile::TempDir, String) {
    let frames: Vec<Vec<u8>> =
        payloads.iter().map(|payload| udp("192.0.2.1", "192.0.2.2", 7, payload)).collect();
    pcap(&frames)
}

#[test]
fn case_words_and_several_patterns_are_as_in_grep() {
    let (_dir, file) = plain(&[b"GET /", b"get /", b"TARGET", b"a GET", b"POST /"]);
    let found = |words: &[&str]| shown(&[&["-r", &file], words].concat());
    assert_eq!(found(&["GET"]), [1, 3, 4]);
    assert_eq!(found(&["-y", "get"]), [1, 2, 3, 4]);
    assert_eq!(found(&["-w", "GET"]), [1, 4]);
    assert_eq!(found(&["-yw", "GET"]), [1, 2, 4]);
    assert_eq!(found(&["-e", "POST", "-e", "^get"]), [2, 5]);
    assert_eq!(found(&["(GET|POST) /"]), [1, 5]);
    assert_eq!(found(&["-v", "GET"]), [2, 5]);
    assert_eq!(found(&["-v", "-e", "GET", "-e", "POST"]), [2]);
}

#[test]
fn hex_bytes_have_wildcards() {
    let (_dir, file) = plain(&[b"\x00\x01\xff\x80", b"\x00\x02\xff\x80", b"\x00\x01\xfe"]);
    let found = |pattern: &str| shown(&["-X", "-r", &file, pattern]);
    assert_eq!(found("0001"), [1, 3]);
    assert_eq!(found("00 ?? ff"), [1, 2]);
    assert_eq!(found("0x0001FF80"), [1]);
    assert_eq!(shown(&["-X", "-r", &file, "-e", "fe", "-e", "02??80"]), [2, 3]);
}

#[test]
fn the_empty_pattern_is_every_packet_with_a_payload() {
    let (_dir, file) = plain(&[b"x", b"", b"y"]);
    assert_eq!(shown(&["-r", &file, ""]), [1, 3]);
    assert_eq!(shown(&["-r", &file]), [1, 3]);
    assert_eq!(shown(&["-r", &file, "-v", ""]), [] as [u64; 0]);
    assert_eq!(shown(&["-r", &file, "-v", "x"]), [3]);
}

/// Nobody can read an opaque packet, so nobody can say whether the pattern is in it.
#[test]
fn opaque_packets_neither_match_nor_fail_to() {
    let (_dir, file) = pcap(&[esp(0x1001), udp("192.0.2.1", "192.0.2.2", 7, b"clear"), esp(0x1001)]);
    for (words, out, summary) in [
        (
            &["-v", "nothing"][..],
            vec![2],
            "3 packets: 1 matched, 2 opaque (2 ESP), 0 readable without a match",
        ),
        (&[""], vec![2], "3 packets: 1 matched, 2 opaque (2 ESP), 0 readable without a match"),
        (&["-v", "clear"], vec![], "3 packets: 0 matched, 2 opaque (2 ESP), 1 readable without a match"),
    ] {
        let ran = ovlsniff(&[&["-r", &file][..], words].concat());
        assert_eq!(ran.summary(), summary, "{words:?}");
        assert_eq!(crate::run::numbers(&ran.out), out, "{words:?}");
        assert_eq!(ran.out.matches('#').count() - out.len(), 2, "{words:?} {}", ran.out);
    }
}

/// A crypt offset of 6 words leaves UDP's header and 16 bytes in clear.
#[test]
fn what_psp_leaves_in_clear_is_searched() {
    let psp = |offset: u8, text: &[u8]| {
        let inside = [&crate::made::udp_segment(9, 7, text), &[0xa5; 60][..]].concat();
        udp("192.0.2.1", "192.0.2.2", 1000, &[&[17, 1, offset, 1, 0, 0, 1, 0][..], &[0; 8], &inside].concat())
    };
    let (_dir, file) = pcap(&[psp(6, b"GET /index.html HTTP/1.1"), psp(0, b"GET /index.html HTTP/1.1")]);
    let ran = ovlsniff(&["-r", &file, "GET"]);
    assert_eq!(ran.summary(), "2 packets: 1 matched, 1 opaque (1 PSP), 0 readable without a match");
    assert!(ran.out.contains("psp:0x00000100 sealed") && ran.out.contains("GET /index.html"), "{}", ran.out);
    assert!(!ran.out.contains("HTTP"), "{}", ran.out);
    assert_eq!(shown(&["-r", &file, "HTTP"]), [] as [u64; 0]);
    assert_eq!(shown(&["-r", &file, "-v", "HTTP"]), [] as [u64; 0]);
    let ran = ovlsniff(&["--json", "-r", &file, "GET"]);
    let line: serde_json::Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!((&line["opaque"]["clear"], &line["spans"]), (&16.into(), &serde_json::json!([[0, 3]])));
    assert_eq!(line["payload"]["text"], "GET /index.html ");
}

#[test]
fn a_first_word_that_begins_a_filter_is_the_filter() {
    let ran = ovlsniff(&["-qq", "-r", SWARM, "udp", "port", "58378"]);
    assert_eq!(ran.err, "ovlsniff: taking 'udp port 58378' as the filter; for a pattern write: -e 'udp'\n");
    assert_eq!(crate::run::numbers(&ran.out), [22]);
    let ran = ovlsniff(&["-qq", "-r", SWARM, "udp"]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (Some(1), "ovlsniff: taking 'udp' as the pattern; for a filter write: '' udp\n")
    );
    let ran = ovlsniff(&["-qq", "-r", SWARM, "HTTP port 80"]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            Some(1),
            "ovlsniff: taking 'HTTP port 80' as the pattern; for a pattern and a filter write: HTTP 'port 80'\n"
        )
    );
    assert_eq!(ovlsniff(&["-qq", "-r", SWARM, "GET the host"]).err, "");
    assert_eq!(
        ovlsniff(&["-qq", "-r", SWARM, "tcp", "udp"]).err,
        "ovlsniff: taking 'tcp' as the pattern and 'udp' as the filter; two filters in one have 'and' between them\n"
    );
    let ran = ovlsniff(&["-qq", "-r", SWARM, "-e", "GET", "udp", "port", "4789"]);
    assert_eq!((ran.err.as_str(), crate::run::numbers(&ran.out)), ("", vec![22]));
    let ran = ovlsniff(&["-q", "-r", SWARM, "--", "-GET"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""));
}

#[test]
fn a_pattern_may_begin_with_a_hyphen_as_in_grep() {
    assert_eq!(shown(&["-r", SWARM, "-e", "-Agent: curl"]), [22]);
    assert_eq!(shown(&["-r", SWARM, "--", "-Agent: curl"]), [22]);
}

#[test]
fn inner_filters_and_vnis_choose_by_the_innermost_frame() {
    assert_eq!(shown(&["-r", SWARM, "HTTP", "--inner", "src host 10.0.1.4"]), [22]);
    assert_eq!(shown(&["-r", SWARM, "HTTP", "--inner", "host 192.0.2.1"]), [] as [u64; 0]);
    assert_eq!(shown(&["-r", SWARM, "HTTP", "--vni", "4097"]), [22, 24]);
    assert_eq!(shown(&["-r", SWARM, "HTTP", "--vni", "0x1001,7"]), [22, 24]);
    assert_eq!(shown(&["-r", SWARM, "HTTP", "--vni", "4098", "--vni", "1"]), [] as [u64; 0]);
}

#[test]
fn what_is_opaque_passes_every_inner_filter() {
    for words in [&["--vni", "1"][..], &["--inner", "host 198.51.100.1"]] {
        let ran = ovlsniff(&[&["-r", SWARM, "HTTP"], words].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), "##########\n"), "{words:?}");
        assert_eq!(ran.summary(), "10 packets: 0 matched, 10 opaque (10 ESP), 0 readable without a match");
    }
}

#[test]
fn more_ports_can_be_tunnels() {
    let inner = udp("10.0.0.1", "10.0.0.2", 7, b"needle");
    let (_dir, file) = pcap(&[vxlan(4789, 5, &inner), vxlan(4444, 6, &inner), vxlan(4445, 7, &inner)]);
    let found =
        |words: &[&str]| shown(&[&["-r", &file, "--inner", "host 10.0.0.1", "^needle"], words].concat());
    assert_eq!(found(&[]), [1]);
    assert_eq!(found(&["--vxlan-port", "4444"]), [1, 2]);
    assert_eq!(found(&["--vxlan-port", "4444,4445", "--vni", "7"]), [3]);
    assert_eq!(found(&["--geneve-port", "4444"]), [1]);
}

#[test]
fn count_ends_the_search_after_the_context_of_its_last_match() {
    let frame = |port: u16, text: &str| udp("192.0.2.1", "192.0.2.2", port, text.as_bytes());
    let (_dir, file) = pcap(&[
        frame(7, "a"),
        frame(7, "hit 2"),
        frame(9, "other 3"),
        frame(7, "b"),
        frame(7, "hit 5"),
        frame(9, "hit 6"),
        frame(7, "c"),
        frame(7, "d"),
        frame(7, "e"),
    ]);
    let found = |words: &[&str]| shown(&[&["-r", &file, "hit"], words].concat());
    assert_eq!(found(&["-n", "1"]), [2]);
    assert_eq!(found(&["-n", "2"]), [2, 5]);
    assert_eq!(found(&["-A", "1"]), [2, 4, 5, 6, 7]);
    // The packets after the last match are shown as its context, even those that match, and none of another flow.
    assert_eq!(found(&["-n", "1", "-A", "2"]), [2, 4, 5]);
    assert_eq!(found(&["-n", "2", "-A", "1"]), [2, 4, 5, 7]);
    assert_eq!(found(&["-B", "1"]), [1, 2, 4, 5, 3, 6]);
    assert_eq!(found(&["-B", "9", "-n", "1"]), [1, 2]);
    assert_eq!(found(&["-A", "1", "-B", "1"]), [1, 2, 4, 5, 3, 6, 7]);
    let ran = ovlsniff(&["-qq", "-r", &file, "-n", "1", "hit"]);
    assert_eq!(ran.code, Some(0));
}

/// With `-q`, frames that cannot match are not decoded. The packets that match must be the same.
#[test]
fn quiet_finds_the_same_packets() {
    let mut matched = 0;
    for folder in ["ipsec", "tunnels", "plain", "swarm"] {
        for file in std::fs::read_dir(format!("tests/fixtures/{folder}")).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_none_or(|ending| ending != "pcap") {
                continue;
            }
            let found = |quiet: &str| {
                let words = [quiet, "--marks", "none", "-W", "none", "-P", "_", "-n", "0", "-r"];
                let out =
                    program().args(words).arg(&file).args(["-e", "HTTP", "-e", "udp"]).output().unwrap();
                assert!(out.status.code() < Some(2), "{}", file.display());
                out.stdout
            };
            let quietly = found("-q");
            matched += usize::from(!quietly.is_empty());
            assert!(quietly == found("--line-buffered"), "{}", file.display());
            let one = |quiet: &str| {
                let words = [quiet, "--marks", "none", "-r"];
                program().args(words).arg(&file).arg("HTTP").output().unwrap().stdout
            };
            assert!(one("-q") == one("--line-buffered"), "{}", file.display());
        }
    }
    assert!(matched > 20, "{matched} captures with a match");
}

#[test]
fn signs_of_basic_expressions_are_told() {
    let (_dir, file) = plain(&[b"GET|POST", b"GET"]);
    let noted = |words: &[&str]| {
        let ran = ovlsniff(&[&["-r", &file], words].concat());
        ran.err.lines().next().unwrap().to_owned()
    };
    let input = format!("input: {file}");
    for (pattern, note) in [
        (r"GET\|POST", r"ovlsniff: \| matches a plain |; write | for alternatives"),
        (r"a\+", r"ovlsniff: \+ matches a plain +; write + for one and more"),
        (r"a\{1\}", r"ovlsniff: \{ matches a plain {; write { for a number of times"),
        (r"a\\|b", &input),
        (r"\{a\}", &input),
        (r"\\", &input),
    ] {
        assert_eq!(noted(&[pattern]), note, "{pattern}");
        assert_eq!(noted(&["-e", pattern]), note, "{pattern}");
    }
    assert_eq!(shown(&["-r", &file, r"GET\|POST"]), [1]);
    assert_eq!(shown(&["-r", &file, "GET|POST"]), [1, 2]);
}

#[test]
fn an_empty_filter_has_no_line_in_the_banner() {
    let ran = ovlsniff(&["-r", SWARM, "--inner", "", "HTTP", ""]);
    assert!(ran.code == Some(0) && !ran.err.contains("filter"), "{ran:?}");
}
