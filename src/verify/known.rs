//! The names of the overlay networks that this host knows, as soon as each is found: a shell that completes a word cannot
//! wait for the whole [`Inventory`](super::Inventory), whose every network is asked for by itself.

use std::time::Duration;

use super::device;
use super::docker;
use super::inventory::Overlay;
use super::network::Source;
use crate::host::namespace::Namespace;
use crate::host::namespaces::Namespaces;
use crate::host::survey;
use crate::packet::Vni;

/// A network of this host, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The name. It may hold any character.
    pub name: String,
    /// The source that knows it, in a phrase: `docker overlay`, `vxlan device in blue`. It is escaped.
    pub source: String,
    /// True if `ovlsniff overlay` built it.
    pub is_ours: bool,
    /// Its VNIs, as far as they are known: the engine is not asked for those of its networks.
    pub vnis: Vec<Vni>,
}

impl Known {
    /// Tells of each network: those with a device in the given namespace first, then the Docker engine's, for which this waits
    /// for at most `patience`, then those of other namespaces.
    ///
    /// # Errors
    /// The namespace cannot be entered, or the kernel does not list its links.
    pub fn each(
        underlay: Option<&Namespace>,
        patience: Duration,
        mut tell: impl FnMut(Self),
    ) -> Result<(), survey::Error> {
        let namespaces = Namespaces::survey(underlay)?;
        Self::of(&namespaces, || docker::names(patience).unwrap_or_default(), &mut tell);
        Ok(())
    }

    fn of(namespaces: &Namespaces, engine: impl FnOnce() -> Vec<String>, tell: &mut impl FnMut(Self)) {
        let base = &namespaces.base;
        let mut engine = Some(engine);
        for (at, place) in namespaces.all().enumerate() {
            if at == 1 {
                tell_docker(&mut engine, tell);
            }
            for link in &place.survey.links {
                // Only Docker's devices leave their sockets behind. They have names that nobody types.
                let is_dockers = device::is_vxlan(link) && device::is_moved(link);
                let Some(overlay) = Overlay::of_link(base, place, link) else { continue };
                let is_ours = overlay.network.source == Source::Ours;
                if is_ours || !is_dockers {
                    let source = overlay.source();
                    tell(Self { name: overlay.network.name, source, is_ours, vnis: overlay.network.vnis });
                }
            }
        }
        tell_docker(&mut engine, tell);
    }
}

fn tell_docker(engine: &mut Option<impl FnOnce() -> Vec<String>>, tell: &mut impl FnMut(Known)) {
    for name in engine.take().map(|ask| ask()).unwrap_or_default() {
        let source = Source::Docker.name().to_owned();
        tell(Known { name, source, is_ours: false, vnis: Vec::new() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::namespaces::Surveyed;
    use crate::host::survey::{Link, Survey, Vtep};

    #[test]
    fn networks_are_those_of_devices_and_of_the_engine() {
        let vxlan = |name: &str, alias: Option<&str>, moved| Link {
            index: 3,
            name: name.to_owned(),
            alias: alias.map(str::to_owned),
            kind: Some("vxlan".to_owned()),
            vtep: Some(Vtep { vni: Vni::new(42), foreign_socket: moved, ..Vtep::default() }),
            ..Link::default()
        };
        let ours = "ovlsniff overlay=secure vni=42 cipher=aes-256-gcm key=1f generation=3";
        let links = vec![
            Link { index: 2, name: "eth0".to_owned(), ..Link::default() },
            vxlan("vx0", Some(ours), false),
            vxlan("vx1", None, false),
            vxlan("vx-001001-abcde", None, true),
        ];
        let host = Namespaces::of(Surveyed { path: None, survey: Survey { links, ..Survey::default() } });
        let mut known = Vec::new();
        Known::of(&host, || vec!["office".to_owned()], &mut |one: Known| known.push(one));
        let told: Vec<_> =
            known.iter().map(|one| (one.name.as_str(), one.source.as_str(), one.is_ours)).collect();
        assert_eq!(
            told,
            [
                ("secure", "ovlsniff overlay", true),
                ("vx1", "vxlan device", false),
                ("office", "docker overlay", false)
            ]
        );
        assert_eq!(known[0].vnis, Vec::from_iter(Vni::new(42)));
    }
}
