//! The first time a node builds a network with a secret, and every time after.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::keys::{KeyError, Secret};
use super::plan::Secrets;
use super::spec::NetworkSpec;
use super::spec_error::SpecError;
use super::state::{Progress, State};
use super::witness::{Use, Witness};
use crate::packet::Vni;

/// Reads the secret of every encrypted network; a file that several share is read once, since it may be a pipe.
pub fn read_secrets(networks: &[NetworkSpec]) -> Result<Secrets, KeyError> {
    let mut secrets = Secrets::new();
    let mut read: BTreeMap<&Path, Vni> = BTreeMap::new();
    for network in networks {
        let Some(path) = &network.key else { continue };
        let shared = read.get(path.as_path()).and_then(|vni| secrets.get(vni));
        let secret = match shared {
            Some((_, secret)) => secret.clone(),
            None => Secret::read(path)?,
        };
        read.insert(path, network.vni);
        secrets.insert(network.vni, (secret.id(), secret));
    }
    Ok(secrets)
}

/// Gives every encrypted network a place in the state: what it had, or a beginning in `generation` (1 by default).
///
/// Where the witness beside the key knows this node to have used the key and the state does not, the state was lost,
/// and beginning again would repeat keys: that is refused unless a generation is given.
pub fn begin(
    networks: &[NetworkSpec],
    secrets: &Secrets,
    state: &mut State,
    generation: Option<u32>,
    now: u64,
) -> Result<(), SpecError> {
    for network in networks {
        let (Some((key, _)), Some(path)) = (secrets.get(&network.vni), &network.key) else { continue };
        let wrong = |cause| SpecError::Network { network: network.name.clone(), cause };
        match (state.progress(*key, network.vni), generation) {
            (Some(progress), Some(generation)) if progress.generation != generation => {
                let at = progress.generation;
                return Err(wrong(format!(
                    "is in generation {at} here; to move it on: ovlsniff overlay rotate"
                )));
            }
            (Some(_), _) => {}
            (None, given) => {
                let used = Witness::beside(path).generation((*key, network.local, network.vni));
                if let Some(used) = used.filter(|used| given.is_none_or(|given| given <= *used)) {
                    return Err(wrong(format!(
                        "this node has used the key before, up to generation {used}, and its state is lost, so that \
                         keys might repeat; rotate the other nodes (ovlsniff overlay rotate) until they are in a later \
                         one, and give that: --generation N"
                    )));
                }
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                state.note(
                    *key,
                    network.vni,
                    Progress::new(&network.name, &path, generation.unwrap_or(1), now),
                );
            }
        }
    }
    Ok(())
}

/// Notes beside each key that it is used, and in which generation, before it is. The error names the first that could
/// not be written: the state alone then remembers.
pub fn witness(
    networks: &[NetworkSpec],
    secrets: &Secrets,
    state: &State,
) -> Result<(), (PathBuf, io::Error)> {
    let mut by_key: BTreeMap<&Path, Vec<(Use, u32)>> = BTreeMap::new();
    for network in networks {
        let Some((key, _)) = secrets.get(&network.vni) else { continue };
        let Some(progress) = state.progress(*key, network.vni) else { continue };
        let path = network.key.as_ref().unwrap_or(&progress.key);
        // Nothing stays beside a pipe.
        if !path.is_file() {
            continue;
        }
        let used = (*key, network.local, network.vni);
        by_key.entry(path).or_default().push((used, progress.generation));
    }
    for (path, about) in by_key {
        Witness::add(path, &about).map_err(|cause| (path.to_owned(), cause))?;
    }
    Ok(())
}
