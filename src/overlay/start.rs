//! The start of encrypted networks: their secrets, their progress in the state, and the record beside their keys.

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

/// Reads the secret of every encrypted network. A file that several networks share is read once, because it may be
/// a pipe.
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

/// Makes sure that every encrypted network is in the state. A new one begins in `generation`, by default in 1.
///
/// If the witness file beside the key says that this node used the key, and the state does not know the network,
/// the state was lost, and beginning again would repeat keys. That is refused, unless `generation` is beyond the
/// last one used. A network that is in the state, but in another generation than the given one, is refused as well.
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

/// Records beside each key that it is used, and up to which generation, before it is used. The error names the
/// first file that could not be written, and the files after it are not tried: the state alone then remembers these
/// uses.
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
        // A pipe has no file beside it.
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
