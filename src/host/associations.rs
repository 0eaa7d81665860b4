//! The source addresses of this host's `IPsec` security associations, and nothing else of them.

use std::net::IpAddr;

use crate::netlink::xfrm::{GETSA, NEWSA, address_at, usersa};
use crate::netlink::{Family, Netlink, u16_at};

/// The distinct source addresses. `None` when the kernel will not tell (no `CAP_NET_ADMIN`, or no XFRM).
pub(super) fn sources() -> Option<Vec<IpAddr>> {
    let mut netlink = Netlink::open(Family::Xfrm, None).ok()?;
    let read = |kind, body: &[u8]| if kind == NEWSA { source(body) } else { None };
    let mut found = netlink.dump(GETSA, &[], read).ok()?;
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// None for the wildcard.
fn source(body: &[u8]) -> Option<IpAddr> {
    let family = u16_at(body, usersa::FAMILY)?;
    address_at(body, usersa::SOURCE, family).filter(|address| !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_and_a_cut_association_tell_no_address() {
        let mut body = vec![0; usersa::LEN];
        body[usersa::FAMILY..][..2].copy_from_slice(&2u16.to_ne_bytes());
        assert_eq!(source(&body), None);
        body[usersa::SOURCE..][..4].copy_from_slice(&[192, 0, 2, 1]);
        assert_eq!(source(&body), Some(IpAddr::from([192, 0, 2, 1])));
        for end in 0..usersa::FAMILY + 2 {
            assert_eq!(source(&body[..end]), None);
        }
    }
}
