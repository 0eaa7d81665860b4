//! A network that a repetition cannot watch any more: its device is gone, or Docker's engine does not know it.
//!
//! A name that does not exist is a mistake of whoever typed it, but only at the first watch. Later it is news of the network, as
//! with `--all`: it cannot be watched for now, so it is INCONCLUSIVE, and it may come back.

use ovlsniff::escape::escape;
use ovlsniff::verify::{Home, Judged, Network, Occasion, Overlay, Overview, Report};

use super::live::note;

/// The network as the last watch knew it.
#[derive(Default)]
pub(super) struct LastKnown {
    known: Option<Known>,
    home: Option<Home>,
}

struct Known {
    network: Network,
    namespace: Option<String>,
    /// True once the user was told that it cannot be watched.
    told: bool,
}

impl LastKnown {
    /// Remembers the network of a report.
    pub(super) fn is_of(&mut self, report: &Report) {
        let network = Network {
            name: report.network.clone(),
            vnis: report.vnis.clone(),
            source: report.source,
            locals: report.locals.clone(),
            ..Network::default()
        };
        self.known = Some(Known { network, namespace: report.namespace.clone(), told: false });
        // One that the command line alone describes for a while may come back.
        self.home = Home::of(report).or(self.home.take());
    }

    /// Returns the place in which the network was found.
    pub(super) fn home(&self) -> Option<Home> {
        self.home.clone()
    }

    /// Returns the outcome of a watch that was not possible.
    ///
    /// # Errors
    /// The same error, if the network was never watched.
    pub(super) fn cannot_be_watched(
        &mut self,
        why: anyhow::Error,
        occasion: Occasion,
    ) -> anyhow::Result<Overview> {
        let Some(known) = &mut self.known else { return Err(why) };
        let why = format!("{why:#}");
        if !std::mem::replace(&mut known.told, true) {
            note(&format!(
                "{} cannot be watched for now, and the repetition goes on: {why}",
                escape(&known.network.name)
            ));
        }
        let overlay = Overlay {
            network: known.network.clone(),
            namespace: known.namespace.clone(),
            ..Overlay::default()
        };
        Ok(Overview {
            networks: vec![Judged { overlay, outcome: Err(why) }],
            occasion,
            ..Overview::default()
        })
    }
}
