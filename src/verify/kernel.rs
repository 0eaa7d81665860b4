//! The state of the kernel: SAs without their keys, policies, counters, offload and firewall rules.
//!
//! Frames show what happened; the state of the kernel shows why, and what else could happen. It names the cause of a
//! leak (no policy, another port, no mark) and of a black hole (no SA, another key). It helps to settle whether a
//! clear frame that arrived is a copy of a decrypted one. It shows whether clear frames from outside would be
//! accepted. It is no proof of encryption: a policy that is in place need not be the one that the packets meet.
//!
//! The state is read before and after the watch, in the network namespace of the underlay. [`KernelState::between`]
//! makes one state of the two. The firewall rules are read afterwards only.

mod counters;
mod rules;
mod xfrm;

use std::collections::BTreeMap;
use std::net::IpAddr;

pub use crate::netlink::xfrm::PolicyDirection;
use crate::netlink::xfrm::XfrmError;
use crate::packet::protocol::UDP;
use crate::packet::{Prefix, Spi};
pub(super) use counters::esp_offload;
pub use rules::{Enforcement, Rules};

/// The state of IPsec in one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelState {
    /// The SAs of ESP and AH.
    pub sas: Vec<SaState>,
    /// True if SAs came or went during the watch. Their counters of packets then prove nothing.
    pub sas_changed: bool,
    /// The policies.
    pub policies: Vec<Policy>,
    /// True if a link that packets arrive by has its policies switched off (`disable_policy`). Inbound policies then
    /// refuse nothing.
    pub exempt: bool,
    /// The counters of `/proc/net/xfrm_stat` by name, each with the amount by which it went up.
    pub counters: BTreeMap<String, u64>,
    /// True if the kernel has `esp4_offload` or `esp6_offload`; `None` if that is not known.
    pub esp_offload: Option<bool>,
    /// The firewall rules.
    pub rules: Rules,
}

/// An SA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaState {
    /// The outer source.
    pub source: IpAddr,
    /// The outer destination.
    pub destination: IpAddr,
    /// The SPI.
    pub spi: Spi,
    /// The reqid, by which policies name the SA.
    pub reqid: u32,
    /// True in tunnel mode.
    pub tunnel: bool,
    /// True if the network card encrypts.
    pub offload: bool,
    /// True if the SA encrypts; false for NULL, GMAC and AH.
    pub encrypts: bool,
    /// The kernel's name of the algorithm.
    pub algorithm: String,
    /// The length of the ICV in bits; 0 if it is not known.
    pub icv_bits: u32,
    /// The length of the replay window in packets; 0 for no protection.
    pub replay_window: u32,
    /// The number of packets that went through the SA.
    pub packets: u64,
}

impl SaState {
    /// Returns true if the SA is for packets from the one host to the other. An SA may leave its source open.
    pub(super) fn is_between(&self, source: IpAddr, destination: IpAddr) -> bool {
        self.destination == destination && (self.source == source || self.source.is_unspecified())
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The direction of the packets that the policy is for.
    pub direction: PolicyDirection,
    /// The source network.
    pub source: Prefix,
    /// The destination network.
    pub destination: Prefix,
    /// The protocol; 0 for any.
    pub protocol: u8,
    /// The destination port and its mask; mask 0 for any port.
    pub port: (u16, u16),
    /// The priority; the smallest decides.
    pub priority: u32,
    /// True if the policy blocks its packets.
    pub block: bool,
    /// The mark that packets must have, and its mask; mask 0 for any mark.
    pub mark: (u32, u32),
    /// The transformations that packets need. Without any they pass as they are.
    pub templates: Vec<Template>,
}

/// A transformation that a policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// True for ESP; false for AH and the others.
    pub esp: bool,
    /// True if packets may pass in clear as well (`level use`).
    pub optional: bool,
    /// The reqid of the SAs that serve it.
    pub reqid: u32,
}

/// The mark that Docker's firewall rules set on packets that have to be encrypted.
pub(super) const DOCKER_MARK: u32 = 0x00d0_c4e3;

impl Policy {
    /// Returns true if the selector covers UDP between these addresses to this port, or to any port if `port` is
    /// `None`. The mark is not looked at.
    pub fn covers(&self, source: IpAddr, destination: IpAddr, port: Option<u16>) -> bool {
        self.pair(source, destination)
            && matches!(self.protocol, 0 | UDP)
            && port.is_none_or(|port| port & self.port.1 == self.port.0 & self.port.1)
    }

    /// Returns true if the selector covers these addresses. Protocol, port and mark are not looked at.
    pub(super) fn pair(&self, source: IpAddr, destination: IpAddr) -> bool {
        self.source.contains(source) && self.destination.contains(destination)
    }

    /// Returns true if the policy sends UDP between these addresses to this port through the SA.
    pub(super) fn leads_to(
        &self,
        sa: &SaState,
        source: IpAddr,
        destination: IpAddr,
        port: Option<u16>,
    ) -> bool {
        let template = |template: &Template| template.esp && template.reqid == sa.reqid;
        self.covers(source, destination, port) && self.templates.iter().any(template)
    }

    /// Returns true if no packet passes the policy in clear.
    pub(super) fn requires_esp(&self) -> bool {
        self.block || self.templates.iter().any(|template| template.esp && !template.optional)
    }
}

/// The error for a kernel whose state cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("read the kernel's IPsec state: {0}")]
pub struct KernelUnread(#[from] XfrmError);

impl KernelState {
    /// Reads the state in the network namespace of this thread, without the firewall rules.
    pub fn read() -> Result<Self, KernelUnread> {
        Ok(Self {
            sas: xfrm::sas()?,
            sas_changed: false,
            policies: xfrm::policies()?,
            exempt: false,
            counters: counters::read(),
            esp_offload: counters::esp_offload(),
            rules: Rules::default(),
        })
    }

    /// Reads the state and the firewall rules, for which `iptables-save` and `nft` are run.
    pub fn read_with_rules() -> Result<Self, KernelUnread> {
        Ok(Self { rules: Rules::read(), ..Self::read()? })
    }

    /// Returns the state `after` the watch, with counters since `before`. SAs that went away meanwhile are kept.
    #[must_use]
    pub fn between(before: &Self, after: Self) -> Self {
        let mut now = after;
        let mut known = 0;
        for sa in &mut now.sas {
            let was = before.sas.iter().find(|was| was.spi == sa.spi && was.destination == sa.destination);
            match was {
                Some(was) => {
                    known += 1;
                    sa.packets = sa.packets.saturating_sub(was.packets);
                }
                None => now.sas_changed = true,
            }
        }
        now.sas_changed |= known != before.sas.len();
        // An SA that is gone explains packets as well.
        now.sas.extend(
            before
                .sas
                .iter()
                .filter(|was| {
                    !now.sas.iter().any(|sa| sa.spi == was.spi && sa.destination == was.destination)
                })
                .cloned()
                .map(|was| SaState { packets: 0, ..was })
                .collect::<Vec<_>>(),
        );
        for (name, count) in &mut now.counters {
            *count = count.saturating_sub(before.counters.get(name).copied().unwrap_or(0));
        }
        now.esp_offload = match (before.esp_offload, now.esp_offload) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
        now
    }

    /// Yields the SAs for packets from the one address to the other.
    pub(super) fn between_hosts(
        &self,
        source: IpAddr,
        destination: IpAddr,
    ) -> impl Iterator<Item = &SaState> {
        self.sas.iter().filter(move |sa| sa.is_between(source, destination))
    }

    /// Returns the amount by which a counter of `xfrm_stat` went up.
    pub(super) fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }

    /// Returns the policy that decides on UDP between these addresses to this port, in this direction and with this
    /// mark.
    pub(super) fn policy(
        &self,
        direction: PolicyDirection,
        source: IpAddr,
        destination: IpAddr,
        port: Option<u16>,
        mark: u32,
    ) -> Option<&Policy> {
        self.policies
            .iter()
            .filter(|policy| policy.direction == direction && policy.covers(source, destination, port))
            .filter(|policy| mark & policy.mark.1 == policy.mark.0)
            .min_by_key(|policy| policy.priority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_what_went_up_and_gone_sas_stay_known() {
        let sa = |spi, packets| SaState {
            source: "192.0.2.1".parse().unwrap(),
            destination: "192.0.2.2".parse().unwrap(),
            spi: Spi(spi),
            reqid: 0,
            tunnel: false,
            offload: false,
            encrypts: true,
            algorithm: String::new(),
            icv_bits: 64,
            replay_window: 0,
            packets,
        };
        let before = KernelState { sas: vec![sa(1, 5), sa(2, 7)], ..KernelState::default() };
        let same = KernelState::between(
            &before,
            KernelState { sas: vec![sa(1, 9), sa(2, 7)], ..KernelState::default() },
        );
        assert_eq!(same.sas.iter().map(|sa| sa.packets).collect::<Vec<_>>(), [4, 0]);
        assert!(!same.sas_changed);
        let rekeyed =
            KernelState::between(&before, KernelState { sas: vec![sa(3, 2)], ..KernelState::default() });
        assert!(rekeyed.sas_changed);
        assert_eq!(rekeyed.sas.len(), 3);
    }
}
