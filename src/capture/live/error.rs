//! The errors of a live capture.

use super::Device;
use crate::escape::{escape, reason};
use crate::host::namespace;

/// An error of opening or reading a live capture. Names in the messages are escaped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No interface was given.
    #[error("no interface to capture on; name one with -i")]
    None,
    /// There is no interface of that name.
    #[error("open {device}: no such interface; there is: {}", list(.there_is))]
    NoSuchInterface {
        /// The name that was asked for.
        device: Device,
        /// The names that exist, the most similar first.
        there_is: Vec<Device>,
    },
    /// The kernel refuses raw sockets to this process.
    #[error(
        "open {device}: permission denied; run as root (in a container with the capability NET_RAW) or: sudo setcap cap_net_raw,cap_net_admin+ep {program}"
    )]
    Permission {
        /// The interface.
        device: Device,
        /// The path of this program.
        program: String,
    },
    /// The interface is there, but down.
    #[error("open {device}: the interface is down; bring it up with: ip link set {device} up")]
    Down {
        /// The interface.
        device: Device,
    },
    /// The kernel has no memory for the ring.
    #[error("open {device}: there is no memory for its ring; give a smaller one with --buffer")]
    Memory {
        /// The interface.
        device: Device,
    },
    /// This process may not have so many open files.
    #[error("open {device}: too many open files; allow more (ulimit -n), or name fewer interfaces with -i")]
    Descriptors {
        /// The interface.
        device: Device,
    },
    /// libpcap or the kernel refused for another reason.
    #[error("open {device}: {cause}")]
    Open {
        /// The interface.
        device: Device,
        /// libpcap's words.
        cause: String,
    },
    /// The kernel filter does not compile for this link type.
    #[error("filter '{filter}': {cause} (on {device})")]
    Filter {
        /// The interface.
        device: Device,
        /// The expression, escaped.
        filter: String,
        /// libpcap's words.
        cause: String,
    },
    /// A size is outside of the range that libpcap accepts.
    #[error("{what} of {value} bytes: give 1 to {most}")]
    Size {
        /// The option that has the size.
        what: &'static str,
        /// The size that was given.
        value: u32,
        /// The largest size that is accepted.
        most: u32,
    },
    /// The interface disappeared or went down during the capture. All frames before that were delivered.
    #[error("{device}: {cause}")]
    Gone {
        /// The interface.
        device: Device,
        /// The event in words.
        cause: String,
    },
    /// Waiting for frames failed.
    #[error("wait for frames: {}", reason(.0))]
    Wait(std::io::Error),
    /// The network namespace cannot be used.
    #[error(transparent)]
    Namespace(#[from] namespace::Error),
}

/// Returns libpcap's message with everything escaped that a terminal would act on.
pub(super) fn words(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => escape(text.trim()).into_owned(),
        other => other.to_string(),
    }
}

fn list(devices: &[Device]) -> String {
    const SHOWN: usize = 12;
    let mut text = devices.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if devices.is_empty() {
        text.push_str("none");
    } else if devices.len() > SHOWN {
        text.push_str(", …");
    }
    text
}
