//! Makes seeds for the fuzz targets, and keeps what the targets found in a text that can be read:
//!
//! - `seeds captures FOLDER FILE…`: turns capture files into seeds of the target `frames`, one seed for each file.
//! - `seeds folders FOLDER FILE`: judges a capture file, and turns the folder of evidence into seeds of the target `folders`.
//! - `seeds unpack FILE… FOLDER`: makes a seed of each line. `\0`, `\n`, `\r`, `\t`, `\\` and `\xHH` stand for a byte.
//! - `seeds pack FOLDER FILE`: writes the seeds of a folder as such lines, the shortest first, up to [`MOST`] bytes.

use std::fs;
use std::path::Path;

use ovlsniff::audit::{self, Case, Machine, Run, RunTime, Subject};
use ovlsniff::capture::savefile::Savefile;
use ovlsniff::packet::{Timestamp, Vni};
use ovlsniff::verify::{
    Circumstances, Expectation, Judged, Network, Overlay, Overview, Peer, Question, Watch, tunnel_ports,
};

/// The most frames of a seed. More of the same capture would teach the fuzzer nothing.
const FRAMES: usize = 20;
/// The most bytes of a text that is kept, and of a line in it.
const MOST: usize = 8 << 10;
const LONGEST: usize = 400;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match &words[..] {
        ["captures", folder, files @ ..] => captures(Path::new(folder), files),
        ["folders", folder, file] => folders(Path::new(folder), Path::new(file)),
        ["unpack", files @ .., folder] => files.iter().for_each(|file| unpack(file, Path::new(folder))),
        ["pack", folder, file] => pack(folder, file),
        _ => panic!(
            "usage: seeds captures FOLDER FILE… | folders FOLDER FILE | unpack FILE… FOLDER | pack FOLDER FILE"
        ),
    }
}

fn captures(folder: &Path, files: &[&str]) {
    for (at, file) in files.iter().enumerate() {
        let Ok(mut capture) = Savefile::open(Path::new(file)) else { continue };
        let mut seed = Vec::new();
        for _ in 0..FRAMES {
            // A damaged file is used up to the damage.
            let Ok(Some(frame)) = capture.next() else { break };
            if seed.is_empty() {
                let link = everything::LINKS.iter().position(|link| *link == frame.link);
                seed.push(link.unwrap_or_default() as u8);
            }
            let Ok(len) = u16::try_from(frame.bytes.len()) else { continue };
            seed.extend(len.to_be_bytes());
            seed.push(0);
            seed.extend(frame.bytes);
        }
        fs::write(folder.join(format!("seed-{at}")), seed).expect("a seed written");
    }
}

fn folders(folder: &Path, file: &Path) {
    for (vni, is_one) in [(4097, true), (4097, false), (4098, true), (4098, false)] {
        let case = case(file, vni);
        let subject = if is_one {
            Subject::One(Box::new(case))
        } else {
            let network = case.facts.question().network.clone();
            let overlay = Overlay { network, ..Overlay::default() };
            let networks = vec![Judged { overlay, outcome: Ok(case.report.clone()) }];
            let overview = Box::new(Overview { networks, ..Overview::default() });
            Subject::All { overview, cases: vec![Some(case)] }
        };
        let run = Run {
            command_line: vec!["ovlsniff".to_owned()],
            time: RunTime { began: Timestamp::new(0, 0, 6), ended: Timestamp::new(0, 0, 6), set: None },
            machine: Machine::default(),
            expected: Expectation::Encrypted,
            profile: None,
            file_sha256: None,
        };
        let files = audit::files(&run, &subject).expect("memory does not fail to be written");
        let bytes = |wanted: &str| {
            let found = files.iter().find(|(name, _)| name == wanted);
            found.map(|(_, bytes)| bytes.clone()).unwrap_or_default()
        };
        // The order of the target.
        let names = ["network-1/facts.json", "run.json", "manifest.json", "overview.txt", "overview.json"];
        let mut seed = names.map(bytes).join(&0xff);
        seed.push(0xff);
        seed.extend(bytes("network-1/frames.pcapng"));
        fs::write(folder.join(format!("seed-{vni}-{is_one}")), seed).expect("a seed written");
    }
}

/// Judges the network with this VNI as a capture file of the node 192.0.2.1 shows it.
fn case(file: &Path, vni: u32) -> Case {
    let peer = Peer { underlay: [192, 0, 2, 2].into(), overlay: Vec::new(), behind: Vec::new() };
    let network = Network {
        name: "secure".to_owned(),
        vnis: Vni::new(vni).into_iter().collect(),
        locals: vec![[192, 0, 2, 1].into()],
        peers: vec![peer],
        ..Network::default()
    };
    let ports = tunnel_ports([&network]);
    let mut watch = Watch::new(Question { network, ..Question::default() }, None, ports, None);
    watch.keep_frames();
    let mut capture = Savefile::open(file).expect("a capture file");
    while capture.advance().expect("a whole capture file") {
        watch.frame(&capture.frame());
    }
    let circumstances = Circumstances { nanos: watch.nanos(), dropped: Some(0), ..Circumstances::default() };
    let (report, kept) = watch.finish_and_keep(circumstances);
    let (facts, keeper) = kept.expect("frames are kept");
    Case { report, facts, keeper }
}

fn unpack(file: &str, folder: &Path) {
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
    let text = fs::read_to_string(file).expect("a text of seeds");
    for (at, line) in text.lines().enumerate() {
        let seed = unescaped(line).unwrap_or_else(|| panic!("{file}:{}: a wrong escape", at + 1));
        fs::write(folder.join(format!("{name}-{at}")), seed).expect("a seed written");
    }
}

fn unescaped(line: &str) -> Option<Vec<u8>> {
    let mut bytes = line.bytes();
    let mut seed = Vec::new();
    while let Some(byte) = bytes.next() {
        seed.push(match byte {
            b'\\' => match bytes.next()? {
                b'0' => 0,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => {
                    let digits = [bytes.next()?, bytes.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                other => other,
            },
            byte => byte,
        });
    }
    Some(seed)
}

fn pack(folder: &str, file: &str) {
    let files = fs::read_dir(folder).expect("a folder of seeds");
    let read = files.map(|entry| fs::read(entry.expect("a file").path()).expect("a seed"));
    let mut lines: Vec<String> =
        read.map(|seed| seed.escape_ascii().to_string().replace("\\x00", "\\0")).collect();
    lines.sort_by_key(|line| (line.len(), line.clone()));
    lines.retain(|line| line.len() <= LONGEST);
    let mut room = MOST;
    lines.retain(|line| {
        room = room.saturating_sub(line.len() + 1);
        room > 0
    });
    fs::write(file, lines.join("\n") + "\n").expect("room for the text");
}
