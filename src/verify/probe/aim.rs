//! The addresses that a peer is probed at.

use std::net::IpAddr;

use super::Target;

/// The number of probes without a reply after which the next address of a peer is tried.
const SILENT: u32 = 4;

/// A peer, and the addresses behind it. One of them that answers is enough.
#[derive(Debug)]
pub(super) struct Aim {
    pub(super) peer: IpAddr,
    pub(super) targets: Vec<Target>,
    at: usize,
    /// The number of probes since the last reply, or since the address was changed.
    pub(super) silent: u32,
}

impl Aim {
    /// Returns the target of the next probe.
    pub(super) fn next(&mut self) -> Option<Target> {
        if self.silent >= SILENT {
            self.at = (self.at + 1) % self.targets.len().max(1);
            self.silent = 0;
        }
        self.silent += 1;
        self.targets.get(self.at).copied()
    }

    /// Returns true if the address is one of its targets.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.targets.iter().any(|target| target.address == address)
    }
}

/// Groups the targets by their peers, in their order. Where routes lead into the overlay they may differ for the versions
/// of IP, so that each is probed for itself.
pub(super) fn aims(targets: &[Target], by_version: bool) -> Vec<Aim> {
    let mut aims: Vec<Aim> = Vec::new();
    for &target in targets {
        let alike = |known: &Target| known.address.is_ipv4() == target.address.is_ipv4();
        let same = |aim: &&mut Aim| aim.peer == target.peer && (!by_version || aim.targets.iter().all(alike));
        match aims.iter_mut().find(same) {
            Some(aim) => aim.targets.push(target),
            None => aims.push(Aim { peer: target.peer, targets: vec![target], at: 0, silent: 0 }),
        }
    }
    aims
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(address: &str) -> Target {
        Target { peer: "192.0.2.2".parse().unwrap(), address: address.parse().unwrap(), presumed: false }
    }

    #[test]
    fn an_address_that_does_not_answer_is_left_for_the_next_of_its_peer() {
        let mut aims = aims(&[target("10.0.0.2"), target("10.0.0.3")], false);
        assert_eq!(aims.len(), 1);
        let tried: Vec<_> = (0..9).filter_map(|_| aims[0].next()).map(|to| to.address.to_string()).collect();
        assert_eq!(tried[..4], ["10.0.0.2"; 4]);
        assert_eq!(tried[4..8], ["10.0.0.3"; 4]);
        assert_eq!(tried[8], "10.0.0.2");
        aims[0].silent = 0;
        assert!((0..3).all(|_| aims[0].next() == Some(target("10.0.0.2"))));
    }

    #[test]
    fn by_routes_each_version_is_probed() {
        let both = [target("10.0.0.2"), target("fd00::2"), target("10.0.0.3")];
        let counts = |by_version| -> Vec<usize> {
            aims(&both, by_version).iter().map(|aim| aim.targets.len()).collect()
        };
        assert_eq!((counts(false), counts(true)), (vec![3], vec![2, 1]));
    }
}
