//! Taking networks down: the devices first, so that nothing is sent any more, then SAs, then what requires ESP, and
//! what blocks last. Only what bears our mark, nothing by flushing.

use super::mark::Mark;
use super::policy::{Action, vni_of_reqid};
use super::present::Present;
use super::state::State;
use super::step::Step;
use crate::packet::Vni;
use std::collections::BTreeSet;

/// The names of all networks of ours that are there.
pub fn names(present: &Present) -> Vec<String> {
    let names = present.networks().map(|(_, _, _, mark)| match mark {
        Mark::Network { name, .. } | Mark::Bridge { name } => name.clone(),
    });
    names.collect()
}

/// What has to be removed for these networks, and the names of which nothing was found.
pub fn teardown(wanted: &[String], present: &Present, state: &State) -> (Vec<Step>, Vec<String>) {
    let (mut steps, mut unknown) = (Vec::new(), Vec::new());
    let mut vnis: BTreeSet<Vni> = BTreeSet::new();
    for name in wanted {
        let before = steps.len();
        for (place, _, vxlan, mark) in present.networks() {
            if matches!(mark, Mark::Network { name: marked, .. } if marked == name) {
                steps.push(Step::DropDevice { device: place.clone() });
                vnis.insert(vxlan.vni);
            }
        }
        for (place, device) in &present.devices {
            if matches!(&device.mark, Some(Mark::Bridge { name: marked }) if marked == name) && device.bridge
            {
                steps.push(Step::DropDevice { device: place.clone() });
            }
        }
        // A device that somebody else removed leaves SAs and policies behind, which only the state can name.
        let left: Vec<Vni> = state.vnis_named(name).filter(|vni| is_left(present, *vni)).collect();
        if steps.len() == before && left.is_empty() {
            unknown.push(name.clone());
        }
        vnis.extend(left);
    }
    let ours = |reqid: u32| vni_of_reqid(reqid).is_some_and(|vni| vnis.contains(&vni));
    for sa in present.sas.iter().filter(|sa| ours(sa.reqid)) {
        steps.push(Step::DropSa {
            destination: sa.destination,
            spi: sa.spi.to_string(),
            what: format!("sa {} -> {} spi {}", sa.source, sa.destination, sa.spi),
        });
    }
    for action in [Action::RequireEsp, Action::Block] {
        for present in present.policies.iter().filter(|p| ours(p.policy.reqid) && p.policy.action == action) {
            steps.push(Step::DropPolicy { policy: present.policy.clone(), index: present.index });
        }
    }
    (steps, unknown)
}

fn is_left(present: &Present, vni: Vni) -> bool {
    let is = |reqid| vni_of_reqid(reqid) == Some(vni);
    let held = present.networks().any(|(_, _, vxlan, _)| vxlan.vni == vni);
    !held
        && (present.sas.iter().any(|sa| is(sa.reqid)) || present.policies.iter().any(|p| is(p.policy.reqid)))
}
