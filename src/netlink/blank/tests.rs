use proptest::prelude::*;

use super::*;
use crate::netlink::xfrm::UserSa;
use crate::netlink::{messages, push_attribute};
use crate::packet::protocol::AH;

/// `XFRMA_ALG_COMP` and a number that no attribute has.
const UNREAD: [u16; 2] = [3, 99];

/// The bytes of keys. Nothing else in the messages of these tests has its highest bit set.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0x80..=0xffu8, 4..80)
}

fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut message = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
    message.extend_from_slice(&kind.to_ne_bytes());
    message.resize(HEADER, 0);
    message.extend_from_slice(body);
    message.resize(message.len().next_multiple_of(4), 0);
    message
}

fn algorithm(name: &str, icv: Option<u32>, key: &[u8]) -> Vec<u8> {
    let mut value = name.as_bytes().to_vec();
    value.resize(64, 0);
    let bits = u32::try_from(key.len() * 8).unwrap();
    for number in [Some(bits), icv].into_iter().flatten() {
        // These numbers have no highest bit of a byte set either: a length of 16 bytes and more is told in two.
        value.extend_from_slice(&number.to_ne_bytes());
    }
    value.extend_from_slice(key);
    value
}

fn sa_of(proto: u8, key: &[u8]) -> Vec<u8> {
    let mut body = vec![0; usersa::LEN];
    body[usersa::PROTO] = proto;
    push_attribute(&mut body, XFRMA_ALG_AUTH, &algorithm("hmac(sha1)", None, key));
    push_attribute(&mut body, XFRMA_ALG_AUTH_TRUNC, &algorithm("hmac(sha1)", Some(96), key));
    push_attribute(&mut body, XFRMA_ALG_CRYPT, &algorithm("cbc(aes)", None, key));
    push_attribute(&mut body, XFRMA_ALG_AEAD, &algorithm("rfc4106(gcm(aes))", Some(64), key));
    for kind in UNREAD {
        push_attribute(&mut body, kind, key);
    }
    push_attribute(&mut body, XFRMA_LASTUSED, &77u64.to_ne_bytes());
    body
}

fn device_with(key: &[u8]) -> Vec<u8> {
    let (mut peer, mut body) = (Vec::new(), vec![0, 1, 0, 0]);
    push_attribute(&mut peer, 1, &[7; 32]);
    // The key that is shared with the peer.
    push_attribute(&mut peer, 2, key);
    push_attribute(&mut peer, 7, &17u64.to_ne_bytes());
    push_attribute(&mut body, 1, &3u32.to_ne_bytes());
    // The private key.
    push_attribute(&mut body, 3, key);
    push_attribute(&mut body, 4, &[6; 32]);
    let (mut peers, nested) = (Vec::new(), 0x8000);
    push_attribute(&mut peers, nested, &peer);
    push_attribute(&mut body, nested | 8, &peers);
    body
}

/// Returns true if four bytes of a key in a row are somewhere.
fn has_any_of(bytes: &[u8], key: &[u8]) -> bool {
    key.windows(4).any(|run| bytes.windows(4).any(|bytes| bytes == run))
}

fn blanked(mut bytes: Vec<u8>, secrets: Secrets) -> Vec<u8> {
    blank(&mut bytes, secrets);
    bytes
}

proptest! {
    #[test]
    fn no_key_survives_and_all_else_is_as_it_was(keys in prop::collection::vec(key(), 1..6)) {
        let dump = |make: &dyn Fn(&[u8]) -> Vec<u8>| keys.iter().flat_map(|key| make(key)).collect::<Vec<u8>>();
        let sas = dump(&|key| message(NEWSA, &sa_of(ESP, key)));
        let clean = blanked(sas.clone(), Secrets::Sas);
        prop_assert!(keys.iter().all(|key| has_any_of(&sas, key) && !has_any_of(&clean, key)));
        let zeros = keys.iter().flat_map(|key| {
            let mut body = sa_of(ESP, &vec![0; key.len()]);
            body.resize(body.len().next_multiple_of(4), 0);
            message(NEWSA, &body)
        });
        prop_assert_eq!(&clean, &zeros.collect::<Vec<u8>>());
        prop_assert_eq!(messages(&clean).count(), keys.len());
        for (message, key) in messages(&clean).zip(&keys) {
            let sa = UserSa::new_checked(message.body).unwrap();
            let (aead, hash) = (sa.aead().unwrap(), sa.authentication().unwrap());
            prop_assert_eq!(aead.name(), "rfc4106(gcm(aes))");
            prop_assert_eq!((aead.bits(), aead.key().len()), (Some(64), key.len()));
            prop_assert_eq!((hash.bits(), sa.cipher().unwrap().key().len(), sa.last_used()), (Some(96), key.len(), 77));
        }
        let devices = dump(&|key| message(30, &device_with(key)));
        let clean = blanked(devices, Secrets::WireGuard);
        prop_assert!(keys.iter().all(|key| !has_any_of(&clean, key)));
        let zeros = dump(&|key| message(30, &device_with(&vec![0; key.len()])));
        prop_assert_eq!(clean, zeros);
    }

    #[test]
    fn the_keys_of_esp_may_be_read_where_its_packets_are_opened(key in key()) {
        let (esp, ah) = (message(UPDSA, &sa_of(ESP, &key)), message(NEWSA, &sa_of(AH, &key)));
        prop_assert_eq!(blanked(esp.clone(), Secrets::SasButEsp), esp);
        prop_assert!(!has_any_of(&blanked(ah, Secrets::SasButEsp), &key));
    }

    #[test]
    fn what_is_cut_off_or_of_no_known_kind_is_zeros(key in key(), at in 0..600usize, kind in 4..u16::MAX) {
        let (sa, device) = (message(NEWSA, &sa_of(ESP, &key)), message(30, &device_with(&key)));
        let cut = |bytes: &[u8]| bytes[..at.min(bytes.len())].to_vec();
        prop_assert!(!has_any_of(&blanked(cut(&sa), Secrets::Sas), &key));
        prop_assert!(!has_any_of(&blanked(cut(&device), Secrets::WireGuard), &key));
        prop_assert!(!has_any_of(&blanked(message(kind, &sa_of(ESP, &key)), Secrets::Sas), &key));
    }

    #[test]
    fn any_bytes_are_gone_over_and_none_is_moved(bytes in prop::collection::vec(any::<u8>(), 0..300), body in any::<bool>()) {
        let bytes = if body { message(NEWSA, &bytes) } else { bytes };
        for secrets in [Secrets::None, Secrets::Sas, Secrets::SasButEsp, Secrets::WireGuard] {
            let once = blanked(bytes.clone(), secrets);
            prop_assert_eq!(once.len(), bytes.len());
            prop_assert!(once.iter().zip(&bytes).all(|(now, before)| now == before || *now == 0));
            prop_assert_eq!(blanked(once.clone(), secrets), once);
        }
    }
}
