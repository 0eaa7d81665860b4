//! The source addresses of this host's `IPsec` security associations. Nothing else of the associations is kept.

use std::net::IpAddr;

use crate::netlink::xfrm::{self, UserSa};

/// Returns the distinct source addresses, sorted. `None` without `CAP_NET_ADMIN` or without XFRM in the kernel.
pub(super) fn sources() -> Option<Vec<IpAddr>> {
    let mut found = xfrm::sas(&mut xfrm::open().ok()?, source).ok()?;
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// Returns the source of an SA, `None` for the unspecified address, which stands for every source.
fn source(sa: UserSa<'_>) -> Option<IpAddr> {
    sa.source().filter(|address| !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::xfrm::{AF_INET, usersa};

    #[test]
    fn a_wildcard_tells_no_address() {
        let mut body = vec![0; usersa::LEN];
        body[usersa::FAMILY..][..2].copy_from_slice(&AF_INET.to_ne_bytes());
        assert_eq!(source(UserSa::new_checked(&body).unwrap()), None);
        body[usersa::SOURCE..][..4].copy_from_slice(&[192, 0, 2, 1]);
        assert_eq!(source(UserSa::new_checked(&body).unwrap()), Some(IpAddr::from([192, 0, 2, 1])));
    }
}
