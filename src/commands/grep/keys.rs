//! The keys to open ESP with.

use std::path::PathBuf;

use anyhow::bail;
use ovlsniff::ipsec::{self, Notices, Opener};

use crate::cli::Grep;
use crate::commands::keys::{kernel_sas, within};

/// All keys that were asked for; they are read before root is left.
pub(super) fn read(args: &Grep) -> anyhow::Result<Option<Opener>> {
    if args.sa.is_empty() && !args.decrypt {
        return Ok(None);
    }
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    if args.sa.iter().any(is_stdin) && args.read.iter().any(is_stdin) {
        bail!("--sa - and -r - both want standard input; give the keys in a file");
    }
    let mut sas = Vec::new();
    for path in &args.sa {
        sas.extend(ipsec::read_file(path)?);
    }
    let netns = args.netns.as_deref();
    let live = args.decrypt && args.read.is_empty();
    // Opened before the dump, so that no SA falls between the two.
    let notices = if live { Some(within(netns, Notices::open)??) } else { None };
    if args.decrypt {
        sas.extend(kernel_sas(netns)?);
    }
    let mut opener = Opener::new(sas);
    if let Some(notices) = notices {
        opener.follow(notices);
    }
    Ok(Some(opener))
}
