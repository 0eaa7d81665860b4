//! The UDP ports of this host's tunnels, which a live search learns from the kernel.
//!
//! All namespaces are looked into once, while this process is still root. Devices that come later are learned from the
//! kernel's notices, which need no privilege: those that are made in the namespace of the capture, even if they are then
//! moved away from it, as Docker's are.

use std::os::fd::{AsFd, OwnedFd};

use ovlsniff::host::changes::{Change, Changes, Event};
use ovlsniff::host::namespace::Namespace;
use ovlsniff::host::survey::{self, Survey};
use ovlsniff::host::tunnels::{self, Tunnels};

use super::meant::Meant;
use super::{Error, Job};
use crate::commands::tell;

/// The greatest number of doubtful ports that a note names.
const MOST_NAMED: usize = 4;

/// The words that end both notes.
const REMEDY: &str = "give it with --vxlan-port or --geneve-port";

/// The knowledge of this host's tunnels, and the notices by which it grows.
pub(super) struct Learned {
    /// The ports that the user gave to a kind of tunnel. The kernel's word does not count for them.
    typed: Vec<u16>,
    /// The kernel's notices of links. `None` if it gives none.
    changes: Option<Changes>,
    /// True if the links are those of this process's own namespace, which may be read again.
    own: bool,
}

impl Learned {
    /// Looks for the tunnels, has the search take their ports for tunnels, and adds a line of them to the banner.
    pub(super) fn begin(job: &mut Job, meant: &Meant, namespace: Option<&Namespace>) -> Self {
        // The notices come first, so that no device is missed between the two.
        let changes = Changes::of_links(namespace).ok();
        let learned = Self { typed: meant.ports.typed.clone(), changes, own: namespace.is_none() };
        match tunnels::find(namespace) {
            Ok(found) => {
                let new = learned.teach(job, &found.tunnels);
                job.banner.splice(..0, learned.doubt(&found.doubtful));
                if !new.is_empty() {
                    job.banner.insert(0, format!("tunnel ports: {new}"));
                }
            }
            // The capture says why it cannot be in that namespace.
            Err(survey::Error::Namespace(_)) => {}
            Err(error) => {
                job.banner.insert(
                    0,
                    format!(
                        "ovlsniff: {error}; where a tunnel has another port than the usual one, {REMEDY}"
                    ),
                );
            }
        }
        learned
    }

    /// Makes the note of ports that may be those of unknown tunnels.
    fn doubt(&self, doubtful: &[u16]) -> Option<String> {
        let ports = doubtful.iter().filter(|port| !self.typed.contains(port));
        let ports: Vec<String> = ports.take(MOST_NAMED).map(ToString::to_string).collect();
        let ports = ports.join(" or ");
        (!ports.is_empty()).then(|| {
            format!(
                "ovlsniff: without root, tunnels of other network namespaces are not known; if UDP port {ports} is one of theirs, {REMEDY}"
            )
        })
    }

    /// Returns a descriptor that is readable when there may be new tunnels.
    pub(super) fn descriptor(&self) -> Option<OwnedFd> {
        self.changes.as_ref().and_then(|changes| changes.as_fd().try_clone_to_owned().ok())
    }

    /// Learns of the devices that have come since the last call, and tells the user of new ports.
    pub(super) fn catch_up(&mut self, job: &mut Job) -> Result<(), Error> {
        let (mut found, mut lost) = (Tunnels::default(), false);
        for change in self.changes.iter_mut().flat_map(Changes::take) {
            match change {
                Change::Link(Event::Set, link) => found.extend(Tunnels::of_link(&link)),
                Change::Lost if self.own => match Survey::take_tunnels(None) {
                    Ok(survey) => found.extend(Tunnels::of(&survey, &[])),
                    // Behind the fence there are no new sockets.
                    Err(_) => lost = true,
                },
                // The links of another namespace could be read only by root, which was left.
                Change::Lost => lost = true,
                _ => {}
            }
        }
        if lost && !job.quiet {
            job.output.end_line()?;
            tell(format_args!(
                "ovlsniff: notices of links were lost; where a tunnel that came meanwhile has another port than the usual one, {REMEDY}"
            ));
        }
        let new = self.teach(job, &found);
        if !new.is_empty() && !job.quiet {
            job.output.end_line()?;
            tell(format_args!("tunnel ports: {new}"));
        }
        Ok(())
    }

    /// Has the search take the ports of these tunnels for tunnels. Returns those that are new to it.
    fn teach(&self, job: &mut Job, tunnels: &Tunnels) -> Tunnels {
        let ports = job.search.ports();
        let new = tunnels.beyond(ports, &self.typed);
        new.add_to(ports);
        new
    }
}
