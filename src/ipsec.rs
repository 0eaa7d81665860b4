//! Security associations, where they come from, and opening ESP with them.
//!
//! ```text
//! kernel | ip xfrm state | esp_sa table  ->  Sa  ->  Opener::open(packet)  ->  Opened | Sealed(why)
//! ```

mod aes;
mod algorithm;
mod association;
mod bad_line;
mod ccm;
mod chacha;
mod esn;
mod esp_sa;
mod gcm;
mod hmac;
mod ip_xfrm;
mod kernel;
mod key;
mod open;
mod open_packet;
mod pattern;
mod sa_file;
mod separate;
mod spi_tag;
mod table;
mod xfrm_names;

use crate::escape::reason;

pub use algorithm::{Aead, Algorithm, Auth, Cipher};
pub use association::{Mode, Sa, Sequence};
pub use esp_sa::to_wireshark;
pub use kernel::{KernelSas, Notices, dump, dump_and_follow};
pub use key::Key;
pub use open::{Opened, Opener};
pub use open_packet::Scratch;
pub use pattern::{AddressPattern, SpiPattern};
pub use sa_file::{read_file, read_files};
pub use spi_tag::{DockerTag, Variant, docker_tag};
pub use table::SaTable;

/// Why there are no SAs to open anything with. No message holds a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of SAs cannot be read.
    #[error("read SAs from {file}: {}", reason(.cause))]
    Unreadable {
        /// Its path, escaped.
        file: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A line of the file is damaged.
    #[error("read SAs from {file}: line {line}: {what}")]
    BadLine {
        /// Its path, escaped.
        file: String,
        /// From 1.
        line: usize,
        /// What is wrong with it, or with the SA that begins there.
        what: &'static str,
    },
    /// There is none in the file.
    #[error("no SA of ESP in {file}: it must hold what 'ip xfrm state' prints, or Wireshark's esp_sa table")]
    NoSa {
        /// Its path, escaped.
        file: String,
    },
    /// The kernel does not give its SAs to this user.
    #[error("read the kernel's SAs: permission denied; run as root, or give the keys with --sa FILE")]
    Denied,
    /// The kernel has no XFRM.
    #[error(
        "read the kernel's SAs: this kernel has no IPsec; run 'modprobe xfrm_user', or give the keys with --sa FILE"
    )]
    NoXfrm,
    /// Netlink failed otherwise.
    #[error("read the kernel's SAs: {}", reason(.0))]
    Netlink(std::io::Error),
}
