//! The keys to open ESP with, from files (`--sa`) and from the kernel (`--decrypt`).

use std::path::PathBuf;

use anyhow::bail;
use ovlsniff::host::namespace::Namespace;
use ovlsniff::ipsec::{self, Opener};

use super::meant::Meant;
use crate::commands::keys::tell_missing;

/// Reads all keys that were asked for, and returns `None` if none were. Only root may read the kernel's, so call this
/// before root is left.
pub(super) fn read(meant: &Meant) -> anyhow::Result<Option<Opener>> {
    if meant.sa.is_empty() && !meant.decrypt {
        return Ok(None);
    }
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    if meant.sa.iter().any(is_stdin) && meant.read.iter().any(is_stdin) {
        bail!("--sa - and -r - both want standard input; give the keys in a file");
    }
    let sas = ipsec::read_files(&meant.sa)?;
    if !meant.decrypt {
        return Ok(Some(Opener::new(sas)));
    }
    let namespace = Namespace::given(meant.capture.netns.as_deref())?;
    // A live capture also follows the kernel's new SAs. In a file no packet is encrypted with a later key.
    let read = if meant.read.is_empty() { ipsec::dump_and_follow } else { ipsec::dump };
    let kernel = Namespace::run(namespace.as_ref(), read)??;
    tell_missing(&kernel);
    Ok(Some(Opener::with_kernel(sas, kernel)))
}
