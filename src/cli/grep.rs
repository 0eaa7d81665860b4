//! Grep mode, as typed.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use ovlsniff::packet::{UdpPort, Vni};

use super::values;

#[derive(Args, Debug)]
pub(crate) struct Grep {
    /// Regular expression on the bytes of a payload; '' matches every packet that has one
    #[arg(value_name = "PATTERN")]
    pub(crate) first: Option<String>,
    /// Filter as in tcpdump: host 192.0.2.1 and udp port 4789
    #[arg(value_name = "BPF FILTER")]
    pub(crate) rest: Vec<String>,

    /// Pattern; all words are the filter then (repeatable: any of them)
    #[arg(short = 'e', value_name = "PATTERN", allow_hyphen_values = true, help_heading = "Pattern")]
    pub(crate) expressions: Vec<String>,
    /// Upper and lower case are the same
    #[arg(short = 'y', long, help_heading = "Pattern")]
    pub(crate) ignore_case: bool,
    /// The match must be a whole word
    #[arg(short = 'w', long, help_heading = "Pattern")]
    pub(crate) word_regexp: bool,
    /// Packets that do not match
    #[arg(short = 'v', long, help_heading = "Pattern")]
    pub(crate) invert_match: bool,
    /// The pattern is bytes in hex, ?? any byte: '4745 5420', '0x45??00'
    #[arg(short = 'X', long, help_heading = "Pattern")]
    pub(crate) hex: bool,
    /// Filter on the innermost frame: 'host 10.0.1.3 and port 80'
    #[arg(long, value_name = "BPF", help_heading = "Pattern")]
    pub(crate) inner: Option<String>,
    /// Only these virtual networks, 4097 or 0x1001 (repeatable); what is encrypted still counts, its VNI cannot be seen
    #[arg(long, value_name = "VNI", value_delimiter = ',', help_heading = "Pattern")]
    pub(crate) vni: Vec<Vni>,

    /// Interface (repeatable), any, or auto, the default: the interfaces that carry overlays
    #[arg(short = 'i', visible_short_alias = 'd', long, value_name = "IF", help_heading = "Source")]
    pub(crate) interface: Vec<String>,
    /// Capture file (repeatable): pcap, pcapng, also gzip or zstd; - is standard input
    #[arg(
        short = 'r',
        visible_short_alias = 'I',
        long,
        value_name = "FILE",
        conflicts_with_all = ["interface", "netns", "direction", "buffer", "snaplen", "no_promiscuous"],
        help_heading = "Source"
    )]
    pub(crate) read: Vec<PathBuf>,
    /// Network namespace: a name, a path, or a process id
    #[arg(long, value_name = "NAME|PATH|PID", help_heading = "Source")]
    pub(crate) netns: Option<String>,
    /// Only what goes this way
    #[arg(long, value_name = "WAY", help_heading = "Source")]
    pub(crate) direction: Option<Way>,
    /// Not promiscuous
    #[arg(short = 'p', help_heading = "Source")]
    pub(crate) no_promiscuous: bool,
    /// Bytes captured of a frame: 64, 64K
    #[arg(short = 's', value_name = "SIZE", value_parser = values::size, help_heading = "Source")]
    pub(crate) snaplen: Option<u32>,
    /// Ring between kernel and program, per interface: 64K, 32M
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = "Source")]
    pub(crate) buffer: Option<u32>,
    /// One more UDP port that is VXLAN, beside 4789 and 8472 (repeatable)
    #[arg(long, value_name = "PORT", value_delimiter = ',', help_heading = "Source")]
    pub(crate) vxlan_port: Vec<UdpPort>,
    /// One more UDP port that is Geneve, beside 6081 (repeatable)
    #[arg(long, value_name = "PORT", value_delimiter = ',', help_heading = "Source")]
    pub(crate) geneve_port: Vec<UdpPort>,
    /// Keys to open ESP with: Wireshark's esp_sa table, or what 'ip xfrm state' printed (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Source")]
    pub(crate) sa: Vec<PathBuf>,
    /// Open ESP with the keys of this host's kernel
    #[arg(long, help_heading = "Source")]
    pub(crate) decrypt: bool,
    /// User to become once all is open, when root; nobody by default
    #[arg(short = 'Z', long, value_name = "NAME", help_heading = "Source", conflicts_with = "no_drop")]
    pub(crate) user: Option<String>,
    /// Stay root
    #[arg(long, help_heading = "Source")]
    pub(crate) no_drop: bool,
    /// List the interfaces and what auto would choose
    #[arg(short = 'D', help_heading = "Source", conflicts_with_all = ["read", "first", "expressions"])]
    pub(crate) list: bool,

    /// Stop after so many matched packets
    #[arg(short = 'n', long, value_name = "N", value_parser = values::number(0..=u64::MAX), help_heading = "Output")]
    pub(crate) count: Option<u64>,
    /// Packets of the same flow after a match
    #[arg(
        short = 'A',
        value_name = "N",
        value_parser = values::number(0..=usize::MAX),
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Output"
    )]
    pub(crate) after: usize,
    /// Packets of the same flow before a match
    #[arg(
        short = 'B',
        value_name = "N",
        value_parser = values::number(0..=usize::MAX),
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Output"
    )]
    pub(crate) before: usize,
    /// Write matched packets to a file: pcap, or pcapng by name; - is standard output, nothing else goes there then
    #[arg(short = 'O', long, value_name = "FILE", help_heading = "Output")]
    pub(crate) write: Option<PathBuf>,
    /// Write the innermost frames instead
    #[arg(long, requires = "write", help_heading = "Output")]
    pub(crate) decap: bool,
    /// Shape of the payload
    #[arg(
        short = 'W',
        value_name = "SHAPE",
        default_value = "normal",
        ignore_case = true,
        help_heading = "Output"
    )]
    pub(crate) shape: Shape,
    /// Hexdump
    #[arg(short = 'x', conflicts_with = "shape", help_heading = "Output")]
    pub(crate) hexdump: bool,
    /// Bytes of a payload that are searched and shown: 64, 4K
    #[arg(short = 'S', value_name = "SIZE", value_parser = values::depth, help_heading = "Output")]
    pub(crate) depth: Option<usize>,
    /// Character for what cannot be printed
    #[arg(short = 'P', value_name = "C", default_value = ".", value_parser = values::replacement, help_heading = "Output")]
    pub(crate) replacement: char,
    /// Columns of a line
    #[arg(short = 'c', long, value_name = "N", help_heading = "Output", value_parser = values::number(8..=65_536u32))]
    pub(crate) columns: Option<u32>,
    /// Print UTF-8 as it is
    #[arg(short = 'u', help_heading = "Output")]
    pub(crate) utf8: bool,
    /// Time stamps
    #[arg(short = 't', overrides_with = "relative", help_heading = "Output")]
    pub(crate) time: bool,
    /// Time since the last packet shown; twice: since the first
    #[arg(short = 'T', action = ArgAction::Count, overrides_with = "time", help_heading = "Output")]
    pub(crate) relative: u8,
    /// No marks, no banner; twice: headers only
    #[arg(short = 'q', action = ArgAction::Count, help_heading = "Output")]
    pub(crate) quiet: u8,
    /// Marks for packets that are not shown. opaque: # when nobody can read it, . when it did not match; ngrep: # for each
    #[arg(long, value_name = "KIND", default_value = "opaque", help_heading = "Output")]
    pub(crate) marks: Marks,
    /// One JSON object a line
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Show every packet, opaque and empty ones too
    #[arg(long, help_heading = "Output")]
    pub(crate) all: bool,
    /// Colour the matches
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub(crate) color: Color,
    /// Flush after every packet
    #[arg(short = 'l', long, help_heading = "Output")]
    pub(crate) line_buffered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
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
