//! The rules of a firewall as the system's tools print them, and a saved `docker network inspect`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovlsniff::packet::{IpVersion, Vni};
use ovlsniff::verify::{Arriving, Rules, Wanted};

fuzz_target!(|data: &str| {
    let text = || Some(data.to_owned());
    let rules = Rules { iptables: text(), ip6tables: text(), nft: text() };
    for version in IpVersion::BOTH {
        let _ = rules.enforcement(&Arriving {
            version,
            vni: Vni::new(4098).expect("24 bits"),
            port: 4789,
            link: Some("eth0"),
        });
    }
    let (_file, path) = everything::file(data.as_bytes());
    let wanted = Wanted { name: Some("secure".to_owned()), docker_inspect: Some(path), ..Wanted::default() };
    if let Err(error) = wanted.described() {
        everything::assert_plain(error.to_string().as_bytes());
    }
});
