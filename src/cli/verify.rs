//! `ovlsniff verify`, as typed.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use ovlsniff::overlay::address;
use ovlsniff::packet::{UdpPort, Vni};
use ovlsniff::verify::Acceptable;

use super::merge::Merge;
use super::values;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true).args(["net", "vni", "all", "replay"])))]
pub(crate) struct Verify {
    #[command(subcommand)]
    pub(crate) act: Option<VerifyAct>,
    /// Name of the network in ovlsniff overlay or in Docker, or of its VXLAN device
    #[arg(long, value_name = "NAME", value_parser = values::network_name, help_heading = "Network")]
    pub(crate) net: Option<String>,
    /// VNI of the network, with or without --net: 4097 or 0x1001 (repeatable)
    #[arg(long, value_name = "VNI", value_delimiter = ',', help_heading = "Network")]
    pub(crate) vni: Vec<Vni>,
    /// Every overlay network of this host: Docker's and ovlsniff's, and VXLAN, Geneve and WireGuard devices in all namespaces
    #[arg(
        long,
        conflicts_with_all = ["net", "vni", "peer", "vxlan_port", "geneve_port", "local", "docker_inspect", "target", "control", "interface", "read"],
        help_heading = "Network"
    )]
    pub(crate) all: bool,
    /// Judge the evidence in this folder once more, and hold it against its sums
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["net", "vni", "all", "peer", "vxlan_port", "geneve_port", "local", "docker_inspect", "expect", "require", "accept", "duration", "passive", "target", "control", "watch", "interface", "netns", "buffer", "read", "sa", "no_keys", "evidence", "node"],
        help_heading = "Network"
    )]
    pub(crate) replay: Option<PathBuf>,
    /// Underlay address of another node (repeatable)
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = address, help_heading = "Network")]
    pub(crate) peer: Vec<IpAddr>,
    /// UDP port of the network's VXLAN
    #[arg(long, value_name = "PORT", help_heading = "Network")]
    pub(crate) vxlan_port: Option<UdpPort>,
    /// UDP port of the network's Geneve
    #[arg(long, value_name = "PORT", conflicts_with = "vxlan_port", help_heading = "Network")]
    pub(crate) geneve_port: Option<UdpPort>,
    /// Underlay address of this node (repeatable)
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = address, help_heading = "Network")]
    pub(crate) local: Vec<IpAddr>,
    /// Read the Docker network from this file, the output of 'docker network inspect'
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(crate) docker_inspect: Option<PathBuf>,
    /// State that the network should be in
    #[arg(long, value_name = "WHAT", default_value = "encrypted", help_heading = "Network")]
    pub(crate) expect: Expect,
    /// Nodes that count for the verdict on the network
    #[arg(long, value_name = "NODES", default_value = "all", help_heading = "Network")]
    pub(crate) require: Require,
    /// Finding to live with, such as not-enforced (repeatable)
    #[arg(long, value_name = "CODE", value_delimiter = ',', help_heading = "Network")]
    pub(crate) accept: Vec<Acceptable>,

    /// Time to watch: 10s, 1m30s, 500ms; at most a day
    #[arg(long = "for", value_name = "DURATION", default_value = "10s", value_parser = values::watch, help_heading = "Watch")]
    pub(crate) duration: Duration,
    /// Send no probe, and judge the traffic that passes by
    #[arg(long, help_heading = "Watch")]
    pub(crate) passive: bool,
    /// Overlay address to probe (repeatable) [default: found from the kernel's tables]
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = address, conflicts_with_all = ["passive", "read"], help_heading = "Watch")]
    pub(crate) target: Vec<IpAddr>,
    /// Network known to be in clear, as a control: if its canary is not seen, the capture is at fault
    #[arg(long, value_name = "NAME", value_parser = values::network_name, conflicts_with_all = ["passive", "read"], help_heading = "Watch")]
    pub(crate) control: Option<String>,
    /// Repeat at this interval, with one verdict each time: 30s, 5m, 1h; at most a day
    #[arg(long, value_name = "DURATION", value_parser = values::watch, conflicts_with = "read", help_heading = "Watch")]
    pub(crate) watch: Option<Duration>,
    /// Interface of the underlay on which the proof is looked for (repeatable); all are watched for leaks [default: all]
    #[arg(short = 'i', long, value_name = "IF", help_heading = "Watch")]
    pub(crate) interface: Vec<String>,
    /// Network namespace of the underlay: a name, a path, or a process id
    #[arg(long, value_name = "NAME|PATH|PID", help_heading = "Watch")]
    pub(crate) netns: Option<String>,
    /// Size of the ring between kernel and program, one for each network: 64K, 64M [default: 32M]
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = "Watch")]
    pub(crate) buffer: Option<u32>,
    /// Judge this capture file instead of live traffic: pcap or pcapng
    #[arg(
        short = 'r',
        long,
        value_name = "FILE",
        requires = "local",
        conflicts_with_all = ["interface", "netns", "buffer", "passive", "duration"],
        help_heading = "Watch"
    )]
    pub(crate) read: Option<PathBuf>,
    /// File with keys of SAs, beside the kernel's: Wireshark's esp_sa, or output of 'ip xfrm state' (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Watch")]
    pub(crate) sa: Vec<PathBuf>,
    /// Leave the kernel's keys unread, so that ESP is not opened with them: its SAs and the lengths of probes are the proof
    #[arg(long, conflicts_with = "read", help_heading = "Watch")]
    pub(crate) no_keys: bool,
    /// User to become in place of root, before the watch begins [default: nobody]
    #[arg(short = 'Z', long, value_name = "NAME", help_heading = "Watch", conflicts_with = "no_drop")]
    pub(crate) user: Option<String>,
    /// Stay root instead of becoming another user
    #[arg(long, help_heading = "Watch")]
    pub(crate) no_drop: bool,

    /// Keep everything that proves the verdict in this new folder, for an auditor; with --watch, one folder in it for each verdict that changed or is not as expected
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) evidence: Option<PathBuf>,
    /// Judge the algorithms as well: rfc8221, cnsa, fips, or a TOML file
    #[arg(long, value_name = "NAME|FILE", help_heading = "Output")]
    pub(crate) profile: Option<PathBuf>,
    /// Format of the report; with nagios, the exit status is 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN, of errors too
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        overrides_with = "json",
        help_heading = "Output"
    )]
    pub(crate) format: Format,
    /// Print the report as JSON, as --format json does
    #[arg(long, overrides_with = "format", help_heading = "Output")]
    pub(crate) json: bool,
    /// Write the report to this file, whole or not at all; with --watch, each verdict replaces it [default: standard output]
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// Name of this node in the report [default: the host's]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new(), help_heading = "Output")]
    pub(crate) node: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyAct {
    /// Join the JSON reports of several nodes into one matrix
    Merge(Merge),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Expect {
    Encrypted,
    Clear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Require {
    All,
    Reachable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Junit,
    Nagios,
    Prometheus,
}

/// Returns true if the words are those of a plugin of Nagios, whose errors have a form and an exit status of their own.
pub(crate) fn is_plugin(words: &[OsString]) -> bool {
    let words: Vec<&str> =
        words.iter().map_while(|word| word.to_str()).take_while(|word| *word != "--").collect();
    let format = |at: usize| match words[at] {
        "--json" => Some("json"),
        "--format" => words.get(at + 1).copied(),
        word => word.strip_prefix("--format="),
    };
    words.first() == Some(&"verify") && (0..words.len()).rev().find_map(format) == Some("nagios")
}
