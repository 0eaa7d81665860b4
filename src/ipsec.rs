//! Security associations (SAs): where they come from, and opening ESP packets with their keys.
//!
//! ```text
//! kernel | ip xfrm state | esp_sa table  ->  Sa  ->  Opener::open(packet)  ->  Opened | Sealed(why)
//! ```
//!
//! # Where the SAs come from
//!
//! [`dump`] asks the kernel for the SAs of a network namespace. It needs a privilege that is given up before the
//! first frame is decoded, so it cannot be repeated. [`Notices`] are the remedy: a socket that was opened with the
//! privilege goes on to receive every new SA from the kernel. [`read_file`] takes SAs from a file, which holds either
//! the output of `ip xfrm state` or Wireshark's `esp_sa` table. [`to_wireshark`] writes such a table.
//!
//! # How ESP is opened
//!
//! An [`SaTable`] finds SAs by the destination and the SPI of a packet. The source does not select, as in the kernel,
//! because a NAT may have changed it. An [`Opener`] tries the SAs that were found until the ICV verifies, and gives
//! out no byte of a packet whose ICV did not. It has no replay window: a packet that was captured twice is opened
//! twice. The high half of an extended sequence number (ESN) is not on the wire, so it is guessed, and followed once
//! a packet has verified.
//!
//! # Keys
//!
//! A [`Key`] is wiped when it is dropped, and prints only as its length. Buffers for keys are made in their full
//! size, because a buffer that grows leaves a copy of the key behind. No message quotes a line of a file, because a
//! damaged line may have the key in any place.
//!
//! # What surprised us
//!
//! - A kernel under lockdown (mode confidentiality) hands out zeros in place of the keys, without an error.
//! - The kernel sends a hash in two spellings. Only the newer attribute says how much of the hash is the ICV.
//! - A key daemon first asks the kernel for an SPI. For up to thirty seconds the SA is larval: listed, but without an
//!   algorithm or a key. The daemon then fills it in by an update, not by a new SA.
//! - The kernel reports a new SA before it sends with it. So the notices are read before a packet is given up, and
//!   even the first packet of the SA is opened.
//! - Docker's ICV has 8 bytes, and the crates that offer the whole of AES-GCM refuse it. So GCM is put together here
//!   from AES, CTR and GHASH.
//! - An old packet that somebody sends once more verifies like any other, and leads the guess of the high half
//!   astray. So it starts from the greatest number that was seen as well as from the last.
//! - Docker computes its SPIs from the outer addresses and the number of the key. A capture without any key can
//!   therefore tell Docker's ESP, and which generation of keys a node sends with ([`docker_tag`]).

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
pub use crate::netlink::xfrm::XfrmError;

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

/// The reasons for which SAs could not be read. No message holds a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of SAs cannot be read.
    #[error("read SAs from {file}: {}", reason(.cause))]
    Unreadable {
        /// The path of the file, escaped.
        file: String,
        /// The cause.
        cause: std::io::Error,
    },
    /// A line of the file is damaged.
    #[error("read SAs from {file}: line {line}: {what}")]
    BadLine {
        /// The path of the file, escaped.
        file: String,
        /// The number of the line, from 1.
        line: usize,
        /// The fault of the line, or of the SA that begins there.
        what: &'static str,
    },
    /// The file holds no SA of ESP.
    #[error("no SA of ESP in {file}: it must hold what 'ip xfrm state' prints, or Wireshark's esp_sa table")]
    NoSa {
        /// The path of the file, escaped.
        file: String,
    },
    /// The kernel does not give its SAs.
    #[error("read the kernel's SAs: {0}{and} give the keys with --sa FILE", and = .0.and())]
    Kernel(#[from] XfrmError),
}
