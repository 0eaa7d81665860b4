//! Options that do nothing beside others: a note says so, and the search goes on.

use super::typed;
use crate::made::SWARM;

#[test]
fn an_option_that_does_nothing_beside_another_is_told() {
    for (options, note) in [
        ("--json -x", "-x does nothing with --json"),
        ("--json -t -W byline --color=always", "-W, -t and --color do nothing with --json"),
        ("--json -qq", "-qq does no more than -q with --json"),
        ("-qq -x", "-x does nothing with -qq"),
        ("--stream --threads 2", "--threads does nothing with --stream"),
        ("-q --marks ngrep", "--marks does nothing with -q"),
        ("-x -u -c 80", "-c and -u do nothing with -x"),
        ("-W byline -c 80", "-c does nothing with -W byline, single or none"),
        ("--all --marks none", "--marks does nothing with --all"),
        ("--all -A 2", "-A does nothing with --all"),
        ("-O - -x", "-x does nothing with -O -"),
    ] {
        let ran = typed(&format!("ovlsniff -r {SWARM} {options} HTTP"));
        assert_eq!(ran.code, Some(0), "{options}: {}", ran.err);
        let notes: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("ovlsniff: ")).collect();
        assert_eq!(notes, [format!("ovlsniff: {note}")], "{options}");
    }
    let ran = typed(&format!("ovlsniff -r {SWARM} -yw -n 1"));
    assert_eq!(ran.err.lines().next(), Some("ovlsniff: -y and -w do nothing without a pattern"));
    for words in ["-v", "-v port 80", "-v ''"] {
        let ran = typed(&format!("ovlsniff -r {SWARM} {words}"));
        let note = "\novlsniff: -v shows nothing without a pattern, since every payload matches\n";
        assert!(ran.code == Some(1) && format!("\n{}", ran.err).contains(note), "{words}: {ran:?}");
    }
    let ran = typed("ovlsniff -D -x --count 3");
    assert_eq!(ran.err, "ovlsniff: -x and -n do nothing with -D\n");
}

#[test]
fn options_that_work_together_are_told_nothing() {
    for options in [
        "--json -q",
        "-x -t --color=always",
        "-W byline -u",
        "-q -A 1",
        "-O /dev/null -x",
        "-S 64 --json",
        "--all --marks ngrep",
    ] {
        let ran = typed(&format!("ovlsniff -r {SWARM} {options} HTTP"));
        assert!(ran.code == Some(0) && !ran.err.contains("ovlsniff: "), "{options}: {}", ran.err);
    }
}

#[test]
fn of_values_for_one_option_the_last_counts_and_that_is_told() {
    let line = |words: &str| format!("ovlsniff -r {SWARM} {words} HTTP");
    let verify =
        format!("ovlsniff verify --vni 4098 -r /nonexistent -r {SWARM} --local 192.0.2.1 --peer 192.0.2.2");
    for (line, note) in [
        (line("--inner udp --inner tcp"), Some("--inner is given twice: the last one counts")),
        (line("-n 3 --count 2 -n 1"), Some("-n is given 3 times: the last one counts")),
        (verify, Some("-r is given twice: the last one counts")),
        (line("-n 1 -n 1"), None),
        (line("-e HTTP -e GET"), None),
        (line("-q -n 2 -n 1"), None),
    ] {
        let ran = typed(&line);
        let notes: Vec<&str> = ran.err.lines().filter(|line| line.contains("counts")).collect();
        let told: Vec<String> = note.iter().map(|note| format!("ovlsniff: {note}")).collect();
        assert_eq!(notes, told, "{line}: {}", ran.err);
        assert!(!ran.out.is_empty() || line.contains("GET"), "{line}: {ran:?}");
    }
}

/// The last one counts, as with an option that is given twice: it may come from an alias of the shell.
#[test]
fn json_is_a_format_of_verify() {
    let line = |format: &str| {
        format!("ovlsniff verify --vni 4098 -r {SWARM} --local 192.0.2.1 --peer 192.0.2.2 {format}")
    };
    let json = typed(&line("--json"));
    assert!(json.out.starts_with("{\"") && json.err.is_empty(), "{json:?}");
    assert_eq!(typed(&line("--format json")).out, json.out);
    assert_eq!(typed(&line("--format text --json")).out, json.out);
    let text = typed(&line("--json --format text"));
    assert!(!text.out.starts_with('{'), "{text:?}");
    let told = |format: &str| {
        typed(&line(format)).err.matches("--format is given twice: the last one counts").count()
    };
    assert_eq!(["--json --format text", "--format text --json", "--format json --json"].map(told), [1, 1, 0]);
}

#[test]
fn every_option_has_a_long_form_and_every_long_form_does_what_its_letter_does() {
    for command in
        ["", "verify", "interfaces", "keys", "overlay up", "overlay down", "overlay rotate", "overlay keygen"]
    {
        let help = typed(&format!("ovlsniff {command} --help").replace("  ", " ")).out;
        let options =
            help.lines().map(str::trim_start).filter(|line| line.starts_with('-') && !line.starts_with("- "));
        for option in options {
            assert!(option.starts_with("--") || option[2..].starts_with(", --"), "{command}: {option}");
        }
    }
    for (short, long) in [
        ("-e HTTP -q", "--regexp HTTP --quiet"),
        ("-e HTTP", "--pattern HTTP"),
        ("-x HTTP", "--hexdump HTTP"),
        ("-W byline HTTP", "--shape byline HTTP"),
        ("-A 1 -B 1 HTTP", "--after 1 --before 1 HTTP"),
        ("-A 1 -B 1 HTTP", "--after-context 1 --before-context 1 HTTP"),
        ("-t HTTP", "--time HTTP"),
        ("-TT HTTP", "--relative-time --relative-time HTTP"),
        ("-u -P _ -S 40 HTTP", "--utf8 --replacement _ --depth 40 HTTP"),
    ] {
        let [short, long] = [short, long].map(|options| typed(&format!("ovlsniff -r {SWARM} {options}")));
        assert_eq!((short.code, &short.out, &short.err), (Some(0), &long.out, &long.err));
    }
}
