//! The signs by which WireGuard's messages on the wire belong to a peer, as pure functions of bytes and lengths.
//!
//! Nothing of a message can be read without the session's keys. But public keys, which the kernel tells, are enough to
//! know whom a handshake is for, the indices in it tie the data messages that follow to the same peer, and the lengths
//! of these follow from those of the packets inside.

mod length;
mod mac1;

pub use length::data_message;
pub use mac1::is_for;
