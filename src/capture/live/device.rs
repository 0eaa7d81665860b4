//! The name of an interface.

use std::fmt;

use strsim::levenshtein;

use crate::escape::escape;

/// An interface by its name, or `any` for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Device(String);

impl Device {
    /// Any name may be asked for; whether there is such an interface shows when it is opened.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as the kernel has it, which may hold control bytes: print it with `Display`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All interfaces at once, in the cooked format.
    pub fn is_any(&self) -> bool {
        self.0 == "any"
    }

    /// The interfaces of the current network namespace.
    pub(super) fn all() -> Vec<Self> {
        let list = nix::net::if_::if_nameindex();
        list.iter().flatten().map(|each| Self(each.name().to_string_lossy().into_owned())).collect()
    }

    /// `others`, those first that need the fewest keystrokes to become this name.
    pub(super) fn nearest_first(&self, mut others: Vec<Self>) -> Vec<Self> {
        others.sort_by_cached_key(|other| levenshtein(&self.0, &other.0));
        others
    }
}

/// The name with anything a terminal could act on escaped.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_comes_first() {
        let there_is = ["lo", "wlan0", "eth0", "eth1"].map(Device::new).to_vec();
        assert_eq!(Device::new("eht1").nearest_first(there_is)[0], Device::new("eth1"));
    }

    #[test]
    fn control_bytes_of_a_name_are_escaped() {
        assert_eq!(Device::new("e\x1b[31m").to_string(), "e\\u{1b}[31m");
    }
}
