//! The network that was asked for, and what the command line adds to it.

use ovlsniff::verify::{Network, Peer, Source, docker_inspect_file};

use crate::cli::Verify;

/// The network for a capture file: from saved JSON, or from the command line alone.
pub(super) fn for_file(args: &Verify) -> anyhow::Result<Network> {
    let mut network = match (&args.docker_inspect, &args.net) {
        (Some(path), Some(name)) => docker_inspect_file(path, name)?,
        (_, name) => Network { name: name.clone().unwrap_or_default(), ..Network::default() },
    };
    add(args, &mut network);
    if network.vnis.is_empty() {
        anyhow::bail!("no VNI is known of this network; give it with --vni N, or the network with --docker-inspect FILE");
    }
    Ok(network)
}

/// What was typed goes before what was found.
pub(super) fn add(args: &Verify, network: &mut Network) {
    if !args.vni.is_empty() {
        network.vnis.clone_from(&args.vni);
    }
    if let Some(port) = args.vxlan_port {
        network.port = Some(port);
    }
    if !args.local.is_empty() {
        network.locals.clone_from(&args.local);
    }
    if !args.peer.is_empty() {
        let known = std::mem::take(&mut network.peers);
        let overlay = |peer| known.iter().find(|known| known.underlay == peer).map(|known| known.overlay.clone());
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
