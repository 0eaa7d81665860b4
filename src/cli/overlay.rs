//! `ovlsniff overlay`, as typed.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use ovlsniff::overlay::{Mtu, Peer, address, device_name, namespace_name};
use ovlsniff::packet::{Prefix, UdpPort, Vni};

use super::values;

/// Build VXLAN links between nodes, plain and inside IPsec.
#[derive(Debug, Args)]
pub(crate) struct Overlay {
    #[command(subcommand)]
    pub(crate) act: Act,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Act {
    /// Build a network, or all networks of a file; a second time changes nothing
    Up(Box<Up>),
    /// Take networks down; what is not ours stays
    Down(Down),
    /// What the kernel says of our networks; 1 when something is missing
    Status(Status),
    /// Move encrypted networks to new keys without losing a packet
    Rotate(Rotate),
    /// Write a new secret, the same file for every node, to a file (mode 0600)
    Keygen(Keygen),
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The network's name, which is also the device's; with --file only these of the file
    #[arg(value_name = "NETWORK", value_parser = device_name, required_unless_present = "file")]
    pub(crate) names: Vec<String>,
    /// A TOML file with all nodes and networks
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["vni", "local", "peer", "addr", "opt", "port", "mtu", "bridge", "learn", "key", "in_netns"])]
    pub(crate) file: Option<PathBuf>,
    /// Which node of the file this is, when its underlay address does not tell
    #[arg(long, value_name = "NAME", requires = "file")]
    pub(crate) node: Option<String>,
    /// VXLAN network identifier, 1 to 16777215: 4097 or 0x1001
    #[arg(long, value_name = "VNI")]
    pub(crate) vni: Option<Vni>,
    /// This node's underlay address
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) local: Option<IpAddr>,
    /// Another node's underlay address (repeatable), with its address in the network where it is known: 192.0.2.2=10.0.1.2
    #[arg(long, value_name = "ADDRESS[=OVERLAY]", value_delimiter = ',')]
    pub(crate) peer: Vec<Peer>,
    /// This node's address in the network
    #[arg(long, value_name = "ADDRESS/LENGTH")]
    pub(crate) addr: Option<Prefix>,
    /// What Docker's --opt takes: encrypted, com.docker.network.driver.mtu=MTU; and cipher=NAME, mtu=MTU, port=PORT
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub(crate) opt: Vec<String>,
    /// The secret of an encrypted network, from keygen
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// UDP port, the same on every node [default: 4789, encrypted 14789 + VNI mod 16384]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<UdpPort>,
    /// MTU of the device [default: the largest that fits the underlay]
    #[arg(long, value_name = "MTU")]
    pub(crate) mtu: Option<Mtu>,
    /// Put the device into this network namespace; its socket stays here
    #[arg(long = "in-netns", value_name = "NETNS", value_parser = namespace_name)]
    pub(crate) in_netns: Option<String>,
    /// Make the device a port of this bridge, which gets the address and is made if need be
    #[arg(long, value_name = "BRIDGE", value_parser = device_name)]
    pub(crate) bridge: Option<String>,
    /// Learn addresses from the traffic and flood what is unknown
    #[arg(long)]
    pub(crate) learn: bool,
    /// Begin with this generation of keys, for a node whose state was lost or that joins late
    #[arg(long, value_name = "N", value_parser = values::number(1..=1_000_000_000u32))]
    pub(crate) generation: Option<u32>,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, Args)]
pub(crate) struct Down {
    /// The networks
    #[arg(value_name = "NETWORK", value_parser = device_name, required_unless_present = "all")]
    pub(crate) names: Vec<String>,
    /// Every network of ours
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Only these
    #[arg(value_name = "NETWORK", value_parser = device_name)]
    pub(crate) names: Vec<String>,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Only these [default: every encrypted network]
    #[arg(value_name = "NETWORK", value_parser = device_name)]
    pub(crate) names: Vec<String>,
    /// What to do [default: send, or drop when new keys are already sent with]
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<Step>,
    /// For a timer: drop old keys when that can be, follow peers, send with new keys when the last are this old: 12h, 7d
    #[arg(long, value_name = "DURATION", value_parser = values::duration, conflicts_with = "step")]
    pub(crate) due: Option<Duration>,
    /// Do not wait for peers that were not heard: they may lose packets until they rotate, too
    #[arg(long)]
    pub(crate) force: bool,
    /// The secret [default: where it lay at overlay up]
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Step {
    /// Accept what peers may send next
    Prepare,
    /// Send with new keys
    Send,
    /// Accept the old keys no more
    Drop,
}

#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// Write to this new file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct How {
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print it as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the start counters are kept
    #[arg(long, value_name = "DIR", default_value = ovlsniff::overlay::STATE_FOLDER)]
    pub(crate) state: PathBuf,
}
