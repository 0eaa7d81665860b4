//! `struct xfrm_userpolicy_info`, a policy, and the attributes behind it.
//!
//! ```text
//!   0 selector (56): destination (16), source (16), destination port and mask (2 + 2), source port and mask (2 + 2),
//!     family (2), lengths of the prefixes of destination and source (1 + 1), protocol (1), padding, interface, user
//!  56 lifetime limits (64), lifetime so far (32)
//! 152 priority (4)
//! 156 index (4)
//! 160 direction (1), action (1), flags (1), share (1), padding to 168
//!     attributes
//! ```

use super::{XFRMA_IF_ID, XFRMA_MARK, XFRMA_TMPL, address_in, attribute, bytes_at};
use crate::netlink::{u16_at, u32_at};
use crate::packet::{Prefix, Spi};

pub(crate) const DESTINATION: usize = 0;
pub(crate) const SOURCE: usize = 16;
pub(crate) const DPORT: usize = 32;
pub(crate) const DPORT_MASK: usize = 34;
pub(crate) const SPORT: usize = 36;
pub(crate) const FAMILY: usize = 40;
pub(crate) const PREFIX_D: usize = 42;
pub(crate) const PREFIX_S: usize = 43;
pub(crate) const PROTO: usize = 44;
pub(crate) const IFINDEX: usize = 48;
pub(crate) const SELECTOR_LEN: usize = 56;
pub(crate) const PRIORITY: usize = 152;
pub(crate) const INDEX: usize = 156;
pub(crate) const DIR: usize = 160;
pub(crate) const ACTION: usize = 161;
pub(crate) const LEN: usize = 168;

pub(crate) const ALLOW: u8 = 0;
pub(crate) const BLOCK: u8 = 1;

/// The value of a default action that blocks (`XFRM_USERPOLICY_BLOCK`).
const DEFAULT_BLOCK: u8 = 1;
/// The length of `struct xfrm_userpolicy_default`.
pub(super) const DEFAULT_LEN: usize = 3;

/// `struct xfrm_user_tmpl`, of which a policy has an array.
pub(crate) mod template {
    pub(crate) const SPI: usize = 16;
    pub(crate) const PROTO: usize = 20;
    pub(crate) const REQID: usize = 44;
    pub(crate) const MODE: usize = 48;
    pub(crate) const OPTIONAL: usize = 50;
    pub(crate) const LEN: usize = 64;
}

/// The direction of the packets that a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyDirection {
    /// Packets that arrive for this host.
    In,
    /// Packets that this host sends.
    Out,
    /// Packets that this host forwards.
    Forward,
}

impl PolicyDirection {
    /// Returns the kernel's number (`XFRM_POLICY_IN` and the others).
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::In => 0,
            Self::Out => 1,
            Self::Forward => 2,
        }
    }

    /// Reads the kernel's number. Returns `None` for the policy of a single socket, which has a number of its own.
    fn from_number(number: u8) -> Option<Self> {
        [Self::In, Self::Out, Self::Forward].into_iter().find(|direction| direction.number() == number)
    }

    /// Returns `in`, `out` or `forward`.
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Forward => "forward",
        }
    }
}

/// Reads `struct xfrm_userpolicy_default`, of one byte for each of in, forward and out: the directions in which packets
/// without a policy are blocked.
pub(super) fn blocked_by_default(body: &[u8]) -> Vec<PolicyDirection> {
    let blocks = |at| body.get(at) == Some(&DEFAULT_BLOCK);
    let directions = [PolicyDirection::In, PolicyDirection::Forward, PolicyDirection::Out];
    (0..).zip(directions).filter(|(at, _)| blocks(*at)).map(|(_, direction)| direction).collect()
}

/// A view of a policy in a message of the kernel.
#[derive(Clone, Copy)]
pub(crate) struct UserPolicy<'a> {
    fixed: &'a [u8; LEN],
    attributes: &'a [u8],
}

impl<'a> UserPolicy<'a> {
    /// Makes a view of the body of a message. Returns `None` if the body is shorter than the struct.
    pub(crate) fn new_checked(body: &'a [u8]) -> Option<Self> {
        let (fixed, attributes) = body.split_first_chunk()?;
        Some(Self { fixed, attributes })
    }

    /// Returns the sources that the selector matches. `None` if the family is not IP's or the prefix is too long.
    pub(crate) fn source(&self) -> Option<Prefix> {
        self.prefix(SOURCE, PREFIX_S)
    }

    /// Returns the destinations that the selector matches. `None` if the family is not IP's or the prefix is too long.
    pub(crate) fn destination(&self) -> Option<Prefix> {
        self.prefix(DESTINATION, PREFIX_D)
    }

    /// Returns the destination port that the selector matches, and the mask of its bits that count. With a mask of 0,
    /// every port matches.
    pub(crate) fn destination_port(&self) -> (u16, u16) {
        let be = |at| u16::from_be_bytes(bytes_at(self.fixed, at));
        (be(DPORT), be(DPORT_MASK))
    }

    /// Returns the source port that the selector matches, and its mask, like [`Self::destination_port`].
    pub(crate) fn source_port(&self) -> (u16, u16) {
        let be = |at| u16::from_be_bytes(bytes_at(self.fixed, at));
        (be(SPORT), be(SPORT + 2))
    }

    /// Returns the index of the link that packets must have as their device, 0 for any (`dev` in `ip xfrm policy`).
    pub(crate) fn device(&self) -> u32 {
        u32::from_ne_bytes(bytes_at(self.fixed, IFINDEX))
    }

    /// Returns the IP protocol that the selector matches, 0 for every protocol.
    pub(crate) fn proto(&self) -> u8 {
        self.byte(PROTO)
    }

    /// Returns the priority. The policy with the lowest number goes first.
    pub(crate) fn priority(&self) -> u32 {
        u32::from_ne_bytes(bytes_at(self.fixed, PRIORITY))
    }

    /// Returns the number that the kernel gave the policy.
    pub(crate) fn index(&self) -> u32 {
        u32::from_ne_bytes(bytes_at(self.fixed, INDEX))
    }

    /// Returns the direction, `None` for the policy of a single socket.
    pub(crate) fn direction(&self) -> Option<PolicyDirection> {
        PolicyDirection::from_number(self.byte(DIR))
    }

    /// Returns the action, [`ALLOW`] or [`BLOCK`].
    pub(crate) fn action(&self) -> u8 {
        self.byte(ACTION)
    }

    /// Returns the transforms that the policy demands of packets. Without any, packets pass as they are.
    pub(crate) fn templates(&self) -> impl Iterator<Item = Template<'a>> + use<'a> {
        let templates = self.attribute(XFRMA_TMPL).unwrap_or_default();
        templates.chunks_exact(template::LEN).filter_map(|one| Some(Template(one.first_chunk()?)))
    }

    /// Returns the mark that packets must have, and the mask of its bits that count. With a mask of 0, every mark
    /// matches. `None` if the attribute is cut off.
    pub(crate) fn mark(&self) -> Option<(u32, u32)> {
        let Some(value) = self.attribute(XFRMA_MARK) else { return Some((0, 0)) };
        Some((u32_at(value, 0)?, u32_at(value, 4)?))
    }

    /// Returns the number of the xfrm interface that packets must pass, 0 for none. `None` if the attribute is cut off.
    pub(crate) fn interface(&self) -> Option<u32> {
        self.attribute(XFRMA_IF_ID).map_or(Some(0), |value| u32_at(value, 0))
    }

    /// Returns true if another policy says the same of the same packets: the selector, the priority, the direction with
    /// action, flags and share, and the templates are alike to the byte. Limits, counters and the index may differ.
    pub(crate) fn says_the_same(&self, other: &UserPolicy<'_>) -> bool {
        let rule = |policy: &UserPolicy<'_>| {
            let selector: [u8; SELECTOR_LEN] = bytes_at(policy.fixed, 0);
            let verdict: [u8; 4] = bytes_at(policy.fixed, DIR);
            (selector, policy.priority(), verdict)
        };
        rule(self) == rule(other) && self.attribute(XFRMA_TMPL) == other.attribute(XFRMA_TMPL)
    }

    fn prefix(&self, address: usize, length: usize) -> Option<Prefix> {
        let family = u16_at(self.fixed, FAMILY)?;
        Prefix::new(address_in(self.fixed, address, family)?, self.byte(length))
    }

    fn byte(&self, at: usize) -> u8 {
        let [byte] = bytes_at(self.fixed, at);
        byte
    }

    fn attribute(&self, kind: u16) -> Option<&'a [u8]> {
        attribute(self.attributes, kind)
    }
}

/// A transform that a policy demands of packets.
#[derive(Clone, Copy)]
pub(crate) struct Template<'a>(&'a [u8; template::LEN]);

impl Template<'_> {
    /// Returns the IP protocol: ESP, AH, or another one.
    pub(crate) fn proto(self) -> u8 {
        let [proto] = bytes_at(self.0, template::PROTO);
        proto
    }

    /// Returns the number that ties the template to SAs, 0 if any SA will do.
    pub(crate) fn reqid(self) -> u32 {
        u32::from_ne_bytes(bytes_at(self.0, template::REQID))
    }

    /// Returns the SPI that the SA must have, 0 if any will do.
    pub(crate) fn spi(self) -> Spi {
        Spi(u32::from_be_bytes(bytes_at(self.0, template::SPI)))
    }

    /// Returns the mode, one of the `XFRM_MODE_*` numbers.
    pub(crate) fn mode(self) -> u8 {
        let [mode] = bytes_at(self.0, template::MODE);
        mode
    }

    /// Returns true if packets pass without the transform as well.
    pub(crate) fn is_optional(self) -> bool {
        bytes_at(self.0, template::OPTIONAL) != [0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::push_attribute;
    use crate::netlink::xfrm::AF_INET;
    use crate::netlink::xfrm::usersa::TUNNEL;
    use crate::packet::protocol::{ESP, UDP};

    /// Builds a policy for UDP to a port, with a mark, an interface and two templates.
    fn message() -> Vec<u8> {
        let mut body = vec![0; LEN];
        body[DESTINATION..][..4].copy_from_slice(&[192, 0, 2, 2]);
        body[SOURCE..][..4].copy_from_slice(&[198, 51, 100, 0]);
        body[DPORT..][..4].copy_from_slice(&[0x12, 0xb5, 0xff, 0xff]);
        body[SPORT..][..4].copy_from_slice(&[0x9c, 0x40, 0xff, 0]);
        body[IFINDEX..][..4].copy_from_slice(&3u32.to_ne_bytes());
        body[FAMILY..][..2].copy_from_slice(&AF_INET.to_ne_bytes());
        (body[PREFIX_D], body[PREFIX_S], body[PROTO]) = (32, 24, UDP);
        body[PRIORITY..][..4].copy_from_slice(&100u32.to_ne_bytes());
        body[INDEX..][..4].copy_from_slice(&1234u32.to_ne_bytes());
        (body[DIR], body[ACTION]) = (PolicyDirection::Forward.number(), BLOCK);
        let mut templates = vec![0; 2 * template::LEN];
        templates[template::PROTO] = ESP;
        templates[template::REQID..][..4].copy_from_slice(&7u32.to_ne_bytes());
        templates[template::SPI..][..4].copy_from_slice(&[0, 0, 1, 2]);
        templates[template::MODE] = TUNNEL;
        templates[template::LEN + template::OPTIONAL] = 1;
        push_attribute(&mut body, XFRMA_TMPL, &templates);
        push_attribute(&mut body, XFRMA_MARK, &[1, 0, 0, 0, 2, 0, 0, 0]);
        push_attribute(&mut body, XFRMA_IF_ID, &42u32.to_ne_bytes());
        body
    }

    #[test]
    fn every_field_is_read_where_it_is() {
        let body = message();
        let policy = UserPolicy::new_checked(&body).unwrap();
        assert_eq!(policy.source().unwrap().to_string(), "198.51.100.0/24");
        assert_eq!(policy.destination().unwrap().to_string(), "192.0.2.2/32");
        assert_eq!((policy.destination_port(), policy.source_port()), ((4789, 0xffff), (40_000, 0xff00)));
        assert_eq!(policy.device(), 3);
        assert_eq!((policy.proto(), policy.priority(), policy.index()), (UDP, 100, 1234));
        assert_eq!((policy.direction(), policy.action()), (Some(PolicyDirection::Forward), BLOCK));
        let templates: Vec<_> = policy.templates().map(|t| (t.proto(), t.reqid(), t.is_optional())).collect();
        assert_eq!(templates, [(ESP, 7, false), (0, 0, true)]);
        let templates: Vec<_> = policy.templates().map(|t| (t.spi(), t.mode())).collect();
        assert_eq!(templates, [(Spi(0x102), TUNNEL), (Spi(0), 0)]);
        let number = |n: u8| u32::from_ne_bytes([n, 0, 0, 0]);
        assert_eq!((policy.mark(), policy.interface()), (Some((number(1), number(2))), Some(42)));
    }

    #[test]
    fn a_policy_without_attributes_is_for_every_mark_and_interface() {
        let body = message();
        let policy = UserPolicy::new_checked(&body[..LEN]).unwrap();
        assert_eq!((policy.mark(), policy.interface()), (Some((0, 0)), Some(0)));
        assert_eq!(policy.templates().count(), 0);
    }

    #[test]
    fn a_prefix_longer_than_its_address_and_the_direction_of_a_socket_are_none() {
        let mut body = message();
        (body[PREFIX_D], body[DIR]) = (33, 3);
        let policy = UserPolicy::new_checked(&body).unwrap();
        assert_eq!((policy.destination(), policy.direction()), (None, None));
    }

    #[test]
    fn a_default_blocks_only_where_it_says_so() {
        use PolicyDirection::{Forward, In, Out};
        assert_eq!(blocked_by_default(&[1, 2, 1]), [In, Out]);
        assert_eq!(blocked_by_default(&[2, 1, 0]), [Forward]);
        assert_eq!(blocked_by_default(&[1]), [In]);
        assert_eq!(blocked_by_default(&[]), []);
    }

    #[test]
    fn counters_and_the_index_are_no_part_of_what_a_policy_says() {
        let body = message();
        let says_the_same = |change: usize| {
            let mut changed = body.clone();
            changed[change] ^= 1;
            let [policy, changed] = [&body, &changed].map(|body| UserPolicy::new_checked(body).unwrap());
            policy.says_the_same(&changed)
        };
        for at in (0..SELECTOR_LEN).chain(PRIORITY..INDEX).chain(DIR..DIR + 4) {
            assert!(!says_the_same(at), "{at}");
        }
        assert!(!says_the_same(LEN + 4 + template::OPTIONAL));
        for at in (SELECTOR_LEN..PRIORITY).chain(INDEX..DIR) {
            assert!(says_the_same(at), "{at}");
        }
    }

    #[test]
    fn a_message_cut_off_anywhere_is_none_or_lacks_attributes() {
        let body = message();
        for len in 0..=body.len() {
            let policy = UserPolicy::new_checked(&body[..len]);
            assert_eq!(policy.is_some(), len >= LEN);
            let Some(policy) = policy else { continue };
            assert_eq!(policy.templates().count(), if len < LEN + 4 + 2 * template::LEN { 0 } else { 2 });
            let _ = (policy.mark(), policy.interface(), policy.source(), policy.direction());
        }
        let mut cut = body[..LEN].to_vec();
        push_attribute(&mut cut, XFRMA_MARK, &[1, 0, 0, 0]);
        push_attribute(&mut cut, XFRMA_IF_ID, &[1, 0]);
        let policy = UserPolicy::new_checked(&cut).unwrap();
        assert_eq!((policy.mark(), policy.interface()), (None, None));
    }
}
