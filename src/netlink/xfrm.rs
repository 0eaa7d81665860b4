//! XFRM: security associations and policies (linux `net/xfrm/xfrm_user.c`, `include/uapi/linux/xfrm.h`).
//!
//! A message is a struct of fixed layout with attributes behind it. [`UserSa`] and [`UserPolicy`] are views over its
//! bytes in the manner of smoltcp: the length is checked once, and then every field has a method that cannot fail.
//! Nothing is copied, because a dump of SAs holds their keys and its buffer is wiped. The room `overlay` builds the
//! messages that it sends, with the same names for the offsets.
//!
//! Offsets and lengths are in bytes. Numbers are in the machine's byte order, but addresses, ports and SPIs are in
//! network order.

pub(super) mod algorithm;
// The watch is to follow them.
pub(crate) mod policy_changes;
pub(crate) mod userpolicy;
pub(crate) mod usersa;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Family, Netlink, Refusal, array_at, attributes};
pub(crate) use algorithm::{Algorithm, NAME_LEN};
pub(crate) use policy_changes::{PolicyChange, PolicyChanges};
pub use userpolicy::PolicyDirection;
pub(crate) use userpolicy::{Template, UserPolicy};
pub(crate) use usersa::{UserSa, replay};

pub(crate) const NEWSA: u16 = 0x10;
pub(crate) const DELSA: u16 = 0x11;
const GETSA: u16 = 0x12;
pub(crate) const NEWPOLICY: u16 = 0x13;
pub(crate) const DELPOLICY: u16 = 0x14;
const GETPOLICY: u16 = 0x15;
pub(crate) const UPDPOLICY: u16 = 0x19;
pub(crate) const UPDSA: u16 = 0x1a;
const GETDEFAULT: u16 = 0x28;

pub(crate) const XFRMA_ALG_AUTH: u16 = 1;
pub(crate) const XFRMA_ALG_CRYPT: u16 = 2;
pub(super) const XFRMA_ENCAP: u16 = 4;
pub(crate) const XFRMA_TMPL: u16 = 5;
pub(super) const XFRMA_LASTUSED: u16 = 15;
pub(crate) const XFRMA_ALG_AEAD: u16 = 18;
pub(super) const XFRMA_ALG_AUTH_TRUNC: u16 = 20;
pub(crate) const XFRMA_MARK: u16 = 21;
pub(super) const XFRMA_TFCPAD: u16 = 22;
pub(crate) const XFRMA_REPLAY_ESN_VAL: u16 = 23;
pub(super) const XFRMA_OFFLOAD_DEV: u16 = 28;
pub(crate) const XFRMA_IF_ID: u16 = 31;

pub(crate) const AF_INET: u16 = nix::libc::AF_INET as u16;
pub(crate) const AF_INET6: u16 = nix::libc::AF_INET6 as u16;

/// The reasons why the kernel does not say what it has of IPsec.
#[derive(Clone, Debug, thiserror::Error)]
pub enum XfrmError {
    /// The user has no permission.
    #[error("permission denied; run as root, in a container with the capability NET_ADMIN")]
    Denied,
    /// The kernel has no XFRM.
    #[error("this kernel has no IPsec; run 'modprobe xfrm_user'")]
    NoXfrm,
    /// The kernel answered with another error.
    #[error("{0}")]
    Refused(Refusal),
}

impl From<Refusal> for XfrmError {
    fn from(refusal: Refusal) -> Self {
        use nix::libc::{EACCES, ECONNREFUSED, EPERM, EPROTONOSUPPORT};
        match refusal.errno {
            EPERM | EACCES => Self::Denied,
            EPROTONOSUPPORT | ECONNREFUSED => Self::NoXfrm,
            _ => Self::Refused(refusal),
        }
    }
}

impl From<io::Error> for XfrmError {
    fn from(error: io::Error) -> Self {
        Refusal::from(error).into()
    }
}

impl XfrmError {
    /// Returns the link word between the message and one more remedy.
    pub(crate) fn and(&self) -> &'static str {
        match self {
            Self::Denied | Self::NoXfrm => ", or",
            Self::Refused(_) => ";",
        }
    }
}

/// Opens a conversation about the SAs and policies of this thread's network namespace.
pub(crate) fn open() -> Result<Netlink, XfrmError> {
    Ok(Netlink::open(Family::Xfrm)?)
}

/// Opens a conversation as [`open`] does, in which the SAs of ESP have their keys.
pub(crate) fn open_with_keys() -> Result<Netlink, XfrmError> {
    Ok(Netlink::open(Family::Keys)?)
}

/// Dumps the SAs of the conversation's network namespace, and returns the values that `read` makes of them.
pub(crate) fn sas<T>(
    netlink: &mut Netlink,
    read: impl Fn(UserSa<'_>) -> Option<T>,
) -> Result<Vec<T>, Refusal> {
    netlink.dump(GETSA, &[], |kind, body| UserSa::new_checked(body).filter(|_| kind == NEWSA).and_then(&read))
}

/// Dumps the policies of the conversation's network namespace, and returns the values that `read` makes of them. The
/// kernel lists the newest first; a policy that was updated counts as new.
pub(crate) fn policies<T>(
    netlink: &mut Netlink,
    read: impl Fn(UserPolicy<'_>) -> Option<T>,
) -> Result<Vec<T>, Refusal> {
    netlink.dump(GETPOLICY, &[], |kind, body| {
        UserPolicy::new_checked(body).filter(|_| kind == NEWPOLICY).and_then(&read)
    })
}

/// Asks for the directions in which packets that no policy covers are blocked (`ip xfrm policy getdefault`). A kernel
/// before 5.15 refuses, and blocks none.
pub(crate) fn blocked_by_default(netlink: &mut Netlink) -> Result<Vec<PolicyDirection>, Refusal> {
    let mut found = Vec::new();
    netlink.ask(GETDEFAULT, &[0; userpolicy::DEFAULT_LEN], |kind, body| {
        if kind == GETDEFAULT {
            found = userpolicy::blocked_by_default(body);
        }
    })?;
    Ok(found)
}

/// Reads an `xfrm_address_t` of a family. An IPv4 address is in its first four bytes.
fn address_in(fixed: &[u8], at: usize, family: u16) -> Option<IpAddr> {
    match family {
        AF_INET => Some(Ipv4Addr::from(bytes_at::<4>(fixed, at)).into()),
        AF_INET6 => Some(Ipv6Addr::from(bytes_at::<16>(fixed, at)).into()),
        _ => None,
    }
}

/// Returns bytes of a struct whose length was checked. Every offset of a view lies within its struct, so the zeros are
/// never returned.
fn bytes_at<const N: usize>(fixed: &[u8], at: usize) -> [u8; N] {
    array_at(fixed, at).unwrap_or([0; N])
}

pub(super) fn attribute(all: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(all).find(|(found, _)| *found == kind).map(|(_, value)| value)
}
