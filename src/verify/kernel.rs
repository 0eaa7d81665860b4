//! What the kernel says: SAs without their keys, policies, counters, offload, firewall rules.
//!
//! Read before and after the watch; [`KernelState::between`] makes one of the two.

mod counters;
mod rules;
mod xfrm;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::escape::reason;
pub use crate::netlink::xfrm::PolicyDirection;
use crate::packet::protocol::UDP;
use crate::packet::{Prefix, Spi};
pub(super) use counters::{esp_offload, exempt};
pub use rules::{Enforcement, Rules};

/// What the kernel said about IPsec in one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelState {
    /// The SAs of ESP and AH.
    pub sas: Vec<SaState>,
    /// Whether SAs came or went during the watch: then counters of packets prove nothing.
    pub sas_changed: bool,
    /// The policies.
    pub policies: Vec<Policy>,
    /// No policy is asked for what arrives on the interfaces that are watched (`disable_policy`).
    pub exempt: bool,
    /// `/proc/net/xfrm_stat`, by name: how far each went up.
    pub counters: BTreeMap<String, u64>,
    /// Whether `esp4_offload` or `esp6_offload` is there; `None` when that cannot be known.
    pub esp_offload: Option<bool>,
    /// The firewall's rules.
    pub rules: Rules,
}

/// An SA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaState {
    /// The outer source.
    pub source: IpAddr,
    /// The outer destination.
    pub destination: IpAddr,
    /// Its SPI.
    pub spi: Spi,
    /// Its reqid.
    pub reqid: u32,
    /// Tunnel mode.
    pub tunnel: bool,
    /// The network card encrypts.
    pub offload: bool,
    /// Whether it encrypts; `false` for NULL, GMAC and AH.
    pub encrypts: bool,
    /// The kernel's name of its algorithm.
    pub algorithm: String,
    /// Bits of the ICV; 0 when not known.
    pub icv_bits: u32,
    /// Packets of the anti-replay window; 0 for no protection.
    pub replay_window: u32,
    /// Packets that went through it.
    pub packets: u64,
}

impl SaState {
    /// Whether its packets go from one of these hosts to the other.
    pub(super) fn is_between(&self, source: IpAddr, destination: IpAddr) -> bool {
        self.destination == destination && (self.source == source || self.source.is_unspecified())
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which packets it is asked for.
    pub direction: PolicyDirection,
    /// Source network.
    pub source: Prefix,
    /// Destination network.
    pub destination: Prefix,
    /// Protocol; 0 for any.
    pub protocol: u8,
    /// Destination port and its mask; mask 0 for any.
    pub port: (u16, u16),
    /// Smaller comes first.
    pub priority: u32,
    /// It blocks.
    pub block: bool,
    /// The mark it is for and its mask; mask 0 for any.
    pub mark: (u32, u32),
    /// What packets need; none: they pass as they are.
    pub templates: Vec<Template>,
}

/// What a policy asks of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// ESP; else AH or something else.
    pub esp: bool,
    /// Clear is allowed as well.
    pub optional: bool,
    /// The SAs it takes.
    pub reqid: u32,
}

/// Docker's mark of packets that are to be encrypted.
pub(super) const DOCKER_MARK: u32 = 0x00d0_c4e3;

impl Policy {
    /// Whether the policy's selector has room for UDP between these addresses to this port, whatever the mark.
    pub fn covers(&self, source: IpAddr, destination: IpAddr, port: Option<u16>) -> bool {
        self.pair(source, destination)
            && matches!(self.protocol, 0 | UDP)
            && port.is_none_or(|port| port & self.port.1 == self.port.0 & self.port.1)
    }

    /// Whether the policy is for UDP between these addresses, whatever the port.
    pub(super) fn pair(&self, source: IpAddr, destination: IpAddr) -> bool {
        self.source.contains(source) && self.destination.contains(destination)
    }

    /// Whether UDP between these addresses to this port goes through the tunnel of this SA.
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

    /// Whether nothing passes it in clear.
    pub(super) fn requires_esp(&self) -> bool {
        self.block || self.templates.iter().any(|template| template.esp && !template.optional)
    }
}

/// Why the kernel's state cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not tell this user.
    #[error("read the kernel's IPsec state: permission denied; run as root")]
    Denied,
    /// It has no XFRM.
    #[error("read the kernel's IPsec state: this kernel has no IPsec; run 'modprobe xfrm_user'")]
    NoXfrm,
    /// Netlink failed.
    #[error("read the kernel's IPsec state: {}", reason(.0))]
    Netlink(std::io::Error),
}

impl KernelState {
    /// Asks the kernel about the network namespace of this thread. `with_rules`: the firewall's rules too, for which
    /// `iptables-save` and `nft` are run.
    pub fn read(with_rules: bool) -> Result<Self, Error> {
        Ok(Self {
            sas: xfrm::sas()?,
            sas_changed: false,
            policies: xfrm::policies()?,
            exempt: false,
            counters: counters::read(),
            esp_offload: counters::esp_offload(),
            rules: if with_rules { Rules::read() } else { Rules::default() },
        })
    }

    /// What is now, with what went up since `before`.
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
        // What was there at first and is gone explains packets as well.
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

    /// The SAs of packets between these addresses.
    pub(super) fn between_hosts(
        &self,
        source: IpAddr,
        destination: IpAddr,
    ) -> impl Iterator<Item = &SaState> {
        self.sas.iter().filter(move |sa| sa.is_between(source, destination))
    }

    /// How far a counter of `xfrm_stat` went up.
    pub(super) fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }

    /// The policy that decides on UDP between these addresses to this port, of those for this direction and mark.
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
