//! Leaks that wait for a frame: destinations to which the kernel would send the network's frames in clear.
//!
//! A watch sees what is sent. A forwarding entry that nothing used meanwhile, such as one for flooding to a node that was
//! forgotten, shows only in the kernel. So every destination is looked up among the policies.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::kernel::{KernelState, Outbound};
use super::super::report::LegReport;
use super::super::tally::{Question, Tally};
use super::super::way::Way;
use crate::escape::{counted, escape};

/// The greatest number of destinations that have a finding of their own.
const MOST: usize = 8;

/// Finds the destinations to which frames would leave in clear. A network that is known to be in clear has none, and
/// neither has one whose links or whose device may encrypt its packets.
pub(super) fn destinations(
    kernel: &KernelState,
    tally: &Tally,
    legs: &[LegReport],
    add: &mut impl FnMut(&'static str, String),
) {
    let question = &tally.question;
    astray(question, add);
    if question.network.encrypted == Some(false) || question.enclosed || question.network.is_routed() {
        return;
    }
    let seen = |to: &IpAddr| legs.iter().any(|leg| is_readable_to(leg, *to));
    let moments: Vec<KernelState> = kernel.moments().collect();
    let open = all(question).into_iter().filter(|(to, port)| {
        // Frames on another port are none that a leg is judged by.
        !question.own.contains(to) && (port.is_some() || !seen(to))
    });
    let why = |to, port| {
        let mut moments = moments.iter().enumerate();
        moments.find_map(|(at, kernel)| Some((at, why(kernel, question, to, port)?)))
    };
    let open = open.filter_map(|(to, port)| Some((to, port, why(to, port)?)));
    let mut more = 0;
    for (n, (to, port, (at, why))) in open.enumerate() {
        if n < MOST {
            let port = port.map(|port| format!(" on port {port}")).unwrap_or_default();
            let kind = kind(question, to);
            let when = match at {
                0 => "would leave in clear",
                _ => "would have left in clear for a while during the watch",
            };
            add("latent-leak", format!("frames to {to}{port} ({kind}) {when}: {why}"));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        add(
            "latent-leak",
            format!(
                "and {} to which frames would leave in clear",
                counted(more, "more destination", "more destinations")
            ),
        );
    }
}

/// Finds the prefixes behind nodes to which routes lead past the network's device.
fn astray(question: &Question, add: &mut impl FnMut(&'static str, String)) {
    let past = question.astray.iter();
    for (prefix, link) in past.clone().take(MOST) {
        add(
            "latent-leak",
            format!(
                "packets to {prefix} (behind a node) would leave in clear: the route leads to {}",
                escape(link)
            ),
        );
    }
    if let Some(more) = past.count().checked_sub(MOST).filter(|more| *more > 0) {
        add(
            "latent-leak",
            format!(
                "and {} to which packets would leave in clear",
                counted(more, "more prefix", "more prefixes")
            ),
        );
    }
}

/// Returns every destination that this node may send the network's frames to, with the port if that is not the
/// network's.
fn all(question: &Question) -> BTreeSet<(IpAddr, Option<u16>)> {
    let network = &question.network;
    let peers = network.peers.iter().map(|peer| peer.underlay);
    let usual = peers.chain(network.destinations.iter().copied()).map(|to| (to, None));
    usual.chain(network.other_ports.iter().map(|&(to, port)| (to, Some(port)))).collect()
}

fn is_readable_to(leg: &LegReport, to: IpAddr) -> bool {
    leg.way == Way::Out && leg.to == Some(to) && leg.verdict.is_readable()
}

fn is_peer(question: &Question, to: IpAddr) -> bool {
    question.network.peers.iter().any(|peer| peer.underlay == to)
}

fn kind(question: &Question, to: IpAddr) -> &'static str {
    if to.is_multicast() {
        "a multicast group"
    } else if question.network.destinations.contains(&to) {
        "a forwarding entry"
    } else {
        "a node"
    }
}

/// Says why frames to a destination would leave in clear. Returns `None` if they would not, or if it is not known from
/// which address they leave.
fn why(kernel: &KernelState, question: &Question, to: IpAddr, port: Option<u16>) -> Option<&'static str> {
    match kernel.outbound(question.local_to(to)?, to, port.or(question.network.port)) {
        Outbound::Protected => None,
        // The finding `level-use` is about these.
        Outbound::Optional if port.is_none() && is_peer(question, to) => None,
        Outbound::Hole => Some("a policy for some of them, which goes first, lets these pass"),
        Outbound::Optional => Some("the policy that covers them says 'level use', and there may be no SA"),
        Outbound::Passed => Some("the policy that covers them asks for no ESP"),
        Outbound::Partly => Some("only some of them are covered by a policy"),
        Outbound::Exempt => Some("a setting disable_xfrm switches policies off where they leave"),
        Outbound::Uncovered => Some("no policy covers them"),
    }
}
