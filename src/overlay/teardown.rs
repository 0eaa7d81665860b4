//! Taking networks down. The order is the reverse of the plan's: first the SAs, so that nothing is decrypted that
//! no device takes, then the devices, the policies that require ESP, and last the policies that block. Only
//! what bears a mark or reqid of ours is removed, object by object: flushing would remove those of others as well.

use std::collections::BTreeSet;

use super::mark::Mark;
use super::plan::{drop_sa, mac_of};
use super::policy::{Action, vni_of_reqid};
use super::present::{Present, PresentDevice, PresentVxlan};
use super::state::State;
use super::step::{Device, Step};
use crate::packet::{MacAddress, Vni};

/// Returns the names of all networks of ours. A network of which only its bridge is left is among them.
pub fn names(present: &Present) -> Vec<String> {
    let bridges = present.devices.values().filter(|device| device.bridge);
    let marks = present.networks().map(|(_, _, _, mark)| mark).chain(bridges.filter_map(|b| b.mark.as_ref()));
    let names = marks.map(|mark| match mark {
        Mark::Network { name, .. } | Mark::Bridge { name } => name.clone(),
    });
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns the steps that remove the networks with these names, and the names of which nothing was found.
pub fn teardown(wanted: &[String], present: &Present, state: &State) -> (Vec<Step>, Vec<String>) {
    let (mut steps, mut unknown) = (Vec::new(), Vec::new());
    let mut vnis: BTreeSet<Vni> = BTreeSet::new();
    for name in wanted {
        let before = steps.len();
        for (place, device, vxlan, mark) in present.networks() {
            if matches!(mark, Mark::Network { name: marked, .. } if marked == name) {
                steps.push(Step::DropDevice { device: place.clone() });
                lent(place, device, vxlan, mark, present, &mut steps);
                vnis.insert(vxlan.vni);
            }
        }
        for (place, device) in &present.devices {
            if matches!(&device.mark, Some(Mark::Bridge { name: marked }) if marked == name) && device.bridge
            {
                steps.push(Step::DropDevice { device: place.clone() });
            }
        }
        // If somebody else removed the device, SAs and policies are left, and only the state knows the network's
        // name.
        let left: Vec<Vni> = state.vnis_named(name).filter(|vni| is_left(present, *vni)).collect();
        if steps.len() == before && left.is_empty() {
            unknown.push(name.clone());
        }
        vnis.extend(left);
    }
    let mut all = keys(&vnis, present);
    all.append(&mut steps);
    all.extend(policies(&vnis, present));
    (all, unknown)
}

/// Returns the steps that remove what is left of networks without a device, also of those that the state cannot
/// name.
pub fn teardown_left(present: &Present) -> Vec<Step> {
    let reqids = present.sas.iter().map(|sa| sa.reqid).chain(present.policies.iter().map(|p| p.policy.reqid));
    let vnis = reqids.filter_map(vni_of_reqid).filter(|vni| is_left(present, *vni)).collect();
    let mut steps = keys(&vnis, present);
    steps.extend(policies(&vnis, present));
    steps
}

/// Adds the steps that remove a network's neighbours and address from a bridge that was not made for it.
fn lent(
    place: &Device,
    device: &PresentDevice,
    vxlan: &PresentVxlan,
    mark: &Mark,
    present: &Present,
    steps: &mut Vec<Step>,
) {
    let Some(name) = &device.master else { return };
    let place = Device { name: name.clone(), netns: place.netns.clone() };
    let Some(bridge) = present.devices.get(&place).filter(|bridge| bridge.mark.is_none()) else { return };
    let nodes: BTreeSet<MacAddress> =
        device.vteps().into_iter().map(|vtep| mac_of(vxlan.vni, vtep)).collect();
    for (address, mac) in bridge.neighbours.iter().filter(|(_, mac)| nodes.contains(mac)) {
        steps.push(Step::DropNeighbour { device: place.clone(), address: *address, mac: *mac });
    }
    if let Some(address) = mark.address().filter(|address| bridge.addresses.contains(address)) {
        steps.push(Step::DropAddress { device: place, address });
    }
}

fn keys(vnis: &BTreeSet<Vni>, present: &Present) -> Vec<Step> {
    present.sas.iter().filter(|sa| is_of(vnis, sa.reqid)).map(drop_sa).collect()
}

fn policies(vnis: &BTreeSet<Vni>, present: &Present) -> Vec<Step> {
    let mut steps = Vec::new();
    for action in [Action::RequireEsp, Action::Block] {
        let ours =
            present.policies.iter().filter(|p| is_of(vnis, p.policy.reqid) && p.policy.action == action);
        steps.extend(ours.map(|p| Step::DropPolicy { policy: p.policy.clone(), index: p.index }));
    }
    steps
}

fn is_of(vnis: &BTreeSet<Vni>, reqid: u32) -> bool {
    vni_of_reqid(reqid).is_some_and(|vni| vnis.contains(&vni))
}

/// Returns true if a network has SAs or policies but no device. Any VXLAN device with its VNI or the port of its
/// policies counts as its device, even without a mark: if the policies were removed, that device would go on in
/// clear.
fn is_left(present: &Present, vni: Vni) -> bool {
    let is = |reqid| vni_of_reqid(reqid) == Some(vni);
    let ports: BTreeSet<u16> =
        present.policies.iter().filter(|p| is(p.policy.reqid)).map(|p| p.policy.port).collect();
    let mut vxlans = present.devices.values().filter_map(|device| device.vxlan.as_ref());
    !vxlans.any(|vxlan| vxlan.vni == vni || ports.contains(&vxlan.port))
        && (present.sas.iter().any(|sa| is(sa.reqid)) || present.policies.iter().any(|p| is(p.policy.reqid)))
}
