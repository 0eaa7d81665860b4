//! The first message authentication code of a handshake (the protocol's white paper, section 5.4.4).
//!
//! ```text
//! mac1 = Keyed-BLAKE2s-128(key: BLAKE2s-256("mac1----" | public key of the receiver), bytes in front of mac1)
//! ```
//!
//! It is for a receiver under a flood: who does not know its public key cannot make it work. So the public key is all that
//! is needed to check it.

use blake2::digest::consts::U16;
use blake2::digest::{Digest, KeyInit, Mac};
use blake2::{Blake2s256, Blake2sMac};

use crate::host::survey::PublicKey;

const LABEL: &[u8] = b"mac1----";
const LEN: usize = 16;

/// Returns true if this message, the whole payload of UDP, is an initiation or a response of a handshake whose receiver
/// has this public key. By chance it is so for one message of 2^128.
///
/// It is no proof of who has sent the message, because everybody may know a public key.
pub fn is_for(message: &[u8], receiver: &PublicKey) -> bool {
    // Behind mac1 is mac2, of the same length.
    let start = match (message.first(), message.len()) {
        (Some(1), 148) => 116,
        (Some(2), 92) => 60,
        _ => return false,
    };
    let Some((signed, macs)) = message.split_at_checked(start) else { return false };
    let key = Blake2s256::new().chain_update(LABEL).chain_update(receiver.0).finalize();
    let Ok(mac) = Blake2sMac::<U16>::new_from_slice(&key) else { return false };
    let right = mac.chain_update(signed).finalize().into_bytes();
    macs.get(..LEN) == Some(right.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_handshake_is_for_somebody() {
        let receiver = PublicKey([7; 32]);
        for (kind, len) in [(1, 148), (2, 92), (1, 92), (2, 148), (3, 64), (4, 148), (1, 0), (1, 132)] {
            let mut message = vec![kind; len];
            assert!(!is_for(&message, &receiver), "{kind} {len}");
            message.truncate(len / 2);
            assert!(!is_for(&message, &receiver), "{kind} {len}");
        }
        assert!(!is_for(&[], &receiver));
    }
}
