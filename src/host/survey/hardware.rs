//! The devices of this machine behind links, on kernels that do not name them.
//!
//! Linux names the device behind a link since version 5.14 (`IFLA_PARENT_DEV_NAME`). Before that, sysfs shows it for
//! the links of the network namespace that sysfs was mounted in. For all others, the type of hardware has to be
//! believed.

use std::path::Path;

use super::{Link, Survey};
use crate::keeper;

const ETHERNET: u16 = 1;
/// The first release of Linux that names the device behind a link.
const NAMES_DEVICES: (u32, u32) = (5, 14);

impl Survey {
    /// Looks for the devices behind the links that seem to have none. `own` is true if sysfs may show this namespace.
    pub(super) fn find_hardware(&mut self, own: bool) {
        let release = keeper::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        if self.names_devices() || is_new(&release) {
            return;
        }
        for link in self.links.iter_mut().filter(|link| link.orphan) {
            let shown = if own { has_device(Path::new("/sys/class/net"), link) } else { None };
            link.orphan = !shown.unwrap_or(link.hardware == ETHERNET);
        }
    }

    /// Returns true if the kernel named the device behind at least one link.
    fn names_devices(&self) -> bool {
        self.links.iter().any(|link| link.kind.is_none() && !link.loopback && !link.orphan)
    }
}

/// Returns true if the kernel of this release names devices. One whose release has no number is taken for an old one.
fn is_new(release: &str) -> bool {
    let mut numbers = release.split(|other: char| !other.is_ascii_digit());
    let mut number = || numbers.next()?.parse::<u32>().ok();
    number().zip(number()).is_some_and(|version| version >= NAMES_DEVICES)
}

/// Returns true if a device is behind the link, as sysfs says. `None` if sysfs shows no link of that name and index.
fn has_device(sysfs: &Path, link: &Link) -> Option<bool> {
    if matches!(link.name.as_str(), "" | "." | "..") || link.name.contains('/') {
        return None;
    }
    let folder = sysfs.join(&link.name);
    let index: u32 = keeper::read_to_string(folder.join("ifindex")).ok()?.trim_end().parse().ok()?;
    (index == link.index).then(|| keeper::exists(folder.join("device")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_from_5_14_on_name_devices() {
        for new in ["5.14.0", "5.15.0-91-generic", "6.1.176", "10.0"] {
            assert!(is_new(new), "{new}");
        }
        for old in ["4.19.0-26-amd64", "5.13.19", "5.4", "5", "", "x.6.1"] {
            assert!(!is_new(old), "{old}");
        }
    }

    #[test]
    fn the_kernel_names_devices_if_one_link_without_a_kind_is_no_orphan() {
        let survey = |orphan| Survey {
            links: vec![
                Link { loopback: true, ..Link::default() },
                Link { kind: Some("veth".to_owned()), ..Link::default() },
                Link { orphan, ..Link::default() },
            ],
            ..Survey::default()
        };
        assert!(survey(false).names_devices());
        assert!(!survey(true).names_devices());
    }

    #[test]
    fn sysfs_is_believed_for_the_very_link_only() {
        let sysfs = tempfile::tempdir().unwrap();
        for (name, index) in [("card", "2\n"), ("vmnet8", "3\n"), ("other", "9\n")] {
            std::fs::create_dir(sysfs.path().join(name)).unwrap();
            std::fs::write(sysfs.path().join(name).join("ifindex"), index).unwrap();
        }
        std::fs::create_dir(sysfs.path().join("card/device")).unwrap();
        let has = |index, name: &str| {
            has_device(sysfs.path(), &Link { index, name: name.to_owned(), ..Link::default() })
        };
        assert_eq!((has(2, "card"), has(3, "vmnet8")), (Some(true), Some(false)));
        assert_eq!((has(4, "other"), has(5, "none"), has(2, "../card")), (None, None, None));
    }
}
