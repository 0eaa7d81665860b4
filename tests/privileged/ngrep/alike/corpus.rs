//! Captures of others: every file below a folder, with a dozen command lines.

use std::path::{Path, PathBuf};

use crate::ngrep::alike::captures::Capture;
use crate::ngrep::alike::lines::Line;
use crate::ngrep::alike::packets;

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

/// The files below a folder. Each is named after its path.
pub(crate) fn captures(folder: &Path) -> Vec<Capture> {
    let mut paths = Vec::new();
    find(folder, &mut paths);
    paths.sort();
    let capture = |path: PathBuf| {
        let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('/', "-");
        Capture { name, plain: packets::plain(&path), bytes: std::fs::read(path).unwrap(), of_others: true }
    };
    paths.into_iter().map(capture).collect()
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
