//! The forms of output: text, times, marks, colours and JSON.

use crate::made::{self, SWARM};
use crate::run::{numbers, ovlsniff, printed, shown};

/// A filter that passes the HTTP request of the swarm's capture, and none of the frames around it.
const REQUEST: &str = "udp src port 58378 and greater 170";

fn request(words: &[&str]) -> String {
    let pattern = if words.contains(&"-e") { &[][..] } else { &["HTTP"] };
    printed(&[&["-q", "-r", SWARM], words, pattern, &[REQUEST]].concat())
}

#[test]
fn a_block_is_a_header_and_the_payload_in_lines_of_eighty_columns() {
    let ran = ovlsniff(&["-r", SWARM, "HTTP", "udp port 4789"]);
    assert_eq!(ran.code, Some(0));
    assert_eq!(
        ran.err,
        "input: tests/fixtures/swarm/swarm-node1.pcap\nfilter: udp port 4789\nmatch: HTTP\n\
         10 packets: 2 matched, 0 opaque, 8 readable without a match\n"
    );
    assert_eq!(
        ran.out,
        "...
T 10.0.1.4:35530 -> 10.0.1.2:80 [AP] vxlan:4097 192.0.2.1 -> 192.0.2.2 #22
  GET / HTTP/1.1..Host: web..User-Agent: curl/7.88.1..Accept: */*....
.
T 10.0.1.2:80 -> 10.0.1.4:35530 [AP] vxlan:4097 192.0.2.2 -> 192.0.2.1 #24
  HTTP/1.1 200 OK..Server: nginx/1.22.1..Date: Mon, 23 Nov 2026 01:32:39 GMT.
  .Content-Type: text/html..Content-Length: 71..Last-Modified: Mon, 23 Nov 20
  26 00:49:00 GMT..Connection: keep-alive..ETag: \"6b038d7c-47\"..Accept-Ranges
  : bytes....<html><body>Hello from the overlay web service HTTP page</body><
  /html>.
....
"
    );
}

#[test]
fn shapes_are_ngreps() {
    let header = "T 10.0.1.4:35530 -> 10.0.1.2:80 [AP] vxlan:4097 192.0.2.1 -> 192.0.2.2";
    let payload = "GET / HTTP/1.1..Host: web..User-Agent: curl/7.88.1..Accept: */*....";
    assert_eq!(request(&["-W", "normal"]), format!("{header} #22\n  {payload}\n"));
    assert_eq!(request(&["-W", "single"]), format!("{header} {payload}\n"));
    assert_eq!(request(&["-W", "none"]), format!("{header} #22\n{payload}\n"));
    assert_eq!(
        request(&["-W", "byline"]),
        format!("{header} #22\nGET / HTTP/1.1.\nHost: web.\nUser-Agent: curl/7.88.1.\nAccept: */*.\n.\n\n")
    );
    assert_eq!(
        request(&["-x", "-S", "18"]),
        format!(
            "{header} #22\n  47 45 54 20 2f 20 48 54    54 50 2f 31 2e 31 0d 0a    GET / HTTP/1.1..\n  \
             48 6f                                                 Ho\n"
        )
    );
}

#[test]
fn depth_columns_and_the_replacement_are_the_users() {
    let header = "T 10.0.1.4:35530 -> 10.0.1.2:80 [AP] vxlan:4097 192.0.2.1 -> 192.0.2.2 #22";
    assert_eq!(request(&["-S", "16", "-P", "~"]), format!("{header}\n  GET / HTTP/1.1~~\n"));
    assert_eq!(request(&["-S", "20", "-c", "13"]), format!("{header}\n  GET / HT\n  TP/1.1..\n  Host\n"));
    // Bytes beyond the depth are not searched either.
    assert_eq!(shown(&["-S", "7", "-r", SWARM, "HTTP"]), [24]);
}

#[test]
fn times_are_of_the_wall_clock_or_since_a_packet_that_was_shown() {
    let stamps = |option: &str| {
        let out = printed(&["-qq", option, "-r", SWARM, "HTTP"]);
        let stamp = |line: &str| line[2..line.find(" 10.0.1").unwrap()].to_owned();
        out.lines().map(stamp).collect::<Vec<_>>()
    };
    assert_eq!(stamps("-t"), ["2026/11/23 01:32:39.648612", "2026/11/23 01:32:39.652918"]);
    assert_eq!(stamps("-T"), ["+0.000000", "+0.004306"]);
    assert_eq!(stamps("-TT"), ["+0.000000", "+0.004306"]);
    // The third packet is the first whose time since the last differs from its time since the first.
    let third = |option: &str| {
        let out = printed(&["-qq", option, "-n", "3", "-r", SWARM, ""]);
        out.lines().nth(2).unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    assert_ne!(third("-T"), third("-TT"));
}

#[test]
fn captures_in_nanoseconds_have_nine_digits() {
    let (_dir, file) = made::pcap_nanos(&[made::udp("192.0.2.1", "192.0.2.2", 7, b"tick")]);
    let line = printed(&["-qq", "-t", "-r", &file, "tick"]);
    assert_eq!(line, "U 2023/11/14 22:13:20.123456789 192.0.2.1:4000 -> 192.0.2.2:7 #1\n");
    let json = printed(&["--json", "-q", "-r", &file, "tick"]);
    assert!(
        json.contains(r#""time":"2023-11-14T22:13:20.123456789Z","time_ns":"1700000000123456789""#),
        "{json}"
    );
}

#[test]
fn marks_tell_what_nobody_can_read_from_what_does_not_match() {
    let marks = |kind: &str, filter: &str| {
        let ran = ovlsniff(&["--marks", kind, "-r", SWARM, "nothing like this", filter]);
        assert_eq!(ran.code, Some(1));
        ran.out
    };
    assert_eq!(marks("opaque", "esp"), "##########\n");
    assert_eq!(marks("opaque", "udp port 4789"), "..........\n");
    assert_eq!(marks("ngrep", "udp port 4789"), "##########\n");
    assert_eq!(marks("none", "esp"), "");
    let ngrep = ovlsniff(&["--marks", "ngrep", "-W", "single", "-r", SWARM, "GET", "udp port 4789"]);
    assert!(ngrep.out.starts_with("####\nT 10.0.1.4:35530 -> "), "{}", ngrep.out);
}

#[test]
fn quiet_has_no_banner_and_quieter_no_payload() {
    for words in [&["-q"][..], &["-qq"]] {
        let ran = ovlsniff(&[words, &["-r", SWARM, "GET"]].concat());
        assert_eq!((ran.err.as_str(), ran.out.lines().count()), ("", 3 - words[0].len() + 1), "{words:?}");
    }
}

#[test]
fn every_match_is_coloured_when_asked_for() {
    let plain = request(&["-e", "HTTP|Host", "-S", "30"]);
    assert!(!plain.contains('\u{1b}'));
    let coloured = request(&["-e", "HTTP|Host", "-S", "30", "--color", "always"]);
    let runs: Vec<&str> = coloured.split('\u{1b}').collect();
    // The header line stands out too.
    assert_eq!(runs.len(), 7, "{coloured:?}");
    assert!(runs[1].starts_with("[1mT 10.0.1.4:35530 -> ") && runs[1].ends_with(" #22"), "{coloured:?}");
    assert!(runs[3].ends_with("mHTTP") && runs[5].ends_with("mHost"), "{coloured:?}");
    let without: String = runs
        .iter()
        .enumerate()
        .map(|(n, run)| if n == 0 { run } else { &run[run.find('m').unwrap() + 1..] })
        .collect();
    assert_eq!(without, plain);
    assert_eq!(request(&["-e", "HTTP|Host", "-S", "30", "--color", "never"]), plain);
}

#[test]
fn json_is_one_object_a_line_with_nothing_else_beside() {
    let out = printed(&["--json", "--all", "-q", "-r", SWARM, "HTTP"]);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 76);
    let of = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count();
    assert_eq!((of("match"), of("opaque"), of("clear")), (2, 10, 64));
    assert!(lines.iter().all(|line| line["v"] == 1 && line["link_type"] == 1));
    let request = &lines[21];
    assert_eq!(request["encapsulations"][0]["vni"], 4097);
    assert_eq!(request["spans"], serde_json::json!([[6, 10]]));
    let opaque = lines.iter().find(|line| line["outcome"] == "opaque").unwrap();
    assert_eq!((&opaque["opaque"]["kind"], &opaque["opaque"]["why"]), (&"esp".into(), &"no-key".into()));
    assert!(opaque.get("payload").is_none_or(|payload| payload.get("base64").is_none()), "{opaque}");
}

#[test]
fn a_header_that_the_snaplen_cut_shows_the_ports_that_were_captured() {
    let file = "tests/fixtures/plain/snap60.pcap";
    let out = ovlsniff(&["-qq", "--all", "-r", file, "HTTP"]).out;
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[2], "T 192.0.2.1:35772 -> 192.0.2.2:80 [S] (truncated in tcp) #3");
    assert_eq!(lines[16], "T [2001:db8::1]:55328 -> [2001:db8::2]:80 (truncated in tcp) #17");
    assert_eq!(lines[26], "U [2001:db8::1]:45398 -> [2001:db8::2]:7007 (not decoded: cut off in udp) #27");
    let out = ovlsniff(&["--json", "--all", "-q", "-r", file, "HTTP"]).out;
    let flow = |n: usize| {
        let line: serde_json::Value = serde_json::from_str(out.lines().nth(n - 1).unwrap()).unwrap();
        (line["flow"]["source_port"].clone(), line["flow"].get("tcp_flags").cloned())
    };
    assert_eq!(flow(3), (35772.into(), Some("S".into())));
    assert_eq!(flow(17), (55328.into(), None), "flags that were not captured are not called unset");
}

#[test]
fn all_shows_what_does_not_match_and_what_is_opaque_too() {
    let out = printed(&["-qq", "--all", "-r", SWARM, "HTTP"]);
    assert_eq!(numbers(&out), (1..=76).collect::<Vec<_>>());
    assert_eq!(out.lines().filter(|line| line.contains(" sealed ")).count(), 10);
    let ran = ovlsniff(&["--all", "-r", SWARM, "no such thing"]);
    assert_eq!(
        (ran.code, ran.summary()),
        (Some(1), "76 packets: 0 matched, 10 opaque (10 ESP), 66 readable without a match")
    );
}
