use super::*;
use crate::packet::{EspKind, Ip, Macs, Spi};

const VXLAN: u32 = 4097;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn vni(number: u32) -> Vni {
    Vni::new(number).unwrap()
}

fn mac(last: u8) -> MacAddress {
    MacAddress([2, 0x42, 10, 0, 1, last])
}

fn headers(source: &str, destination: &str) -> Headers {
    let ip = Ip { source: address(source), destination: address(destination), protocol: 6, fragment: None };
    Headers { ip: Some(ip), ..Headers::default() }
}

/// A packet in these tunnels, outermost first, each between two hosts.
fn packet(headers: Headers, tunnels: &[Tunnel]) -> Packet<'static> {
    let outer = self::headers("192.0.2.1", "192.0.2.2");
    let mut packet = Packet { headers, ..Packet::default() };
    packet.encapsulations.extend(tunnels.iter().map(|&tunnel| Encapsulation { tunnel, outer }));
    packet
}

fn named<'a>(source: impl Into<Option<&'a str>>, destination: impl Into<Option<&'a str>>) -> Ends<'a> {
    Ends { source: source.into(), destination: destination.into() }
}

/// Two overlay networks and two bridges, all with the same addresses.
fn table() -> Table {
    let mut draft = Draft::default();
    draft.network(Some("id1"), Some("insecure"), "overlay", &[vni(VXLAN)]);
    draft.network(Some("id2"), Some("secure"), "overlay", &[vni(4098), vni(4100)]);
    draft.network(Some("id3"), Some("bridge"), "bridge", &[]);
    draft.network(Some("id4"), Some("other"), "macvlan", &[]);
    for (network, name) in [("id1", "web.1"), ("secure", "db.1"), ("id3", "proxy"), ("id4", "cache")] {
        draft.name(network, address("10.0.1.6"), name, Source::Containers);
    }
    draft.name("id1", address("10.0.1.2"), "web", Source::Gossip);
    draft.name("id3", address("172.17.0.2"), "proxy", Source::Containers);
    draft.name("id3", address("fd00::2"), "proxy", Source::Containers);
    draft.station("id1", mac(6), address("10.0.1.6"));
    draft.station("id3", mac(7), address("10.0.1.6"));
    draft.finish()
}

#[test]
fn the_vni_decides_between_equal_addresses() {
    let table = table();
    let ends =
        |number| table.ends(&packet(headers("10.0.1.6", "10.0.1.2"), &[Tunnel::Vxlan(vni(number))]), 0);
    assert_eq!(ends(VXLAN), named("web.1", "web"));
    assert_eq!((ends(4098), ends(4100)), (named("db.1", None), named("db.1", None)), "a VNI for each subnet");
    assert_eq!(ends(7), Ends::default(), "a network that the engine does not know");
    assert_eq!((table.network(vni(VXLAN)), table.network(vni(7))), (Some("insecure"), None));
}

#[test]
fn an_address_without_a_tunnel_has_a_name_only_where_it_is_certain() {
    let table = table();
    let plain = |source: Option<u8>, from: &str, to: &str| {
        let macs = source.map(|last| Macs { source: mac(last), destination: mac(0xff) });
        table.ends(&packet(Headers { mac: macs, ..headers(from, to) }, &[]), 0)
    };
    assert_eq!(plain(None, "10.0.1.6", "172.17.0.2"), named(None, "proxy"), "two networks have the first");
    assert_eq!(plain(None, "10.0.1.2", "fd00::2"), named(None, "proxy"), "an overlay's address on the wire");
    assert_eq!(plain(Some(6), "10.0.1.6", "10.0.1.2"), named("web.1", "web"), "in the overlay itself");
    assert_eq!(plain(Some(6), "10.0.1.6", "172.17.0.2"), named("web.1", None), "out of the overlay");
    assert_eq!(plain(Some(7), "10.0.1.6", "172.17.0.2"), named("proxy", "proxy"), "on the bridge");
    assert_eq!(plain(Some(6), "10.0.1.2", "10.0.1.6"), Ends::default(), "the Ethernet address of another");
    assert_eq!(table.local(address("172.17.0.2")), Some("proxy"));
    assert_eq!(table.local(address("10.0.1.6")), None);
}

#[test]
fn other_tunnels_have_no_names_inside_and_transport_mode_is_no_tunnel() {
    let table = table();
    let esp = Tunnel::Esp { spi: Spi(1), sequence: 1, kind: EspKind::Opened, udp: false };
    let inside = |tunnels: &[Tunnel]| table.ends(&packet(headers("172.17.0.2", "10.0.1.6"), tunnels), 0);
    assert_eq!(inside(&[Tunnel::Geneve(vni(VXLAN))]), Ends::default());
    assert_eq!(inside(&[Tunnel::Vxlan(vni(VXLAN)), Tunnel::IpInIp]), Ends::default());
    assert_eq!(inside(&[esp, Tunnel::Vxlan(vni(VXLAN))]), named(None, "web.1"));
    assert_eq!(inside(&[esp]), Ends::default(), "tunnel mode");
    let mut transport = packet(headers("172.17.0.2", "10.0.1.9"), &[esp]);
    transport.encapsulations[0].outer = headers("172.17.0.2", "10.0.1.9");
    assert_eq!(table.ends(&transport, 0), named("proxy", None));
}

#[test]
fn levels_in_front_of_a_wrapping_have_the_names_of_their_own_surroundings() {
    let table = table();
    let mut packet = packet(headers("10.0.1.6", "10.0.1.6"), &[Tunnel::Vxlan(vni(VXLAN)); 2]);
    packet.encapsulations[0].outer = headers("172.17.0.2", "192.0.2.2");
    packet.encapsulations[1].outer = headers("10.0.1.2", "172.17.0.2");
    assert_eq!(table.ends(&packet, 0), named("web.1", "web.1"));
    assert_eq!(table.ends(&packet, 1), named("web", None), "in the outer VXLAN");
    assert_eq!(table.ends(&packet, 2), named("proxy", None), "on the wire");
    assert_eq!(table.ends(&packet, 3), Ends::default(), "no such level");
}

#[test]
fn a_name_of_a_better_source_stays_and_two_of_one_source_are_none() {
    let mut draft = Draft::default();
    draft.network(Some("id"), None, "overlay", &[vni(VXLAN)]);
    for (last, name, source) in [
        (1, "first", Source::Containers),
        (1, "second", Source::Managers),
        (2, "first", Source::Gossip),
        (2, "first", Source::Gossip),
        (3, "first", Source::Members),
        (3, "second", Source::Members),
        (3, "third", Source::Managers),
        (4, "", Source::Members),
    ] {
        draft.name("id", IpAddr::from([10, 0, 1, last]), name, source);
    }
    draft.name("elsewhere", IpAddr::from([10, 0, 1, 9]), "first", Source::Members);
    let table = draft.finish();
    let name = |last| {
        let address = format!("10.0.1.{last}");
        table.ends(&packet(headers(&address, "::"), &[Tunnel::Vxlan(vni(VXLAN))]), 0).source
    };
    assert_eq!([1, 2, 3, 4, 9].map(name), [Some("first"), Some("first"), None, None, None]);
    assert_eq!(table.network(vni(VXLAN)), None, "a network without a name");
}

#[test]
fn two_networks_of_one_vni_or_name_are_none() {
    let mut draft = Draft::default();
    draft.network(Some("id1"), Some("twice"), "overlay", &[vni(VXLAN)]);
    draft.network(Some("id2"), Some("twice"), "overlay", &[vni(VXLAN), vni(4098)]);
    draft.name("twice", address("10.0.1.1"), "lost", Source::Members);
    draft.name("id2", address("10.0.1.2"), "kept", Source::Members);
    let table = draft.finish();
    assert_eq!((table.network(vni(VXLAN)), table.network(vni(4098))), (None, Some("twice")));
    assert_eq!(table.names.len(), 1);
}

#[test]
fn the_number_of_names_is_bounded() {
    let mut draft = Draft::default();
    draft.network(Some("id"), None, "bridge", &[]);
    for n in 0..MOST as u32 + 9 {
        draft.name("id", IpAddr::V4(n.into()), "a", Source::Members);
        let [a, b, c, d] = n.to_be_bytes();
        draft.station("id", MacAddress([2, 0, a, b, c, d]), IpAddr::V4(n.into()));
    }
    let table = draft.finish();
    assert_eq!((table.names.len(), table.stations.len(), table.local.len()), (MOST, MOST, MOST));
}
