//! Findings about clear frames from outside: would this host accept them?

use std::net::IpAddr;

use super::super::kernel::{
    Arriving, Coverage, EarlierRules, Enforcement, Hook, HookKind, Inbound, KernelState, Policy,
    PolicyDirection,
};
use super::super::tally::{Circumstances, Tally};
use crate::escape::escape;
use crate::packet::{IpVersion, Vni};

/// A VNI that hardly anybody gives to a network.
const UNNAMED: u32 = 0xfe_dcba;

/// Returns true if clear frames of the network from outside would be accepted, and false if an inbound policy or the
/// firewall refuses them. Returns `None` if the kernel's state or the rules are not known.
pub(in crate::verify) fn not_enforced(tally: &Tally, circumstances: &Circumstances) -> Option<bool> {
    let kernel = circumstances.kernel.as_ref()?;
    let network = &tally.question.network;
    // Such packets have no tunnel that this host would take them out of. It forwards or takes what is routed to it.
    if network.is_routed() {
        return Some(false);
    }
    let moments: Vec<KernelState> = kernel.moments().collect();
    let required = |peer: IpAddr| {
        let refuses = |local| {
            moments.iter().all(|kernel| kernel.inbound(peer, local, network.port) == Inbound::Refused)
        };
        tally.question.local_to(peer).is_some_and(refuses)
    };
    if !network.peers.is_empty() && network.peers.iter().all(|peer| required(peer.underlay)) {
        return Some(false);
    }
    let may_refuse = |peer: IpAddr| {
        tally.question.local_to(peer).is_some_and(|local| kernel.may_refuse(peer, local, network.port))
    };
    // The policies of a VTI have its mark, which the device sets on what it has decrypted (`vti_rcv_cb`).
    let marked = !tally.question.no_copies
        && !network.peers.is_empty()
        && network.peers.iter().all(|peer| may_refuse(peer.underlay));
    let mut unknown = marked;
    for enforcement in by_rules(kernel, tally) {
        match enforcement {
            Enforcement::Accepted | Enforcement::Bypassed if !marked => return Some(true),
            Enforcement::Accepted | Enforcement::Bypassed | Enforcement::Unknown => unknown = true,
            Enforcement::Dropped => {}
        }
    }
    (!unknown).then_some(false)
}

/// Says why clear frames from outside would be accepted.
pub(super) fn accepted(kernel: &KernelState, tally: &Tally) -> String {
    let network = &tally.question.network;
    let hole = |peer: IpAddr| {
        let local = tally.question.local_to(peer);
        local.is_some_and(|local| kernel.inbound(peer, local, network.port) == Inbound::Hole)
    };
    let exempt = |local: &IpAddr| kernel.exempt.contains(&IpVersion::of(*local));
    let why = if network.locals.iter().any(exempt) {
        "disable_policy switches inbound policies off"
    } else if network.peers.iter().any(|peer| hole(peer.underlay)) {
        "an inbound policy that goes first lets some of them pass"
    } else if kernel.earlier.is_empty() {
        "no inbound policy asks for ESP"
    } else {
        "at some moment of the watch no inbound policy asked for ESP"
    };
    let open = |decision| matches!(decision, Enforcement::Accepted | Enforcement::Bypassed);
    let rules = if by_rules_of(tally, |frame| kernel.rules.enforcement(frame)).any(open) {
        "no firewall rule drops them"
    } else {
        "at some moment of the watch no firewall rule dropped them"
    };
    format!("clear packets from outside would be accepted: {why}, and {rules}")
}

/// Says why it is not known if clear frames from outside would be accepted.
pub(super) fn unknown(kernel: &KernelState, tally: &Tally) -> String {
    let missed = |moment: &EarlierRules| {
        let of = |frame: &Arriving<'_>| moment.enforcement(frame);
        matches!(moment, EarlierRules::AtLeast(_))
            && by_rules_of(tally, of).any(|decision| decision != Enforcement::Dropped)
    };
    let why = match kernel.hooks.first() {
        Some(Hook { link, kind: HookKind::Tc }) => format!("tc's filters on {} may drop them", escape(link)),
        Some(Hook { link, kind: HookKind::Xdp }) => {
            format!("an XDP program on {} may drop them", escape(link))
        }
        None if kernel.earlier_rules.iter().any(missed) => {
            "the firewall's rules changed faster than they could be read".to_owned()
        }
        None => "the firewall's rules could not be read or understood".to_owned(),
    };
    format!("it is not known whether clear packets from outside would be accepted: {why}")
}

/// Yields the firewall's decision on clear frames of each VNI, in each address family of the underlay, at each moment.
fn by_rules<'a>(kernel: &'a KernelState, tally: &'a Tally) -> impl Iterator<Item = Enforcement> + 'a {
    // A hook may drop what the rules accept.
    let hooked = |decision| match decision {
        Enforcement::Accepted | Enforcement::Bypassed if !kernel.hooks.is_empty() => Enforcement::Unknown,
        decision => decision,
    };
    let last = by_rules_of(tally, |frame| kernel.rules.enforcement(frame));
    let earlier = kernel
        .earlier_rules
        .iter()
        .flat_map(move |moment| by_rules_of(tally, move |frame| moment.enforcement(frame)));
    last.chain(earlier).map(hooked)
}

/// Yields the decision on clear frames of each VNI, in each address family of the underlay.
fn by_rules_of<'a>(
    tally: &'a Tally,
    decision: impl Fn(&Arriving<'_>) -> Enforcement + Copy + 'a,
) -> impl Iterator<Item = Enforcement> + 'a {
    let network = &tally.question.network;
    let port = network.port_or_usual();
    // In metadata mode every VNI counts. One that no rule names stands for all of them.
    let unnamed = Vni::new(UNNAMED).filter(|_| network.any_vni);
    let vnis = network.vnis.iter().copied().chain(unnamed);
    let in_use = |version: &IpVersion| match network.locals.as_slice() {
        [] => *version == IpVersion::V4,
        locals => locals.iter().any(|local| IpVersion::of(*local) == *version),
    };
    // A rule may be for one link. If it is not known by which link frames arrive, it may be any.
    let links = || tally.question.arrivals.iter().map(|name| Some(name.as_str()));
    let links: Vec<Option<&str>> = if links().next().is_some() { links().collect() } else { vec![None] };
    IpVersion::BOTH
        .into_iter()
        .filter(in_use)
        .flat_map(move |version| vnis.clone().map(move |vni| (version, vni)))
        .flat_map(move |(version, vni)| {
            links.clone().into_iter().map(move |link| decision(&Arriving { version, vni, port, link }))
        })
}

/// Finds policies that protect the packets that were seen, but not every packet that may come.
pub(super) fn policies(kernel: &KernelState, tally: &Tally, add: &mut impl FnMut(&'static str, String)) {
    let network = &tally.question.network;
    let port = network.port;
    let local = |peer: IpAddr| tally.question.local_to(peer);
    let peers = || network.peers.iter().filter_map(|peer| local(peer.underlay).zip(Some(peer.underlay)));
    let optional = |(local, peer)| kernel.leaving(local, peer, port).is_some_and(Policy::is_optional);
    if let Some((_, peer)) = peers().find(|&ends| optional(ends)) {
        add(
            "level-use",
            format!("the policy for packets to {peer} says 'level use': without an SA they leave in clear"),
        );
    }
    let required = |from, to| kernel.inbound(from, to, port) == Inbound::Refused;
    let by_policy = peers().next().is_some() && peers().all(|(local, peer)| required(peer, local));
    let from_all = peers().all(|(local, peer)| {
        kernel.policies.iter().any(|policy| {
            policy.direction == PolicyDirection::In
                && policy.source.length() == 0
                && policy.refuses_clear()
                && policy.coverage(peer, local, port, 0) == Coverage::Surely
        })
    });
    let dropped = by_rules(kernel, tally).all(|enforcement| enforcement == Enforcement::Dropped);
    if by_policy && !from_all && !dropped {
        add(
            "peers-only",
            "clear packets are refused from the known nodes only: block those from other addresses too, by a policy or a firewall rule for the port"
                .to_owned(),
        );
    }
}
