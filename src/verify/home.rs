//! The place in which a network was found, and in which a repetition looks for it again.
//!
//! A name says which network is meant only at the first watch. When its device is removed later, one of the same name in another
//! network namespace is another network, and a verdict on that one would hide that the first is gone.

use super::network::{Network, Source};
use super::report::Report;
use crate::host::namespaces::Surveyed;

/// The place in which a network was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// Docker's engine, on which a name is of one network.
    Engine,
    /// The network namespace of its device, by its file; `None` for that of this process.
    Namespace(Option<String>),
}

impl Home {
    /// Returns the place of a network that was watched. `None` if the command line alone describes it.
    pub fn of(report: &Report) -> Option<Self> {
        match report.source {
            Source::Docker => Some(Self::Engine),
            Source::Ours | Source::Device(_) => Some(Self::Namespace(report.namespace.clone())),
            Source::Given => None,
        }
    }

    /// Returns true if a device in this namespace, which may have several files, may be the network's because of its name.
    pub(super) fn has(&self, place: &Surveyed) -> bool {
        match self {
            Self::Engine => false,
            Self::Namespace(file) if *file == place.path => true,
            Self::Namespace(file) => file.as_deref().is_some_and(|file| place.is_behind(file)),
        }
    }

    /// Returns true if the engine's network of this name may be it.
    pub(super) fn is_of(&self, network: &Network) -> bool {
        match self {
            Self::Engine => true,
            Self::Namespace(file) => network.devices.iter().any(|device| device.namespace == *file),
        }
    }
}
