//! A saved `docker network inspect`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovlsniff::verify::{Saved, Wanted, WantedError};

fuzz_target!(|data: &[u8]| {
    let (_file, path) = everything::file(data);
    let described = Saved::read(&path).map_err(WantedError::from).and_then(|saved| {
        let name = Some("secure".to_owned());
        Wanted { name, docker_inspect: Some(saved), ..Wanted::default() }.described()
    });
    match described {
        Ok(network) => assert!(network.vnis.iter().all(|vni| vni.value() < 1 << 24)),
        Err(error) => {
            let said = error.to_string();
            everything::assert_plain(said.as_bytes());
            assert!(!said.contains('\n'), "{said}");
        }
    }
});
