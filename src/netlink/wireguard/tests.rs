//! Devices as the kernel sends them, put together by hand.

use proptest::prelude::*;

use super::*;

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_attribute(&mut bytes, kind, value);
    bytes
}

/// Makes an attribute that holds others, with the flag that says so.
fn nest(kind: u16, parts: &[Vec<u8>]) -> Vec<u8> {
    attribute(kind | 0x8000, &parts.concat())
}

fn allowed(prefixes: &[&str]) -> Vec<u8> {
    let one = |text: &&str| {
        let (address, length) = text.split_once('/').unwrap();
        let (family, address) = match address.parse().unwrap() {
            IpAddr::V4(v4) => (AF_INET, v4.octets().to_vec()),
            IpAddr::V6(v6) => (AF_INET6, v6.octets().to_vec()),
        };
        let parts = [
            attribute(WGALLOWEDIP_A_FAMILY, &family.to_ne_bytes()),
            attribute(WGALLOWEDIP_A_IPADDR, &address),
            attribute(WGALLOWEDIP_A_CIDR_MASK, &[length.parse().unwrap()]),
        ];
        nest(0, &parts)
    };
    nest(WGPEER_A_ALLOWEDIPS, &prefixes.iter().map(one).collect::<Vec<_>>())
}

/// The whole of a peer, in the kernel's order.
fn peer(key: u8, endpoint: &[u8], prefixes: &[&str]) -> Vec<u8> {
    let time = [1_700_000_000u64.to_ne_bytes(), 5u64.to_ne_bytes()].concat();
    let parts = [
        attribute(WGPEER_A_PUBLIC_KEY, &[key; 32]),
        attribute(2, b"a preshared key that is secret!!"),
        attribute(WGPEER_A_LAST_HANDSHAKE_TIME, &time),
        attribute(5, &25u16.to_ne_bytes()),
        attribute(WGPEER_A_TX_BYTES, &180u64.to_ne_bytes()),
        attribute(WGPEER_A_RX_BYTES, &92u64.to_ne_bytes()),
        attribute(10, &1u32.to_ne_bytes()),
        attribute(WGPEER_A_ENDPOINT, endpoint),
        allowed(prefixes),
    ];
    nest(0, &parts)
}

/// The rest of a peer.
fn more(key: u8, prefixes: &[&str]) -> Vec<u8> {
    nest(0, &[attribute(WGPEER_A_PUBLIC_KEY, &[key; 32]), allowed(prefixes)])
}

fn first(peers: &[Vec<u8>]) -> Vec<u8> {
    let parts = [
        generic::command(0, 1),
        attribute(WGDEVICE_A_LISTEN_PORT, &51820u16.to_ne_bytes()),
        attribute(WGDEVICE_A_FWMARK, &0xca6cu32.to_ne_bytes()),
        attribute(WGDEVICE_A_IFINDEX, &7u32.to_ne_bytes()),
        attribute(2, b"wg0\0"),
        attribute(3, b"the private key that is secret!!"),
        attribute(WGDEVICE_A_PUBLIC_KEY, &[9; 32]),
        nest(WGDEVICE_A_PEERS, peers),
    ];
    parts.concat()
}

fn next(peers: &[Vec<u8>]) -> Vec<u8> {
    [generic::command(0, 1), nest(WGDEVICE_A_PEERS, peers)].concat()
}

fn v4() -> Vec<u8> {
    [&AF_INET.to_ne_bytes()[..], &51820u16.to_be_bytes(), &[192, 0, 2, 2], &[0; 8]].concat()
}

fn v6() -> Vec<u8> {
    let address = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    [&AF_INET6.to_ne_bytes()[..], &7u16.to_be_bytes(), &[0; 4], &address, &3u32.to_ne_bytes()].concat()
}

fn read(messages: &[Vec<u8>]) -> Result<WireGuard, Refusal> {
    let mut reading = Reading::default();
    for message in messages {
        reading.add(message);
    }
    reading.finish()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_device_has_its_peers_and_none_of_its_secrets() {
    let device =
        read(&[first(&[peer(1, &v4(), &["10.0.0.2/32", "fd00::/64"]), peer(2, &v6(), &[])])]).unwrap();
    assert_eq!((device.listen_port, device.fwmark), (51820, 0xca6c));
    assert_eq!(device.public_key, Some(PublicKey([9; 32])));
    let [one, two] = &device.peers[..] else { panic!("{device:?}") };
    assert_eq!(one.endpoint, Some("192.0.2.2:51820".parse().unwrap()));
    assert_eq!((one.received, one.sent), (92, 180));
    assert_eq!(one.handshake, Some(UNIX_EPOCH + Duration::new(1_700_000_000, 5)));
    assert_eq!(one.allowed.iter().map(Prefix::to_string).collect::<Vec<_>>(), ["10.0.0.2/32", "fd00::/64"]);
    assert_eq!(two.endpoint, Some("[fe80::2%3]:7".parse().unwrap()));
    assert!(two.allowed.is_empty());
    let secret = format!("{:?}", b"secret");
    let secret = secret.trim_matches(['[', ']']);
    assert!(!format!("{device:?}").contains(secret) && !format!("{device:?}").contains("secret"));
}

#[test]
fn a_peer_that_goes_on_in_the_next_message_is_one_peer() {
    let messages = [
        first(&[peer(1, &v4(), &["10.0.0.0/24"]), peer(2, &v4(), &["10.0.1.0/24"])]),
        next(&[more(2, &["10.0.2.0/24"])]),
        next(&[more(2, &["10.0.3.0/24"]), peer(3, &v6(), &["10.0.4.0/24"])]),
    ];
    let device = read(&messages).unwrap();
    let lengths: Vec<_> =
        device.peers.iter().map(|peer| (peer.public_key.0[0], peer.allowed.len())).collect();
    assert_eq!(lengths, [(1, 1), (2, 3), (3, 1)]);
    assert_eq!(device.peers[1].sent, 180, "the rest of a peer has no numbers");
    assert_eq!(device.endpoints(), ["192.0.2.2:51820".parse().unwrap(), "[fe80::2%3]:7".parse().unwrap()]);
    // A dump that was interrupted is asked for again, and begins anew.
    let again = [&messages[..2], &messages[..]].concat();
    assert_eq!(read(&again), Ok(device));
}

#[test]
fn a_packet_goes_to_the_peer_with_the_longest_prefix() {
    let peers = [
        peer(1, &v4(), &["0.0.0.0/0", "::/0"]),
        peer(2, &v4(), &["10.0.0.0/8", "fd00::2/128"]),
        peer(3, &v4(), &["10.1.0.0/16", "192.0.2.0/24"]),
    ];
    let device = read(&[first(&peers)]).unwrap();
    let of = |text: &str| device.peer_for(ip(text)).map(|peer| peer.public_key.0[0]);
    assert_eq!([of("10.1.2.3"), of("10.2.0.1"), of("198.51.100.1")], [Some(3), Some(2), Some(1)]);
    assert_eq!([of("fd00::2"), of("fd00::3")], [Some(2), Some(1)]);
    assert_eq!(read(&[first(&peers[1..])]).unwrap().peer_for(ip("198.51.100.1")), None);
}

#[test]
fn a_device_with_too_many_peers_or_prefixes_is_not_read_by_halves() {
    let peers = |count: u16| {
        let one = |n: u16| {
            let mut key = [0; 32];
            key[..2].copy_from_slice(&n.to_be_bytes());
            nest(0, &[attribute(WGPEER_A_PUBLIC_KEY, &key)])
        };
        (0..count).map(one).collect::<Vec<_>>()
    };
    let messages = |count: u16| {
        let all = peers(count);
        let first = [first(&[])];
        first.into_iter().chain(all.chunks(500).map(next)).collect::<Vec<_>>()
    };
    assert_eq!(read(&messages(4096)).unwrap().peers.len(), 4096);
    assert!(read(&messages(4097)).is_err());
    let prefixes = next(&[more(1, &["10.0.0.1/32"; 1024])]);
    let with = |count: usize| [vec![first(&[])], vec![prefixes.clone(); count]].concat();
    assert_eq!(read(&with(64)).unwrap().peers[0].allowed.len(), 65_536);
    assert!(read(&with(65)).is_err());
}

#[test]
fn a_message_cut_off_anywhere_lacks_what_stood_at_its_end() {
    let whole = first(&[peer(1, &v6(), &["10.0.0.2/32"])]);
    let device = read(std::slice::from_ref(&whole)).unwrap();
    for len in 0..whole.len() {
        let cut = read(&[whole[..len].to_vec()]);
        assert!(cut.is_err() || cut.is_ok_and(|cut| cut != device), "{len}");
    }
    assert!(read(&[next(&[more(1, &["10.0.0.2/32"])])]).is_err(), "peers without a device");
}

#[test]
fn what_makes_no_sense_is_passed_over() {
    let bad = [
        nest(0, &[attribute(WGPEER_A_ENDPOINT, &v4())]),
        peer(1, &[0xff; 28], &["10.0.0.2/255", "10.0.0.2/33", "fd00::/129", "10.0.0.3/32"]),
    ];
    let device = read(&[first(&bad)]).unwrap();
    let [one] = &device.peers[..] else { panic!("{device:?}") };
    assert_eq!((one.endpoint, one.allowed.len()), (None, 1));
    assert_eq!(time(&[0; 16]), None);
    assert_eq!(time(&[0xff; 16]), None);
}

#[test]
fn a_public_key_prints_as_wg_prints_it() {
    let mut key = PublicKey([0; 32]);
    key.0[31] = 1;
    assert_eq!(key.to_string(), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=");
    assert_eq!(format!("{key:?}"), "PublicKey(AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=)");
}

proptest! {
    /// A user who may make links in a namespace chooses some of these bytes.
    #[test]
    fn no_damage_makes_the_reader_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        len in any::<prop::sample::Index>(),
    ) {
        let whole = first(&[peer(1, &v4(), &["10.0.0.2/32", "fd00::/64"]), peer(2, &v6(), &["::/0"])]);
        let mut bytes = whole.clone();
        for (at, byte) in damage {
            *at.get_mut(&mut bytes) = byte;
        }
        bytes.truncate(len.index(whole.len() + 1));
        let read = read(&[bytes.clone(), whole, bytes]);
        prop_assert!(read.is_err() || read.is_ok_and(|device| device.peers.len() < 100));
    }
}
