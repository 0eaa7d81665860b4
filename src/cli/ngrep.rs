//! ngrep's grammar: its letters with its meanings, as typed.
//!
//! The letters are those of ngrep 1.47 to 1.49 (`ngrep(8)`). Some mean something else in grep mode: here `-i` ignores case,
//! `-w` matches whole words, `-r` resolves names and `-e` shows empty packets. ngrep has no long options, so those that are here are ours alone.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::{Shape, values};

#[derive(Args, Debug)]
#[command(disable_version_flag = true, args_override_self = true, after_help = EXAMPLES)]
pub(crate) struct Ngrep {
    /// Regular expression on the bytes of the payload; '' matches every packet that has a payload
    #[arg(value_name = "PATTERN")]
    pub(crate) first: Option<String>,
    /// Filter on the headers, in tcpdump's language
    #[arg(value_name = "BPF FILTER")]
    pub(crate) rest: Vec<String>,

    /// Print no marks; twice: no banner; three times: headers only
    #[arg(short = 'q', action = ArgAction::Count, help_heading = "Output")]
    pub(crate) quiet: u8,
    /// Show packets without a payload too
    #[arg(short = 'e', help_heading = "Output")]
    pub(crate) empty: bool,
    /// Ignore case
    #[arg(short = 'i', help_heading = "Pattern")]
    pub(crate) ignore_case: bool,
    /// Show the packets that do not match
    #[arg(short = 'v', help_heading = "Pattern")]
    pub(crate) invert_match: bool,
    /// Match whole words only
    #[arg(short = 'w', help_heading = "Pattern")]
    pub(crate) word: bool,
    /// Read the pattern as bytes in hex
    #[arg(short = 'X', help_heading = "Pattern", conflicts_with_all = ["ignore_case", "word"])]
    pub(crate) hex: bool,
    /// Do not let . match the end of a line
    #[arg(short = 'M', help_heading = "Pattern")]
    pub(crate) single_line: bool,
    /// Print the payload as a hex dump
    #[arg(short = 'x', help_heading = "Output")]
    pub(crate) hexdump: bool,
    /// Do not put the interface into promiscuous mode
    #[arg(short = 'p', help_heading = "Source")]
    pub(crate) no_promiscuous: bool,
    /// Flush the output after every line
    #[arg(short = 'l', help_heading = "Output")]
    pub(crate) line_buffered: bool,
    /// Show the packets of a file at the pace at which they were captured
    #[arg(short = 'D', help_heading = "Source")]
    pub(crate) replay: bool,
    /// Print the date and time of each packet
    #[arg(short = 't', overrides_with = "relative", help_heading = "Output")]
    pub(crate) time: bool,
    /// Print the time since the last packet shown; twice: since the first
    #[arg(short = 'T', action = ArgAction::Count, overrides_with = "time", help_heading = "Output")]
    pub(crate) relative: u8,
    /// Stay root instead of becoming nobody
    #[arg(short = 'R', help_heading = "Source")]
    pub(crate) no_drop: bool,
    /// Colour the match
    #[arg(short = 'C', help_heading = "Output")]
    pub(crate) color: bool,
    /// Print UTF-8 characters instead of replacing their bytes
    #[arg(short = 'u', help_heading = "Output")]
    pub(crate) utf8: bool,
    /// Show the names of containers before their addresses
    #[arg(short = 'r', help_heading = "Output")]
    pub(crate) resolve: bool,
    /// Print the number of the protocol behind its letter
    #[arg(short = 'N', help_heading = "Output")]
    pub(crate) protocol_number: bool,
    /// Show N packets of the same flow after each match
    #[arg(short = 'A', value_name = "N", allow_hyphen_values = true, default_value_t = 0, hide_default_value = true, value_parser = values::number(0..=usize::MAX), help_heading = "Output")]
    pub(crate) after: usize,
    /// Interface to listen on: a name, or any [default: those that carry overlays, else that of the default route]
    #[arg(short = 'd', value_name = "IF", help_heading = "Source")]
    pub(crate) device: Option<String>,
    /// Search this capture file instead; - is standard input
    #[arg(short = 'I', value_name = "FILE", help_heading = "Source")]
    pub(crate) input: Option<PathBuf>,
    /// Write the packets that are shown to this file; - is standard output, without the text
    #[arg(short = 'O', value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// Stop after N matched packets; 0 is no limit
    #[arg(short = 'n', value_name = "N", allow_hyphen_values = true, value_parser = values::number(0..=u64::MAX), help_heading = "Output")]
    pub(crate) count: Option<u64>,
    /// Capture at most this many bytes of a frame [default: 256K]
    #[arg(short = 's', value_name = "SIZE", allow_hyphen_values = true, value_parser = values::size, help_heading = "Source")]
    pub(crate) snaplen: Option<u32>,
    /// Search and print at most this many bytes of a payload
    #[arg(short = 'S', value_name = "SIZE", allow_hyphen_values = true, value_parser = values::depth, help_heading = "Output")]
    pub(crate) depth: Option<usize>,
    /// Format in which the payload is printed
    #[arg(
        short = 'W',
        value_name = "SHAPE",
        default_value = "normal",
        ignore_case = true,
        help_heading = "Output"
    )]
    pub(crate) shape: Shape,
    /// Width of a line in columns, at least 6 [default: that of the terminal, else 80]
    #[arg(short = 'c', value_name = "N", allow_hyphen_values = true, value_parser = values::columns_or_zero, help_heading = "Output")]
    pub(crate) columns: Option<u32>,
    /// Character that stands for a byte that cannot be printed
    #[arg(short = 'P', value_name = "C", default_value = ".", value_parser = values::replacement, help_heading = "Output")]
    pub(crate) replacement: char,
    /// Read the filter from this file
    #[arg(short = 'F', value_name = "FILE", help_heading = "Pattern")]
    pub(crate) filter_file: Option<PathBuf>,
    /// Look into tunnels, as grep mode does: the innermost packet is searched and shown
    #[arg(long, help_heading = "Source")]
    pub(crate) tunnels: bool,
    /// Refused: this program sends nothing
    #[arg(short = 'K', value_name = "N", hide = true)]
    pub(crate) kill: Option<String>,
    /// Refused: ngrep has it on Windows only
    #[arg(short = 'L', hide = true)]
    pub(crate) list: bool,
    /// Print the version
    #[arg(short = 'V', help_heading = "Options")]
    pub(crate) version: bool,
}

const EXAMPLES: &str = "\
Examples:
  ovlsniff ngrep -tpd eth0 HTTP            as ngrep
  ln -s ovlsniff ngrep; ./ngrep -qI a.pcap -W byline 'GET /' port 80

docs/ngrep.md lists what differs from ngrep. Exit status: 0 matched, 1 nothing matched, 2 error.";
