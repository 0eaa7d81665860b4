//! `ovlsniff overlay`, as typed.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use ovlsniff::overlay::{Mtu, Peer, address, device_name, namespace_name};
use ovlsniff::packet::{Prefix, UdpPort, Vni};

use super::values;

/// Build VXLAN links between nodes, in clear or inside IPsec.
#[derive(Debug, Args)]
pub(crate) struct Overlay {
    #[command(subcommand)]
    pub(crate) act: Act,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Act {
    /// Build a network, or all networks of a file; a second run changes nothing
    Up(Box<Up>),
    /// Take networks down, and remove only what ovlsniff overlay built
    Down(Down),
    /// Show the networks as the kernel has them; exit status 1 if anything is missing
    Status(Status),
    /// Move encrypted networks to new keys without losing a packet
    Rotate(Rotate),
    /// Make a new secret, one file (mode 0600) for all nodes
    Keygen(Keygen),
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Name of the network and of its device; with --file, build only the networks named
    #[arg(value_name = "NETWORK", value_parser = device_name, required_unless_present = "file")]
    pub(crate) names: Vec<String>,
    /// TOML file with all nodes and networks
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["vni", "local", "peer", "addr", "opt", "port", "mtu", "bridge", "learn", "key", "in_netns"])]
    pub(crate) file: Option<PathBuf>,
    /// Name of this node in the file [default: the node with an underlay address of this host]
    #[arg(long, value_name = "NAME", requires = "file")]
    pub(crate) node: Option<String>,
    /// VXLAN network identifier, 1 to 16777215: 4097 or 0x1001
    #[arg(long, value_name = "VNI")]
    pub(crate) vni: Option<Vni>,
    /// This node's underlay address
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) local: Option<IpAddr>,
    /// Underlay address of another node (repeatable), with its overlay address if that is known: 192.0.2.2=10.0.1.2
    #[arg(long, value_name = "ADDRESS[=OVERLAY]", value_delimiter = ',')]
    pub(crate) peer: Vec<Peer>,
    /// This node's address in the overlay, with the length of its prefix: 10.0.1.1/24
    #[arg(long, value_name = "ADDRESS/LENGTH")]
    pub(crate) addr: Option<Prefix>,
    /// Option as in Docker's --opt: encrypted, com.docker.network.driver.mtu=MTU; also cipher=NAME, mtu=MTU, port=PORT
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub(crate) opt: Vec<String>,
    /// File with the secret of an encrypted network, made by keygen
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// UDP port, the same on every node [default: 4789, or 14789 + VNI mod 16384 if encrypted]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<UdpPort>,
    /// MTU of the device [default: the largest that fits the underlay]
    #[arg(long, value_name = "MTU")]
    pub(crate) mtu: Option<Mtu>,
    /// Put the device into the network namespace of this name (ip netns list); its UDP socket stays in the current one
    #[arg(long = "in-netns", value_name = "NETNS", value_parser = namespace_name)]
    pub(crate) in_netns: Option<String>,
    /// Make the device a port of this bridge, which gets the address and is created if it is not there
    #[arg(long, value_name = "BRIDGE", value_parser = device_name)]
    pub(crate) bridge: Option<String>,
    /// Learn addresses from the traffic, and send frames for unknown ones to every peer
    #[arg(long)]
    pub(crate) learn: bool,
    /// Start with this generation of keys, on a node that lost its state or joins late
    #[arg(long, value_name = "N", value_parser = values::number(1..=1_000_000_000u32))]
    pub(crate) generation: Option<u32>,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, Args)]
pub(crate) struct Down {
    /// Networks to take down
    #[arg(value_name = "NETWORK", value_parser = device_name, required_unless_present = "all")]
    pub(crate) names: Vec<String>,
    /// Take down every network that ovlsniff overlay built
    #[arg(long, conflicts_with = "names")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Show only these networks [default: all]
    #[arg(value_name = "NETWORK", value_parser = device_name)]
    pub(crate) names: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Rotate only these networks [default: every encrypted network]
    #[arg(value_name = "NETWORK", value_parser = device_name)]
    pub(crate) names: Vec<String>,
    /// Step to take [default: send, or drop if the new keys are in use already]
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<RotateStep>,
    /// For a timer: drop old keys when possible, follow the peers, take new keys when the last are this old: 12h, 7d
    #[arg(long, value_name = "DURATION", value_parser = values::duration, conflicts_with = "step")]
    pub(crate) due: Option<Duration>,
    /// Do not wait for peers that were not heard from; they may lose packets until they rotate too
    #[arg(long)]
    pub(crate) force: bool,
    /// File with the secret [default: the one that overlay up was given]
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RotateStep {
    /// Accept the keys that peers may send with next
    Prepare,
    /// Send with the new keys
    Send,
    /// Stop accepting the old keys
    Drop,
}

#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// Write the secret to this new file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct How {
    /// Print the steps that would be taken, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the steps as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// Folder that keeps the generations and start counters of the keys
    #[arg(long, value_name = "DIR", default_value = ovlsniff::overlay::STATE_FOLDER)]
    pub(crate) state: PathBuf,
}
