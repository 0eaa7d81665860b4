//! The habits of people who know ngrep, tcpdump, tshark or grep, and the lines that they would type here.
//!
//! Four kinds of habit are caught. An option that is not there ([`OPTIONS`]), and a value that an option does not take
//! ([`VALUES`]), are errors of clap already, and get an advice. Some lines are sound here and mean something else than
//! there: `-w out.pcap` would search for whole words ([`taken_otherwise`]), and `-version` for `rsion` ([`one_dash`]); these are refused. Where they may be meant as
//! they stand, such as `-c 20`, a note tells ([`notes`]). And the words of subcommands have neighbours: `overlay ls`
//! ([`act`]).

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::spelled::{Spelled, has_expression, longs};

/// Says of a word if it is meant.
type Is = fn(&str) -> bool;

/// Options that are not there, with what does their work.
const OPTIONS: &[(&str, &str)] = &[
    ("-1", "packets around a match are shown with -A N and -B N"),
    ("-#", "each packet shows its number anyway"),
    ("-a", "payloads are always searched as bytes and printed as text"),
    ("-b", "files are not rotated; to stop after N matches write -n N"),
    (
        "-C",
        "packets around a match (grep) are shown with -A N and -B N, and colour (ngrep) with --color=always",
    ),
    ("-E", "patterns are extended already (grep), and the keys of ESP (tcpdump) are given with --sa FILE"),
    ("-f", "a filter is written after the pattern: ovlsniff '' port 80; patterns are given with -e each"),
    (
        "-F",
        "give the filter of a file with \"$(cat FILE)\"; for plain text (grep's -F) put \\ before each of .*+?()[]{}|^$",
    ),
    ("-g", "files are made for their owner alone; see --write"),
    ("-G", "files are not rotated, and patterns are extended regular expressions"),
    ("-H", "with several files each match names its own"),
    ("-j", "times are as precise as the capture"),
    ("-J", "times are as precise as the capture"),
    ("-k", "a capture begins at once"),
    ("-K", "connections are never killed (ngrep), and checksums are not looked at (tcpdump)"),
    ("-L", "the interfaces and their link types are listed with -D"),
    ("-m", "to stop after N matches write -n N"),
    ("-M", "to keep . from matching the end of a line (ngrep) begin the pattern with (?-s)"),
    ("-N", "names are never resolved (tcpdump), and the protocol's number (ngrep) is in --json"),
    ("-o", "matched packets are written to a file with -O FILE; the matched bytes stand in --json"),
    ("-Q", "one direction is captured with --direction in or --direction out"),
    ("-R", "root is kept with --no-drop (ngrep), and tshark's filter is --inner FILTER"),
    ("-U", "the output is flushed after each packet with -l"),
    (
        "-Y",
        "a filter on the innermost packet is --inner FILTER, in tcpdump's language: --inner 'tcp port 80'",
    ),
    ("-z", "statistics are printed at the end, and on the signal USR1"),
    ("--basic-regexp", "patterns are extended regular expressions"),
    ("--buffer-size", "the size of the ring is --buffer SIZE"),
    ("--colour", "it is spelled --color=WHEN"),
    ("--context", "packets around a match are shown with --after N and --before N"),
    ("--display-filter", "a filter on the innermost packet is --inner FILTER, in tcpdump's language"),
    ("--extended-regexp", "patterns are extended already"),
    ("--file", "patterns are given with -e each"),
    ("--fixed-strings", "for plain text put \\ before each of .*+?()[]{}|^$"),
    ("--list-interfaces", "the interfaces are listed with -D"),
    ("--no-promiscuous-mode", "it is spelled --no-promiscuous"),
    ("--number", "each packet shows its number anyway"),
    ("--only-matching", "the matched bytes stand in --json"),
    ("--packet-buffered", "the output is flushed after each packet with --line-buffered"),
    ("--perl-regexp", "patterns are regular expressions of Rust, which have most of Perl's"),
    ("--read-filter", "a filter on the innermost packet is --inner FILTER, in tcpdump's language"),
    ("--relinquish-privileges", "the user to become is --user NAME"),
    ("--snapshot-length", "it is spelled --snaplen SIZE"),
];

/// Values that an option does not take, with what is meant. `{}` is the value, which is empty if none was typed.
const VALUES: &[(&str, Is, &str)] = &[
    ("--count", is_no_number, "names are never resolved, so leave out tcpdump's -n"),
    ("--columns", is_count, "to stop after {} matches write -n {}"),
    ("--columns", is_no_number, "matches are counted in the closing line, so leave out grep's -c"),
    ("--after", is_no_number, "payloads are always printed as text, so leave out tcpdump's -A"),
    ("--depth", is_no_number, "sequence numbers are not printed, so leave out tcpdump's -S"),
    ("--replacement", is_word, "patterns are regular expressions of Rust, so leave out grep's -P"),
    ("--color", is_any, "of grep's --color write --color=always"),
    ("--shape", is_digits, "files are not rotated, so leave out tcpdump's -W"),
    ("--interface", str::is_empty, "-i names an interface, and ignoring case is -y here"),
    ("--regexp", str::is_empty, "empty packets (ngrep's -e) are shown with --all"),
];

/// Letters that mean something when they stand twice and more in one word, with their number (0: two or more).
const REPEATED: &[(char, usize, &str)] = &[
    (
        'v',
        0,
        "-v shows the packets that do not match, and nothing shows more of a packet; leave out tcpdump's -v",
    ),
    ('X', 0, "-X takes the pattern in hex; a hex dump is printed with -x"),
    ('x', 0, "link-level headers are not printed; a hex dump of the payload is printed with -x"),
    ('t', 2, "the date and time of a packet is printed with -t"),
    ('t', 3, "the time since the last packet is printed with -T"),
    ('t', 5, "the time since the first packet is printed with -TT"),
];

/// The sentence for `-w` with the name of a file.
const OUTPUT: &str = "-w matches whole words only; to write the packets to {} write: -O {}";

/// Letters without a value that have one elsewhere: the word behind them would be the pattern here.
const BESIDE: &[(char, Is, &str)] = &[
    ('w', is_capture, OUTPUT),
    ('T', is_format, "-T prints the time since the last packet; JSON is printed with --json"),
    ('y', is_link_type, "-y ignores case; the link type is the interface's, so leave out tcpdump's -y"),
    ('X', is_no_hex, "-X takes the pattern in hex, and {} is none; a hex dump is printed with -x"),
];

/// The width of a terminal that nobody made wider, in columns.
const USUAL_WIDTH: u32 = 80;

/// Words for the acts of `overlay`.
const ACTS: &[(&[&str], &str)] = &[
    (&["add", "build", "create", "new", "start"], "up"),
    (&["del", "delete", "destroy", "remove", "rm", "stop"], "down"),
    (&["info", "inspect", "list", "ls", "show"], "status"),
    (&["genkey", "key", "keys"], "keygen"),
    (&["rekey", "renew"], "rotate"),
];

/// Returns the sentence for an option that is not there.
pub(super) fn unknown_option(option: &str) -> Option<String> {
    let (_, advice) = OPTIONS.iter().find(|(known, _)| *known == option || is_number_of(known, option))?;
    Some(format!("there is no option {option}: {advice}"))
}

/// Returns true for `-5` and the like, which stand in the table as `-1`.
fn is_number_of(known: &str, option: &str) -> bool {
    known == "-1" && option.strip_prefix('-').is_some_and(is_digits)
}

/// Returns the sentence for a long option with one dash, such as `-version`, or for a command with one. Letters make
/// something else of it: `-v`, and `-e` with the pattern `rsion`.
pub(super) fn one_dash(words: &[OsString], command: &clap::Command) -> Option<String> {
    let (of, words) = super::named_in(command, words);
    let takes_any = |word: &str| {
        let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
        ["--regexp", "--pattern"].contains(&word) || letters.is_some_and(|letters| letters.ends_with('e'))
    };
    let mut before = "";
    for word in words.iter().map_while(|word| word.to_str()).take_while(|word| *word != "--") {
        let name = word.strip_prefix('-').filter(|name| name.len() > 1 && !takes_any(before));
        let name = name.map(|name| name.split('=').next().unwrap_or(name));
        if let Some(name) = name {
            let is_option = ["help", "version"].contains(&name)
                || of.get_arguments().any(|arg| longs(arg).contains(&name));
            if name == "verbose" {
                return Some("there is no option -verbose, and nothing shows more of a packet".to_owned());
            }
            if is_option {
                return Some(format!(
                    "there is no option -{name}, a long one has two dashes: write --{name}"
                ));
            }
            if command.find_subcommand(name).is_some() {
                return Some(format!("there is no option -{name}; for the command write: ovlsniff {name}"));
            }
        }
        before = word;
    }
    None
}

/// Returns the sentence for tcpdump's `-wout.pcap`, of which clap reads the letters.
pub(super) fn attached_output(words: &[OsString]) -> Option<String> {
    let words = words.iter().map_while(|word| word.to_str()).take_while(|word| *word != "--");
    let file = words.filter_map(|word| word.strip_prefix("-w")).find(|file| is_output(file))?;
    Some(OUTPUT.replace("{}", file))
}

/// Returns what to add to the complaint about a value.
pub(super) fn value(option: &str, value: &str) -> Option<String> {
    let found = VALUES.iter().find(|(known, is, _)| *known == option && is(value));
    let advice = found.map(|(_, _, advice)| advice.replace("{}", value))?;
    Some(if value == "1" { advice.replace("1 matches", "1 match") } else { advice })
}

/// Returns the sentence for two options that exclude each other.
pub(super) fn conflict(one: &str, other: &str) -> Option<String> {
    let are = |first, second| [one, other].contains(&first) && [one, other].contains(&second);
    if are("--list", "--read") {
        return Some(
            "-D lists the interfaces; a file is read as fast as it can be, so leave out ngrep's -D"
                .to_owned(),
        );
    }
    are("--read", "--interface").then(|| {
        "--read and --interface exclude each other; -i names an interface, and ignoring case is -y here; see ovlsniff --help"
            .to_owned()
    })
}

/// Returns the sentence for a word too many behind a command.
pub(super) fn extra_word(command: &str, word: &str) -> Option<String> {
    let word = if word.is_empty() { "NAME" } else { word };
    let number = word.strip_prefix("0x").unwrap_or(word);
    let line = match command {
        "verify" if is_capture_name(word) => format!("the file is given with -r: ovlsniff verify -r {word}"),
        "verify"
            if number.bytes().all(|byte| byte.is_ascii_hexdigit())
                && is_digits(&number[..number.len().min(1)]) =>
        {
            format!("the network's VNI is given with --vni: ovlsniff verify --vni {word}")
        }
        "verify" => format!("the network's name is given with --net: ovlsniff verify --net {word}"),
        "overlay keygen" => format!("the file is given with -o: ovlsniff overlay keygen -o {word}"),
        "keys" => format!("the file is given with -o: ovlsniff keys --wireshark -o {word}"),
        _ => return None,
    };
    Some(line)
}

/// Returns the sentence for what a command misses.
pub(super) fn missing(command: &str, what: &str) -> Option<&'static str> {
    Some(match command {
        "" if what.contains("--write") => {
            "--decap is for frames that are written to a file: give it with -O FILE"
        }
        "verify" if what.contains("--local") => {
            "of which node is the file? give its underlay address with --local ADDRESS"
        }
        "verify merge" => "which reports? give the files of verify --json, or a folder of them",
        "verify" if what.contains("--net") => "which network? give --net NAME, --vni VNI or --all",
        "overlay up" if what.contains("NETWORK") => {
            "which network? give its name, or a file of networks with -f FILE"
        }
        "overlay down" => "which networks? give their names, or --all",
        "keys" => "in which format? there is one: ovlsniff keys --wireshark",
        "completions" => "of which shell? give bash, elvish, fish, powershell or zsh",
        _ => return None,
    })
}

/// Returns the act of `overlay` that another word for it means.
pub(super) fn act(command: &str, word: &str) -> Option<&'static str> {
    let (_, act) = ACTS.iter().find(|(words, _)| command == "overlay" && words.contains(&word))?;
    Some(act)
}

/// Returns the sentence for words that are sound, but mean something else elsewhere.
pub(super) fn taken_otherwise(words: &[Spelled]) -> Option<String> {
    // With `-e` there is no pattern among the other words.
    let has_pattern = !has_expression(words);
    let mut plain = words.iter().filter_map(|word| match word {
        Spelled::Plain(word) if has_pattern => Some(word.as_str()),
        _ => None,
    });
    let first = plain.next();
    for (n, word) in words.iter().enumerate() {
        match word {
            Spelled::Letters(letters) => {
                // With `-e` too, a file behind `-w` is to be written.
                if let Some(Spelled::Plain(file)) = words.get(n + 1).filter(|_| letters.ends_with('w')) {
                    if is_output(file) {
                        return Some(OUTPUT.replace("{}", file));
                    }
                }
                let repeated = REPEATED.iter().find(|(letter, times, _)| {
                    let found = letters.matches(*letter).count();
                    found >= 2 && (*times == 0 || *times == found)
                });
                if let Some((_, _, advice)) = repeated {
                    return Some(format!("-{letters}: {advice}"));
                }
                let beside = BESIDE.iter().filter(|(letter, ..)| letters.contains(*letter));
                let found = beside.zip(std::iter::repeat(first)).find_map(|((_, is, advice), first)| {
                    first.filter(|first| is(first)).map(|first| advice.replace("{}", first))
                });
                if found.is_some() {
                    return found;
                }
            }
            Spelled::Letter('d', value) if value.bytes().all(|byte| byte == b'd') => {
                return Some("-d names an interface, and the code of a filter is not printed".to_owned());
            }
            _ => {}
        }
    }
    None
}

/// Returns the notes about words that may be meant as they stand.
pub(super) fn notes(words: &[Spelled], in_streams: bool) -> Vec<String> {
    let note = |word: &Spelled| match word {
        // It is what one types for a number of packets. Of a width only the usual one is meant, or more than any has.
        Spelled::Letter('c', n) if n.parse::<u32>().is_ok_and(|n| n <= 1000 && n != USUAL_WIDTH) => {
            Some(format!("-c {n}: lines of {n} columns; to stop after {n} matches write -n {n}"))
        }
        Spelled::Letter('B', n) if n.parse::<u64>().is_ok_and(|n| n >= 512) && in_streams => Some(format!(
            "-B {n}: up to {n} lines before each match, as far as the window goes; the size of the ring is --buffer"
        )),
        Spelled::Letter('B', n) if n.parse::<u64>().is_ok_and(|n| n >= 512) => {
            Some(format!("-B {n}: up to {n} packets before each match; the size of the ring is --buffer"))
        }
        Spelled::Letter('e', pattern) if is_option(pattern) => {
            Some(format!("taking '{pattern}' as the pattern of -e"))
        }
        _ => None,
    };
    words.iter().filter_map(note).collect()
}

/// Returns true if a word ends as the name of a capture file does, packed or not.
pub(crate) fn is_capture_name(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let word = [".gz", ".zst"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(&word);
    [".pcap", ".pcapng", ".cap"].iter().any(|end| word.len() > end.len() && word.ends_with(end))
}

/// Returns true for what tcpdump's `-w` is given: the name of a capture, or a path.
fn is_output(word: &str) -> bool {
    let is_path = word.contains('/') && !word.contains(char::is_whitespace);
    is_path || is_capture(word)
}

fn is_capture(word: &str) -> bool {
    let ending = Path::new(word).extension().and_then(OsStr::to_str).unwrap_or_default();
    word == "-" || is_capture_name(word) || ["dmp", "dump"].contains(&ending)
}

fn is_format(word: &str) -> bool {
    ["ek", "fields", "json", "jsonraw", "pdml", "ps", "psml", "tabs", "text"].contains(&word)
}

fn is_link_type(word: &str) -> bool {
    ["EN10MB", "IEEE802_11", "IEEE802_11_RADIO", "LINUX_SLL", "LINUX_SLL2", "RAW"].contains(&word)
}

/// Returns true for a word of letters that no hex pattern has. A mistake in a hex pattern is told by its parser.
fn is_no_hex(word: &str) -> bool {
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_alphabetic()) && {
        word.bytes().any(|byte| !byte.is_ascii_hexdigit() && byte != b'x')
    }
}

/// Returns true for `-i`, `-nn` or `--json`.
fn is_option(word: &str) -> bool {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or_default();
    let long = word.starts_with("--");
    !name.is_empty()
        && (long || name.len() <= 3)
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

fn is_no_number(value: &str) -> bool {
    value.chars().next().is_none_or(char::is_alphabetic)
}

fn is_digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_count(value: &str) -> bool {
    is_digits(value) && value != "0"
}

fn is_word(value: &str) -> bool {
    value.chars().count() > 1
}

fn is_any(_: &str) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn no_option_of_the_table_is_one_of_ours() {
        let command = Cli::command();
        for (option, _) in OPTIONS {
            let known = command.get_arguments().any(|arg| {
                arg.get_long().is_some_and(|long| option.strip_prefix("--") == Some(long))
                    || arg
                        .get_short_and_visible_aliases()
                        .unwrap_or_default()
                        .iter()
                        .any(|letter| option.strip_prefix('-') == Some(&letter.to_string()))
            });
            assert!(!known, "{option} is an option of ours");
        }
    }

    #[test]
    fn every_advice_is_one_sentence_about_options_that_exist() {
        let command = Cli::command();
        let advices = OPTIONS.iter().map(|(_, advice)| *advice);
        let advices = advices.chain(VALUES.iter().map(|(.., advice)| *advice));
        let advices = advices.chain(REPEATED.iter().map(|(.., advice)| *advice));
        for advice in advices.chain(BESIDE.iter().map(|(.., advice)| *advice)) {
            assert!(!advice.ends_with('.') && !advice.contains('\n'), "{advice}");
            for word in advice.split([' ', '=', ';', ':', ',']).filter_map(|word| word.strip_prefix("--")) {
                let known = command.get_arguments().any(|arg| arg.get_long() == Some(word));
                assert!(known, "--{word}: {advice}");
            }
        }
    }

    #[test]
    fn names_of_captures_end_like_them() {
        for name in ["a.pcap", "A.PCAPNG", "x/y.cap", "a.pcap.gz", "a.pcapng.zst"] {
            assert!(is_capture_name(name), "{name}");
        }
        for name in ["pcap", ".pcap", "a.pcap.xz", "a.gz", "GET /a.pcap HTTP"] {
            assert!(!is_capture_name(name), "{name}");
        }
    }
}
