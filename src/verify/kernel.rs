//! The state of the kernel: SAs without their keys, policies, counters, offload and firewall rules.
//!
//! Frames show what happened; the state of the kernel shows why, and what else could happen. It names the cause of a
//! leak (no policy, another port, no mark) and of a black hole (no SA, another key). It helps to settle whether a
//! clear frame that arrived is a copy of a decrypted one. It shows whether clear frames from outside would be
//! accepted. It is no proof of encryption: a policy that is in place need not be the one that the packets meet.
//!
//! The state is read before and after the watch, in the network namespace of the underlay. [`KernelState::between`]
//! makes one state of the two. Policies and firewall rules are followed meanwhile, because each moment counts
//! ([`PolicyHistory`], [`RuleHistory`]).

mod arrivals;
mod counters;
mod history;
mod policy;
mod rules;
mod strength;
mod xfrm;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::host::exemption::leaving_exempt;
pub use crate::netlink::route::ingress::HookKind;
use crate::netlink::xfrm::XfrmError;
use crate::packet::{IpVersion, Spi};
pub use arrivals::Hook;
pub(super) use counters::esp_offload;
pub(super) use history::PolicyHistory;
pub use policy::{Coverage, Device, Policy, PolicyDirection, Template};
pub(super) use policy::{DOCKER_MARK, Inbound, Outbound};
pub(super) use rules::RuleHistory;
pub(crate) use rules::print_rules;
pub use rules::{Arriving, EarlierRules, Enforcement, Rules};
pub use strength::{Origin, Strength};

/// The state of IPsec in one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelState {
    /// The SAs of ESP and AH.
    pub sas: Vec<SaState>,
    /// True if SAs came or went during the watch. Their counters of packets then prove nothing.
    pub sas_changed: bool,
    /// The policies, the oldest first.
    pub policies: Vec<Policy>,
    /// The policies of earlier moments of the watch, where they were others.
    pub earlier: Vec<Vec<Policy>>,
    /// The directions in which packets that no policy covers are blocked (`ip xfrm policy getdefault`).
    pub blocked_by_default: Vec<PolicyDirection>,
    /// The versions of IP for which a link that packets may arrive by has its policies switched off
    /// (`disable_policy`). Inbound policies then refuse nothing.
    pub exempt: Vec<IpVersion>,
    /// The versions of IP for which a link that the network's packets leave by has its policies switched off
    /// (`disable_xfrm`). Outbound policies then protect nothing.
    pub exempt_leaving: Vec<IpVersion>,
    /// The counters of `/proc/net/xfrm_stat` by name, each with the amount by which it went up.
    pub counters: BTreeMap<String, u64>,
    /// True if the kernel has `esp4_offload` or `esp6_offload`; `None` if that is not known.
    pub esp_offload: Option<bool>,
    /// The firewall rules.
    pub rules: Rules,
    /// The firewall rules of earlier moments of the watch, where they were others.
    pub earlier_rules: Vec<EarlierRules>,
    /// The programs and filters that may drop the network's frames before the rules see them.
    pub hooks: Vec<Hook>,
}

/// An SA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The bearing of the lengths of its packets.
    pub lengths: Lengths,
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
    /// The facts that bear on no verdict, for those who judge the SA itself.
    pub strength: Strength,
}

/// The bearing of the length of an SA's packet on what the packet carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lengths {
    /// The one follows from the other.
    #[default]
    Lawful,
    /// The SA pads its packets (RFC 4303 section 2.7), or aggregates what it carries and cuts it up (IP-TFS, RFC 9347).
    Padded,
    /// The packets are carried in a TCP stream (RFC 9329), in which they begin and end anywhere.
    Streamed,
}

impl SaState {
    /// Returns true if the SA is for packets from the one host to the other. An SA may leave its source open.
    pub(super) fn is_between(&self, source: IpAddr, destination: IpAddr) -> bool {
        self.destination == destination && (self.source == source || self.source.is_unspecified())
    }
}

/// The error for a kernel whose state cannot be read. It holds the reason in one sentence.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("read the kernel's IPsec state: {0}")]
pub struct KernelUnread(String);

impl From<XfrmError> for KernelUnread {
    fn from(error: XfrmError) -> Self {
        Self(error.to_string())
    }
}

impl KernelState {
    /// Reads the state in the network namespace of this thread, without the firewall rules.
    pub fn read() -> Result<Self, KernelUnread> {
        Ok(Self {
            sas: xfrm::sas()?,
            sas_changed: false,
            earlier: Vec::new(),
            policies: xfrm::policies()?,
            blocked_by_default: xfrm::blocked_by_default(),
            exempt: Vec::new(),
            exempt_leaving: Vec::new(),
            counters: counters::read(),
            esp_offload: counters::esp_offload(),
            rules: Rules::default(),
            earlier_rules: Vec::new(),
            hooks: Vec::new(),
        })
    }

    /// Reads the state, with all that may refuse clear frames: the firewall rules, for which `iptables-save` and `nft`
    /// are run, and the links. The network's packets pass the links with the names of `passed`.
    pub fn read_with_rules(passed: &[String]) -> Result<Self, KernelUnread> {
        let arrivals = arrivals::read(passed);
        Ok(Self {
            exempt: arrivals.exempt,
            exempt_leaving: leaving_exempt(passed.iter().map(String::as_str)),
            rules: Rules::read(),
            hooks: arrivals.hooks,
            ..Self::read()?
        })
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

    /// Yields the state as it is, and then as it was at each earlier moment that had other policies.
    pub(super) fn moments(&self) -> impl Iterator<Item = Self> + '_ {
        let earlier = self.earlier.iter().map(|policies| Self { policies: policies.clone(), ..self.clone() });
        std::iter::once(self.clone()).chain(earlier)
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
            lengths: Lengths::Lawful,
            encrypts: true,
            algorithm: String::new(),
            icv_bits: 64,
            replay_window: 0,
            packets,
            strength: Strength::default(),
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
