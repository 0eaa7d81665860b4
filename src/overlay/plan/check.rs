//! Checks of a network against this host, before anything is planned.

use std::net::IpAddr;

use super::device_of;
use crate::escape::escape;
use crate::overlay::mark::Mark;
use crate::overlay::mtu::{Mtu, inner_mtu};
use crate::overlay::policy::reqid;
use crate::overlay::present::{Present, PresentDevice};
use crate::overlay::spec::NetworkSpec;
use crate::overlay::step::Device;
use crate::packet::{Prefix, Vni};

/// The reasons why a network cannot be built on this host. Each message goes on from `network NAME: `.
#[derive(Debug, thiserror::Error)]
pub(super) enum Obstacle {
    #[error("{0} is no address of this host; see: ip address")]
    NotOurs(IpAddr),
    #[error("there is no network namespace {0}; make it: ip netns add {0}")]
    NoNamespace(String),
    #[error("mtu {mtu} does not fit: {underlay} has {has}, {how} leaves {fits} of it")]
    Mtu { mtu: u32, underlay: String, has: u32, how: &'static str, fits: u32 },
    #[error(
        "mtu {mtu} is too small for IPv6 (1280); {underlay} has {has}, raise it or give the network IPv4 addresses"
    )]
    TooSmallForIpv6 { mtu: u32, underlay: String, has: u32 },
    #[error("{0}")]
    Overruled(String),
    #[error("device {place} already has vni {vni} on port {port}")]
    SameVni { place: Device, vni: Vni, port: u16 },
    #[error("port {port} is that of device {place}; give this one another: --port PORT")]
    PortOfDevice { place: Device, port: u16 },
    #[error("something is bound to udp port {0}; give another: --port PORT")]
    PortBound(u16),
    #[error("port {0} is that of an encrypted network of this host")]
    PortOfNetwork(u16),
    #[error("{own} overlaps {taken} of device {place}")]
    Overlaps { own: Prefix, taken: Prefix, place: Device },
    #[error("a device {0} is there and is not ours; give the network another name")]
    Foreign(String),
    #[error("is up with another {what}; first: ovlsniff overlay down {name}")]
    Differs { what: &'static str, name: String },
    #[error("device {0} is there and is no bridge")]
    NoBridge(Device),
    #[error("device {device} is a port of {master}")]
    PortOf { device: Device, master: String },
}

/// Checks that the network can be built on this host. Returns the MTU that its device gets.
pub(super) fn check(network: &NetworkSpec, present: &Present) -> Result<u32, Obstacle> {
    let Some((underlay_mtu, underlay)) = present.own.get(&network.local) else {
        return Err(Obstacle::NotOurs(network.local));
    };
    if let Some(netns) = network.netns.as_ref().filter(|netns| !present.netns.contains(*netns)) {
        return Err(Obstacle::NoNamespace(netns.clone()));
    }
    let fits = inner_mtu(*underlay_mtu, network.local, network.cipher);
    let mtu = network.mtu.map_or(fits, Mtu::value);
    if mtu > fits || mtu < Mtu::LEAST {
        let how = if network.cipher.is_some() { "VXLAN in ESP" } else { "VXLAN" };
        return Err(Obstacle::Mtu {
            mtu,
            underlay: escape(underlay).into_owned(),
            has: *underlay_mtu,
            how,
            fits,
        });
    }
    if mtu < 1280 && network.address.is_some_and(|own| own.address().is_ipv6()) {
        return Err(Obstacle::TooSmallForIpv6 {
            mtu,
            underlay: escape(underlay).into_owned(),
            has: *underlay_mtu,
        });
    }
    overlapping(network, present)?;
    let peers: Vec<_> = network.peers.iter().map(|peer| peer.underlay).collect();
    if let Some(why) =
        present.overruled(network.port, network.local, &peers).filter(|_| network.cipher.is_some())
    {
        return Err(Obstacle::Overruled(why));
    }
    let ours =
        |mark: &Option<Mark>| matches!(mark, Some(Mark::Network { name, .. }) if *name == network.name);
    for (place, device) in &present.devices {
        let Some(vxlan) = &device.vxlan else { continue };
        if ours(&device.mark) && place.name == network.name && place.netns == network.netns {
            continue;
        }
        if vxlan.vni == network.vni && (vxlan.port == network.port || device.mark.is_some()) {
            return Err(Obstacle::SameVni { place: place.clone(), vni: vxlan.vni, port: vxlan.port });
        }
        if vxlan.port == network.port && network.cipher.is_some() {
            return Err(Obstacle::PortOfDevice { place: place.clone(), port: vxlan.port });
        }
    }
    let place = device_of(network);
    let up = present.devices.get(&place).is_some_and(|device| ours(&device.mark));
    if network.cipher.is_some() && !up && present.udp_ports.contains(&network.port) {
        return Err(Obstacle::PortBound(network.port));
    }
    let taken = present.policies.iter().find(|p| p.policy.port == network.port);
    match taken.filter(|p| network.cipher.is_none() || p.policy.reqid != reqid(network.vni)) {
        Some(_) => Err(Obstacle::PortOfNetwork(network.port)),
        None => Ok(mtu),
    }
}

/// Refuses a network if another device in the same network namespace has an address in it: two routes would
/// compete.
fn overlapping(network: &NetworkSpec, present: &Present) -> Result<(), Obstacle> {
    let Some(own) = network.address else { return Ok(()) };
    let others = present.devices.iter().filter(|(place, _)| {
        place.netns == network.netns
            && place.name != network.name
            && Some(&place.name) != network.bridge.as_ref()
    });
    for (place, device) in others {
        if let Some(taken) = device.addresses.iter().find(|taken| taken.overlaps(own)) {
            return Err(Obstacle::Overlaps { own, taken: *taken, place: place.clone() });
        }
    }
    Ok(())
}

/// Checks the device that is there already. A difference that cannot be changed while the device is there is an
/// error.
pub(super) fn unchanged(network: &NetworkSpec, there: &PresentDevice, mark: &Mark) -> Result<(), Obstacle> {
    let name = &network.name;
    let Some(Mark::Network { name: marked, vni, encryption, .. }) = &there.mark else {
        return Err(Obstacle::Foreign(name.clone()));
    };
    let Mark::Network { encryption: wanted, .. } = mark else { return Ok(()) };
    let differs = |what| Err(Obstacle::Differs { what, name: name.clone() });
    let Some(vxlan) = &there.vxlan else { return differs("kind of device") };
    if marked != name || *vni != network.vni || vxlan.vni != network.vni {
        return differs("vni");
    }
    match (encryption, wanted) {
        _ if there.unmarked => {}
        (Some(is), Some(wanted)) if is.key != wanted.key => return differs("key"),
        (Some(is), Some(wanted)) if is.cipher != wanted.cipher => return differs("cipher"),
        (None, None) | (Some(_), Some(_)) => {}
        _ => return differs("encryption"),
    }
    if vxlan.port != network.port {
        return differs("port");
    }
    if vxlan.local != Some(network.local) {
        return differs("underlay address");
    }
    if (vxlan.learning, vxlan.proxy) != (network.learn, network.is_static()) {
        return differs("way to find addresses (--learn, addresses of peers)");
    }
    Ok(())
}
