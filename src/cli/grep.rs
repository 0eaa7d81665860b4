//! Grep mode: its pattern, its filter and its options, as typed.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use ovlsniff::packet::{UdpPort, Vni};

use super::values;

#[derive(Args, Debug)]
pub(crate) struct Grep {
    /// Regular expression on the bytes of the payload; '' matches every packet that has a payload
    #[arg(value_name = "PATTERN")]
    pub(crate) first: Option<String>,
    /// Filter on the outer headers, in tcpdump's language: host 192.0.2.1 and udp port 4789
    #[arg(value_name = "BPF FILTER")]
    pub(crate) rest: Vec<String>,

    /// Pattern (repeatable: any of them may match); all other words are then the filter
    #[arg(
        short = 'e',
        long = "regexp",
        visible_alias = "pattern",
        value_name = "PATTERN",
        allow_hyphen_values = true,
        help_heading = "Pattern"
    )]
    pub(crate) expressions: Vec<String>,
    /// Ignore case
    #[arg(short = 'y', long, help_heading = "Pattern")]
    pub(crate) ignore_case: bool,
    /// Match whole words only
    #[arg(short = 'w', long, help_heading = "Pattern")]
    pub(crate) word_regexp: bool,
    /// Show the packets that do not match
    #[arg(short = 'v', long, help_heading = "Pattern")]
    pub(crate) invert_match: bool,
    /// Read the pattern as bytes in hex, with ?? for any byte: '4745 5420', '0x45??00'
    #[arg(short = 'X', long, help_heading = "Pattern")]
    pub(crate) hex: bool,
    /// Search TCP in streams, not in packets: each direction of a connection as its receiver reads it
    #[arg(long, help_heading = "Pattern")]
    pub(crate) stream: bool,
    /// With --stream, the longest match: 1K to 16M [default: 64K]
    #[arg(long, value_name = "BYTES", value_parser = values::window, requires = "stream", help_heading = "Pattern")]
    pub(crate) window: Option<usize>,
    /// Filter on the innermost frame: 'host 10.0.1.3 and port 80'
    #[arg(long, value_name = "BPF", help_heading = "Pattern")]
    pub(crate) inner: Option<String>,
    /// Search only this virtual network: 4097 or 0x1001 (repeatable); encrypted packets show no VNI and still count
    #[arg(long, value_name = "VNI", value_delimiter = ',', help_heading = "Pattern")]
    pub(crate) vni: Vec<Vni>,

    /// Interface to listen on (repeatable): a name, any, or auto for those that carry overlays [default: auto]
    #[arg(short = 'i', visible_short_alias = 'd', long, value_name = "IF", help_heading = "Source")]
    pub(crate) interface: Vec<String>,
    /// Search this capture file instead (repeatable): pcap or pcapng, also in gzip or zstd; - is standard input
    #[arg(
        short = 'r',
        visible_short_alias = 'I',
        long,
        value_name = "FILE",
        conflicts_with_all = ["interface", "netns", "direction", "buffer", "snaplen", "no_promiscuous"],
        help_heading = "Source"
    )]
    pub(crate) read: Vec<PathBuf>,
    /// Network namespace to listen in: a name, a path, or a process id
    #[arg(long, value_name = "NAME|PATH|PID", help_heading = "Source")]
    pub(crate) netns: Option<String>,
    /// Capture only the frames that this host receives (in) or sends (out)
    #[arg(long, value_name = "DIRECTION", help_heading = "Source")]
    pub(crate) direction: Option<FrameDirection>,
    /// Do not put the interface into promiscuous mode
    #[arg(short = 'p', long, help_heading = "Source")]
    pub(crate) no_promiscuous: bool,
    /// Capture at most this many bytes of a frame: 64, 64K [default: 256K]
    #[arg(short = 's', long, value_name = "SIZE", value_parser = values::size, help_heading = "Source")]
    pub(crate) snaplen: Option<u32>,
    /// Size of the ring between kernel and program, per interface: 64K, 64M [default: 32M]
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = "Source")]
    pub(crate) buffer: Option<u32>,
    /// Another UDP port that carries VXLAN, beside 4789, 8472 and, live, those of this host's devices (repeatable)
    #[arg(long, value_name = "PORT", value_delimiter = ',', help_heading = "Source")]
    pub(crate) vxlan_port: Vec<UdpPort>,
    /// Another UDP port that carries Geneve, beside 6081 and, live, those of this host's devices (repeatable)
    #[arg(long, value_name = "PORT", value_delimiter = ',', help_heading = "Source")]
    pub(crate) geneve_port: Vec<UdpPort>,
    /// A UDP port that carries FOU or GUE, beside GUE's 6080 and, live, the kernel's (repeatable)
    #[arg(long, value_name = "PORT", value_delimiter = ',', help_heading = "Source")]
    pub(crate) fou_port: Vec<UdpPort>,
    /// Open ESP with the keys of this file: Wireshark's esp_sa table, or output of 'ip xfrm state' (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Source")]
    pub(crate) sa: Vec<PathBuf>,
    /// Open ESP with the keys of this host's kernel
    #[arg(long, help_heading = "Source")]
    pub(crate) decrypt: bool,
    /// Threads that search a capture file; the output is that of one [default: the processors, at most 4, for a plain pcap file of some MiB]
    #[arg(long, value_name = "N", value_parser = values::number(1..=128usize), requires = "read", help_heading = "Source")]
    pub(crate) threads: Option<usize>,
    /// User to become in place of root, once everything is open [default: nobody]
    #[arg(short = 'Z', long, value_name = "NAME", help_heading = "Source", conflicts_with = "no_drop")]
    pub(crate) user: Option<String>,
    /// Stay root instead of becoming another user
    #[arg(long, help_heading = "Source")]
    pub(crate) no_drop: bool,
    /// List the interfaces, and mark those that auto would choose
    #[arg(short = 'D', long, help_heading = "Source", conflicts_with_all = ["read", "first", "expressions"])]
    pub(crate) list: bool,

    /// Stop after N matched packets; 0 is no limit
    #[arg(
        short = 'n',
        long,
        alias = "max-count",
        value_name = "N",
        value_parser = values::number(0..=u64::MAX),
        help_heading = "Output"
    )]
    pub(crate) count: Option<u64>,
    /// Show N packets of the same flow after each match; with --stream, N lines of the stream
    #[arg(
        short = 'A',
        long,
        alias = "after-context",
        value_name = "N",
        value_parser = values::number(0..=usize::MAX),
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Output"
    )]
    pub(crate) after: usize,
    /// Show N packets of the same flow before each match; with --stream, N lines of the stream
    #[arg(
        short = 'B',
        long,
        alias = "before-context",
        value_name = "N",
        value_parser = values::number(0..=usize::MAX),
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Output"
    )]
    pub(crate) before: usize,
    /// Write the matched packets to this file: pcap, or pcapng by its ending; - is standard output, without the text
    #[arg(short = 'O', long, value_name = "FILE", help_heading = "Output")]
    pub(crate) write: Option<PathBuf>,
    /// With -O, write the innermost frames instead of the captured ones
    #[arg(long, requires = "write", help_heading = "Output")]
    pub(crate) decap: bool,
    /// Format in which the payload is printed
    #[arg(
        short = 'W',
        long,
        value_name = "SHAPE",
        default_value = "normal",
        ignore_case = true,
        help_heading = "Output"
    )]
    pub(crate) shape: Shape,
    /// Print the payload as a hex dump
    #[arg(short = 'x', long, conflicts_with = "shape", help_heading = "Output")]
    pub(crate) hexdump: bool,
    /// Search and print at most this many bytes of a payload: 64, 4K
    #[arg(short = 'S', long, value_name = "SIZE", value_parser = values::depth, help_heading = "Output")]
    pub(crate) depth: Option<usize>,
    /// Character that stands for a byte that cannot be printed
    #[arg(
        short = 'P',
        long,
        value_name = "C",
        default_value = ".",
        value_parser = values::replacement,
        help_heading = "Output"
    )]
    pub(crate) replacement: char,
    /// Width of a line in columns [default: that of the terminal, else 80]
    #[arg(short = 'c', long, value_name = "N", help_heading = "Output", value_parser = values::number(8..=65_536u32))]
    pub(crate) columns: Option<u32>,
    /// Print UTF-8 characters instead of replacing their bytes
    #[arg(short = 'u', long, help_heading = "Output")]
    pub(crate) utf8: bool,
    /// Print the date and time of each packet
    #[arg(short = 't', long, overrides_with = "relative", help_heading = "Output")]
    pub(crate) time: bool,
    /// Print the time since the last packet shown; twice: since the first
    #[arg(
        short = 'T',
        long = "relative-time",
        action = ArgAction::Count,
        overrides_with = "time",
        help_heading = "Output"
    )]
    pub(crate) relative: u8,
    /// Print no marks and no banner; twice: headers only
    #[arg(short = 'q', long, action = ArgAction::Count, help_heading = "Output")]
    pub(crate) quiet: u8,
    /// Marks for packets that are not shown. opaque: # for an encrypted packet, ? for one that is not decoded, . for any other; ngrep: # for each
    #[arg(long, value_name = "KIND", default_value = "opaque", help_heading = "Output")]
    pub(crate) marks: Marks,
    /// Show the names of containers, services and networks beside addresses, as this host's Docker or Podman engine knows them now
    #[arg(long, help_heading = "Output")]
    pub(crate) resolve: bool,
    /// Print one JSON object a line (JSON Lines)
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Show every packet, also encrypted and empty ones
    #[arg(long, help_heading = "Output")]
    pub(crate) all: bool,
    /// Colour the matches, and make header lines bold
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub(crate) color: Color,
    /// Flush the output after every packet
    #[arg(short = 'l', long, help_heading = "Output")]
    pub(crate) line_buffered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FrameDirection {
    In,
    Out,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    Normal,
    Byline,
    Single,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Marks {
    Opaque,
    Ngrep,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}
