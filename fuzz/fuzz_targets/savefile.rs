//! A capture file of any format.
#![no_main]

use everything::Everything;
use libfuzzer_sys::fuzz_target;
use ovlsniff::capture::savefile::Savefile;

fuzz_target!(|data: &[u8]| {
    let (_file, path) = everything::file(data);
    let mut everything = Everything::default();
    let failed = match Savefile::open(&path) {
        Ok(mut file) => loop {
            match file.next() {
                Ok(Some(frame)) => everything.frame(&frame),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        },
        Err(error) => Some(error),
    };
    if let Some(error) = failed {
        let said = error.to_string();
        everything::assert_plain(said.as_bytes());
        assert!(!said.contains('\n'), "{said}");
    }
    everything.finish();
});
