//! The policies that make an encrypted network fail closed.
//!
//! A network has three policies in each direction. They match all UDP to the network's own port, between any
//! addresses:
//!
//! - One requires ESP for every address. Datagrams leave in ESP by one of the network's SAs, and are accepted only
//!   if they arrived in such ESP. Every SA has a selector of its own (one sender, one receiver, this port), so no
//!   SA serves another pair of nodes.
//! - Two block below it, each for one half of the addresses. The kernel knows a policy by its selector, so a second
//!   one for `0.0.0.0/0` cannot stand beside the first. If any one of the three is taken away, the other two still
//!   cover every address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::netlink::xfrm::PolicyDirection;
use crate::packet::{Prefix, Vni};

/// The first byte of every reqid of ours, an `o`. It marks SAs and policies as ours. The other three bytes are the
/// VNI.
const OURS: u32 = 0x6f00_0000;

/// The priority of the policies that require ESP.
const REQUIRE: u32 = 100;

/// Returns the request number that ties a network's policies to its SAs, and marks both as ours.
pub fn reqid(vni: Vni) -> u32 {
    OURS | vni.value()
}

/// Returns the network that a reqid belongs to, or `None` if the reqid is not ours.
pub fn vni_of_reqid(reqid: u32) -> Option<Vni> {
    Vni::new(reqid ^ OURS)
}

impl Serialize for PolicyDirection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The action of a policy on the datagrams that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// All are dropped.
    Block,
    /// All must pass in transport-mode ESP, or they are dropped.
    RequireEsp,
}

/// One policy of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Policy {
    /// The direction: in or out, because nothing of a network is forwarded.
    pub direction: PolicyDirection,
    /// The action on what it matches.
    pub action: Action,
    /// The destinations that it matches. It matches every source.
    #[serde(flatten, serialize_with = "apart")]
    pub destination: Prefix,
    /// The UDP destination port.
    pub port: u16,
    /// The request number, which marks it as ours and names its network.
    pub reqid: u32,
}

/// Writes a prefix as two fields, the address and the length.
fn apart<S: Serializer>(destination: &Prefix, serializer: S) -> Result<S::Ok, S::Error> {
    let mut parts = serializer.serialize_struct("Prefix", 2)?;
    parts.serialize_field("destination", &destination.address())?;
    parts.serialize_field("prefix", &destination.length())?;
    parts.end()
}

impl Policy {
    /// Returns all policies of a network in the order in which they are added: those that block come first.
    #[allow(clippy::missing_panics_doc)] // 0 and 1 are lengths that every address has
    pub fn of(vni: Vni, port: u16, underlay: IpAddr) -> Vec<Self> {
        let [all, upper] = match underlay {
            IpAddr::V4(_) => [Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(128, 0, 0, 0).into()],
            IpAddr::V6(_) => {
                [Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x8000, 0, 0, 0, 0, 0, 0, 0).into()]
            }
        };
        let mut policies = Vec::with_capacity(6);
        for (action, network, length) in
            [(Action::Block, all, 1), (Action::Block, upper, 1), (Action::RequireEsp, all, 0)]
        {
            let destination = Prefix::new(network, length).expect("every address has a bit");
            for direction in [PolicyDirection::Out, PolicyDirection::In] {
                policies.push(Self { direction, action, destination, port, reqid: reqid(vni) });
            }
        }
        policies
    }

    /// Returns the kernel's priority of the policy. The lower number wins.
    pub(super) fn priority(&self) -> u32 {
        match self.action {
            Action::RequireEsp => REQUIRE,
            Action::Block => 1000,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            Action::Block => "block",
            Action::RequireEsp => "require esp for",
        };
        let way = self.direction.name();
        write!(f, "{action} udp port {} to {} ({way})", self.port, self.destination)
    }
}

/// A policy of somebody else that lets datagrams pass in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ForeignPolicy {
    pub(super) direction: PolicyDirection,
    pub(super) source: Prefix,
    pub(super) destination: Prefix,
    pub(super) port: u16,
    /// The bits of `port` that count; 0 for every port.
    pub(super) port_mask: u16,
    pub(super) priority: u32,
}

impl ForeignPolicy {
    /// Returns true if the kernel may follow this policy instead of ours, for datagrams of a network between this
    /// node and its peers. Equal priority counts, because the kernel then takes the older policy.
    pub(super) fn precedes(&self, port: u16, local: IpAddr, peers: &[IpAddr]) -> bool {
        let ends = match self.direction {
            PolicyDirection::Out => {
                self.source.contains(local) && peers.iter().any(|p| self.destination.contains(*p))
            }
            PolicyDirection::In => self.destination.contains(local),
            PolicyDirection::Forward => false,
        };
        ends && self.priority <= REQUIRE && (self.port ^ port) & self.port_mask == 0
    }
}

impl fmt::Display for ForeignPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, destination, .. } = self;
        let way = self.direction.name();
        write!(
            f,
            "a policy of others comes first and lets it pass in clear ({source} to {destination}, {way}, \
             priority {}); remove it or give it one above {REQUIRE}, see: ip xfrm policy",
            self.priority
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::Step;
    use super::*;

    #[test]
    fn a_policy_of_others_matters_when_it_is_for_the_same_datagrams_and_not_behind_ours() {
        let (local, peer) = ("192.0.2.1".parse().unwrap(), ["192.0.2.2".parse().unwrap()]);
        let prefix = |address: &str, length| Prefix::new(address.parse().unwrap(), length).unwrap();
        let pass = ForeignPolicy {
            direction: PolicyDirection::Out,
            source: prefix("0.0.0.0", 0),
            destination: prefix("192.0.2.0", 24),
            port: 0,
            port_mask: 0,
            priority: 100,
        };
        assert!(pass.precedes(18_887, local, &peer));
        let others = [
            ForeignPolicy { priority: 101, ..pass.clone() },
            ForeignPolicy { port: 500, port_mask: 0xffff, ..pass.clone() },
            ForeignPolicy { source: prefix("192.0.2.7", 32), ..pass.clone() },
            ForeignPolicy { destination: prefix("::", 0), ..pass.clone() },
            ForeignPolicy {
                direction: PolicyDirection::In,
                destination: prefix("192.0.2.2", 32),
                ..pass.clone()
            },
        ];
        for other in others {
            assert!(!other.precedes(18_887, local, &peer), "{other}");
        }
    }

    #[test]
    fn the_length_of_the_prefix_stands_beside_the_address_in_json() {
        let policies = Policy::of(Vni::new(7).unwrap(), 14796, "192.0.2.1".parse().unwrap());
        let text = |policy: Policy| serde_json::to_string(&Step::Policy(policy)).unwrap();
        assert_eq!(
            [2, 5].map(|at: usize| text(policies[at].clone())),
            [
                r#"{"step":"policy","direction":"out","action":"block","destination":"128.0.0.0","prefix":1,"port":14796,"reqid":1862270983}"#,
                r#"{"step":"policy","direction":"in","action":"require-esp","destination":"0.0.0.0","prefix":0,"port":14796,"reqid":1862270983}"#,
            ]
        );
    }

    #[test]
    fn a_reqid_of_ours_names_its_network_and_no_other_one_does() {
        let vni = Vni::new(4098).unwrap();
        assert_eq!(vni_of_reqid(reqid(vni)), Some(vni));
        for foreign in [0, 1, 0xd0_c4e3, 0x7000_1002, u32::MAX] {
            assert_eq!(vni_of_reqid(foreign), None, "{foreign:#x}");
        }
    }

    #[test]
    fn without_any_one_policy_every_address_is_still_covered() {
        let policies = Policy::of(Vni::new(7).unwrap(), 14796, "192.0.2.1".parse().unwrap());
        assert_eq!(policies.len(), 6);
        for missing in &policies {
            let rest: Vec<_> =
                policies.iter().filter(|p| *p != missing && p.direction == missing.direction).collect();
            let everything = rest.iter().any(|p| p.destination.length() == 0);
            let halves = rest.iter().filter(|p| p.destination.length() == 1).count() == 2;
            assert!(everything || halves, "{missing}");
        }
    }
}
