use super::*;
use crate::host::survey::{Survey, Vtep};
use crate::packet::Vni;

const SANDBOX: &str = "/run/docker/netns/1-mkfo4ewzw1";

/// Returns one of the two ends of a veth, each with its own index and that of the other.
fn veth(index: u32, far_end: u32, addresses: &[&str]) -> Link {
    Link {
        index,
        name: format!("veth{index}"),
        kind: Some("veth".to_owned()),
        up: true,
        elsewhere: true,
        far_end: Some(far_end),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        ..Link::default()
    }
}

/// Returns a sandbox as Docker makes it: the VXLAN device without its socket, and two veths on a bridge with the gateway's address.
fn sandbox() -> Surveyed {
    let bridge = Link {
        index: 2,
        name: "br0".to_owned(),
        kind: Some("bridge".to_owned()),
        addresses: vec!["10.0.2.1/24".parse().unwrap()],
        ..Link::default()
    };
    let vtep = Vtep { vni: Vni::new(4098), foreign_socket: true, ..Vtep::default() };
    let vxlan = Link {
        index: 3,
        name: "vxlan0".to_owned(),
        kind: Some("vxlan".to_owned()),
        master: Some(2),
        vtep: Some(vtep),
        ..Link::default()
    };
    let on_bridge = |index, far_end| Link { master: Some(2), ..veth(index, far_end, &[]) };
    place(SANDBOX, vec![bridge, vxlan, on_bridge(5, 4), on_bridge(7, 6)])
}

fn place(path: &str, links: Vec<Link>) -> Surveyed {
    Surveyed { path: Some(path.to_owned()), survey: Survey { links, ..Survey::default() } }
}

/// Returns the network of the sandbox's device, on a host with these namespaces as well.
fn entered(others: Vec<Surveyed>) -> Network {
    let mut namespaces = vec![sandbox()];
    namespaces.extend(others);
    let namespaces = Namespaces::with(Surveyed { path: None, survey: Survey::default() }, namespaces);
    let network = device::find(&namespaces, device::may_be_dockers).unwrap();
    undescribed(network, &namespaces, "it was not asked")
}

fn file_of(network: &Network) -> Option<&str> {
    network.entry.as_ref().and_then(|entry| entry.namespace.as_deref())
}

#[test]
fn probes_leave_from_a_container_and_not_with_the_gateways_address() {
    let network = entered(vec![
        place("/run/docker/netns/lb_mkfo4ewzw", vec![veth(4, 5, &["10.0.2.2/24"])]),
        place("/run/docker/netns/0f3b2a", vec![veth(6, 7, &["10.0.2.3/24"])]),
    ]);
    assert_eq!(file_of(&network), Some("/run/docker/netns/0f3b2a"), "a balancer comes last");
    assert!(!network.entry.as_ref().unwrap().shared);
    assert_eq!(network.engine_unread.as_deref(), Some("it was not asked"));
}

#[test]
fn a_container_of_another_network_is_none_of_this_one() {
    for other in [veth(4, 9, &["10.0.2.3/24"]), veth(8, 5, &["10.0.2.3/24"]), veth(4, 5, &["10.0.9.3/24"])] {
        let network = entered(vec![place("/run/docker/netns/0f3b2a", vec![other.clone()])]);
        assert_eq!(file_of(&network), Some(SANDBOX), "{other:?}");
        assert!(network.entry.unwrap().shared);
    }
}

#[test]
fn a_device_with_its_own_socket_is_none_of_dockers() {
    let mut own = sandbox();
    own.survey.links[1].vtep.as_mut().unwrap().foreign_socket = false;
    let namespaces = Namespaces::of(own);
    let network = device::find(&namespaces, |link| link.vtep.is_some()).unwrap();
    let network = undescribed(network, &namespaces, "it was not asked");
    assert_eq!((network.engine_unread, network.entry.unwrap().shared), (None, false));
}
