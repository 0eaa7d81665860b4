//! The settings of links that switch IPsec policies off.

use std::path::{Path, PathBuf};

use crate::keeper;
use crate::packet::IpVersion;

/// A setting that is on, and by which packets pass without any policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// The name of the link, or `all`.
    pub link: String,
    /// The version of IP that the setting is for.
    pub version: IpVersion,
    /// The direction of the packets.
    pub packets: Exempt,
    /// The file of the setting.
    pub file: PathBuf,
}

/// The packets that a setting exempts from policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exempt {
    /// Packets that arrive by the link (`disable_policy`).
    Arriving,
    /// Packets that leave by the link (`disable_xfrm`).
    Leaving,
}

/// The settings (linux `Documentation/networking/ip-sysctl.rst`). IPv6 has none for packets that leave.
const SETTINGS: [(IpVersion, &str, Exempt); 3] = [
    (IpVersion::V4, "ipv4/conf/{}/disable_xfrm", Exempt::Leaving),
    (IpVersion::V4, "ipv4/conf/{}/disable_policy", Exempt::Arriving),
    (IpVersion::V6, "ipv6/conf/{}/disable_policy", Exempt::Arriving),
];

/// Returns the settings of these links, and those for all links, that are on in this thread's network namespace.
pub fn exemptions<'n>(links: impl IntoIterator<Item = &'n str>) -> Vec<Exemption> {
    exemptions_below(Path::new("/proc/sys/net"), links)
}

/// Returns the versions of IP for which packets that arrive by one of these links pass without any policy. The setting
/// of `all` counts for each link (`IN_DEV_ORCONF(in_dev, NOPOLICY)` in linux `net/ipv4/route.c`; in
/// `net/ipv6/route.c`, the link is that of the address).
pub fn arriving_exempt<'n>(links: impl IntoIterator<Item = &'n str>) -> Vec<IpVersion> {
    versions(&exemptions(links), Exempt::Arriving)
}

/// Returns the versions of IP for which packets that leave by one of these links pass without any policy.
pub fn leaving_exempt<'n>(links: impl IntoIterator<Item = &'n str>) -> Vec<IpVersion> {
    versions(&exemptions(links), Exempt::Leaving)
}

fn versions(exemptions: &[Exemption], packets: Exempt) -> Vec<IpVersion> {
    let of =
        |version: &IpVersion| exemptions.iter().any(|one| one.version == *version && one.packets == packets);
    IpVersion::BOTH.into_iter().filter(of).collect()
}

fn exemptions_below<'n>(folder: &Path, links: impl IntoIterator<Item = &'n str>) -> Vec<Exemption> {
    let mut found = Vec::new();
    for link in links.into_iter().chain(["all"]) {
        for (version, file, packets) in SETTINGS {
            let file = folder.join(file.replace("{}", link));
            if keeper::read_to_string(&file).is_ok_and(|value| value.trim() != "0") {
                found.push(Exemption { link: link.to_owned(), version, packets, file });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_links_and_of_all_are_found_where_they_are_on() {
        let folder = tempfile::tempdir().unwrap();
        let set = |file: &str, value: &str| {
            let file = folder.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, value).unwrap();
            file
        };
        let leaving = set("ipv4/conf/eth0/disable_xfrm", "1\n");
        set("ipv4/conf/eth0/disable_policy", "0\n");
        set("ipv4/conf/eth1/disable_policy", "1\n");
        let all = set("ipv6/conf/all/disable_policy", "1\n");
        let exemption =
            |link: &str, version, packets, file| Exemption { link: link.to_owned(), version, packets, file };
        let expected = [
            exemption("eth0", IpVersion::V4, Exempt::Leaving, leaving),
            exemption("all", IpVersion::V6, Exempt::Arriving, all),
        ];
        assert_eq!(exemptions_below(folder.path(), ["eth0"]), expected);
        // Packets that leave without a policy say nothing of those that arrive.
        assert_eq!(versions(&expected, Exempt::Arriving), [IpVersion::V6]);
        assert_eq!(versions(&expected, Exempt::Leaving), [IpVersion::V4]);
        assert_eq!(versions(&exemptions_below(folder.path(), ["eth1"]), Exempt::Arriving), IpVersion::BOTH);
    }
}
