//! A saved `docker network inspect`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovlsniff::verify::Wanted;

fuzz_target!(|data: &[u8]| {
    let (_file, path) = everything::file(data);
    let wanted = Wanted { name: Some("secure".to_owned()), docker_inspect: Some(path), ..Wanted::default() };
    match wanted.described() {
        Ok(network) => assert!(network.vnis.iter().all(|vni| vni.value() < 1 << 24)),
        Err(error) => {
            let said = error.to_string();
            everything::assert_plain(said.as_bytes());
            assert!(!said.contains('\n'), "{said}");
        }
    }
});
