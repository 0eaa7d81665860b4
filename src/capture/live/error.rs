//! Why a live capture cannot be opened, or ended.

use super::Device;
use crate::escape::reason;
use crate::host::namespace;

/// What goes wrong with a live capture. Names in the messages are escaped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No interface was given.
    #[error("no interface to capture on; name one with -i")]
    None,
    /// No interface of that name.
    #[error("open {device}: no such interface; there is: {}", list(.there_is))]
    NoSuchInterface {
        /// What was asked for.
        device: Device,
        /// The names there are, the nearest first.
        there_is: Vec<Device>,
    },
    /// Raw sockets need a privilege.
    #[error(
        "open {device}: permission denied; run as root or: sudo setcap cap_net_raw,cap_net_admin+ep {program}"
    )]
    Permission {
        /// The interface.
        device: Device,
        /// Our own executable.
        program: String,
    },
    /// The interface is there, but down.
    #[error("open {device}: the interface is down; bring it up with: ip link set {device} up")]
    Down {
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
    /// A number outside of what libpcap takes.
    #[error("{what} of {value} bytes: give 1 to {most}")]
    Size {
        /// Which number.
        what: &'static str,
        /// The number given.
        value: u32,
        /// The largest that is taken.
        most: u32,
    },
    /// The interface went away or down while capturing. All frames before it were delivered.
    #[error("{device}: {cause}")]
    Gone {
        /// The interface.
        device: Device,
        /// What happened to it.
        cause: String,
    },
    /// Waiting for frames failed.
    #[error("wait for frames: {}", reason(.0))]
    Wait(std::io::Error),
    /// The network namespace cannot be used.
    #[error(transparent)]
    Namespace(#[from] namespace::Error),
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
