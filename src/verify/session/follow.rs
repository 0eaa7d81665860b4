//! Following the kernel during a watch: links, addresses, routes, forwarding entries and policies, by its notices.
//!
//! A survey shows one moment, and nothing that comes and goes between two of them. A node that joins for a second, a policy that is away for two,
//! and a link that is made meanwhile are only in the notices. They are subscribed to before the first survey.

use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::{Error, Underlay};
use crate::host::changes::{Change, Changes, Event};
use crate::host::namespace::Namespace;
use crate::verify::kernel::PolicyHistory;
use crate::verify::network::{Device, Network};

/// The shortest time between two surveys of the underlay.
const PAUSE: Duration = Duration::from_millis(100);
/// The part of the time that surveys may take, as its inverse. A host with many routes is surveyed less often.
const SHARE: u32 = 10;
/// The most nodes that are remembered as joined or left.
const MOST_NODES: usize = 256;

/// The kernel's notices during a watch.
pub(super) struct Follow {
    underlay: Changes,
    /// The notices of other namespaces, in which VXLAN devices are, each with the namespace's path.
    sandboxes: Vec<(Option<String>, Changes)>,
    /// The notices of policies. `None` if they may not be heard.
    policies: Option<PolicyHistory>,
    /// The path of the underlay's namespace.
    base: Option<String>,
    told: Told,
    /// The time from which on the underlay may be surveyed.
    next_survey: Instant,
}

/// The things that the kernel told and that matter.
#[derive(Debug, Default)]
struct Told {
    /// The VXLAN devices of the watched networks.
    devices: Vec<Device>,
    /// True if the underlay has to be surveyed again.
    stale: bool,
    /// Names of links that went down or away.
    down: Vec<String>,
    /// True if the kernel had more to say than could be read.
    lost: bool,
    joined: Vec<IpAddr>,
    left: Vec<IpAddr>,
}

impl Follow {
    /// Subscribes to the notices that matter to these networks.
    pub(super) fn open<'n>(
        networks: impl Iterator<Item = &'n Network> + Clone,
        underlay: &Underlay,
    ) -> Result<Self, Error> {
        let base = networks.clone().next().and_then(|network| network.underlay.clone());
        let devices: Vec<Device> = networks.flat_map(|network| network.devices.iter().cloned()).collect();
        let mut sandboxes: Vec<(Option<String>, Changes)> = Vec::new();
        for device in devices.iter().filter(|device| device.namespace != base) {
            if sandboxes.iter().all(|(path, _)| *path != device.namespace) {
                let namespace = Namespace::given(device.namespace.as_deref())?;
                sandboxes.push((device.namespace.clone(), Changes::open(namespace.as_ref())?));
            }
        }
        Ok(Self {
            underlay: Changes::open(underlay.namespace.as_ref())?,
            sandboxes,
            // Only root may hear of policies. The finding `kernel-unknown` tells the user of it.
            policies: underlay.run(PolicyHistory::open)?.ok(),
            base,
            told: Told { devices, ..Told::default() },
            next_survey: Instant::now(),
        })
    }

    /// Returns the descriptors that are readable when there are notices.
    pub(super) fn descriptors(&self) -> std::io::Result<Vec<OwnedFd>> {
        let sandboxes = self.sandboxes.iter().map(|(_, changes)| changes.as_fd());
        let policies = self.policies.as_ref().map(PolicyHistory::as_fd);
        let all = [self.underlay.as_fd()].into_iter().chain(sandboxes).chain(policies);
        all.map(|fd| fd.try_clone_to_owned()).collect()
    }

    /// Takes the notices that have come. Never waits. Returns the nodes that joined.
    pub(super) fn take(&mut self) -> Vec<IpAddr> {
        let before = self.told.joined.len();
        if let Some(policies) = &mut self.policies {
            policies.take();
        }
        for change in self.underlay.take() {
            self.told.of_underlay(&change);
            self.told.of_nodes(&change, self.base.as_deref());
        }
        for (path, changes) in &mut self.sandboxes {
            for change in changes.take() {
                self.told.of_nodes(&change, path.as_deref());
            }
        }
        self.told.joined.get(before..).unwrap_or(&[]).to_vec()
    }

    /// Returns true if the underlay changed, and has not been surveyed for a moment.
    pub(super) fn wants_a_survey(&self, now: Instant) -> bool {
        self.told.stale && now >= self.next_survey
    }

    /// Takes note that a survey was begun at this time, and is done.
    pub(super) fn surveyed(&mut self, begun: Instant) {
        self.told.stale = false;
        self.next_survey = Instant::now() + PAUSE.max(begun.elapsed() * SHARE);
    }

    /// Says which packets may have passed unseen: one of these links went down meanwhile, or notices were lost.
    pub(super) fn missed(&self, links: &[String]) -> Option<String> {
        if self.told.lost || self.policies.as_ref().is_some_and(PolicyHistory::is_incomplete) {
            return Some("the kernel had more changes to tell than could be read".to_owned());
        }
        let down = links.iter().find(|name| self.told.down.contains(name))?;
        Some(format!("{down}: the interface went down"))
    }

    /// Returns the nodes that joined a network during the watch, and those that left one.
    pub(super) fn nodes(&self) -> (Vec<IpAddr>, Vec<IpAddr>) {
        (self.told.joined.clone(), self.told.left.clone())
    }

    /// Returns the notices of policies.
    pub(super) fn policies(&self) -> Option<&PolicyHistory> {
        self.policies.as_ref()
    }
}

impl Told {
    /// Takes what concerns the links and routes of the underlay.
    fn of_underlay(&mut self, change: &Change) {
        match change {
            Change::Link(event, link) => {
                self.stale = true;
                if (*event == Event::Gone || !link.up) && self.down.len() < MOST_NODES {
                    self.down.push(link.name.clone());
                }
            }
            Change::Address(..) | Change::Route(..) | Change::Rule(..) | Change::NextHop(..) => {
                self.stale = true;
            }
            Change::Forwarding(..) | Change::Neighbour(..) | Change::Lost => {}
        }
    }

    /// Takes what concerns the nodes of the networks, in the namespace with this path.
    fn of_nodes(&mut self, change: &Change, namespace: Option<&str>) {
        let Change::Forwarding(event, entry) = change else {
            self.lost |= matches!(change, Change::Lost);
            return;
        };
        let is_ours =
            |device: &Device| device.index == entry.link && device.namespace.as_deref() == namespace;
        if entry.learned || !self.devices.iter().any(is_ours) {
            return;
        }
        self.stale |= entry.next_hop.is_some();
        let list = match event {
            Event::Set => &mut self.joined,
            Event::Gone => &mut self.left,
        };
        if let Some(vtep) = entry.vtep.filter(|vtep| !list.contains(vtep)) {
            if list.len() < MOST_NODES {
                list.push(vtep);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::changes::ForwardingEntry;
    use crate::host::survey::Link;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn told() -> Told {
        Told { devices: vec![Device { namespace: None, index: 7 }], ..Told::default() }
    }

    fn entry(link: u32, vtep: &str) -> ForwardingEntry {
        ForwardingEntry { link, vtep: Some(ip(vtep)), ..ForwardingEntry::default() }
    }

    #[test]
    fn nodes_join_and_leave_by_the_entries_of_our_device_that_somebody_set() {
        let mut told = told();
        let learned = ForwardingEntry { learned: true, ..entry(7, "192.0.2.4") };
        for (event, entry, namespace) in [
            (Event::Set, entry(7, "192.0.2.2"), None),
            (Event::Set, entry(7, "192.0.2.2"), None),
            (Event::Set, entry(8, "192.0.2.3"), None),
            (Event::Set, entry(7, "192.0.2.3"), Some("/run/netns/other")),
            // Anybody can make the device learn an entry.
            (Event::Set, learned, None),
            (Event::Gone, entry(7, "192.0.2.2"), None),
        ] {
            told.of_nodes(&Change::Forwarding(event, entry), namespace);
        }
        assert_eq!((told.joined, told.left), (vec![ip("192.0.2.2")], vec![ip("192.0.2.2")]));
    }

    #[test]
    fn a_link_that_went_down_and_changes_without_a_name_are_remembered() {
        let link = |name: &str, up| Box::new(Link { name: name.to_owned(), up, ..Link::default() });
        let mut told = told();
        told.of_underlay(&Change::Link(Event::Set, link("eth0", true)));
        assert!(told.stale && told.down.is_empty());
        told.of_underlay(&Change::Link(Event::Set, link("eth1", false)));
        told.of_underlay(&Change::Link(Event::Gone, link("eth2", true)));
        assert_eq!(told.down, ["eth1", "eth2"]);
        told.of_nodes(&Change::Lost, None);
        assert!(told.lost);
    }
}
