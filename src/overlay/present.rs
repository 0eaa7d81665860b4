//! What is: the part of the kernel's state that a plan has to know. Plain values, so that planning needs no kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use super::mark::Mark;
use super::policy::{ForeignPolicy, Policy, reqid};
use super::step::Device;
use super::xfrm::{PresentPolicy, PresentSa};
use crate::packet::{MacAddress, Prefix, Vni};

/// One reading of the kernel.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// The host's addresses, each with the MTU and name of its link.
    pub(super) own: BTreeMap<IpAddr, (u32, String)>,
    /// Network namespaces in `/run/netns` other than the host's own.
    pub(super) netns: BTreeSet<String>,
    /// Every device of the host and of those namespaces, by place.
    pub(super) devices: BTreeMap<Device, PresentDevice>,
    /// UDP ports something is bound to in the host's namespace, kernel sockets included.
    pub(super) udp_ports: BTreeSet<u16>,
    /// SAs of ours.
    pub(super) sas: Vec<PresentSa>,
    /// Policies of ours.
    pub(super) policies: Vec<PresentPolicy>,
    /// Policies of others that let datagrams pass in clear.
    pub(super) foreign: Vec<ForeignPolicy>,
    /// Links, and `all`, on which the host switches policies off: with whether it is for IPv4, and the switch.
    pub(super) exempt: Vec<(String, bool, PathBuf)>,
}

/// A device, with what hangs on it.
#[derive(Clone, Debug, Default)]
pub(super) struct PresentDevice {
    pub(super) mark: Option<Mark>,
    /// The mark is not there yet, and known only from the MAC that this program gives.
    pub(super) unmarked: bool,
    pub(super) mac: Option<MacAddress>,
    pub(super) mtu: u32,
    pub(super) up: bool,
    pub(super) bridge: bool,
    pub(super) master: Option<String>,
    pub(super) vxlan: Option<PresentVxlan>,
    pub(super) addresses: BTreeSet<Prefix>,
    pub(super) fdb: BTreeSet<(MacAddress, IpAddr)>,
    pub(super) neighbours: BTreeSet<(IpAddr, MacAddress)>,
}

#[derive(Clone, Debug)]
pub(super) struct PresentVxlan {
    pub(super) vni: Vni,
    pub(super) port: u16,
    pub(super) local: Option<IpAddr>,
    pub(super) learning: bool,
    pub(super) proxy: bool,
}

impl PresentDevice {
    /// The peers' underlay addresses, as the forwarding entries have them.
    pub(super) fn vteps(&self) -> BTreeSet<IpAddr> {
        self.fdb.iter().map(|(_, vtep)| *vtep).collect()
    }
}

impl Present {
    /// The host's own addresses.
    pub fn own_addresses(&self) -> Vec<IpAddr> {
        self.own.keys().copied().collect()
    }

    /// Why the policies of an encrypted network would not be followed on this host, where something says so.
    pub(super) fn overruled(&self, port: u16, local: IpAddr, peers: &[IpAddr]) -> Option<String> {
        let link = self.own.get(&local).map(|(_, link)| link.as_str());
        let switched = self
            .exempt
            .iter()
            .find(|(name, v4, _)| *v4 == local.is_ipv4() && (name == "all" || Some(name.as_str()) == link));
        if let Some((_, _, switch)) = switched {
            let switch = switch.display();
            return Some(format!(
                "{switch} is not 0, so that no policy is asked there; do: echo 0 > {switch}"
            ));
        }
        self.foreign.iter().find(|policy| policy.precedes(port, local, peers)).map(ToString::to_string)
    }

    /// Whether a policy of ours is in place, and whether it is as it was made.
    pub(super) fn policy(&self, policy: &Policy) -> Option<bool> {
        let there = self.policies.iter().filter(|there| there.policy == *policy);
        there.map(|there| there.intact).reduce(|a, b| a || b)
    }

    /// The other ends of a network's SAs.
    pub(super) fn ends(&self, vni: Vni, local: IpAddr) -> BTreeSet<IpAddr> {
        let ours = self.sas.iter().filter(|sa| sa.reqid == reqid(vni));
        ours.flat_map(|sa| [sa.source, sa.destination]).filter(|end| *end != local).collect()
    }

    /// Networks of ours: the device, and the mark it bears.
    pub(super) fn networks(&self) -> impl Iterator<Item = (&Device, &PresentDevice, &PresentVxlan, &Mark)> {
        self.devices.iter().filter_map(|(place, device)| {
            let (vxlan, mark) = (device.vxlan.as_ref()?, device.mark.as_ref()?);
            matches!(mark, Mark::Network { .. }).then_some((place, device, vxlan, mark))
        })
    }
}
