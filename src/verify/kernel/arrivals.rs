//! The links by which frames arrive: the settings that switch their policies off, and the programs and filters that may
//! drop frames before a rule of the firewall sees them.

use serde::{Deserialize, Serialize};

use crate::host::exemption::arriving_exempt;
use crate::netlink::route::ingress::{self, HookKind};
use crate::netlink::route::{Link, link};
use crate::netlink::{Family, Netlink, Refusal};
use crate::packet::IpVersion;

/// The state of the links of a network namespace, as far as it bears on clear frames that arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrivals {
    /// The versions of IP for which some link has its policies switched off.
    pub(super) exempt: Vec<IpVersion>,
    /// The programs and filters on the links of the network's packets.
    pub(super) hooks: Vec<Hook>,
}

/// A program or filter that may drop frames that arrive, and whose decisions are not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The name of the link. It may hold any character.
    pub link: String,
    /// The kind.
    pub kind: HookKind,
}

/// Reads the state in the network namespace of this thread. Frames from outside may arrive by any link, so
/// `disable_policy` is read of every link that is up. Hooks count on the links with the names of `passed`, by which the
/// network's packets come: one on a container's link drops no frame of the network.
pub(super) fn read(passed: &[String]) -> Arrivals {
    let Ok((links, found)) = ask() else {
        return Arrivals { exempt: arriving_exempt(passed.iter().map(String::as_str)), hooks: Vec::new() };
    };
    let exempt =
        arriving_exempt(links.iter().filter(|link| brings_frames(link)).map(|link| link.name.as_str()));
    Arrivals { exempt, hooks: on(passed, &links, &found) }
}

fn ask() -> Result<(Vec<Link>, Vec<ingress::Hook>), Refusal> {
    let mut netlink = Netlink::open(Family::Route)?;
    Ok((link::all(&mut netlink)?, ingress::all(&mut netlink)?))
}

/// Returns true if frames may arrive by the link. Those of the loopback are this host's own.
fn brings_frames(link: &Link) -> bool {
    link.up && !link.loopback
}

fn on(passed: &[String], links: &[Link], hooks: &[ingress::Hook]) -> Vec<Hook> {
    let named = |hook: &ingress::Hook| {
        let link = links.iter().find(|link| link.index == hook.link && passed.contains(&link.name))?;
        Some(Hook { link: link.name.clone(), kind: hook.kind })
    };
    hooks.iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_counts_on_the_networks_links_only() {
        let link = |index, name: &str| Link { index, name: name.to_owned(), ..Link::default() };
        let links = [link(2, "eth0"), link(3, "veth0")];
        let hook = |link, kind| ingress::Hook { link, kind };
        let hooks =
            [hook(2, HookKind::Tc), hook(3, HookKind::Tc), hook(2, HookKind::Xdp), hook(9, HookKind::Xdp)];
        let found = on(&["eth0".to_owned()], &links, &hooks);
        assert_eq!(found.iter().map(|hook| hook.kind).collect::<Vec<_>>(), [HookKind::Tc, HookKind::Xdp]);
        assert!(found.iter().all(|hook| hook.link == "eth0"));
    }

    #[test]
    fn frames_arrive_by_every_link_that_is_up_but_the_loopback() {
        let link = |up, loopback| Link { up, loopback, ..Link::default() };
        let links = [link(true, false), link(false, false), link(true, true)];
        assert_eq!(links.iter().map(brings_frames).collect::<Vec<_>>(), [true, false, false]);
    }
}
