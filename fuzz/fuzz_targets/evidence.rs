//! The facts of kept evidence, which `verify --replay` judges again, and the profiles that algorithms are judged by. A byte 0xff
//! stands between the two.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovlsniff::escape::escape;
use ovlsniff::packet::Timestamp;
use ovlsniff::print::report::{self, Proofs};
use ovlsniff::verify::Expectation;
use ovlsniff::verify::kept::Facts;
use ovlsniff::verify::profile::Profile;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.split(|byte| *byte == 0xff);
    let facts = parts.next().unwrap_or_default();
    let text = parts.next().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
    let profile = Profile::parse(text).map_err(|error| everything::assert_plain(escape(&error).as_bytes()));
    match Facts::from_json(facts) {
        Ok(facts) => {
            let judged = facts.report();
            everything::assert_plain(report::text(&judged, Expectation::Encrypted).as_bytes());
            let json = report::json(&judged, Expectation::Encrypted);
            serde_json::from_str::<serde_json::Value>(&json).expect("a report in JSON");
            let judged = match profile {
                Ok(profile) => judged.under(&profile),
                Err(()) => judged,
            };
            everything::assert_plain(report::junit(&judged, Expectation::Encrypted).as_bytes());
            everything::assert_plain(report::nagios(&judged, Expectation::Encrypted).as_bytes());
            let (now, proofs) = (Timestamp::new(1, 0, 9), &mut Proofs::default());
            let metrics = report::prometheus(&judged, Expectation::Encrypted, now, proofs);
            everything::assert_plain(metrics.as_bytes());
            // Facts that are written again are read again, and have the same verdict.
            let again = Facts::from_json(&facts.to_json()).expect("facts of our own");
            assert_eq!(again.report().verdict, judged.verdict);
        }
        Err(error) => everything::assert_plain(error.to_string().as_bytes()),
    }
});
