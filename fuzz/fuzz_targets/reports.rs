//! Reports of `verify` as JSON, which `verify merge` joins. A byte 0xff stands between two files.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use ovlsniff::print::merged;
use ovlsniff::verify::merge::{MergeTerms, Merged, Pairs, Reports, Standing, moment};
use ovlsniff::verify::{Expectation, Verdict};

fuzz_target!(|data: &[u8]| {
    let mut reports = Reports::default();
    for (at, file) in data.split(|byte| *byte == 0xff).enumerate() {
        reports.read(&format!("{at}.json"), file).expect("memory does not fail to be read");
    }
    let at = reports.newest_time();
    let at = at.unwrap_or_else(|| moment("2026-11-27T19:00:00Z").expect("a time"));
    for (pairs, expected) in [(Pairs::All, Expectation::Encrypted), (Pairs::Known, Expectation::Clear)] {
        let terms = MergeTerms { at, stale: Duration::from_secs(600), pairs, accepted: Vec::new() };
        let merged = Merged::of(reports.clone(), terms);
        for pair in merged.networks.iter().flat_map(|network| &network.pairs) {
            let is_proof = pair.grounds().is_some_and(|seen| seen.standing == Standing::Counts);
            assert!(is_proof || pair.verdict == Verdict::Inconclusive, "{pair:?}");
        }
        everything::assert_plain(merged::text(&merged, expected).as_bytes());
        let json = merged::json(&merged, expected);
        everything::assert_plain(json.as_bytes());
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
        // The page has no picture and no script from elsewhere. A name must not bring one in.
        let html = merged::html(&merged, expected);
        assert!(!html.contains("<img") && !html.contains("<iframe"), "{html}");
        let _ = merged.exit_status(expected);
    }
});
