//! The name of an interface.

use std::fmt;

use strsim::levenshtein;

use crate::escape::escape;

/// An interface's name, or `any` for all interfaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Device(String);

impl Device {
    /// Takes any name. Opening the device shows whether there is such an interface.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the name as the kernel has it. It may hold control bytes, so use `Display` to print it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true for the pseudo-device that captures on all interfaces, in the cooked format.
    pub fn is_any(&self) -> bool {
        self.0 == "any"
    }

    /// Lists the interfaces of the current network namespace.
    pub(super) fn all() -> Vec<Self> {
        let list = nix::net::if_::if_nameindex();
        list.iter().flatten().map(|each| Self(each.name().to_string_lossy().into_owned())).collect()
    }

    /// Sorts `others` by the number of keystrokes that turn them into this name, the fewest first.
    pub fn nearest_first(&self, mut others: Vec<Self>) -> Vec<Self> {
        others.sort_by_cached_key(|other| levenshtein(&self.0, &other.0));
        others
    }
}

/// Prints the name with everything escaped that a terminal would act on.
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
