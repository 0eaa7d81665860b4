//! Addresses and peers as they are written on the command line and in the file.

use std::net::IpAddr;
use std::str::FromStr;

use super::spec::Peer;

/// The error for a text that is no IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use an IPv4 or IPv6 address, such as 192.0.2.1 or 2001:db8::1")]
pub struct NotAnAddress;

/// Parses an IP address as the standard library does. The library's own errors do not say what would be right.
pub fn address(text: &str) -> Result<IpAddr, NotAnAddress> {
    text.parse().map_err(|_| NotAnAddress)
}

/// The error for a text that is no peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use an underlay address, or UNDERLAY=OVERLAY such as 192.0.2.2=10.0.1.2")]
pub struct NotAPeer;

impl FromStr for Peer {
    type Err = NotAPeer;

    /// Parses the underlay address and, if it is known, the address in the network behind `=`.
    fn from_str(text: &str) -> Result<Self, NotAPeer> {
        let (underlay, overlay) =
            text.split_once('=').map_or((text, None), |(underlay, overlay)| (underlay, Some(overlay)));
        let underlay = address(underlay).map_err(|_| NotAPeer)?;
        let overlay = overlay.map(address).transpose().map_err(|_| NotAPeer)?;
        Ok(Self { underlay, overlay })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_have_an_address_in_the_network_where_it_is_known() {
        let peer = |text: &str| text.parse::<Peer>().map(|peer| (peer.underlay, peer.overlay));
        let (underlay, overlay) = (address("2001:db8::2").unwrap(), address("10.0.1.2").unwrap());
        assert_eq!(peer("2001:db8::2"), Ok((underlay, None)));
        assert_eq!(peer("2001:db8::2=10.0.1.2"), Ok((underlay, Some(overlay))));
        for wrong in ["", "node2", "192.0.2.2=", "=10.0.1.2", "192.0.2.2=10.0.1.2/24", "192.0.2.2=a=b"] {
            assert_eq!(peer(wrong), Err(NotAPeer), "{wrong}");
        }
    }
}
