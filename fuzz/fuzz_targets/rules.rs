//! The rules of a firewall as the system's tools print them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovlsniff::packet::{IpVersion, Vni};
use ovlsniff::verify::{Arriving, Rules};

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
});
