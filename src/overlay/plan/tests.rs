use std::path::Path;

use super::super::cipher::Cipher;
use super::super::mark::Mark;
use super::super::mtu::Mtu;
use super::super::present::{PresentDevice, PresentVxlan};
use super::super::security::SaDirection;
use super::super::spec::Peer;
use super::super::state::Progress;
use super::super::xfrm::{PresentPolicy, PresentSa};
use super::*;
use crate::packet::Prefix;

fn networks() -> Vec<NetworkSpec> {
    let peers =
        vec![Peer { underlay: "192.0.2.2".parse().unwrap(), overlay: Some("10.0.2.2".parse().unwrap()) }];
    let secure = NetworkSpec {
        name: "secure".into(),
        vni: Vni::new(4098).unwrap(),
        port: 18_887,
        cipher: Some(Cipher::Aes256Gcm),
        key: Some("secure.key".into()),
        mtu: None,
        local: "192.0.2.1".parse().unwrap(),
        address: Some("10.0.2.1/24".parse().unwrap()),
        peers,
        netns: None,
        bridge: Some("brsecure".into()),
        learn: false,
    };
    vec![secure]
}

fn host() -> Present {
    let mut present = Present::default();
    present.own.insert("192.0.2.1".parse().unwrap(), (1500, "eth0".into()));
    present
}

fn begun() -> (Secrets, State) {
    let secret = Secret::generate().unwrap();
    let (key, vni) = (secret.id(), Vni::new(4098).unwrap());
    let mut state = State::default();
    state.note(key, vni, Progress::new("secure", Path::new("secure.key"), 1, 0));
    (Secrets::from([(vni, (key, secret))]), state)
}

/// Returns the state that the kernel would have with these steps done.
fn done(steps: &[Step], mut present: Present) -> Present {
    for step in steps {
        match step.clone() {
            Step::Policy(policy) => present.policies.push(PresentPolicy { policy, index: 0, intact: true }),
            Step::Sa(sa) => present.sas.push(PresentSa {
                spi: sa.spi,
                source: sa.association.sender,
                destination: sa.association.receiver,
                reqid: sa.reqid,
                packets: 0,
                last_used: 0,
                larval: false,
            }),
            Step::Vxlan(v) => {
                let (vni, port, local) = (v.vni, v.port, Some(v.local));
                let (learning, proxy) = (v.learning, v.proxy);
                let vxlan = Some(PresentVxlan { vni, port, local, learning, proxy });
                let device = PresentDevice { mtu: v.mtu, vxlan, ..PresentDevice::default() };
                present.devices.insert(v.device, device);
                present.udp_ports.insert(port);
            }
            Step::Bridge { device, mtu, .. } => {
                let bridge = PresentDevice { mtu, bridge: true, ..PresentDevice::default() };
                present.devices.insert(device, bridge);
            }
            Step::Mark { device, alias } => on(&mut present, &device).mark = Mark::parse(&alias),
            Step::Port { device, bridge } => on(&mut present, &device).master = Some(bridge),
            Step::Address { device, address } => _ = on(&mut present, &device).addresses.insert(address),
            Step::Fdb { device, mac, vtep, .. } => _ = on(&mut present, &device).fdb.insert((mac, vtep)),
            Step::Neighbour { device, address, mac, .. } => {
                on(&mut present, &device).neighbours.insert((address, mac));
            }
            Step::Up { device } => on(&mut present, &device).up = true,
            Step::DropSa { destination, spi, .. } => {
                present.sas.retain(|sa| sa.destination != destination || sa.spi != spi);
            }
            _ => {}
        }
    }
    present
}

fn on<'a>(present: &'a mut Present, device: &Device) -> &'a mut PresentDevice {
    present.devices.get_mut(device).expect("made by an earlier step")
}

fn first(steps: &[Step], of: impl Fn(&Step) -> bool) -> usize {
    steps.iter().position(of).unwrap()
}

#[test]
fn what_blocks_comes_first_and_nothing_is_decrypted_before_the_device_is_up() {
    let (secrets, state) = begun();
    let plan = plan(&networks(), &host(), &state, &secrets).unwrap();
    let steps = &plan.steps;
    let block = |s: &Step| matches!(s, Step::Policy(p) if p.action == Action::Block);
    let require = |s: &Step| matches!(s, Step::Policy(p) if p.action == Action::RequireEsp);
    let sending = |s: &Step| matches!(s, Step::Sa(sa) if sa.direction == SaDirection::Out);
    assert!(matches!(steps[0], Step::Remember { networks: 1 }) && plan.remember.is_some());
    assert_eq!(first(steps, block), 1);
    assert!(steps.iter().rposition(block).unwrap() < first(steps, require));
    assert!(steps.iter().rposition(require).unwrap() < first(steps, |s| matches!(s, Step::Vxlan(_))));
    let up = steps.iter().rposition(|s| matches!(s, Step::Up { .. }));
    assert!(up.unwrap() < first(steps, |s| matches!(s, Step::Sa(_))));
    let last_receiving =
        steps.iter().rposition(|s| matches!(s, Step::Sa(sa) if sa.direction == SaDirection::In));
    assert!(last_receiving.unwrap() < first(steps, sending));
}

#[test]
fn a_second_plan_is_empty_and_a_plan_shows_no_key() {
    let (secrets, state) = begun();
    let first = plan(&networks(), &host(), &state, &secrets).unwrap();
    let present = done(&first.steps, host());
    let state = first.remember.clone().unwrap();
    assert_eq!(plan(&networks(), &present, &state, &secrets).unwrap(), Plan::default());
    let words: String = first.steps.iter().map(ToString::to_string).collect();
    let shown = format!("{first:?} {} {words}", serde_json::to_string(&first.steps).unwrap());
    for step in &first.steps {
        let Step::Sa(sa) = step else { continue };
        let material = secrets[&sa.association.vni].1.material(&sa.association);
        let bytes = format!("{:?}", &material[..8]);
        assert!(!shown.contains(bytes.trim_matches(['[', ']'])));
    }
}

#[test]
fn a_start_counter_is_used_once() {
    let (secrets, state) = begun();
    let first = plan(&networks(), &host(), &state, &secrets).unwrap();
    let state = first.remember.clone().unwrap();
    // After a reboot nothing is in the kernel, but everything is in the state.
    let second = plan(&networks(), &host(), &state, &secrets).unwrap();
    let sent_with = |plan: &Plan| {
        let mut sas = plan.steps.iter().filter_map(|step| match step {
            Step::Sa(sa) if sa.direction == SaDirection::Out => Some(sa.association.counter),
            _ => None,
        });
        (sas.next(), sas.next())
    };
    assert_eq!(sent_with(&first), (Some(1), None));
    assert_eq!(sent_with(&second), (Some(2), None));
}

#[test]
fn the_look_ahead_slides_when_a_peer_started_again() {
    let (secrets, state) = begun();
    let first = plan(&networks(), &host(), &state, &secrets).unwrap();
    let mut present = done(&first.steps, host());
    let state = first.remember.unwrap();
    let third = first.steps.iter().find_map(|step| match step {
        Step::Sa(sa) if (sa.direction, sa.association.counter) == (SaDirection::In, 3) => Some(sa.spi),
        _ => None,
    });
    present.sas.iter_mut().filter(|sa| Some(sa.spi) == third).for_each(|sa| sa.packets = 7);
    let plan = plan(&networks(), &present, &state, &secrets).unwrap();
    let added: Vec<u32> = plan
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Sa(sa) => Some(sa.association.counter),
            _ => None,
        })
        .collect();
    let dropped = plan.steps.iter().filter(|step| matches!(step, Step::DropSa { .. })).count();
    assert_eq!((added, dropped), (vec![6, 7], 2));
}

#[test]
fn what_the_host_says_no_to_is_said_before_anything_is_done() {
    let (secrets, state) = begun();
    let refused = |change: &dyn Fn(&mut NetworkSpec, &mut Present)| {
        let (mut networks, mut present) = (networks(), host());
        change(&mut networks[0], &mut present);
        plan(&networks, &present, &state, &secrets).unwrap_err().to_string()
    };
    assert!(refused(&|n, _| n.local = "192.0.2.9".parse().unwrap()).contains("no address of this host"));
    assert!(refused(&|n, _| n.mtu = Mtu::new(1417)).contains("leaves 1416"));
    let small = refused(&|n, p| {
        p.own.insert(n.local, (1280, "eth0".into()));
        n.address = Some("fd00::1/64".parse().unwrap());
        n.peers[0].overlay = None;
    });
    assert!(small.contains("mtu 1196 is too small for IPv6"), "{small}");
    assert!(refused(&|n, _| n.netns = Some("blue".into())).contains("ip netns add blue"));
    assert!(refused(&|_, p| _ = p.udp_ports.insert(18_887)).contains("udp port 18887"));
    let wide: Prefix = "10.0.0.9/8".parse().unwrap();
    let eth1 = PresentDevice { addresses: [wide].into(), ..PresentDevice::default() };
    let place = Device { name: "eth1".into(), netns: None };
    let said = refused(&|_, p| _ = p.devices.insert(place.clone(), eth1.clone()));
    assert!(said.contains("overlaps 10.0.0.9/8 of device eth1"), "{said}");
    let foreign = Device { name: "secure".into(), netns: None };
    assert!(
        refused(&|_, p| _ = p.devices.insert(foreign.clone(), PresentDevice::default()))
            .contains("is not ours")
    );
}

#[test]
fn a_peer_that_left_the_specification_leaves_the_kernel() {
    let (secrets, state) = begun();
    let mut before = networks();
    before[0]
        .peers
        .push(Peer { underlay: "192.0.2.3".parse().unwrap(), overlay: Some("10.0.2.3".parse().unwrap()) });
    let first = plan(&before, &host(), &state, &secrets).unwrap();
    let present = done(&first.steps, host());
    let plan = plan(&networks(), &present, &first.remember.unwrap(), &secrets).unwrap();
    let of_three = plan
        .steps
        .iter()
        .filter(|step| format!("{step}").contains("192.0.2.3") || format!("{step}").contains("10.0.2.3"));
    let kept: Vec<_> =
        plan.steps.iter().filter(|s| matches!(s, Step::Sa(_) | Step::Policy(_) | Step::Vxlan(_))).collect();
    assert_eq!(of_three.count(), 11 + 1 + 2, "11 SAs, a forwarding entry, a neighbour on device and bridge");
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn what_somebody_changed_is_replaced_and_not_added_beside() {
    let (secrets, state) = begun();
    let first = plan(&networks(), &host(), &state, &secrets).unwrap();
    let (mut present, state) = (done(&first.steps, host()), first.remember.unwrap());
    let place = Device { name: "secure".into(), netns: None };
    let (mac, vtep) =
        (mac_of(Vni::new(4098).unwrap(), "192.0.2.2".parse().unwrap()), "192.0.2.2".parse().unwrap());
    let (elsewhere, other) = ("192.0.2.9".parse().unwrap(), MacAddress([2, 0, 0, 0, 0, 0x77]));
    let device = on(&mut present, &place);
    device.fdb = [(mac, elsewhere)].into();
    device.neighbours = [("10.0.2.2".parse().unwrap(), other)].into();
    present.policies[0].intact = false;
    let plan = plan(&networks(), &present, &state, &secrets).unwrap();
    let address = "10.0.2.2".parse().unwrap();
    let expected = [
        Step::MendPolicy(present.policies[0].policy.clone()),
        Step::Fdb { device: place.clone(), mac, vtep, before: Some(elsewhere) },
        Step::Neighbour { device: place, address, mac, before: Some(other) },
    ];
    assert_eq!(plan.steps, expected);
}

#[test]
fn an_spi_that_meets_anothers_by_chance_is_never_overwritten_and_refused_only_where_it_is_needed() {
    let (secrets, state) = begun();
    let first = plan(&networks(), &host(), &state, &secrets).unwrap();
    let met = |generation: u32| {
        let mut present = host();
        let sa = first.steps.iter().find_map(|step| match step {
            Step::Sa(sa) if sa.association.generation == generation => Some(sa.clone()),
            _ => None,
        });
        let taken = done(&[Step::Sa(sa.unwrap())], host()).sas.remove(0);
        present.sas.push(PresentSa { reqid: super::super::policy::reqid(Vni::new(9).unwrap()), ..taken });
        plan(&networks(), &present, &state, &secrets)
    };
    let said = met(1).unwrap_err().to_string();
    assert!(said.contains("another VNI"), "{said}");
    assert_eq!(met(2).unwrap().steps.len(), first.steps.len() - 1);
}
