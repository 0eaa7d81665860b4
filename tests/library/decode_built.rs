//! Packets that are built of random layers and decoded again. Every address, port and identifier must come back, and
//! so must every byte of the payload.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ovlsniff::packet::{
    Decoder, Frame, InterfaceNumber, LinkType, MacAddress, Macs, Ports, Spi, Timestamp, TunnelPorts, Vni,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::building::{Built, Extras, Stack};
use crate::layers::{Seen, layers};

/// The layers that the decoder should find.
fn expected(stack: &[Built]) -> Vec<Seen> {
    let vni = |vni: u32| Vni::new(vni).unwrap();
    let mut seen = Vec::new();
    for (at, layer) in stack.iter().enumerate() {
        let port = match stack.get(at + 1) {
            Some(Built::Vxlan(..)) => Some(4789),
            Some(Built::VxlanGpe(..)) => Some(4790),
            Some(Built::Geneve(..)) => Some(6081),
            _ => None,
        };
        seen.push(match *layer {
            Built::Ethernet(macs) => Seen::Ethernet(macs),
            Built::Vlan(id, _) => Seen::Vlan(id),
            Built::Ip(source, destination, _) => Seen::Ip(source, destination),
            Built::Vxlan(id, _) => Seen::Vxlan(vni(id)),
            Built::VxlanGpe(id, _) => Seen::VxlanGpe(vni(id)),
            Built::Geneve(id, _) => Seen::Geneve(vni(id)),
            Built::Gre { key, .. } => Seen::Gre(key),
            Built::Nvgre(id) => Seen::Nvgre(vni(id)),
            Built::IpInIp => continue,
            Built::Ah(spi, _) => Seen::Ah(Spi(spi)),
            Built::Macsec(_) => Seen::Macsec,
            Built::Tcp(ports, flags, _) => Seen::Tcp(ports, flags),
            Built::Udp(ports) => Seen::Udp(Ports { destination: port.unwrap_or(ports.destination), ..ports }),
            Built::Sctp(ports) => Seen::Sctp(ports),
            Built::Icmp(code) => Seen::Icmp(8, code),
        });
    }
    seen
}

/// Generates ports that no tunnel uses.
fn ports() -> impl Strategy<Value = Ports> {
    (1024_u16..4000, 10_000_u16..50_000).prop_map(|(source, destination)| Ports { source, destination })
}

fn ip() -> impl Strategy<Value = Built> {
    let extras = (any::<u8>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(options, hop_by_hop, destination, atomic)| Extras { options, hop_by_hop, destination, atomic },
    );
    (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<bool>(), extras).prop_map(|(a, b, v6, extras)| {
        let address = |bytes: [u8; 16]| -> IpAddr {
            if v6 {
                Ipv6Addr::from(bytes).into()
            } else {
                Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into()
            }
        };
        Built::Ip(address(a), address(b), extras)
    })
}

fn ethernet() -> impl Strategy<Value = Vec<Built>> + Clone {
    let macs = any::<([u8; 6], [u8; 6])>().prop_map(|(source, destination)| {
        Built::Ethernet(Macs { source: MacAddress(source), destination: MacAddress(destination) })
    });
    let tag = (0_u16..4096, select(vec![0x8100, 0x88a8])).prop_map(|(id, tag)| Built::Vlan(id, tag));
    (
        macs,
        prop::collection::vec(tag, 0..=2),
        prop::option::weighted(0.1, any::<bool>().prop_map(Built::Macsec)),
    )
        .prop_map(|(macs, tags, macsec)| {
            let mut layers = vec![macs];
            layers.extend(tags);
            layers.extend(macsec);
            layers
        })
}

/// Generates a tunnel: everything after an IP header, up to the next IP header.
fn tunnel() -> impl Strategy<Value = Vec<Built>> {
    let vni = 0_u32..1 << 24;
    let over_udp = prop_oneof![
        (vni.clone(), select(vec![0, 0x80])).prop_map(|(vni, flags)| Built::Vxlan(vni, flags)),
        (vni.clone(), any::<u8>()).prop_map(|(vni, options)| Built::Geneve(vni, options)),
        (vni.clone(), any::<u8>()).prop_map(|(vni, reserved)| Built::VxlanGpe(vni, reserved)),
    ];
    let over_udp =
        (ports(), over_udp, ethernet(), any::<bool>()).prop_map(|(ports, tunnel, ethernet, bare)| {
            // Geneve and GPE can carry IP without Ethernet too.
            let bare = bare && !matches!(tunnel, Built::Vxlan(..));
            let mut layers = vec![Built::Udp(ports), tunnel];
            layers.extend((!bare).then_some(ethernet).into_iter().flatten());
            layers
        });
    let gre = (prop::option::of(any::<u32>()), any::<bool>(), any::<bool>(), prop::option::of(ethernet()))
        .prop_map(|(key, checksum, sequence, ethernet)| {
            // With nothing but a key and Ethernet, it would be NVGRE.
            let checksum = checksum || ethernet.is_some() && key.is_some();
            let mut layers = vec![Built::Gre { key, checksum, sequence }];
            layers.extend(ethernet.into_iter().flatten());
            layers
        });
    let nvgre = (0x1000_u32..1 << 24, ethernet()).prop_map(|(vni, ethernet)| {
        let mut layers = vec![Built::Nvgre(vni)];
        layers.extend(ethernet);
        layers
    });
    // AH by itself is AH in tunnel mode; in front of another tunnel it is in transport mode.
    let tunnel = prop_oneof![4 => over_udp, 2 => gre, 1 => nvgre];
    prop_oneof![
        6 => tunnel.clone(),
        1 => Just(vec![Built::IpInIp]),
        1 => ah().prop_map(|ah| vec![ah]),
        1 => (ah(), tunnel).prop_map(|(ah, tunnel)| [vec![ah], tunnel].concat()),
    ]
}

fn ah() -> impl Strategy<Value = Built> + Clone {
    (256_u32.., 0_u8..8).prop_map(|(spi, icv)| Built::Ah(spi, icv))
}

fn innermost() -> impl Strategy<Value = Built> {
    prop_oneof![
        (ports(), any::<u8>(), any::<u8>())
            .prop_map(|(ports, flags, options)| Built::Tcp(ports, flags, options)),
        ports().prop_map(Built::Udp),
        ports().prop_map(Built::Sctp),
        any::<u8>().prop_map(Built::Icmp),
    ]
}

/// Generates a link layer, up to four wrappings and a transport header. The flag says whether there is a link layer.
fn stack() -> impl Strategy<Value = (Vec<Built>, bool)> {
    let levels = prop::collection::vec((ip(), tunnel()), 0..=4);
    (prop::option::of(ethernet()), levels, ip(), prop::option::weighted(0.1, ah()), innermost()).prop_map(
        |(link, levels, ip, ah, last)| {
            let linked = link.is_some();
            let mut layers: Vec<_> = link.into_iter().flatten().collect();
            for (ip, tunnel) in levels {
                layers.push(ip);
                layers.extend(tunnel);
            }
            layers.push(ip);
            layers.extend(ah);
            layers.push(last);
            (layers, linked)
        },
    )
}

fn wrappings(stack: &[Built]) -> usize {
    let wraps = |layer: &&Built| {
        !matches!(
            layer,
            Built::Ethernet(_)
                | Built::Vlan(..)
                | Built::Ip(..)
                | Built::Tcp(..)
                | Built::Udp(_)
                | Built::Sctp(_)
                | Built::Icmp(_)
        )
    };
    stack.iter().filter(wraps).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_was_wrapped_comes_out_again(
        (stack, linked) in stack(),
        payload in prop::collection::vec(any::<u8>(), 0..200),
        padding in 0_usize..20,
    ) {
        prop_assume!(wrappings(&stack) <= 4);
        // Without this byte, the payload might begin like a WireGuard message and have its length.
        let payload = [b"p".as_slice(), &payload].concat();
        let mut built = Stack::new(&payload);
        for layer in stack.iter().rev() {
            built.wrap(layer);
        }
        built.bytes.extend(std::iter::repeat_n(0xee, padding));
        let frame = Frame {
            number: 1,
            time: Timestamp::new(0, 0, 6),
            link: if linked { LinkType::ETHERNET } else { LinkType::RAW },
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: built.bytes.len() as u32,
            bytes: &built.bytes,
        };
        let packet = Decoder::new(TunnelPorts::default()).decode(&frame);
        let seen: Vec<_> = layers(&packet).into_iter().collect();
        prop_assert_eq!(seen, expected(&stack));
        prop_assert_eq!(packet.payload, &payload);
        prop_assert_eq!(packet.stop, None);
        prop_assert_eq!(packet.opaque, None);
        prop_assert_eq!(packet.encapsulations.len(), wrappings(&stack));
    }
}
