//! The habits of people who know ngrep, tcpdump, tshark or grep.

use super::{refused, typed};
use crate::made::SWARM;

#[test]
fn options_of_other_programs_are_told_with_ours() {
    refused(&[
        (
            "ovlsniff -R HTTP",
            "there is no option -R: root is kept with --no-drop (ngrep), and tshark's filter is --inner FILTER",
        ),
        (
            "ovlsniff -qR HTTP",
            "there is no option -R: root is kept with --no-drop (ngrep), and tshark's filter is --inner FILTER",
        ),
        (
            "ovlsniff -M HTTP",
            "there is no option -M: to keep . from matching the end of a line (ngrep) begin the pattern with (?-s)",
        ),
        (
            "ovlsniff -N HTTP",
            "there is no option -N: names are never resolved (tcpdump), and the protocol's number (ngrep) is in --json",
        ),
        (
            "ovlsniff -K 3 HTTP",
            "there is no option -K: connections are never killed (ngrep), and checksums are not looked at (tcpdump)",
        ),
        (
            "ovlsniff -F filter.txt HTTP",
            "there is no option -F: give the filter of a file with \"$(cat FILE)\"; for plain text (grep's -F) put \\ before each of .*+?()[]{}|^$",
        ),
        (
            "ovlsniff -C HTTP",
            "there is no option -C: packets around a match (grep) are shown with -A N and -B N, and colour (ngrep) with --color=always",
        ),
        ("ovlsniff -L", "there is no option -L: the interfaces and their link types are listed with -D"),
        (
            "ovlsniff -Y http.request",
            "there is no option -Y: a filter on the innermost packet is --inner FILTER, in tcpdump's language: --inner 'tcp port 80'",
        ),
        (
            "ovlsniff -f 'port 80'",
            "there is no option -f: a filter is written after the pattern: ovlsniff '' port 80; patterns are given with -e each",
        ),
        (
            "ovlsniff -Q in HTTP",
            "there is no option -Q: one direction is captured with --direction in or --direction out",
        ),
        ("ovlsniff -m 5 HTTP", "there is no option -m: to stop after N matches write -n N"),
        ("ovlsniff -5 HTTP", "there is no option -5: packets around a match are shown with -A N and -B N"),
        ("ovlsniff --colour=always HTTP", "there is no option --colour: it is spelled --color=WHEN"),
        (
            "ovlsniff --list-interfaces",
            "there is no option --list-interfaces: the interfaces are listed with -D",
        ),
    ]);
}

/// Of `-version` clap makes `-v -e rsion`, and listens for what does not match.
#[test]
fn a_long_option_with_one_dash_is_told_with_two() {
    for (line, name) in [
        ("ovlsniff -version", "version"),
        ("ovlsniff -json HTTP", "json"),
        ("ovlsniff -list", "list"),
        ("ovlsniff -help", "help"),
        ("ovlsniff -read s.pcap", "read"),
        ("ovlsniff -vni 4097", "vni"),
        ("ovlsniff -vni=4097", "vni"),
        ("ovlsniff verify -json", "json"),
        ("ovlsniff overlay up -file nets.toml", "file"),
    ] {
        refused(&[(line, &format!("there is no option -{name}, a long one has two dashes: write --{name}"))]);
    }
    refused(&[
        ("ovlsniff -verify", "there is no option -verify; for the command write: ovlsniff verify"),
        ("ovlsniff -verbose", "there is no option -verbose, and nothing shows more of a packet"),
    ]);
    for words in ["-e -version", "-ye -version", "-- -version", "--regexp -json"] {
        let ran = typed(&format!("ovlsniff -r {SWARM} {words}"));
        assert!(ran.code == Some(1) && ran.err.starts_with("input: "), "{words}: {ran:?}");
    }
}

#[test]
fn values_that_belong_to_another_program_are_told_with_what_is_meant() {
    let no_names = "use a whole number, 0 or more; names are never resolved, so leave out tcpdump's -n; see ovlsniff --help";
    let columns = "use a number from 8 to 65536";
    refused(&[
        ("ovlsniff -nn port 80", &format!("invalid value 'n' for '--count <N>': {no_names}")),
        ("ovlsniff -ni lo port 80", &format!("invalid value 'i' for '--count <N>': {no_names}")),
        ("ovlsniff -n port 80", &format!("invalid value 'port' for '--count <N>': {no_names}")),
        (
            "ovlsniff -n -i lo",
            "--count <N> is given without a value; names are never resolved, so leave out tcpdump's -n; see ovlsniff --help",
        ),
        (
            "ovlsniff -c 5 HTTP",
            &format!(
                "invalid value '5' for '--columns <N>': {columns}; to stop after 5 matches write -n 5; see ovlsniff --help"
            ),
        ),
        (
            "ovlsniff -c 1 HTTP",
            &format!(
                "invalid value '1' for '--columns <N>': {columns}; to stop after 1 match write -n 1; see ovlsniff --help"
            ),
        ),
        (
            "ovlsniff -i -I s.pcap http",
            "--interface <IF> is given without a value; -i names an interface, and ignoring case is -y here; see ovlsniff --help",
        ),
        (
            "ovlsniff -q -i -d eth0 HTTP",
            "--interface <IF> is given without a value; -i names an interface, and ignoring case is -y here; see ovlsniff --help",
        ),
        (
            "ovlsniff -I s.pcap -i http",
            "--read and --interface exclude each other; -i names an interface, and ignoring case is -y here; see ovlsniff --help",
        ),
        (
            "ovlsniff -c HTTP",
            &format!(
                "invalid value 'HTTP' for '--columns <N>': {columns}; matches are counted in the closing line, so leave out \
                 grep's -c; see ovlsniff --help"
            ),
        ),
        (
            "ovlsniff -A -i lo",
            "--after <N> is given without a value; payloads are always printed as text, so leave out tcpdump's -A; see ovlsniff \
             --help",
        ),
        (
            "ovlsniff --color HTTP",
            "invalid value 'HTTP' for '--color <WHEN>': use auto, always or never; of grep's --color write --color=always; see \
             ovlsniff --help",
        ),
        (
            "ovlsniff -e",
            "--regexp <PATTERN> is given without a value; empty packets (ngrep's -e) are shown with --all; see ovlsniff --help",
        ),
    ]);
}

#[test]
fn lines_that_would_do_something_else_here_are_refused() {
    refused(&[
        (
            "ovlsniff -w out.pcap",
            "-w matches whole words only; to write the packets to out.pcap write: -O out.pcap",
        ),
        (
            "ovlsniff -i lo -qw out.pcapng port 80",
            "-w matches whole words only; to write the packets to out.pcapng write: -O out.pcapng",
        ),
        (
            "ovlsniff -w /tmp/out HTTP",
            "-w matches whole words only; to write the packets to /tmp/out write: -O /tmp/out",
        ),
        (
            "ovlsniff -w out.dmp",
            "-w matches whole words only; to write the packets to out.dmp write: -O out.dmp",
        ),
        (
            "ovlsniff -w out.dump",
            "-w matches whole words only; to write the packets to out.dump write: -O out.dump",
        ),
        (
            "ovlsniff -i lo -e HTTP -w ./out port 80",
            "-w matches whole words only; to write the packets to ./out write: -O ./out",
        ),
        (
            "ovlsniff -wout.pcap",
            "-w matches whole words only; to write the packets to out.pcap write: -O out.pcap",
        ),
        ("ovlsniff -w -", "-w matches whole words only; to write the packets to - write: -O -"),
        (
            "ovlsniff -vv HTTP",
            "-vv: -v shows the packets that do not match, and nothing shows more of a packet; leave out tcpdump's -v",
        ),
        ("ovlsniff -XX HTTP", "-XX: -X takes the pattern in hex; a hex dump is printed with -x"),
        (
            "ovlsniff -X port 80",
            "-X takes the pattern in hex, and port is none; a hex dump is printed with -x",
        ),
        (
            "ovlsniff -xx HTTP",
            "-xx: link-level headers are not printed; a hex dump of the payload is printed with -x",
        ),
        ("ovlsniff -ttt HTTP", "-ttt: the time since the last packet is printed with -T"),
        ("ovlsniff -T json", "-T prints the time since the last packet; JSON is printed with --json"),
        (
            "ovlsniff -y EN10MB HTTP",
            "-y ignores case; the link type is the interface's, so leave out tcpdump's -y",
        ),
        ("ovlsniff -dd HTTP", "-d names an interface, and the code of a filter is not printed"),
        (
            &format!("ovlsniff -D -r {SWARM} HTTP"),
            "-D lists the interfaces; a file is read as fast as it can be, so leave out ngrep's -D",
        ),
    ]);
}

#[test]
fn a_pattern_in_place_of_an_interface_is_told_that_case_is_ignored_by_y() {
    refused(&[
        (
            "ovlsniff -i HTTP",
            "there is no interface 'HTTP': -i names one, and case is ignored with -y: ovlsniff -y HTTP; the interfaces are listed with -D",
        ),
        (
            "ovlsniff -qi 'GET /' port 80",
            "there is no interface 'GET /': -i names one, and case is ignored with -y: ovlsniff -y 'GET /'; the interfaces are listed with -D",
        ),
    ]);
    refused(&[(
        "ovlsniff -i nosuch0,nosuch1 HTTP",
        "there is no interface 'nosuch0,nosuch1': each is given by itself: -i nosuch0 -i nosuch1",
    )]);
    refused(&[(
        "ovlsniff -i nosuch0,any",
        "there is no interface 'nosuch0,any': each is given by itself: -i nosuch0 -i any",
    )]);
    // A name that an interface may have is told with those there are.
    let ran = typed("ovlsniff -i nosuch0 HTTP");
    assert!(ran.complaint().starts_with("ovlsniff: open nosuch0: no such interface; there is: "), "{ran:?}");
}

/// The hits of these searches show that the words were taken as they stand.
#[test]
fn what_may_be_meant_as_it_stands_is_done_and_told() {
    for (options, note) in [
        ("-c 20 HTTP", "-c 20: lines of 20 columns; to stop after 20 matches write -n 20"),
        ("-c 100 HTTP", "-c 100: lines of 100 columns; to stop after 100 matches write -n 100"),
        ("-c 1000 HTTP", "-c 1000: lines of 1000 columns; to stop after 1000 matches write -n 1000"),
        ("-B 4096 HTTP", "-B 4096: up to 4096 packets before each match; the size of the ring is --buffer"),
        (
            "--stream -B 4096 HTTP",
            "-B 4096: up to 4096 lines before each match, as far as the window goes; the size of the ring is --buffer",
        ),
        ("-e -i", "taking '-i' as the pattern of -e"),
    ] {
        let ran = typed(&format!("ovlsniff -r {SWARM} {options}"));
        assert_eq!(ran.err.lines().next(), Some(format!("ovlsniff: {note}").as_str()), "{options}");
        assert!(ran.err.contains("\ninput: "), "{options}: {}", ran.err);
    }
    for options in [
        "-c 80 HTTP",
        "-c 1001 HTTP",
        "--columns 100 HTTP",
        "-tttt HTTP",
        "-w HTTP",
        "-A 2 HTTP",
        "-X 48545450",
        "--max-count 1 HTTP",
    ] {
        let ran = typed(&format!("ovlsniff -r {SWARM} {options}"));
        assert_eq!(
            (ran.code, ran.err.lines().next()),
            (Some(0), Some(format!("input: {SWARM}").as_str())),
            "{options}"
        );
    }
}
