//! Security associations, where they come from, and opening ESP with them.
//!
//! ```text
//! kernel | ip xfrm state | esp_sa table  ->  Sa  ->  Opener::open(packet)  ->  Opened | Sealed(why)
//! ```

mod aes;
mod algorithm;
mod association;
mod ccm;
mod chacha;
mod esn;
mod gcm;
mod hmac;
mod key;
mod open;
mod pattern;
mod separate;
mod spi_tag;
mod table;

pub use algorithm::{Aead, Algorithm, Auth, Cipher};
pub use association::{Mode, Sa, Sequence};
pub use key::Key;
pub use open::{Opened, Opener};
pub use pattern::{AddressPattern, SpiPattern};
pub use spi_tag::{DockerTag, Variant, docker_tag};
pub use table::SaTable;
