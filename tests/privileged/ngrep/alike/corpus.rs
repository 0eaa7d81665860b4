//! Captures of others: every file below a folder, with a dozen command lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::ngrep::alike::captures::Capture;
use crate::ngrep::alike::lines::Line;
use crate::ngrep::alike::{odd, packets};

const TYPED: &[&str] = &[
    "''",
    "-e ''",
    "-qe -W single ''",
    "-qt -N -W byline ''",
    "-qx ''",
    "-q HTTP",
    "-q -i '[a-z]{4}'",
    "-q -v HTTP",
    "-q ^.",
    "-q -X 0001",
    "-O written.pcap ''",
    "-qqe -n 3 ''",
];

pub(crate) fn lines() -> Vec<Line> {
    TYPED.iter().map(|typed| Line::new(typed)).collect()
}

/// Fixtures that are left out, and why: `docs/ngrep.md` has each reason, and there is no form of them that ngrep reads rightly.
const LEFT_OUT: &[(&str, &str)] = &[
    ("formats-ethernet.pcap.gz", "ngrep reads nothing compressed"),
    ("formats-ethernet.pcapng.gz", "ngrep reads nothing compressed"),
    ("formats-ethernet.pcap.zst", "ngrep reads nothing compressed"),
    ("formats-three-links.pcapng", "ngrep ends at the second link type"),
    ("formats-sections.pcapng", "ngrep ends at the second link type"),
];

/// The files below a folder, without the fixtures that are left out, and without the frames for which ngrep is no measure:
/// those are counted by their reasons. Each capture is named after its path.
pub(crate) fn captures(folder: &Path) -> (Vec<Capture>, BTreeMap<&'static str, usize>) {
    let mut paths = Vec::new();
    find(folder, &mut paths);
    paths.sort();
    let mut reasons = BTreeMap::new();
    let mut captures = Vec::new();
    for path in paths {
        let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('/', "-");
        if LEFT_OUT.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let mut frames = packets::frames(&path);
        let read = std::fs::read(&path).unwrap();
        let without = odd::without(&read, &mut frames);
        let plain = packets::plain(&frames);
        let (bytes, whys) = without.unwrap_or((read, Vec::new()));
        for why in whys {
            *reasons.entry(why).or_default() += 1;
        }
        captures.push(Capture { name, plain, bytes, of_others: true });
    }
    (captures, reasons)
}

fn find(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, paths);
        } else {
            paths.push(path);
        }
    }
}
