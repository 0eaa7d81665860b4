//! A file of SAs, as `ip xfrm state` prints them or as Wireshark's table. Errors must never quote it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovlsniff::ipsec::{Opener, read_file, to_wireshark};

fuzz_target!(|data: &[u8]| {
    let (_file, path) = everything::file(data);
    match read_file(&path) {
        Ok(sas) => {
            let shown = format!("{sas:?}");
            assert!(!shown.contains("deadbeef"), "{shown}");
            everything::assert_plain(to_wireshark(&sas).0.as_bytes());
            drop(Opener::new(sas));
        }
        Err(error) => {
            let said = error.to_string();
            everything::assert_plain(said.as_bytes());
            assert!(!said.contains('\n') && !said.contains("deadbeef"), "{said}");
        }
    }
});
