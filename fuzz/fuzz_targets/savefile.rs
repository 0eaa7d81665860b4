//! A capture file of any format.
#![no_main]

use everything::Everything;
use libfuzzer_sys::fuzz_target;
use ovlsniff::capture::savefile::Savefile;

fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("ovlsniff-fuzz-{}", std::process::id()));
    std::fs::write(&path, data).expect("room for a temporary file");
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
    let _ = std::fs::remove_file(path);
});
