//! `ovlsniff verify`, as typed.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ovlsniff::overlay::address;
use ovlsniff::packet::{UdpPort, Vni};

use super::values;

#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true).args(["net", "vni"])))]
pub(crate) struct Verify {
    /// A network of ovlsniff overlay, a Docker overlay network, or a VXLAN device
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    pub(crate) net: Option<String>,
    /// Its VNI, 4097 or 0x1001 (repeatable), without or beside a name
    #[arg(long, value_name = "VNI", value_delimiter = ',', help_heading = "Network")]
    pub(crate) vni: Vec<Vni>,
    /// Underlay address of another node (repeatable)
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = address, help_heading = "Network")]
    pub(crate) peer: Vec<IpAddr>,
    /// Its UDP port
    #[arg(long, value_name = "PORT", help_heading = "Network")]
    pub(crate) vxlan_port: Option<UdpPort>,
    /// Underlay address of this node (repeatable)
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = address, help_heading = "Network")]
    pub(crate) local: Vec<IpAddr>,
    /// Read a Docker network from what `docker network inspect` printed
    #[arg(long, value_name = "FILE", requires = "net", help_heading = "Network")]
    pub(crate) docker_inspect: Option<PathBuf>,
    /// What the network is to be
    #[arg(long, value_name = "WHAT", default_value = "encrypted", help_heading = "Network")]
    pub(crate) expect: Expect,

    /// How long to watch: 10s, 1m30s, 500ms; at most a day
    #[arg(long = "for", value_name = "DURATION", default_value = "10s", value_parser = values::watch, help_heading = "Watch")]
    pub(crate) duration: Duration,
    /// Send no probe, judge what passes by
    #[arg(long, help_heading = "Watch")]
    pub(crate) passive: bool,
    /// Overlay address to probe (repeatable); found out by itself otherwise
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = address, conflicts_with_all = ["passive", "read"], help_heading = "Watch")]
    pub(crate) target: Vec<IpAddr>,
    /// A network known to be clear: its canary must be seen, else the capture is at fault
    #[arg(long, value_name = "NAME", conflicts_with_all = ["passive", "read"], help_heading = "Watch")]
    pub(crate) control: Option<String>,
    /// Go on, one verdict each time: every 30s, 5m, 1h; at most a day
    #[arg(long, value_name = "DURATION", value_parser = values::watch, conflicts_with = "read", help_heading = "Watch")]
    pub(crate) watch: Option<Duration>,
    /// Interface of the underlay (repeatable); found out by itself otherwise
    #[arg(short = 'i', long, value_name = "IF", help_heading = "Watch")]
    pub(crate) interface: Vec<String>,
    /// Network namespace of the underlay: a name, a path, or a process id
    #[arg(long, value_name = "NAME|PATH|PID", help_heading = "Watch")]
    pub(crate) netns: Option<String>,
    /// Ring between kernel and program, per interface: 64K, 32M
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = "Watch")]
    pub(crate) buffer: Option<u32>,
    /// Judge a capture file instead: pcap or pcapng
    #[arg(
        short = 'r',
        long,
        value_name = "FILE",
        requires = "local",
        conflicts_with_all = ["interface", "netns", "buffer", "passive"],
        help_heading = "Watch"
    )]
    pub(crate) read: Option<PathBuf>,
    /// Keys of the SAs: Wireshark's esp_sa or what `ip xfrm state` printed (repeatable); the kernel's own by itself
    #[arg(long, value_name = "FILE", help_heading = "Watch")]
    pub(crate) sa: Vec<PathBuf>,

    /// text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Expect {
    Encrypted,
    Clear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}
