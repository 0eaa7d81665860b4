//! WireGuard of a real kernel (`tests/fixtures/wireguard`): its messages are known, and tell whom they are for.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ovlsniff::host::survey::PublicKey;
use ovlsniff::packet::{Decoder, Opaque, Packet, Transport, WireGuardMessage};
use ovlsniff::verify::wireguard::{data_message, is_for};

use super::reading::{self, Kept};

/// Returns the public key of host `a` or `b`.
fn key(host: &str) -> PublicKey {
    let all = std::fs::read_to_string(reading::path("wireguard/public-keys.txt")).unwrap();
    let text = all.lines().find_map(|line| line.strip_prefix(host)).unwrap().trim();
    let key = PublicKey(BASE64_STANDARD.decode(text).unwrap().try_into().unwrap());
    assert_eq!(key.to_string(), text);
    key
}

fn message(packet: &Packet<'_>) -> Option<WireGuardMessage> {
    match packet.opaque {
        Some(Opaque::WireGuard(message)) => Some(message),
        _ => None,
    }
}

#[test]
fn a_handshake_is_for_the_one_whose_key_it_was_made_with() {
    let (a, b) = (key("a"), key("b"));
    let mut seen = Vec::new();
    for fixture in ["mtu-1420", "mtu-1391", "bulk"] {
        reading::decode(&format!("wireguard/{fixture}.pcap"), |_, packet| {
            let (of, other) = match message(packet) {
                Some(WireGuardMessage::Initiation { .. }) => (&b, &a),
                Some(WireGuardMessage::Response { .. }) => (&a, &b),
                _ => {
                    assert!(!is_for(packet.payload, &a) && !is_for(packet.payload, &b));
                    return;
                }
            };
            seen.push(message(packet).unwrap().number());
            assert!(is_for(packet.payload, of) && !is_for(packet.payload, other));
            // Every bit in front of mac1 counts, and none behind it, where mac2 is.
            let len = packet.payload.len();
            for at in 4..len {
                let mut changed = packet.payload.to_vec();
                changed[at] ^= 1;
                assert_eq!(is_for(&changed, of), at >= len - 16, "{at}");
                assert!(!is_for(&packet.payload[..at], of));
            }
        });
    }
    assert_eq!(seen, [1, 2, 1, 2, 1, 2]);
}

#[test]
fn the_indices_of_a_handshake_are_those_of_the_data_behind_it() {
    let (mut a, mut b, mut counters) = (None, None, [Vec::new(), Vec::new()]);
    reading::decode("wireguard/mtu-1420.pcap", |_, packet| match message(packet).unwrap() {
        WireGuardMessage::Initiation { sender } => a = Some(sender),
        WireGuardMessage::Response { sender, receiver } => {
            b = Some(sender);
            assert_eq!(Some(receiver), a);
        }
        WireGuardMessage::Data { receiver, counter } => {
            assert!([a, b].contains(&Some(receiver)));
            counters[usize::from(Some(receiver) == a)].push(counter);
        }
        other => panic!("{other:?}"),
    });
    assert_ne!(a, b);
    for counters in counters {
        assert_eq!(counters, (0..17).collect::<Vec<_>>());
    }
}

#[test]
fn a_message_is_as_long_as_its_packet_and_the_mtu_tell() {
    for mtu in [1420, 1391] {
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        reading::decode(&format!("wireguard/mtu-{mtu}-inside.pcap"), |kept, packet| {
            assert!(matches!(packet.headers.transport, Transport::Icmp(_)));
            inside.push(data_message(kept.wire_len as usize, mtu));
        });
        reading::decode(&format!("wireguard/mtu-{mtu}.pcap"), |kept, packet| {
            if matches!(message(packet), Some(WireGuardMessage::Data { .. })) {
                // Ethernet, IPv4 and UDP are around it.
                outside.push(kept.wire_len as usize - 14 - 20 - 8);
            }
        });
        assert_eq!(inside.len(), 34);
        assert_eq!(inside, outside, "under {mtu}");
    }
}

#[test]
fn bulk_traffic_is_opaque_also_where_its_length_is_no_multiple_of_16() {
    let mut full = 0;
    reading::decode("wireguard/bulk.pcap", |kept, packet| {
        assert!(message(packet).is_some(), "{}", kept.number);
        full += u32::from(kept.wire_len == 14 + 20 + 8 + 1452);
    });
    assert!(full > 0, "no full packet");
}

/// Returns for each frame of the bulk traffic if it is opaque, as if it had passed another port than WireGuard's.
fn elsewhere(skip: usize) -> Vec<bool> {
    let mut decoder = Decoder::new(reading::ports());
    let seen = |mut kept: Kept| {
        for at in [14 + 20, 14 + 20 + 2] {
            assert_eq!(kept.bytes[at..at + 2], 51820u16.to_be_bytes());
            kept.bytes[at..at + 2].copy_from_slice(&4433u16.to_be_bytes());
        }
        message(&decoder.decode(&kept.frame())).is_some()
    };
    reading::frames("wireguard/bulk.pcap").into_iter().skip(skip).map(seen).collect()
}

#[test]
fn on_another_port_its_bulk_traffic_is_opaque_once_its_session_is_known() {
    assert_eq!(elsewhere(0).iter().filter(|opaque| !**opaque).count(), 0);
    // The capture begins amid the bulk traffic.
    let full = |kept: &Kept| kept.wire_len == 14 + 20 + 8 + 1452;
    let first = reading::frames("wireguard/bulk.pcap").iter().position(full).unwrap();
    let seen = elsewhere(first);
    assert_eq!((seen[0], seen.iter().filter(|opaque| !**opaque).count()), (false, 1));
}
