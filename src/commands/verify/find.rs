//! The network that was asked for, and what the command line adds to it.

use anyhow::{anyhow, bail};
use ovlsniff::escape::escape;
use ovlsniff::verify::{self, Network, Peer, Places, Source, docker_inspect_file};

use crate::cli::Verify;

/// The network for a capture file: from saved JSON, or from the command line alone.
pub(super) fn for_file(args: &Verify) -> anyhow::Result<Network> {
    let mut network = match (&args.docker_inspect, &args.net) {
        (Some(path), Some(name)) => docker_inspect_file(path, name)?,
        (_, name) => Network { name: name.clone().unwrap_or_default(), ..Network::default() },
    };
    add(args, &mut network);
    if network.vnis.is_empty() {
        bail!(
            "no VNI is known of this network; give it with --vni VNI, or the network with --docker-inspect FILE"
        );
    }
    Ok(network)
}

/// The network for a live watch: whoever knows it, and the command line; and whether this host has no part in it.
pub(super) fn live(args: &Verify, places: &Places) -> anyhow::Result<(Network, bool)> {
    let mut network = match (&args.docker_inspect, &args.net) {
        (Some(path), Some(name)) => {
            let mut network = docker_inspect_file(path, name)?;
            verify::refresh(&mut network, places);
            network
        }
        (None, Some(name)) => match verify::find(Some(name), &args.vni, places) {
            Some(network) => network,
            // A VNI and a peer are enough; the name is then only a name.
            None if !args.vni.is_empty() && !args.peer.is_empty() => {
                Network { name: name.clone(), ..Network::default() }
            }
            None => return Err(unknown(name)),
        },
        (_, None) => verify::find(None, &args.vni, places).unwrap_or_default(),
    };
    // The engine names the nodes of a network, its own among them, to whom has a container on it.
    let no_part = network.source == Source::Docker && network.peers.is_empty() && network.entry.is_none();
    add(args, &mut network);
    if no_part && network.peers.is_empty() {
        return Ok((network, true));
    }
    if network.vnis.is_empty() {
        bail!("network {}: no VNI is known of it; give it with --vni VNI", escape(&network.name));
    }
    if network.peers.is_empty() && network.source == Source::Given {
        bail!("no device of VNI {} is here; name the other node with --peer ADDRESS", network.vnis[0]);
    }
    Ok((network, false))
}

/// The network that is known to be clear.
pub(super) fn control(name: &str, places: &Places) -> anyhow::Result<Network> {
    verify::find(Some(name), &[], places).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> anyhow::Error {
    anyhow!(
        "network {}: not known to ovlsniff overlay, to Docker on this host, or as a VXLAN device (a Swarm worker knows a network only while a container of its is on it); describe it with --vni VNI --peer ADDRESS",
        escape(name)
    )
}

/// What was typed goes before what was found.
pub(super) fn add(args: &Verify, network: &mut Network) {
    if !args.vni.is_empty() {
        network.vnis.clone_from(&args.vni);
    }
    if let Some(port) = args.vxlan_port {
        network.port = Some(port.value());
    }
    if !args.local.is_empty() {
        network.locals.clone_from(&args.local);
    }
    if !args.peer.is_empty() {
        let known = std::mem::take(&mut network.peers);
        let overlay =
            |peer| known.iter().find(|known| known.underlay == peer).map(|known| known.overlay.clone());
        network.peers = args
            .peer
            .iter()
            .map(|&underlay| Peer { underlay, overlay: overlay(underlay).unwrap_or_default() })
            .collect();
    }
    network.peers.retain(|peer| !network.locals.contains(&peer.underlay));
    if network.name.is_empty() && network.source == Source::Given {
        let vnis: Vec<String> = network.vnis.iter().map(ToString::to_string).collect();
        network.name = format!("vni {}", vnis.join(","));
    }
}
