//! Addresses of the link layer.

use std::fmt;

/// The link-layer address of an Ethernet interface (IEEE 802, EUI-48), in the order of the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Six zeros: no interface's address. In a VXLAN device's forwarding table the entry for every address without one
    /// of its own.
    pub const ZERO: Self = Self([0; 6]);

    /// From a link-layer address of any kind; `None` for those that have not six bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Hexadecimal digits in lower case, with colons.
impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, last] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{last:02x}")
    }
}
