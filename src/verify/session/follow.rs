//! Following the kernel during a watch: links, addresses, routes, forwarding entries, policies and
//! firewall rules, by its notices.
//!
//! A survey shows one moment, and nothing that comes and goes between two of them. A node that joins for a second, a policy that is away for two,
//! and a link that is made meanwhile are only in the notices. They are subscribed to before the first survey.

use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::{Error, Underlay};
use crate::host::changes::{Change, Changes, Event};
use crate::host::namespace::Namespace;
use crate::verify::kernel::{KernelState, PolicyHistory, RuleHistory};
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
    /// The firewall rules. `None` if they may not be read.
    rules: Option<RuleHistory>,
    /// The path of the underlay's namespace.
    base: Option<String>,
    told: Told,
    /// The time from which on the underlay may be surveyed.
    next_survey: Instant,
    /// The time from which on the firewall rules may be read again.
    next_reading: Instant,
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
        // Only root may hear of policies. The finding `kernel-unknown` tells the user of it.
        let policies = underlay.run(PolicyHistory::open)?.ok();
        let rules = if policies.is_some() { Some(underlay.run(RuleHistory::open)?) } else { None };
        Ok(Self {
            underlay: Changes::open(underlay.namespace.as_ref())?,
            sandboxes,
            policies,
            rules,
            base,
            told: Told { devices, ..Told::default() },
            next_survey: Instant::now(),
            next_reading: Instant::now(),
        })
    }

    /// Returns the descriptors that are readable when there are notices.
    pub(super) fn descriptors(&self) -> std::io::Result<Vec<OwnedFd>> {
        let sandboxes = self.sandboxes.iter().map(|(_, changes)| changes.as_fd());
        let policies = self.policies.as_ref().map(PolicyHistory::as_fd);
        let rules = self.rules.as_ref().and_then(RuleHistory::descriptor);
        let all = [self.underlay.as_fd()].into_iter().chain(sandboxes).chain(policies).chain(rules);
        all.map(|fd| fd.try_clone_to_owned()).collect()
    }

    /// Takes the notices that have come. Never waits. Returns the nodes that joined.
    pub(super) fn take(&mut self) -> Vec<IpAddr> {
        let before = self.told.joined.len();
        if let Some(policies) = &mut self.policies {
            policies.take();
        }
        if let Some(rules) = &mut self.rules {
            rules.take();
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

    /// Begins to read the firewall rules again if they changed, and have not been read for a moment.
    pub(super) fn read_rules(&mut self, underlay: &Underlay, now: Instant) {
        let Some(rules) = self.rules.as_mut().filter(|rules| rules.is_stale() && now >= self.next_reading)
        else {
            return;
        };
        // If it fails, the rules of this moment are not known, and the notices of it are still there.
        let _ = underlay.run(|| rules.begin_reading());
        self.next_reading = now + PAUSE;
    }

    /// Waits until the firewall rules are read, if they are being read.
    pub(super) fn end_reading(&mut self) {
        if let Some(rules) = &mut self.rules {
            rules.end_reading();
        }
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

    /// Adds the policies and rules of earlier moments to a state of the kernel.
    pub(super) fn add_to(&self, kernel: KernelState) -> KernelState {
        let earlier_rules = self.rules.as_ref().map(|rules| rules.before(&kernel.rules)).unwrap_or_default();
        let kernel = KernelState { earlier_rules, ..kernel };
        match &self.policies {
            Some(policies) => policies.add_to(kernel),
            None => kernel,
        }
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
