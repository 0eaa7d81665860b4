//! The verdict on a folder of evidence.

use std::path::Path;

use ovlsniff::audit::{HeldFolder, Replay, Replayed};
use ovlsniff::escape::counted;
use ovlsniff::host::descriptors;
use ovlsniff::print::report::Proofs;
use ovlsniff::verify::profile::Profile;

use super::told::{self, Output, conclude};
use super::unprivileged;
use crate::cli::Verify;
use crate::commands::{Status, tell};

/// The most lines about what has to be believed.
const MOST: usize = 20;

pub(super) fn run(
    args: &Verify,
    folder: &Path,
    profile: Option<&Profile>,
    output: &Output<'_>,
) -> anyhow::Result<Status> {
    descriptors::raise_limit();
    let folder = HeldFolder::open(folder)?;
    unprivileged::begin_files(&args.into())?;
    let replay = Replay::read(folder, profile)?;
    let mut proofs = Proofs::default();
    let told = match &replay.replayed {
        Replayed::One(report) => told::of_one(args, report, replay.expected, &mut proofs),
        Replayed::All(overview) => told::of_all(args, overview, replay.expected, &mut proofs),
    };
    let (status, _) = conclude(&told, output)?;
    let seen = replay.seen;
    tell(format_args!(
        "replayed: {} as they were written; decoded again: {} in clear, {} authenticated only, {} that nobody can read",
        counted(replay.files as u64, "file", "files"),
        counted(seen.clear as u64, "frame", "frames"),
        seen.auth_only,
        seen.opaque
    ));
    for line in replay.attested.iter().take(MOST) {
        tell(format_args!("attested at that time, not checked again: {line}"));
    }
    if replay.attested.len() > MOST {
        tell(format_args!("attested at that time, not checked again: {} more", replay.attested.len() - MOST));
    }
    tell(format_args!(
        "no signature was checked: ssh-keygen -Y verify -n ovlsniff -f ALLOWED_SIGNERS -I WHO -s SHA256SUMS.sig < SHA256SUMS, or cosign verify-blob --bundle SHA256SUMS.bundle --certificate-identity WHO --certificate-oidc-issuer ISSUER SHA256SUMS"
    ));
    Ok(status)
}
