//! Every option of a kind of value takes every spelling of that kind, in every command, in `--opt` and in the overlay's
//! file. The options are read from the help of the program, so a new one is tested as well.

use std::fs;

use crate::run::{printed, refused};

/// A kind of value, by the name that the help gives to it, with spellings that are right and some that are wrong.
struct Kind {
    name: &'static str,
    right: &'static [&'static str],
    wrong: &'static [&'static str],
}

const fn kind(name: &'static str, right: &'static [&'static str], wrong: &'static [&'static str]) -> Kind {
    Kind { name, right, wrong }
}

const DEVICE: [&str; 3] = ["secure", "vx-1_a.b", "fifteen-letters"];
const NO_DEVICE: [&str; 5] = ["", "..", "a/b", "sixteen--letters", "gr\u{fc}n"];

const KINDS: [Kind; 16] = [
    kind(
        "VNI",
        &["1", "4097", "0x1001", "0xFFFFFF"],
        &["", "0x", "4097x", "16777216", "0x1000000", "-1", "+4097", "0x+5"],
    ),
    kind("PORT", &["1", "4789", "65535"], &["", "0", "65536", "-1", "+4789", "vxlan"]),
    kind(
        "DURATION",
        &["500ms", "10s", "90", "5m", "1m30s", "1h", "23h59m59s", "1d", " 10s "],
        &["", "s", "1w", "-1s", "+5s", "1.5s", "1h30", "soon"],
    ),
    kind(
        "SIZE",
        &["64", "64b", "64K", "64kb", "32M", "32MiB", "1G"],
        &["", "K", "5X", "-1", "+64", "1.5M", "12 apples"],
    ),
    kind(
        "BYTES",
        &["1024", "1K", "64kb", "65536b", "16MiB"],
        &["", "K", "5X", "-1", "+64K", "1.5M", "1023", "17M", "1G"],
    ),
    kind(
        "ADDRESS",
        &["192.0.2.1", "2001:db8::1"],
        &["", "192.0.2", "192.0.2.1/24", "[2001:db8::1]", "node1"],
    ),
    kind(
        "ADDRESS[=OVERLAY]",
        &["192.0.2.2", "192.0.2.2=10.0.1.2", "2001:db8::2=fd00::2"],
        &["", "node2", "192.0.2.2=", "=10.0.1.2", "192.0.2.2=10.0.1.2/24"],
    ),
    kind(
        "ADDRESS/LENGTH",
        &["10.0.1.1/24", "fd00::1/64"],
        &[
            "",
            "10.0.1.1",
            "10.0.1.1/0",
            "10.0.1.1/33",
            "10.0.1.1/+24",
            "fd00::1/129",
            "10.0.1.1/255.255.255.0",
        ],
    ),
    kind("MTU", &["68", "1450", "65535"], &["", "67", "65536", "1.4K", "-1", "+1450"]),
    kind(
        "TIME",
        &["newest", "2026-11-27T19:00:00Z", "2026-11-27T20:00:00.5+01:00"],
        &["", "now", "19:00", "2026-11-27", "2026-11-27T19:00:00", "2026-13-27T19:00:00Z"],
    ),
    kind("N", &["8", "80"], &["", "some", "-1", "+8", "1.5", "0x10"]),
    kind("C", &[".", " ", "~"], &["", "ab", "\u{e9}", "\t"]),
    kind("CODE", &["not-enforced", "short-icv"], &["", "clear", "Not-Enforced", "everything"]),
    kind("NETWORK", &DEVICE, &NO_DEVICE),
    kind("BRIDGE", &DEVICE, &NO_DEVICE),
    kind("NETNS", &["blue", "a b"], &["", ".", "..", "/run/netns/blue"]),
];

/// Kinds of value that have no spelling to test: texts, names that only the kernel or Docker knows, and words of a list
/// in the help.
const TEXTS: [&str; 21] = [
    "PATTERN",
    "BPF FILTER",
    "BPF",
    "IF",
    "FILE",
    "DIR",
    "NAME",
    "NAME|PATH|PID",
    "NAME|FILE",
    "KEY[=VALUE]",
    "DIRECTION",
    "SHAPE",
    "KIND",
    "WHEN",
    "WHAT",
    "NODES",
    "PAIRS",
    "FORMAT",
    "STEP",
    "SHELL",
    "COMMAND",
];

/// Options whose range differs from that of their kind: the option, values that only it takes, and values that only it
/// refuses.
const RANGES: [(&str, &[&str], &[&str]); 9] = [
    ("--for", &["1ms"], &["0s", "25h", "2d"]),
    ("--watch", &["1ms"], &["0s", "25h", "2d"]),
    ("--due", &["0", "7d", "1d12h"], &[]),
    ("--stale", &["0", "7d", "1d12h"], &[]),
    ("--columns", &["65536"], &["7", "65537"]),
    ("--generation", &["1", "1000000000"], &["0", "1000000001"]),
    ("--snaplen", &["0"], &["4G"]),
    ("--buffer", &[], &["4G"]),
    ("--depth", &["0", "4G"], &[]),
];

/// An option or a positional with a value, as the help of a command lists it.
struct Argument {
    command: Vec<String>,
    /// The argument as error messages name it: `--vni <VNI>`, `[NETWORK]...`.
    shown: String,
    /// The option, such as `--vni`; none for a positional.
    option: Option<String>,
    value: String,
}

impl Argument {
    /// Reads a line of the help: `  -n, --count <N>      Stop after N matched packets`, or, below `Arguments:`,
    /// `  [NETWORK]...  Networks to take down`.
    fn of(command: &[&str], line: &str) -> Option<Self> {
        let spelled = line.trim_start().split("  ").next()?;
        let shown = spelled.rsplit(", ").next()?.to_owned();
        let (option, value) = match shown.split_once(' ') {
            Some((option, value)) if option.starts_with('-') => (Some(option.to_owned()), value),
            _ if shown.starts_with('-') => return None,
            _ => (None, shown.trim_end_matches("...")),
        };
        // A value that may be left out has brackets around its own: `--watch [<DURATION>]`.
        let value = value
            .strip_prefix("[<")
            .and_then(|value| value.strip_suffix(">]"))
            .or_else(|| value.strip_prefix(['<', '['])?.strip_suffix(['>', ']']))?;
        let value = value.to_owned();
        let command = command.iter().map(ToString::to_string).collect();
        Some(Self { command, shown, option, value })
    }

    /// Returns the command line that gives these values to the argument, one after the other. If the argument takes
    /// only one, the last counts.
    fn given(&self, values: &[&str]) -> Vec<String> {
        let mut words = self.command.clone();
        match &self.option {
            Some(option) => words.extend(values.iter().map(|value| format!("{option}={value}"))),
            None => words.extend(["--"].iter().chain(values).map(ToString::to_string)),
        }
        words
    }

    /// Returns the values that only this argument of its kind takes, and those that only it refuses.
    fn range(&self) -> (&[&'static str], &[&'static str]) {
        let of = RANGES.iter().find(|(option, ..)| self.option.as_deref() == Some(option));
        of.map_or((&[], &[]), |(_, right, wrong)| (right, wrong))
    }
}

/// Returns every argument with a value, of the command and of the commands below it.
fn arguments(command: &[&str]) -> Vec<Argument> {
    let help = printed(&[command, &["--help"]].concat());
    let (mut section, mut found) = ("", Vec::new());
    for line in help.lines() {
        match (section, line.starts_with("  ")) {
            (_, false) => section = line,
            ("Commands:", true) => {
                let below = line.split_whitespace().next().unwrap();
                found.extend(arguments(&[command, &[below]].concat()));
            }
            ("Arguments:", true) if !line.starts_with("   ") => found.extend(Argument::of(command, line)),
            (_, true) if line.trim_start().starts_with('-') => found.extend(Argument::of(command, line)),
            _ => {}
        }
    }
    found
}

fn complaint(words: &[String]) -> String {
    refused(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn kind_of(value: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == value)
}

#[test]
fn every_value_of_the_command_line_is_of_a_kind() {
    let arguments = arguments(&[]);
    for argument in &arguments {
        let known = kind_of(&argument.value).is_some() || TEXTS.contains(&argument.value.as_str());
        assert!(known, "{:?} {}: no such kind of value in this test", argument.command, argument.shown);
    }
    for name in KINDS.iter().map(|kind| kind.name).chain(TEXTS) {
        assert!(arguments.iter().any(|argument| argument.value == name), "nothing has a value {name}");
    }
    for (option, ..) in RANGES {
        assert!(arguments.iter().any(|argument| argument.option.as_deref() == Some(option)), "{option}");
    }
}

/// Each command line has all right values and then a wrong one. The program complains about the first value that it
/// does not take, so a complaint about the wrong one shows that it takes all the others.
#[test]
fn every_option_of_a_kind_takes_every_spelling_of_it() {
    for argument in arguments(&[]) {
        let Some(kind) = kind_of(&argument.value) else { continue };
        let (more_right, more_wrong) = argument.range();
        for wrong in kind.wrong.iter().chain(more_wrong) {
            let words = argument.given(&[kind.right, more_right, &[wrong]].concat());
            let said = complaint(&words);
            let about = format!("invalid value '{}' for '{}': ", shown(wrong), argument.shown);
            let remedy = said.strip_prefix(&format!("ovlsniff: {about}"));
            assert!(remedy.is_some_and(|remedy| !remedy.contains("invalid")), "{words:?}: {said}");
        }
    }
}

fn shown(word: &str) -> String {
    ovlsniff::escape::escape(word).into_owned()
}

#[test]
fn every_option_that_is_repeatable_takes_a_list() {
    for (command, option, list, wrong) in [
        (&[][..], "--vni", "4097,0x1002", "x"),
        (&[], "--vxlan-port", "4789,8472", "0"),
        (&[], "--geneve-port", "6081,6082", "0"),
        (&[], "--fou-port", "5555,5556", "0"),
        (&["verify"], "--vni", "4097,0x1002", "x"),
        (&["verify"], "--peer", "192.0.2.1,2001:db8::1", "x"),
        (&["verify"], "--local", "192.0.2.1,2001:db8::1", "x"),
        (&["verify"], "--target", "10.0.1.2,fd00::2", "x"),
        (&["verify"], "--accept", "not-enforced,short-icv", "x"),
        (&["overlay", "up"], "--peer", "192.0.2.2=10.0.1.2,192.0.2.3", "x"),
    ] {
        let said = refused(&[command, &[&format!("{option}={list},{wrong}")]].concat());
        assert!(said.starts_with(&format!("ovlsniff: invalid value '{wrong}' for '{option} <")), "{said}");
    }
}

/// Returns the words behind `there are: ` in a complaint.
fn there_are(complaint: &str) -> Vec<&str> {
    complaint.split_once("there are: ").unwrap_or_else(|| panic!("{complaint}")).1.split(", ").collect()
}

#[test]
fn every_key_of_opt_takes_every_spelling_of_its_kind() {
    let keys = [
        ("encrypted", None),
        ("cipher", None),
        ("mtu", Some("MTU")),
        ("port", Some("PORT")),
        ("com.docker.network.driver.mtu", Some("MTU")),
        ("com.docker.network.driver.overlay.vxlanid_list", Some("VNI")),
    ];
    let unknown = refused(&["overlay", "up", "secure", "--opt", "none-of-these"]);
    assert_eq!(there_are(&unknown), keys.map(|(key, _)| key));
    for (key, kind) in keys {
        let Some(kind) = kind.and_then(kind_of) else { continue };
        let said = |value| refused(&["overlay", "up", "secure", "--opt", &format!("{key}={value}")]);
        for right in kind.right {
            assert!(said(right).contains("which underlay address has this node?"), "{}", said(right));
        }
        for wrong in kind.wrong {
            let said = said(wrong);
            let remedy = said.strip_prefix(&format!("ovlsniff: --opt {key}={wrong}: "));
            assert!(remedy.is_some_and(|remedy| remedy.contains(" is a number ")), "{said}");
        }
    }
}

/// Returns the complaint of `overlay up` about a file with one network. The network that it is told to build is
/// another, so a file without a mistake gives [`WELL`].
fn said_of(underlay: &str, name: &str, lines: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("overlay.toml");
    let other = if underlay.contains(':') { "2001:db8::9" } else { "192.0.2.9" };
    let text = format!(
        "[node.a]\nunderlay = \"{underlay}\"\n[node.b]\nunderlay = \"{other}\"\n[network.\"{name}\"]\n{lines}\n"
    );
    fs::write(&path, text).unwrap();
    refused(&["overlay", "up", "--node", "a", "-f", path.to_str().unwrap(), "absent"])
}

const WELL: &str = "ovlsniff: network absent: not in the file";

#[test]
fn every_key_of_a_network_in_a_file_takes_every_spelling_of_its_kind() {
    let keys = [
        ("vni", Some("VNI")),
        ("port", Some("PORT")),
        ("encrypted", None),
        ("cipher", None),
        ("key", None),
        ("mtu", Some("MTU")),
        ("netns", Some("NETNS")),
        ("bridge", Some("BRIDGE")),
        ("learn", None),
        ("nodes", None),
        ("addresses", Some("ADDRESS/LENGTH")),
    ];
    let unknown = said_of("192.0.2.1", "net", "none-of-these = 1");
    assert_eq!(there_are(&unknown), keys.map(|(key, _)| key));
    for (key, kind) in keys {
        let Some(kind) = kind.and_then(kind_of) else { continue };
        let said = |value: &str| {
            let line = match key {
                "vni" => format!("vni = {value}"),
                "addresses" => format!("vni = 1\naddresses = {{ a = {value} }}"),
                _ => format!("vni = 1\n{key} = {value}"),
            };
            said_of("192.0.2.1", "net", &line)
        };
        for right in kind.right {
            assert_eq!(said(&format!("\"{right}\"")), WELL, "{key} = {right}");
        }
        for wrong in kind.wrong {
            let said = said(&format!("\"{wrong}\""));
            assert!(said != WELL && !said.contains("invalid type"), "{key} = {wrong}: {said}");
        }
        if ["VNI", "PORT", "MTU"].contains(&kind.name) {
            // These may be numbers of TOML as well.
            kind.right.iter().for_each(|right| assert_eq!(said(right), WELL, "{key} = {right}"));
            for wrong in ["-1", "1.5", "true", "[1]", "4294967296"] {
                let [number, text] = [said(wrong), said(&format!("\"{wrong}\""))]
                    .map(|said| said.split_once(": line ").unwrap_or_else(|| panic!("{said}")).1.to_owned());
                assert_eq!(number, text, "{key} = {wrong}");
            }
        }
    }
}

#[test]
fn names_and_addresses_in_a_file_are_those_of_the_command_line() {
    let (address, network) = (kind_of("ADDRESS").unwrap(), kind_of("NETWORK").unwrap());
    for right in address.right {
        assert_eq!(said_of(right, "net", "vni = 1"), WELL);
    }
    for wrong in address.wrong {
        let said = said_of(wrong, "net", "vni = 1");
        assert!(
            said.ends_with("line 2: use an IPv4 or IPv6 address, such as 192.0.2.1 or 2001:db8::1"),
            "{said}"
        );
    }
    for right in network.right {
        assert_eq!(said_of("192.0.2.1", right, "vni = 1"), WELL);
    }
    for wrong in network.wrong {
        assert_ne!(said_of("192.0.2.1", wrong, "vni = 1"), WELL);
    }
}
