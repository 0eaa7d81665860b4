//! Checks of a specification that need no kernel.

use std::net::IpAddr;

use super::mtu::Mtu;
use super::naming::{NotADeviceName, NotANamespaceName, is_device_name, namespace_name};
use super::spec::NetworkSpec;
use super::spec_error::SpecError;
use crate::packet::{Prefix, VXLAN_PORT, Vni};

/// UDP ports with another meaning. The policies of an encrypted network would cut off those who use them.
const TAKEN: [(u16, &str); 15] = [
    (53, "DNS"),
    (500, "IKE"),
    (1701, "L2TP"),
    (2152, "GTP-U"),
    (3544, "Teredo"),
    (4341, "LISP"),
    (4500, "ESP in UDP"),
    (4754, "GRE in UDP"),
    (VXLAN_PORT, "VXLAN in clear"),
    (4790, "VXLAN-GPE"),
    (4791, "RoCEv2"),
    (6080, "GUE"),
    (6081, "Geneve"),
    (6635, "MPLS in UDP"),
    (8472, "VXLAN in clear (Flannel, Cilium)"),
];

/// Checks every network by itself and against the others.
pub fn validate(networks: &[NetworkSpec]) -> Result<(), SpecError> {
    for (i, network) in networks.iter().enumerate() {
        let named =
            |flaw: Flaw| SpecError::Network { network: network.name.clone(), cause: flaw.to_string() };
        by_itself(network).map_err(named)?;
        for other in &networks[..i] {
            beside(network, other).map_err(named)?;
        }
    }
    Ok(())
}

/// A flaw of a network, by itself or beside another. Each message goes on from `network NAME: `.
#[derive(Debug, thiserror::Error)]
enum Flaw {
    #[error("netns {name:?}: {cause}")]
    Namespace { name: String, cause: NotANamespaceName },
    #[error("vni 0 is no network; take 1 to 16777215")]
    NoNetwork,
    #[error("mtu {0} is too small for IPv6 (1280)")]
    TooSmallForIpv6(u32),
    #[error("{name:?} cannot be {what}: {NotADeviceName}")]
    DeviceName { name: String, what: &'static str },
    #[error("has no peer; give one with --peer ADDRESS (in a file: another node)")]
    NoPeer,
    #[error("{0} and {1} are of different families; all of a network must be one")]
    Families(IpAddr, IpAddr),
    #[error("{0} is both this node and a peer")]
    OwnPeer(IpAddr),
    #[error("peer {0} is given twice")]
    PeerTwice(IpAddr),
    #[error("{0} cannot be a node's underlay address")]
    NoUnderlay(IpAddr),
    #[error("{0} is link-local; give the node's global or unique local address")]
    LinkLocal(IpAddr),
    #[error("peers have addresses in it, this node has none; give it one")]
    NoAddress,
    #[error("{address} is not in {own}, the network of this node's address")]
    Outside { address: IpAddr, own: Prefix },
    #[error("{address} is not a host's address in {own}")]
    NoHost { address: IpAddr, own: Prefix },
    #[error("two nodes have the address {0}")]
    SameAddress(IpAddr),
    #[error("the underlay address {underlay} lies in the overlay's own {own}")]
    UnderlayInside { underlay: IpAddr, own: Prefix },
    #[error("port 0 is no port")]
    NoPort,
    #[error(
        "is encrypted and has no key; give one with --key FILE (in a file: key = \"FILE\"), made by ovlsniff overlay keygen"
    )]
    NoKey,
    #[error(
        "has a key and is not encrypted; say --opt encrypted (in a file: encrypted = true), or leave the key out"
    )]
    KeyInClear,
    #[error("port {port} is {who}; an encrypted network needs a UDP port of its own")]
    PortOf { port: u16, who: &'static str },
    #[error("is given twice")]
    Twice,
    #[error("vni {vni} is also that of network {name}")]
    SameVni { vni: Vni, name: String },
    #[error(
        "port {port} is also that of network {name}; an encrypted network needs one of its own: --port PORT (in a file: port = PORT)"
    )]
    SamePort { port: u16, name: String },
    #[error("{own} overlaps {other} of network {name}")]
    Overlaps { own: Prefix, other: Prefix, name: String },
    #[error("network {0} has the same bridge: that would join the two")]
    SameBridge(String),
    #[error("its bridge and network {0} cannot have one name")]
    BridgeOfThatName(String),
}

fn by_itself(network: &NetworkSpec) -> Result<(), Flaw> {
    device_name(&network.name, "the name of the device")?;
    if let Some(bridge) = &network.bridge {
        device_name(bridge, "the name of a bridge")?;
    }
    if let Some(netns) = &network.netns {
        namespace_name(netns).map_err(|cause| Flaw::Namespace { name: netns.clone(), cause })?;
    }
    if network.vni.value() == 0 {
        return Err(Flaw::NoNetwork);
    }
    underlay(network)?;
    addresses(network)?;
    security(network)?;
    match network.mtu.map(Mtu::value) {
        Some(mtu) if mtu < 1280 && network.address.is_some_and(|a| a.address().is_ipv6()) => {
            Err(Flaw::TooSmallForIpv6(mtu))
        }
        _ => Ok(()),
    }
}

fn device_name(name: &str, what: &'static str) -> Result<(), Flaw> {
    if is_device_name(name) {
        return Ok(());
    }
    Err(Flaw::DeviceName { name: name.to_owned(), what })
}

fn underlay(network: &NetworkSpec) -> Result<(), Flaw> {
    let local = network.local;
    if network.peers.is_empty() {
        return Err(Flaw::NoPeer);
    }
    for (i, peer) in network.peers.iter().enumerate() {
        let address = peer.underlay;
        if address.is_ipv4() != local.is_ipv4() {
            return Err(Flaw::Families(local, address));
        }
        if address == local {
            return Err(Flaw::OwnPeer(address));
        }
        if network.peers[..i].iter().any(|other| other.underlay == address) {
            return Err(Flaw::PeerTwice(address));
        }
    }
    for address in network.peers.iter().map(|peer| peer.underlay).chain([local]) {
        if is_nobodys(address) {
            return Err(Flaw::NoUnderlay(address));
        }
        // A link-local address means another node on every link, and SAs know no link.
        if matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
            return Err(Flaw::LinkLocal(address));
        }
    }
    Ok(())
}

fn is_nobodys(address: IpAddr) -> bool {
    let special = match address {
        IpAddr::V4(v4) => v4.is_broadcast(),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some(),
    };
    special || address.is_unspecified() || address.is_multicast() || address.is_loopback()
}

fn addresses(network: &NetworkSpec) -> Result<(), Flaw> {
    let overlays: Vec<IpAddr> = network.peers.iter().filter_map(|peer| peer.overlay).collect();
    let Some(own) = network.address else {
        if overlays.is_empty() {
            return Ok(());
        }
        return Err(Flaw::NoAddress);
    };
    let usable = |address: IpAddr| match address {
        IpAddr::V4(v4) if own.length() < 31 => {
            let host = v4.to_bits() & (u32::MAX >> own.length());
            host != 0 && host != u32::MAX >> own.length()
        }
        _ => true,
    };
    for (i, address) in overlays.iter().copied().chain([own.address()]).enumerate() {
        if !own.contains(address) {
            return Err(Flaw::Outside { address, own });
        }
        if !usable(address) || address.is_multicast() {
            return Err(Flaw::NoHost { address, own });
        }
        if overlays[..i.min(overlays.len())].contains(&address) {
            return Err(Flaw::SameAddress(address));
        }
    }
    match network.peers.iter().map(|peer| peer.underlay).chain([network.local]).find(|a| own.contains(*a)) {
        Some(underlay) => Err(Flaw::UnderlayInside { underlay, own }),
        None => Ok(()),
    }
}

fn security(network: &NetworkSpec) -> Result<(), Flaw> {
    if network.port == 0 {
        return Err(Flaw::NoPort);
    }
    match (network.cipher, &network.key) {
        (Some(_), None) => Err(Flaw::NoKey),
        (None, Some(_)) => Err(Flaw::KeyInClear),
        (Some(_), Some(_)) => match TAKEN.iter().find(|(port, _)| *port == network.port) {
            Some(&(port, who)) => Err(Flaw::PortOf { port, who }),
            None => Ok(()),
        },
        (None, None) => Ok(()),
    }
}

fn beside(network: &NetworkSpec, other: &NetworkSpec) -> Result<(), Flaw> {
    let name = &other.name;
    if network.name == *name {
        return Err(Flaw::Twice);
    }
    if network.vni == other.vni {
        return Err(Flaw::SameVni { vni: network.vni, name: name.clone() });
    }
    if network.port == other.port && (network.cipher.is_some() || other.cipher.is_some()) {
        return Err(Flaw::SamePort { port: network.port, name: name.clone() });
    }
    if network.netns == other.netns {
        if let (Some(a), Some(b)) = (network.address, other.address) {
            if a.overlaps(b) {
                return Err(Flaw::Overlaps { own: a, other: b, name: name.clone() });
            }
        }
        if network.bridge.is_some() && network.bridge == other.bridge {
            return Err(Flaw::SameBridge(name.clone()));
        }
        if network.bridge.as_ref() == Some(name) || other.bridge.as_ref() == Some(&network.name) {
            return Err(Flaw::BridgeOfThatName(name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::cipher::Cipher;
    use super::super::spec::Peer;
    use super::*;
    use crate::packet::Vni;

    fn secure() -> NetworkSpec {
        NetworkSpec {
            name: "secure".into(),
            vni: Vni::new(4098).unwrap(),
            port: 18_887,
            cipher: Some(Cipher::Aes256Gcm),
            key: Some("secure.key".into()),
            mtu: None,
            local: "192.0.2.1".parse().unwrap(),
            address: Some("10.0.2.1/24".parse().unwrap()),
            peers: vec![Peer { underlay: "192.0.2.2".parse().unwrap(), overlay: None }],
            netns: None,
            bridge: None,
            learn: false,
        }
    }

    fn insecure() -> NetworkSpec {
        let address = Some("10.0.1.1/24".parse().unwrap());
        let vni = Vni::new(4097).unwrap();
        NetworkSpec { name: "insecure".into(), vni, port: 4789, cipher: None, key: None, address, ..secure() }
    }

    fn refused(change: impl FnOnce(&mut NetworkSpec)) -> String {
        let mut network = secure();
        change(&mut network);
        validate(&[insecure(), network]).unwrap_err().to_string()
    }

    #[test]
    fn clear_and_encrypted_stand_side_by_side() {
        assert_eq!(validate(&[insecure(), secure()]), Ok(()));
    }

    #[test]
    fn everything_that_does_not_fit_together_is_named() {
        assert!(refused(|n| n.port = 4789).contains("VXLAN in clear"));
        assert!(refused(|n| n.vni = Vni::new(4097).unwrap()).contains("also that of network insecure"));
        assert!(refused(|n| n.vni = Vni::new(0).unwrap()).contains("vni 0"));
        assert!(refused(|n| n.key = None).contains("--key"));
        assert!(refused(|n| n.cipher = None).contains("--opt encrypted"));
        assert!(refused(|n| n.local = "2001:db8::1".parse().unwrap()).contains("different families"));
        assert!(refused(|n| n.peers.clear()).contains("--peer"));
        assert!(
            refused(|n| n.address = Some("10.0.0.9/16".parse().unwrap())).contains("overlaps 10.0.1.1/24")
        );
        assert!(
            refused(|n| n.address = Some("10.0.2.0/24".parse().unwrap())).contains("not a host's address")
        );
        assert!(refused(|n| n.address = Some("192.0.2.9/24".parse().unwrap())).contains("underlay address"));
        assert!(
            refused(|n| n.peers[0].overlay = Some("10.0.9.2".parse().unwrap()))
                .contains("not in 10.0.2.1/24")
        );
        assert!(refused(|n| n.peers[0].overlay = Some("10.0.2.1".parse().unwrap())).contains("two nodes"));
        assert!(refused(|n| n.name = "a/b".into()).contains("name of the device"));
        assert!(refused(|n| n.name = "insecure".into()).contains("given twice"));
        assert!(refused(|n| n.netns = Some("a/b".into())).contains("netns \"a/b\": use the name"));
        let small_for_ipv6 = |n: &mut NetworkSpec| {
            n.mtu = Mtu::new(1000);
            n.address = Some("fd00::1/64".parse().unwrap());
        };
        assert!(refused(small_for_ipv6).contains("too small for IPv6"));
        let link_local = |n: &mut NetworkSpec| {
            n.local = "fe80::1".parse().unwrap();
            n.peers[0].underlay = "fe80::2".parse().unwrap();
        };
        assert!(refused(link_local).contains("link-local"));
        let broadcast = refused(|n| n.peers[0].underlay = "255.255.255.255".parse().unwrap());
        assert!(broadcast.contains("cannot be a node's"));
    }
}
