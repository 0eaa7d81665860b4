//! The part of the kernel's state that a plan has to know. These are plain values, so planning needs no kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::mark::Mark;
use super::policy::{ForeignPolicy, Policy, reqid};
use super::step::Device;
use super::xfrm::{PresentPolicy, PresentSa};
use crate::host::exemption::Exemption;
use crate::packet::{IpVersion, MacAddress, Prefix, Vni};

/// One reading of the kernel's state.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// The host's addresses, each with the MTU and the name of its link.
    pub(super) own: BTreeMap<IpAddr, (u32, String)>,
    /// The network namespaces in `/run/netns` that could be read, without the host's own.
    pub(super) netns: BTreeSet<String>,
    /// All devices of the host and of those namespaces.
    pub(super) devices: BTreeMap<Device, PresentDevice>,
    /// The UDP ports that are in use in the host's namespace, also by sockets of the kernel.
    pub(super) udp_ports: BTreeSet<u16>,
    pub(super) sas: Vec<PresentSa>,
    pub(super) policies: Vec<PresentPolicy>,
    /// The policies of others that let datagrams pass in clear.
    pub(super) foreign: Vec<ForeignPolicy>,
    /// The settings that switch policies off.
    pub(super) exempt: Vec<Exemption>,
}

/// A device with its addresses, forwarding entries and neighbours.
#[derive(Clone, Debug, Default)]
pub(super) struct PresentDevice {
    pub(super) mark: Option<Mark>,
    /// True if the device has no alias yet. Its `mark` was then made from its name and VNI, because its MAC is the
    /// one that this program gives.
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
    /// Returns the underlay addresses that the forwarding entries lead to.
    pub(super) fn vteps(&self) -> BTreeSet<IpAddr> {
        self.fdb.iter().map(|(_, vtep)| *vtep).collect()
    }
}

impl Present {
    /// Returns the host's own addresses.
    pub fn own_addresses(&self) -> Vec<IpAddr> {
        self.own.keys().copied().collect()
    }

    /// Returns the reason why the kernel would not follow the policies of an encrypted network on this host, if
    /// there is one, with its remedy.
    pub(super) fn overruled(&self, port: u16, local: IpAddr, peers: &[IpAddr]) -> Option<String> {
        let link = self.own.get(&local).map(|(_, link)| link.as_str());
        let switched = self.exempt.iter().find(|exempt| {
            exempt.version == IpVersion::of(local)
                && (exempt.link == "all" || Some(exempt.link.as_str()) == link)
        });
        if let Some(exempt) = switched {
            let file = exempt.file.display();
            return Some(format!("{file} is not 0, so that no policy is asked there; do: echo 0 > {file}"));
        }
        self.foreign.iter().find(|policy| policy.precedes(port, local, peers)).map(ToString::to_string)
    }

    /// Returns true if a policy of ours is in the kernel as it was made, false if somebody changed it, and `None`
    /// if it is missing.
    pub(super) fn policy(&self, policy: &Policy) -> Option<bool> {
        let there = self.policies.iter().filter(|there| there.policy == *policy);
        there.map(|there| there.intact).reduce(|a, b| a || b)
    }

    /// Returns the peers' underlay addresses, as the network's SAs have them.
    pub(super) fn sa_peers(&self, vni: Vni, local: IpAddr) -> BTreeSet<IpAddr> {
        let ours = self.sas.iter().filter(|sa| sa.reqid == reqid(vni));
        ours.flat_map(|sa| [sa.source, sa.destination]).filter(|end| *end != local).collect()
    }

    /// Returns the networks of ours: the device by name and as it was read, its tunnel, and its mark.
    pub(super) fn networks(&self) -> impl Iterator<Item = (&Device, &PresentDevice, &PresentVxlan, &Mark)> {
        self.devices.iter().filter_map(|(place, device)| {
            let (vxlan, mark) = (device.vxlan.as_ref()?, device.mark.as_ref()?);
            matches!(mark, Mark::Network { .. }).then_some((place, device, vxlan, mark))
        })
    }
}
