//! `ovlsniff overlay status`: the networks as the kernel has them, and what is missing.

use std::fmt::Write as _;

use anyhow::bail;
use ovlsniff::escape::escape;
use ovlsniff::overlay::{self, Kernel, NetworkStatus};
use serde::Serialize;

use super::say;
use crate::cli::overlay::Status;
use crate::commands::Status as Outcome;

pub(super) fn run(typed: &Status) -> anyhow::Result<Outcome> {
    let mut kernel = Kernel::open()?;
    let mut networks = overlay::status(&kernel.read()?);
    for name in &typed.names {
        if !networks.iter().any(|network| network.name == *name) {
            bail!("network {name}: no such network of ours");
        }
    }
    networks.retain(|network| typed.names.is_empty() || typed.names.contains(&network.name));
    let text = if typed.json {
        #[derive(Serialize)]
        struct Document<'a> {
            v: u8,
            networks: &'a [NetworkStatus],
        }
        serde_json::to_string(&Document { v: 1, networks: &networks })? + "\n"
    } else if networks.is_empty() {
        "no network of ours\n".to_owned()
    } else {
        networks.iter().map(words).collect()
    };
    let well = networks.iter().all(|network| network.missing.is_empty());
    say(&text, if well { Outcome::Success } else { Outcome::Amiss })
}

/// Returns the lines that `status` prints about a network.
fn words(network: &NetworkStatus) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_words(&mut text, network);
    text
}

fn write_words(out: &mut String, network: &NetworkStatus) -> std::fmt::Result {
    let NetworkStatus {
        name,
        vni,
        port,
        netns,
        local,
        addresses,
        mtu,
        up,
        marked,
        encrypted,
        peers,
        missing,
    } = network;
    let kind = match encrypted {
        None if !marked => "not marked as clear or encrypted".to_owned(),
        None => "in clear".to_owned(),
        Some(e) => format!("{}, key {}, generation {}", e.cipher, e.key, e.generation),
    };
    let state = if *up { "up" } else { "down" };
    if let Some(local) = local {
        let netns = netns.as_ref().map(|netns| format!(", netns {}", escape(netns))).unwrap_or_default();
        writeln!(out, "{name} (vni {vni}, port {port}{netns}): {state}, {kind}")?;
        writeln!(out, "  {local}, mtu {mtu}, {}", addresses.join(" "))?;
    } else {
        writeln!(out, "(vni {vni}, port {port}): without a device")?;
    }
    for peer in peers {
        write!(out, "  -> {}", peer.underlay)?;
        if encrypted.is_some() {
            let spi = |spi: &Option<String>| spi.clone().unwrap_or_else(|| "none".into());
            write!(
                out,
                "   sent {} (spi {}), received {} (spi {})",
                peer.sent,
                spi(&peer.spi_out),
                peer.received,
                spi(&peer.spi_in)
            )?;
        }
        writeln!(out)?;
        if let Some(hint) = peer.hint {
            writeln!(out, "     {hint}")?;
        }
    }
    missing.iter().try_for_each(|what| writeln!(out, "  missing: {what}"))
}
