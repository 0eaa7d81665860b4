//! The command lines: every option alone, and with others that it may get in the way of.

use std::collections::BTreeMap;

/// The name of the file that `-O` writes.
pub(crate) const WRITTEN: &str = "written.pcap";

/// The file of a filter for `-F`. Its second line would let nothing through.
pub(crate) const FILTER_FILES: [(&str, &str); 2] =
    [("filter.bpf", "udp\n"), ("filter-lines.bpf", "port 80 or\nport 53\n")];

/// As typed in a shell, behind `ngrep`. `@` is the capture; a line without it begins with `-I` and the capture. A first
/// word `TZ=…` sets the time zone.
const EVERYWHERE: &[&str] = &[
    "",
    "foo",
    "''",
    "-q foo",
    "-qq foo",
    "-qqq foo",
    "-qqqq foo",
    "-e foo",
    "-e",
    "-i FOO",
    "-v foo",
    "-w foo",
    "-x foo",
    "-X 666f6f",
    "-X 00",
    "-D foo",
    "-t foo",
    "-T foo",
    "-TT foo",
    "-TTT foo",
    "-M foo.*foo",
    "-C foo",
    "-N foo",
    "-N -e",
    "-O written.pcap foo",
    "-O - -q foo",
    "-n 1 foo",
    "-n 2 foo",
    "-A 1 foo",
    "-A 3 foo",
    "-S 5 foo",
    "-S 0 ''",
    "-S 3 foo",
    "-W byline foo",
    "-W none foo",
    "-W single foo",
    "-c 40 foo",
    "-c 100 foo",
    "-c 6 foo",
    "-P , ''",
    "-F filter.bpf foo",
    "-F filter-lines.bpf foo",
    "foo udp",
    "foo port 80",
    "foo port 80 or port 53",
    "port 80",
    "host 10.0.0.1",
    "tcp port 80",
    "src host 10.0.0.1",
    "not port 80",
    "'' not port 80",
    "udp",
    "'port 80'",
    "'' vlan",
    "'' vlan and vlan",
    "'' pppoes",
    "foo 'port 80 or (vlan and port 80)'",
    "foo ip6",
    "'' arp",
    "foo greater 55",
    "foo -q udp port 53",
    "-q -- -foo udp",
    "-I - foo",
    "-q -I - -O written.pcap ''",
    "-q -t -N -W byline foo",
    "-qtx -e ''",
    "-qx -S 20 ''",
    "-q -TT -v foo",
    "-e -W single foo",
    "-e -W byline foo",
    "-e -x foo",
    "-qqqt ''",
    "-q -W byline ''",
    "-q -W none ''",
    "-W single ''",
    "-q -c 40 -P _ ''",
    "-C -x foo",
    "-C -W byline foo",
    "-C -W single foo",
    "-C -A 1 foo",
    "-C -v bar",
    "-v ''",
    "-v -X 666f6f",
    "-v -n 1 foo",
    "-v -n 1 bar",
    "-v nothing-has-this",
    "-vv foo",
    "-v -e foo",
    "-q -v 'o|a'",
    "-w -i FOO",
    "-w 'hello|GET'",
    "-A 1 -n 1 foo",
    "-A 1 -e foo",
    "-A 1 -v foo",
    "-n 1 -e foo",
    "-O written.pcap -v foo",
    "-O written.pcap -A 1 foo",
    "-O written.pcap -e -n 1 foo",
    "-O written.pcap -qqqq foo",
    "-T -t foo",
    "-D -T foo",
    "TZ=Europe/Berlin -t foo",
];

/// The lines that say little about packets: errors, values, the dialect of expressions. They are for some captures only.
const SOMEWHERE: &[&str] = &[
    "-X 0x666f6f",
    "-p foo",
    "-l foo",
    "-R foo",
    "-M foo.two",
    "-n 0 foo",
    "-s 40 foo",
    "-W normal foo",
    "-W BYLINE foo",
    "-c 0 foo",
    "-c 5 foo",
    "-c 7 foo",
    "-c 255 foo",
    "-P xyz ''",
    "-P '' foo",
    "-F filter.bpf foo port 80",
    "-h",
    "-V",
    "-L",
    "-K 1 foo",
    "-d nosuch foo",
    "-z foo",
    "-q foo -n",
    "-n abc foo",
    "-c abc foo",
    "-S abc ''",
    "-W wrong foo",
    "-x -W byline foo",
    "-X 66f",
    "-X zz",
    "-X 0X66",
    "-X '66 6f'",
    "-X ''",
    "-i -X 66",
    "-w -X 66",
    "(",
    "foo bad filter",
    "foo ''",
    "-I captures/none.pcap foo",
    "-F none.bpf foo",
    "-O none/written.pcap foo",
    "-q -- foo -q",
    "-qT -W single ''",
    "-e -W none foo",
    "-qqqe foo",
    "-C -W none foo",
    "-C -X 666f6f",
    "-v -i FOO",
    "-t -T foo",
    "TZ=America/Los_Angeles -qt ''",
    "TZ=Asia/Kathmandu -qt -W single ''",
    "-C f.o",
    "-C 'fo+'",
    "-C 'fo+?'",
    "-C 'f.*o'",
    "-C ^.",
    "-C '^foo'",
    "-C 'foo$'",
    "-C 'o{2}'",
    "-C '\\d+'",
    "-C 'GET|hello|bar'",
    "-C '[^a-z]foo'",
    "-C '\\x00\\x01'",
    "-C '\\xff'",
    "-C '(?i)FOO'",
    "-C '\\bfoo\\b'",
    "-C '(?s)one.*two'",
    "-q 'foo(?=o)'",
    "-q '(o)\\1'",
    "-q '(?<!f)oo'",
    "-q '[[:digit:]]+'",
    "-q '\\Qfoo\\E'",
    "-q 'foo\\Z'",
    "-q '*foo'",
    "-q 'a++'",
    "-q '(?>fo)o'",
    "-q 'f\\Koo'",
    "-q '\\p{L}'",
    "-q '[\\w-.]+'",
    "-q '(\\w+)+@'",
    "-C 'o|'",
    "-C '{\"id\"'",
    "-q '\u{1b}.31mfoo'",
    "-q '[z-a]'",
];

/// A command line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) typed: &'static str,
    everywhere: bool,
    /// The words, without the zone.
    pub(crate) words: Vec<String>,
    pub(crate) zone: String,
    /// What getopt makes of the words: how often each flag stands there, and the last value of each option.
    flags: BTreeMap<char, usize>,
    values: BTreeMap<char, String>,
    /// The words that are no options.
    pub(crate) rest: Vec<String>,
}

/// The captures of [`SOMEWHERE`].
const SOME: [&str; 12] = [
    "http",
    "udp",
    "ipv6",
    "empty-packets",
    "binary",
    "lines",
    "utf8",
    "wide",
    "deep",
    "times",
    "sll2",
    "truncated-frame",
];

/// All command lines.
pub(crate) fn all() -> Vec<Line> {
    let lines =
        |typed: &[&'static str]| -> Vec<Line> { typed.iter().map(|typed| Line::new(typed)).collect() };
    let some = lines(SOMEWHERE).into_iter().map(|line| Line { everywhere: false, ..line });
    lines(EVERYWHERE).into_iter().chain(some).collect()
}

impl Line {
    pub(crate) fn new(typed: &'static str) -> Self {
        let mut words = split(typed);
        let zone = match words.first().and_then(|word| word.strip_prefix("TZ=")) {
            Some(zone) => zone.to_owned(),
            None => "UTC".to_owned(),
        };
        words.retain(|word| !word.starts_with("TZ="));
        let mut line = Self {
            typed,
            everywhere: true,
            words,
            zone,
            flags: BTreeMap::new(),
            values: BTreeMap::new(),
            rest: Vec::new(),
        };
        line.read();
        line
    }

    fn read(&mut self) {
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                self.rest.extend(words.cloned());
                break;
            }
            let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                self.rest.push(word.clone());
                continue;
            };
            for (at, letter) in letters.char_indices() {
                *self.flags.entry(letter).or_default() += 1;
                if "nKdAsSWcPFIO".contains(letter) {
                    let glued = &letters[at + 1..];
                    let value = if glued.is_empty() { words.next().cloned() } else { Some(glued.to_owned()) };
                    self.values.extend(value.map(|value| (letter, value)));
                    break;
                }
            }
        }
    }

    /// True if the line is for a capture of this name.
    pub(crate) fn is_for(&self, capture: &str) -> bool {
        // `-D` would sleep between frames for as long as these are apart: years.
        let sleeps = self.has('D') && capture == "times";
        (self.everywhere || SOME.contains(&capture)) && !sleeps
    }

    /// The line with other words in its stead.
    pub(crate) fn of_words(&self, words: Vec<String>) -> Self {
        let (typed, zone) = (self.typed, self.zone.clone());
        let mut line = Self {
            typed,
            everywhere: true,
            words,
            zone,
            flags: BTreeMap::new(),
            values: BTreeMap::new(),
            rest: Vec::new(),
        };
        line.read();
        line
    }

    /// The words with others in place of those that are no options.
    pub(crate) fn with_rest(&self, rest: Vec<String>) -> Vec<String> {
        let mut left = self.rest.clone();
        let mut words = self.words.clone();
        words.retain(|word| match left.iter().position(|other| other == word) {
            Some(at) => {
                left.remove(at);
                false
            }
            None => word != "--",
        });
        words.push("--".to_owned());
        words.extend(rest);
        words
    }

    /// The words without `-q`.
    pub(crate) fn loud(&self) -> Vec<String> {
        self.words.iter().map(|word| without(word, 'q')).collect()
    }

    /// The words with another pattern.
    pub(crate) fn with_pattern(&self, pattern: &str) -> Vec<String> {
        let filter = self.rest.get(1..).unwrap_or_default();
        self.with_rest([&[pattern.to_owned()], filter].concat())
    }

    /// How often a flag stands there.
    pub(crate) fn count(&self, letter: char) -> usize {
        self.flags.get(&letter).copied().unwrap_or(0)
    }

    pub(crate) fn has(&self, letter: char) -> bool {
        self.count(letter) > 0
    }

    /// True if the time since another packet is shown: of `-t` and `-T`, the last one counts.
    pub(crate) fn delta(&self) -> bool {
        let letters = self.words.iter().filter(|word| word.starts_with('-')).flat_map(|word| word.chars());
        letters.fold(' ', |last, letter| if "tT".contains(letter) { letter } else { last }) == 'T'
    }

    /// The value of an option.
    pub(crate) fn value(&self, letter: char) -> Option<&str> {
        self.values.get(&letter).map(String::as_str)
    }

    /// The pattern, or an empty one.
    pub(crate) fn pattern(&self) -> &str {
        self.rest.first().map_or("", String::as_str)
    }
}

/// Splits words at blanks, except within single quotes.
fn split(typed: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for letter in typed.chars() {
        match letter {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

/// A word of flags without one of them.
pub(crate) fn without(word: &str, flag: char) -> String {
    let is_flags = word.starts_with('-') && !word.starts_with("--");
    match word.replace(flag, "") {
        kept if is_flags && kept == "-" => "-R".to_owned(),
        kept if is_flags => kept,
        _ => word.to_owned(),
    }
}
