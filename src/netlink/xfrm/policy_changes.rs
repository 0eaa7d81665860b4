//! The kernel's notices of policies that come and go (linux `net/xfrm/xfrm_user.c`).
//!
//! A policy that expires is told of in another group than one that is deleted. The notice of a deleted one begins with
//! `struct xfrm_userpolicy_id`, in which the index is 0 if the policy was named by its selector. So the policy itself
//! is read from an attribute:
//!
//! ```text
//!   0 selector (56)
//!  56 index (4)
//!  60 direction (1), padding to 64
//!     attributes: XFRMA_POLICY with struct xfrm_userpolicy_info, and those that the policy had
//! ```

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};

use super::userpolicy::{DIR, INDEX, LEN, SELECTOR_LEN};
use super::{DELPOLICY, NEWPOLICY, PolicyDirection, UPDPOLICY, UserPolicy, XfrmError, attribute};
use crate::netlink::{Family, Subscription};

const POLEXPIRE: u16 = 0x1b;
const FLUSHPOLICY: u16 = 0x1d;
const MIGRATE: u16 = 0x21;
/// The notice of what becomes of packets without a policy bears the number of the question for it.
const GETDEFAULT: u16 = 0x28;
const XFRMA_POLICY: u16 = 7;
/// The length of `struct xfrm_userpolicy_id`.
const ID_LEN: usize = 64;
/// The offset of the byte that says if an expired policy is gone, in `struct xfrm_user_polexpire`, and its length.
const HARD: usize = LEN;
const EXPIRE_LEN: usize = LEN + 8;

/// The groups `XFRMNLGRP_POLICY`, `XFRMNLGRP_EXPIRE` and `XFRMNLGRP_MIGRATE`.
const GROUPS: [u32; 3] = [4, 2, 5];

/// The greatest number of changes that one call hands over.
const MOST: usize = 4096;

/// A change of the policies. `T` is made of a policy by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PolicyChange<T> {
    /// A policy came, or replaced the one with the same selector.
    Set(T),
    /// A policy went away.
    Gone {
        /// Its direction, `None` for the policy of a single socket.
        direction: Option<PolicyDirection>,
        /// The number that the kernel gave it, 0 if the notice does not say.
        index: u32,
        /// The policy, if it was told and if the caller makes anything of it.
        policy: Option<T>,
    },
    /// All policies went away.
    Flushed,
    /// Changes that are not known: there were too many, the kernel's words were not understood, or it changed more than
    /// one policy by itself. Dump the policies again.
    Lost,
}

/// The kernel's notices of policies.
///
/// Only opening them needs `CAP_NET_ADMIN`. They go on to arrive after root was left.
pub(crate) struct PolicyChanges {
    subscription: Subscription,
}

impl PolicyChanges {
    /// Subscribes in the network namespace of this thread. Call this before the dump, so that no policy is missed
    /// between the two.
    pub(crate) fn open() -> Result<Self, XfrmError> {
        Ok(Self { subscription: Subscription::open(Family::Xfrm, &GROUPS)? })
    }

    /// Returns the changes since the last call, and never waits. `read` makes a value of a policy, or passes it over.
    pub(crate) fn take<T>(&mut self, policy: impl Fn(UserPolicy<'_>) -> Option<T>) -> Vec<PolicyChange<T>> {
        let (mut found, mut left_out) = (Vec::new(), false);
        let lost = self.subscription.take(|kind, body| {
            let Some(change) = read(kind, body, &policy) else { return };
            if found.len() < MOST {
                found.push(change);
            } else {
                left_out = true;
            }
        });
        if lost || left_out {
            found.push(PolicyChange::Lost);
        }
        found
    }
}

impl fmt::Debug for PolicyChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyChanges").field("subscription", &self.subscription).finish()
    }
}

/// The descriptor is readable when there are changes.
impl AsFd for PolicyChanges {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.subscription.as_fd()
    }
}

/// Reads a notice. Returns `None` if it is of something else, or of a policy that the caller passes over.
pub(crate) fn read<T>(
    kind: u16,
    body: &[u8],
    policy: impl Fn(UserPolicy<'_>) -> Option<T>,
) -> Option<PolicyChange<T>> {
    match kind {
        NEWPOLICY | UPDPOLICY => match UserPolicy::new_checked(body) {
            Some(view) => policy(view).map(PolicyChange::Set),
            None => Some(PolicyChange::Lost),
        },
        DELPOLICY => Some(deleted(body, policy).unwrap_or(PolicyChange::Lost)),
        POLEXPIRE => match (body.get(HARD), body.get(..LEN), body.get(EXPIRE_LEN..)) {
            // A soft limit is a warning only.
            (Some(0), ..) => None,
            (_, Some(fixed), Some(attributes)) => gone(fixed, attributes, policy),
            _ => Some(PolicyChange::Lost),
        },
        FLUSHPOLICY => Some(PolicyChange::Flushed),
        MIGRATE | GETDEFAULT => Some(PolicyChange::Lost),
        _ => None,
    }
}

fn deleted<T>(body: &[u8], policy: impl Fn(UserPolicy<'_>) -> Option<T>) -> Option<PolicyChange<T>> {
    let (id, attributes) = body.split_first_chunk::<ID_LEN>()?;
    if let Some(fixed) = attribute(attributes, XFRMA_POLICY) {
        return gone(fixed, attributes, policy);
    }
    // The same numbers as a policy has them, so that one view reads both.
    let mut fixed = vec![0; LEN];
    for (to, from, len) in [(0, 0, SELECTOR_LEN), (INDEX, SELECTOR_LEN, 4), (DIR, SELECTOR_LEN + 4, 1)] {
        fixed.get_mut(to..to + len)?.copy_from_slice(id.get(from..from + len)?);
    }
    gone(&fixed, &[], |_| None)
}

fn gone<T>(
    fixed: &[u8],
    attributes: &[u8],
    policy: impl Fn(UserPolicy<'_>) -> Option<T>,
) -> Option<PolicyChange<T>> {
    let whole = [fixed.get(..LEN)?, attributes].concat();
    let view = UserPolicy::new_checked(&whole)?;
    Some(PolicyChange::Gone { direction: view.direction(), index: view.index(), policy: policy(view) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::push_attribute;
    use crate::netlink::xfrm::XFRMA_IF_ID;

    type Told = PolicyChange<(u32, Option<u32>)>;

    /// Makes a policy without its attributes.
    fn fixed(index: u32, direction: PolicyDirection) -> Vec<u8> {
        let mut body = vec![0; LEN];
        body[INDEX..][..4].copy_from_slice(&index.to_ne_bytes());
        body[DIR] = direction.number();
        body
    }

    /// Makes the notice of a policy that was deleted by its selector, or by its index.
    fn deleted(index: u32) -> Vec<u8> {
        let mut body = vec![0; ID_LEN];
        body[SELECTOR_LEN..][..4].copy_from_slice(&index.to_ne_bytes());
        body[SELECTOR_LEN + 4] = PolicyDirection::Out.number();
        body
    }

    fn told(kind: u16, body: &[u8]) -> Option<Told> {
        read(kind, body, |policy| Some((policy.index(), policy.interface())))
    }

    fn gone(index: u32, policy: Option<(u32, Option<u32>)>) -> Told {
        PolicyChange::Gone { direction: Some(PolicyDirection::Out), index, policy }
    }

    #[test]
    fn a_policy_that_comes_and_goes_is_told_with_its_attributes() {
        let policy = fixed(17, PolicyDirection::Out);
        let mut set = policy.clone();
        push_attribute(&mut set, XFRMA_IF_ID, &42u32.to_ne_bytes());
        for kind in [NEWPOLICY, UPDPOLICY] {
            assert_eq!(told(kind, &set), Some(PolicyChange::Set((17, Some(42)))));
        }
        let mut body = deleted(0);
        push_attribute(&mut body, XFRMA_POLICY, &policy);
        push_attribute(&mut body, XFRMA_IF_ID, &42u32.to_ne_bytes());
        assert_eq!(told(DELPOLICY, &body), Some(gone(17, Some((17, Some(42))))));
        assert_eq!(told(DELPOLICY, &deleted(18)), Some(gone(18, None)));
        for len in 0..body.len() {
            let cut = told(DELPOLICY, &body[..len]);
            assert_ne!(cut, Some(gone(17, Some((17, Some(42))))), "{len}");
            assert_eq!(cut == Some(PolicyChange::Lost), len < ID_LEN, "{len}");
            assert_eq!(told(NEWPOLICY, &set[..len.min(LEN - 1)]), Some(PolicyChange::Lost));
        }
    }

    #[test]
    fn a_policy_expires_at_its_hard_limit() {
        let mut body = fixed(17, PolicyDirection::Out);
        body.extend([0; EXPIRE_LEN - LEN]);
        push_attribute(&mut body, XFRMA_IF_ID, &42u32.to_ne_bytes());
        assert_eq!(told(POLEXPIRE, &body), None);
        body[HARD] = 1;
        assert_eq!(told(POLEXPIRE, &body), Some(gone(17, Some((17, Some(42))))));
        for len in 0..EXPIRE_LEN {
            assert_eq!(told(POLEXPIRE, &body[..len]), Some(PolicyChange::Lost), "{len}");
        }
    }

    #[test]
    fn a_flush_is_told_and_what_was_not_told_is_lost() {
        assert_eq!(told(FLUSHPOLICY, &[]), Some(PolicyChange::Flushed));
        assert_eq!(told(MIGRATE, &[0; 100]), Some(PolicyChange::Lost));
        assert_eq!(told(GETDEFAULT, &[0; 4]), Some(PolicyChange::Lost));
        // An SA that expires.
        assert_eq!(told(0x18, &[0; 300]), None);
        let passed_over = read::<()>(NEWPOLICY, &fixed(17, PolicyDirection::In), |_| None);
        assert_eq!(passed_over, None);
    }
}
