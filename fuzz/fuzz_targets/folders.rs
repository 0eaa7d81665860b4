//! A folder of evidence, as `verify --replay` reads it. The input has the facts, `run.json`, the manifest, the overview as a
//! text and in JSON, and the frames, with a byte 0xff between two.
//!
//! Sums, the list of files and reports are made right here, because no fuzzer would find them, and nothing behind them would
//! be reached: whoever forges a folder makes them right as well.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ovlsniff::audit::{HeldFolder, Replay, Replayed, file_sha256};
use ovlsniff::print::report;
use ovlsniff::verify::Expectation;
use ovlsniff::verify::kept::Facts;
use serde_json::{Value, json};

/// The folder that is written and read again.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("ovlsniff-folder-{}", std::process::id()));
    fs::create_dir_all(folder.join("network-1")).expect("a folder of our own");
    folder
});

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(6, |byte| *byte == 0xff);
    let mut part = || parts.next().unwrap_or_default();
    let [facts, run, manifest, overview, overview_json, frames] =
        [part(), part(), part(), part(), part(), part()];
    // The target `evidence` reads bytes that are no set of facts.
    let Ok(read) = Facts::from_json(facts) else { return };
    let (judged, expected) = (read.report(), Expectation::Encrypted);
    let [text, json] = [report::text(&judged, expected), report::json(&judged, expected)];
    let files: [(&str, &[u8]); 7] = [
        ("network-1/facts.json", facts),
        ("network-1/frames.pcapng", frames),
        ("network-1/report.json", json.as_bytes()),
        ("network-1/report.txt", text.as_bytes()),
        ("overview.json", overview_json),
        ("overview.txt", overview),
        ("run.json", run),
    ];
    let sums: Vec<(&str, String)> = files.iter().map(|(name, bytes)| (*name, put(name, bytes))).collect();
    let list = sums.iter().map(|(name, sum)| json!({"name": name, "bytes": 1, "sha256": sum}));
    let manifest = match serde_json::from_slice(manifest) {
        Ok(Value::Object(mut manifest)) => {
            manifest.insert("files".to_owned(), list.collect());
            Value::Object(manifest).to_string().into_bytes()
        }
        _ => manifest.to_vec(),
    };
    let manifest = ("manifest.json", put("manifest.json", &manifest));
    let lines = sums.iter().chain([&manifest]).map(|(name, sum)| format!("{sum}  {name}\n"));
    put("SHA256SUMS", lines.collect::<String>().as_bytes());
    match HeldFolder::open(&FOLDER).and_then(|folder| Replay::read(folder, None)) {
        Ok(replay) => {
            replay.attested.iter().for_each(|line| everything::assert_plain(line.as_bytes()));
            match replay.replayed {
                Replayed::One(again) => assert_eq!(again.verdict, judged.verdict),
                Replayed::All(all) => everything::assert_plain(report::overview(&all, expected).as_bytes()),
            }
        }
        Err(error) => {
            let said = error.to_string();
            everything::assert_plain(said.as_bytes());
            assert!(!said.contains('\n'), "{said}");
        }
    }
});

/// Writes a file of the folder, and returns its sum.
fn put(name: &str, bytes: &[u8]) -> String {
    let path = FOLDER.join(name);
    fs::write(&path, bytes).expect("room for a temporary file");
    file_sha256(&path).expect("a file that was just written")
}
