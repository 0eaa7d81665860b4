//! The single acts a plan consists of. None of them holds a key.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::keys::vni_number;
use super::policy::Policy;
use super::security::{Sa, spi_text};
use crate::escape::escape;
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

/// A device: its name and the network namespace it is in, `None` for the host's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Device {
    /// The interface name.
    pub name: String,
    /// By its name in `/run/netns`.
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

/// A VXLAN device to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vxlan {
    /// Where.
    #[serde(flatten)]
    pub device: Device,
    /// The network identifier.
    #[serde(serialize_with = "vni_number")]
    pub vni: Vni,
    /// The UDP port.
    pub port: u16,
    /// This node's underlay address.
    pub local: IpAddr,
    /// Derived from VNI and underlay address, so that the other nodes know it.
    pub mac: MacAddress,
    /// Of the device.
    pub mtu: u32,
    /// Learn addresses from the traffic.
    pub learning: bool,
    /// Answer ARP from the entries, flood nothing.
    pub proxy: bool,
}

impl Vxlan {
    /// The tunnel as netlink has it.
    pub(super) fn tunnel(&self) -> route::Vxlan {
        route::Vxlan {
            vni: Some(self.vni),
            local: Some(self.local),
            port: self.port,
            learning: self.learning,
            proxy: self.proxy,
            ..route::Vxlan::default()
        }
    }
}

/// One act, and its object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Step {
    /// Keep the start counters, before any of them is used.
    Remember { networks: usize },
    /// Put a policy in place.
    Policy(Policy),
    /// Put a policy of ours right that somebody changed.
    MendPolicy(Policy),
    /// Put an SA in place.
    Sa(Sa),
    /// Make the VXLAN device, down.
    Vxlan(Vxlan),
    /// Make a bridge, down.
    Bridge { device: Device, mac: MacAddress, mtu: u32 },
    /// Write the alias that marks a device as ours.
    Mark { device: Device, alias: String },
    /// Change the MTU.
    Mtu { device: Device, mtu: u32, before: u32 },
    /// Change the link-layer address, to the one that the peers know.
    Mac { device: Device, mac: MacAddress, before: MacAddress },
    /// Make a device a port of a bridge.
    Port { device: Device, bridge: String },
    /// Add an address.
    Address { device: Device, address: Prefix },
    /// Add a forwarding entry, where frames for a MAC go, in the place of the one there is.
    Fdb {
        device: Device,
        mac: MacAddress,
        vtep: IpAddr,
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<IpAddr>,
    },
    /// Add a neighbour, which MAC an address has, in the place of the one there is.
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
    /// Remove a policy, by the number the kernel gave it.
    DropPolicy { policy: Policy, index: u32 },
    /// Remove a device.
    DropDevice { device: Device },
}

impl Step {
    /// Whether it takes something away.
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
                write!(f, "keep the start counters of {networks} encrypted networks")
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
