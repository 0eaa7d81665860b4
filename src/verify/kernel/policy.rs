//! Policies: the packets that each is for, and the order in which the kernel asks them.
//!
//! The kernel takes the first policy whose selector matches: the lowest priority number, and among equals the oldest
//! (linux `net/xfrm/xfrm_policy.c`, `xfrm_policy_match` and `xfrm_policy_eval_candidates`). Some selectors match some
//! packets of a network and not others, because a VXLAN tunnel sends from many ports (RFC 7348 section 5). So a policy
//! covers the packets surely, partly or never ([`Coverage`]), and a policy that covers a part goes before the one that
//! decides on the rest.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{KernelState, SaState};
pub use crate::netlink::xfrm::PolicyDirection;
use crate::packet::protocol::{AH, ESP, UDP};
use crate::packet::{IpVersion, Prefix, Spi};

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The direction of the packets that the policy is for.
    pub direction: PolicyDirection,
    /// The source network.
    pub source: Prefix,
    /// The destination network.
    pub destination: Prefix,
    /// The protocol; 0 for any.
    pub protocol: u8,
    /// The source port and its mask; mask 0 for any port.
    pub source_port: (u16, u16),
    /// The destination port and its mask; mask 0 for any port.
    pub port: (u16, u16),
    /// The device that packets must have (`dev`).
    pub device: Device,
    /// The number of the xfrm interface that packets must pass (`if_id`); 0 for none.
    pub interface: u32,
    /// The mark that packets must have, and its mask; mask 0 for any mark.
    pub mark: (u32, u32),
    /// The priority; the smallest decides.
    pub priority: u32,
    /// True if the policy blocks its packets.
    pub block: bool,
    /// The transformations that packets need. Without any they pass as they are.
    pub templates: Vec<Template>,
}

/// The device that a policy asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// Any device.
    #[default]
    Any,
    /// The loopback, where there is no VRF. The kernel gives it to all packets that arrive for this host, after it has
    /// routed them, whatever link they came by.
    Loopback,
    /// The loopback or a VRF, where there is a VRF: each has a part of the packets that arrive.
    Local,
    /// Another link. It is that of packets that leave by it, and never that of packets that arrived.
    Link,
}

/// A transformation that a policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The IP protocol: ESP, AH or another one.
    pub protocol: u8,
    /// True if the SA has to be in tunnel mode.
    pub tunnel: bool,
    /// True if packets may pass in clear as well (`level use`).
    pub optional: bool,
    /// The reqid of the SAs that serve it. For packets that arrive, 0 stands for any.
    pub reqid: u32,
    /// The SPI of the SA that serves it; 0 for any.
    pub spi: Spi,
}

impl Template {
    /// Returns true for ESP.
    pub fn is_esp(&self) -> bool {
        self.protocol == ESP
    }

    /// Returns true if the SA serves the template for packets of this direction. For packets that leave, the kernel
    /// takes a reqid of 0 as it is (`xfrm_state_find`); for those that arrive it is any (`xfrm_state_ok`).
    pub(in crate::verify) fn is_served_by(&self, sa: &SaState, direction: PolicyDirection) -> bool {
        let this = self.spi == Spi(0) || self.spi == sa.spi;
        this && self.tunnel == sa.tunnel && self.is_for(sa.reqid, direction)
    }

    fn is_for(&self, reqid: u32, direction: PolicyDirection) -> bool {
        self.reqid == reqid || self.reqid == 0 && direction != PolicyDirection::Out
    }
}

/// The packets between two addresses, to a UDP port and with a mark, that a policy is asked about.
#[derive(Clone, Copy, Debug)]
pub(in crate::verify) struct Flow {
    /// The source address.
    pub(in crate::verify) source: IpAddr,
    /// The destination address.
    pub(in crate::verify) destination: IpAddr,
    /// The destination port; `None` for any, if it is not known.
    pub(in crate::verify) port: Option<u16>,
    /// The mark.
    pub(in crate::verify) mark: u32,
}

/// The packets of a flow that a policy covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All of them.
    Surely,
    /// Some of them, or it is not known if all of them.
    Partly,
    /// None of them.
    Never,
}

/// The kernel's decision on clear packets that arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) enum Inbound {
    /// They are refused.
    Refused,
    /// They would be refused, but a policy that goes first lets some of them pass.
    Hole,
    /// They pass.
    Passed,
}

/// The kernel's decision on packets that leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) enum Outbound {
    /// None of them leaves in clear.
    Protected,
    /// They are protected, but a policy that goes first lets some of them pass in clear.
    Hole,
    /// They leave in clear as long as there is no SA.
    Optional,
    /// The policy that covers them lets them pass in clear.
    Passed,
    /// Policies cover some of them only.
    Partly,
    /// No policy covers them.
    Uncovered,
    /// A link that they leave by has its policies switched off.
    Exempt,
}

/// The mark that Docker's firewall rules set on packets that have to be encrypted.
pub(in crate::verify) const DOCKER_MARK: u32 = 0x00d0_c4e3;

impl Policy {
    /// Returns the part of the UDP packets between these addresses to this port, or to any port if `port` is `None`,
    /// that the policy covers. Packets that leave have this mark. Those that arrive have it unless a firewall rule
    /// marks them.
    pub fn coverage(&self, source: IpAddr, destination: IpAddr, port: Option<u16>, mark: u32) -> Coverage {
        let arrives = self.direction == PolicyDirection::In;
        // A packet that arrives in clear has passed no xfrm interface (`xfrmi_decode_session`).
        let elsewhere = arrives && (self.interface != 0 || self.device == Device::Link);
        let marked = mark & self.mark.1 == self.mark.0;
        if elsewhere || !(marked || arrives) || !self.concerns(source, destination, port) {
            return Coverage::Never;
        }
        let anywhere = self.device == Device::Any || arrives && self.device == Device::Loopback;
        let whole = marked && self.source_port.1 == 0 && anywhere && self.interface == 0;
        if whole { Coverage::Surely } else { Coverage::Partly }
    }

    /// Returns true if the addresses, the protocol and the port are those of the selector. Its other conditions are
    /// not looked at.
    pub(in crate::verify) fn concerns(&self, source: IpAddr, destination: IpAddr, port: Option<u16>) -> bool {
        self.pair(source, destination)
            && matches!(self.protocol, 0 | UDP)
            && port.is_none_or(|port| (port ^ self.port.0) & self.port.1 == 0)
    }

    /// Returns true if the selector covers these addresses. Protocol, port and mark are not looked at.
    fn pair(&self, source: IpAddr, destination: IpAddr) -> bool {
        self.source.contains(source) && self.destination.contains(destination)
    }

    /// Returns true if the policy names the SA for UDP between these addresses to this port. Its mode and SPI are not
    /// looked at, because packets that are refused for these are decrypted, and captured, before.
    pub(in crate::verify) fn leads_to(
        &self,
        sa: &SaState,
        source: IpAddr,
        destination: IpAddr,
        port: Option<u16>,
    ) -> bool {
        let template = |one: &Template| one.is_esp() && one.is_for(sa.reqid, self.direction);
        self.concerns(source, destination, port) && self.templates.iter().any(template)
    }

    /// Returns true if packets that leave pass the policy only in ESP, or not at all.
    pub(in crate::verify) fn requires_esp(&self) -> bool {
        self.block || self.templates.iter().any(|template| template.is_esp() && !template.optional)
    }

    /// Returns true if the policy refuses packets that arrive in clear. Authentication is enough for that. IPComp is
    /// not, because anybody can compress.
    pub(in crate::verify) fn refuses_clear(&self) -> bool {
        let proves = |one: &Template| matches!(one.protocol, ESP | AH) && !one.optional;
        self.block || self.templates.iter().any(proves)
    }

    /// Returns true if packets may leave in ESP and in clear.
    pub(in crate::verify) fn is_optional(&self) -> bool {
        self.templates.iter().any(|template| template.is_esp() && template.optional)
    }

    fn covers(&self, flow: &Flow) -> Coverage {
        self.coverage(flow.source, flow.destination, flow.port, flow.mark)
    }
}

/// The place of a policy in the kernel's order.
type Place = (u32, usize);

impl KernelState {
    /// Yields the policies of a direction that cover at least some packets, each with its place.
    fn covering(
        &self,
        direction: PolicyDirection,
        flow: Flow,
    ) -> impl Iterator<Item = (Place, Coverage, &Policy)> {
        self.policies.iter().enumerate().filter_map(move |(age, policy)| {
            let coverage = if policy.direction == direction { policy.covers(&flow) } else { Coverage::Never };
            (coverage != Coverage::Never).then_some(((policy.priority, age), coverage, policy))
        })
    }

    /// Returns the policy that decides on all packets that none before it took, with its place.
    fn decider(&self, direction: PolicyDirection, flow: Flow) -> Option<(Place, &Policy)> {
        let surely = self.covering(direction, flow).filter(|(_, coverage, _)| *coverage == Coverage::Surely);
        surely.map(|(place, _, policy)| (place, policy)).min_by_key(|(place, _)| *place)
    }

    /// Yields the policies that take some of the packets before the one at this place. Without a place, all do.
    fn before(
        &self,
        direction: PolicyDirection,
        flow: Flow,
        decider: Option<Place>,
    ) -> impl Iterator<Item = &Policy> {
        let partly = self.covering(direction, flow).filter(|(_, coverage, _)| *coverage == Coverage::Partly);
        partly
            .filter(move |(place, _, _)| decider.is_none_or(|decider| *place < decider))
            .map(|(_, _, policy)| policy)
    }

    /// Returns the policy that decides on UDP between these addresses to this port, in this direction and with this
    /// mark. Policies for some of these packets only are passed over.
    pub(in crate::verify) fn policy(
        &self,
        direction: PolicyDirection,
        source: IpAddr,
        destination: IpAddr,
        port: Option<u16>,
        mark: u32,
    ) -> Option<&Policy> {
        let flow = Flow { source, destination, port, mark };
        self.decider(direction, flow).map(|(_, policy)| policy)
    }

    /// Returns the policy that decides on the network's packets that leave: that for packets without a mark, or else
    /// that for packets with Docker's.
    pub(in crate::verify) fn leaving(
        &self,
        source: IpAddr,
        destination: IpAddr,
        port: Option<u16>,
    ) -> Option<&Policy> {
        let of = |mark| self.policy(PolicyDirection::Out, source, destination, port, mark);
        of(0).or_else(|| of(DOCKER_MARK))
    }

    /// Returns the decision on clear packets that arrive.
    pub(in crate::verify) fn inbound(
        &self,
        source: IpAddr,
        destination: IpAddr,
        port: Option<u16>,
    ) -> Inbound {
        let direction = PolicyDirection::In;
        let flow = Flow { source, destination, port, mark: 0 };
        let decider = self.decider(direction, flow);
        let refuses = match decider {
            // The order of equals depends on how specific their selectors are, and on when the kernel sorted them.
            Some(((priority, _), _)) => {
                let surely =
                    self.covering(direction, flow).filter(|(_, coverage, _)| *coverage == Coverage::Surely);
                surely
                    .filter(|((equal, _), _, _)| *equal == priority)
                    .all(|(_, _, policy)| policy.refuses_clear())
            }
            None => self.blocked_by_default.contains(&direction),
        };
        let place = decider.map(|(place, _)| place);
        if self.exempt.contains(&IpVersion::of(destination)) || !refuses {
            Inbound::Passed
        } else if self.before(direction, flow, place).all(Policy::refuses_clear) {
            Inbound::Refused
        } else {
            Inbound::Hole
        }
    }

    /// Returns true if a policy for marked packets refuses clear ones that arrive. A firewall rule may mark them.
    pub(in crate::verify) fn may_refuse(
        &self,
        source: IpAddr,
        destination: IpAddr,
        port: Option<u16>,
    ) -> bool {
        let flow = Flow { source, destination, port, mark: 0 };
        let mut covering = self.covering(PolicyDirection::In, flow);
        covering.any(|(_, _, policy)| policy.mark.1 != 0 && policy.refuses_clear())
    }

    /// Returns the decision on the network's packets that leave.
    pub(in crate::verify) fn outbound(
        &self,
        source: IpAddr,
        destination: IpAddr,
        port: Option<u16>,
    ) -> Outbound {
        if self.exempt_leaving.contains(&IpVersion::of(destination)) {
            return Outbound::Exempt;
        }
        let direction = PolicyDirection::Out;
        let flow = |mark| Flow { source, destination, port, mark };
        let of = |mark| self.decider(direction, flow(mark)).map(|decider| (flow(mark), decider));
        let blocked = self.blocked_by_default.contains(&direction);
        let (flow, place) = match of(0).or_else(|| of(DOCKER_MARK)) {
            Some((_, (_, policy))) if !policy.requires_esp() => {
                return if policy.is_optional() { Outbound::Optional } else { Outbound::Passed };
            }
            Some((flow, (place, _))) => (flow, Some(place)),
            None if blocked => (flow(0), None),
            None => {
                let partly = self.before(direction, flow(0), None).next().is_some();
                return if partly { Outbound::Partly } else { Outbound::Uncovered };
            }
        };
        let whole = self.before(direction, flow, place).all(Policy::requires_esp);
        if whole { Outbound::Protected } else { Outbound::Hole }
    }
}
