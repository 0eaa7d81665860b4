//! The steps that a plan consists of. None of them holds a key.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::keys::vni_number;
use super::policy::Policy;
use super::security::{Sa, spi_text};
use crate::escape::{counted, escape};
use crate::netlink::route;
use crate::packet::{MacAddress, Prefix, Spi, Vni};

impl Serialize for MacAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A device by its name and its network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Device {
    /// The device's name.
    pub name: String,
    /// The network namespace, by its name in `/run/netns`; `None` for the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<String>,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.netns {
            None => f.write_str(&escape(&self.name)),
            Some(netns) => write!(f, "{} (netns {})", escape(&self.name), escape(netns)),
        }
    }
}

/// A VXLAN device that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vxlan {
    /// The device's name and network namespace.
    #[serde(flatten)]
    pub device: Device,
    /// The VNI.
    #[serde(serialize_with = "vni_number")]
    pub vni: Vni,
    /// The UDP port.
    pub port: u16,
    /// This node's underlay address.
    pub local: IpAddr,
    /// The device's MAC. It is derived from VNI and underlay address, so the other nodes know it.
    pub mac: MacAddress,
    /// The device's MTU, in bytes.
    pub mtu: u32,
    /// True if the device learns addresses from the traffic.
    pub learning: bool,
    /// True if the device answers ARP requests from its neighbours, and floods nothing.
    pub proxy: bool,
}

impl Vxlan {
    /// Returns the tunnel in netlink's form.
    pub(super) fn tunnel(&self) -> route::Vtep {
        route::Vtep {
            vni: Some(self.vni),
            local: Some(self.local),
            port: self.port,
            learning: self.learning,
            proxy: self.proxy,
            ..route::Vtep::default()
        }
    }
}

/// One change, and the object that is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Step {
    /// Keep the start counters on the disk, before any of them is used.
    Remember { networks: usize },
    /// Add a policy.
    Policy(Policy),
    /// Replace a policy of ours that somebody changed.
    MendPolicy(Policy),
    /// Add an SA.
    Sa(Sa),
    /// Make a VXLAN device, and leave it down.
    Vxlan(Vxlan),
    /// Make a bridge, and leave it down.
    Bridge { device: Device, mac: MacAddress, mtu: u32 },
    /// Write the alias that marks a device as ours.
    Mark { device: Device, alias: String },
    /// Change the MTU.
    Mtu { device: Device, mtu: u32, before: u32 },
    /// Change the MAC to the one that the peers know.
    Mac { device: Device, mac: MacAddress, before: MacAddress },
    /// Make a device a port of a bridge.
    Port { device: Device, bridge: String },
    /// Add an address.
    Address { device: Device, address: Prefix },
    /// Add a forwarding entry, which says to which VTEP frames for a MAC go. It replaces the one to `before`, if
    /// there is one.
    Fdb {
        device: Device,
        mac: MacAddress,
        vtep: IpAddr,
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<IpAddr>,
    },
    /// Add a neighbour, which says which MAC an address has. It replaces the one with `before`, if there is one.
    Neighbour {
        device: Device,
        address: IpAddr,
        mac: MacAddress,
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<MacAddress>,
    },
    /// Set a device up.
    Up { device: Device },
    /// Remove an SA.
    DropSa {
        destination: IpAddr,
        #[serde(serialize_with = "spi_text")]
        spi: Spi,
        what: String,
    },
    /// Remove an address.
    DropAddress { device: Device, address: Prefix },
    /// Remove a forwarding entry.
    DropFdb { device: Device, mac: MacAddress, vtep: IpAddr },
    /// Remove a neighbour.
    DropNeighbour { device: Device, address: IpAddr, mac: MacAddress },
    /// Remove a policy, by the number that the kernel gave it.
    DropPolicy { policy: Policy, index: u32 },
    /// Remove a device.
    DropDevice { device: Device },
}

impl Step {
    /// Returns true if the step removes something.
    pub(super) fn removes(&self) -> bool {
        matches!(
            self,
            Self::DropSa { .. }
                | Self::DropAddress { .. }
                | Self::DropFdb { .. }
                | Self::DropNeighbour { .. }
                | Self::DropPolicy { .. }
                | Self::DropDevice { .. }
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remember { networks } => {
                let networks = counted(*networks, "encrypted network", "encrypted networks");
                write!(f, "keep the start counters of {networks}")
            }
            Self::Policy(policy) => write!(f, "add policy: {policy}"),
            Self::MendPolicy(policy) => write!(f, "put right policy: {policy}"),
            Self::Sa(sa) => write!(f, "add {sa}"),
            Self::Vxlan(v) => {
                let Vxlan { device, vni, port, local, mac, mtu, learning, proxy } = v;
                write!(f, "add vxlan {device}: vni {vni}, port {port}, local {local}, mac {mac}, mtu {mtu}")?;
                f.write_str(if *learning { ", learning" } else { "" })?;
                f.write_str(if *proxy { ", proxy" } else { "" })
            }
            Self::Bridge { device, mtu, .. } => write!(f, "add bridge {device}: mtu {mtu}"),
            Self::Mark { device, alias } => write!(f, "mark {device}: {alias}"),
            Self::Mtu { device, mtu, before } => write!(f, "set mtu of {device}: {mtu} (was {before})"),
            Self::Mac { device, mac, before } => write!(f, "set mac of {device}: {mac} (was {before})"),
            Self::Port { device, bridge } => write!(f, "make {device} a port of {bridge}"),
            Self::Address { device, address } => write!(f, "add address {address} to {device}"),
            Self::Fdb { device, mac, vtep, .. } if *mac == MacAddress::ZERO => {
                write!(f, "add fdb of {device}: everything else to {vtep}")
            }
            Self::Fdb { device, mac, vtep, before } => {
                write!(f, "add fdb of {device}: {mac} to {vtep}")?;
                before.map_or(Ok(()), |before| write!(f, " (was {before})"))
            }
            Self::Neighbour { device, address, mac, before } => {
                write!(f, "add neighbour of {device}: {address} is {mac}")?;
                before.map_or(Ok(()), |before| write!(f, " (was {before})"))
            }
            Self::Up { device } => write!(f, "set {device} up"),
            Self::DropSa { what, .. } => write!(f, "remove {what}"),
            Self::DropAddress { device, address } => write!(f, "remove address {address} of {device}"),
            Self::DropFdb { device, mac, vtep } => write!(f, "remove fdb of {device}: {mac} to {vtep}"),
            Self::DropNeighbour { device, address, .. } => {
                write!(f, "remove neighbour of {device}: {address}")
            }
            Self::DropPolicy { policy, .. } => write!(f, "remove policy: {policy}"),
            Self::DropDevice { device } => write!(f, "remove {device}"),
        }
    }
}
