//! The rules of a firewall as the system's tools print them, and a saved `docker network inspect`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovlsniff::packet::Vni;
use ovlsniff::verify::{Rules, docker_inspect_file};

fuzz_target!(|data: &str| {
    let text = || Some(data.to_owned());
    let rules = Rules { iptables: text(), ip6tables: text(), nft: text() };
    for six in [false, true] {
        let _ = rules.enforcement(six, Vni::new(4098).expect("24 bits"), 4789);
    }
    let (_file, path) = everything::file(data.as_bytes());
    if let Err(error) = docker_inspect_file(&path, "secure") {
        everything::assert_plain(error.to_string().as_bytes());
    }
});
