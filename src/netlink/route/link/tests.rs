use super::*;
use rtnetlink::packet_route::link::LinkLayerType;

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 7]);

fn vxlan(local: &str) -> Vtep {
    Vtep { vni: Vni::new(42), local: local.parse().ok(), port: 4789, proxy: true, ..Vtep::default() }
}

fn with(message: &LinkMessage, more: impl IntoIterator<Item = LinkAttribute>) -> Link {
    let mut message = message.clone();
    message.attributes.extend(more);
    read(&bytes(&message)).unwrap()
}

fn of_kind(kind: InfoKind, data: Option<InfoData>) -> LinkMessage {
    new("a", kind, data, MAC, 1500)
}

#[test]
fn a_vxlan_device_that_is_made_is_read_as_it_was_made() {
    for local in ["192.0.2.1", "2001:db8::1"] {
        let made = of_kind(InfoKind::Vxlan, Some(InfoData::Vxlan(tunnel(&vxlan(local)))));
        let link = with(&made, []);
        assert_eq!((link.name.as_str(), link.kind.as_deref()), ("a", Some("vxlan")));
        assert_eq!((link.mac, link.mtu, link.up), (Some(MAC), 1500, false));
        assert_eq!(link.vtep, Some(vxlan(local)));
    }
}

#[test]
fn the_other_half_of_a_link_in_another_namespace_is_none_of_this_one() {
    let made = of_kind(InfoKind::Vxlan, Some(InfoData::Vxlan(tunnel(&vxlan("192.0.2.1")))));
    assert_eq!(with(&made, [LinkAttribute::Link(3)]).parent, Some(3));
    let link = with(&made, [LinkAttribute::Link(3), LinkAttribute::LinkNetNsId(0)]);
    assert_eq!((link.parent, link.elsewhere, link.vtep.unwrap().foreign_socket), (None, true, true));
}

#[test]
fn a_veth_names_its_end_in_another_namespace() {
    let made = of_kind(InfoKind::Veth, None);
    let far_end = |attributes: &[LinkAttribute]| with(&made, attributes.to_vec()).far_end;
    assert_eq!(far_end(&[LinkAttribute::Link(3), LinkAttribute::LinkNetNsId(0)]), Some(3));
    assert_eq!(far_end(&[LinkAttribute::Link(3)]), None);
}

#[test]
fn what_a_network_card_encrypts_for_is_clear_below() {
    let macsec = |offload| {
        let data = InfoData::MacSec(vec![InfoMacSec::Offload(offload)]);
        let link = with(&of_kind(InfoKind::MacSec, Some(data)), [LinkAttribute::Link(3)]);
        (link.parent, link.clear_below)
    };
    assert_eq!(macsec(MacSecOffload::Off), (Some(3), None));
    assert_eq!(macsec(MacSecOffload::Mac), (None, Some(3)));
}

#[test]
fn a_link_without_a_kind_and_without_a_device_is_an_orphan() {
    let bare = LinkMessage::default();
    assert!(with(&bare, []).orphan);
    assert!(!with(&bare, [LinkAttribute::ParentDevName("virtio2".to_owned())]).orphan);
    assert!(!with(&of_kind(InfoKind::Veth, None), []).orphan);
}

#[test]
fn a_tunnel_of_ethernet_frames_has_its_other_end_among_its_parameters() {
    let ends = [
        (InfoKind::GreTap, InfoData::GreTap(vec![InfoGre::Remote([192, 0, 2, 2].into())])),
        (InfoKind::Geneve, InfoData::Geneve(vec![InfoGeneve::Remote([192, 0, 2, 2].into())])),
    ];
    for (kind, data) in ends {
        let made = of_kind(kind, Some(data));
        let broadcast = LinkAttribute::Broadcast(vec![0xff; 6]);
        assert_eq!(with(&made, [broadcast]).remote, Some(IpAddr::from([192, 0, 2, 2])));
        assert_eq!(with(&made, [LinkAttribute::LinkNetNsId(0)]).remote, None);
    }
}

#[test]
fn a_tunnel_has_its_other_end_for_a_broadcast_address() {
    let made = of_kind(InfoKind::IpIp, None);
    let remote = |bytes: &[u8]| with(&made, [LinkAttribute::Broadcast(bytes.to_vec())]).remote;
    assert_eq!(remote(&[192, 0, 2, 2]), Some(IpAddr::from([192, 0, 2, 2])));
    assert_eq!((remote(&[0; 4]), remote(&[0xff; 6])), (None, None));
}

#[test]
fn a_device_that_takes_all_networks_has_none() {
    let every = vec![InfoVxlan::CollectMetadata(true), InfoVxlan::Id(0), InfoVxlan::Link(0)];
    let vxlan = with(&of_kind(InfoKind::Vxlan, Some(InfoData::Vxlan(every))), []).vtep.unwrap();
    assert_eq!((vxlan.vni, vxlan.underlay, vxlan.external), (None, None, true));
}

#[test]
fn a_geneve_device_has_its_network_peer_and_port() {
    let data = vec![
        InfoGeneve::Id(42),
        InfoGeneve::Remote([192, 0, 2, 2].into()),
        InfoGeneve::Local([192, 0, 2, 1].into()),
        InfoGeneve::Port(6081),
    ];
    let read = |data: &[InfoGeneve]| {
        with(&of_kind(InfoKind::Geneve, Some(InfoData::Geneve(data.to_vec()))), []).vtep.unwrap()
    };
    let geneve = read(&data);
    assert_eq!((geneve.form, geneve.vni, geneve.port), (Form::Geneve, Vni::new(42), 6081));
    assert_eq!((geneve.remote, geneve.external), (Some([192, 0, 2, 2].into()), false));
    let external = read(&[InfoGeneve::Id(0), InfoGeneve::CollectMetadata, InfoGeneve::Remote([0; 4].into())]);
    assert_eq!((external.vni, external.remote, external.external), (None, None, true));
}

#[test]
fn of_the_loopback_the_flags_and_the_hardware_are_read() {
    let mut message = LinkMessage::default();
    message.header.link_layer_type = LinkLayerType::Loopback;
    message.header.flags = LinkFlags::Up | LinkFlags::Loopback;
    let link = with(&message, [LinkAttribute::Controller(0)]);
    assert_eq!((link.up, link.running, link.loopback, link.hardware), (true, false, true, 772));
    assert_eq!((link.master, link.orphan), (None, false));
}

#[test]
fn a_message_cut_off_anywhere_is_none_or_lacks_what_stood_at_its_end() {
    let mut made = of_kind(InfoKind::Vxlan, Some(InfoData::Vxlan(tunnel(&vxlan("192.0.2.1")))));
    made.attributes.push(LinkAttribute::Controller(9));
    let whole = bytes(&made);
    let link = read(&whole).unwrap();
    for len in 0..whole.len() {
        assert!(read(&whole[..len]).is_none_or(|cut| cut != link), "{len}");
    }
}
