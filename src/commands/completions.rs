//! `ovlsniff completions`: the script that has a shell complete words of this program.
//!
//! The scripts ask the program itself for the words ([`super::complete`]), so they need not be made anew with it. Packages
//! install them as they are in `completions/`.

use clap_complete::Shell;

use super::{Status, put};
use crate::cli::Completions;

pub(super) fn run(args: &Completions) -> anyhow::Result<Status> {
    put(script(args.shell).as_bytes())?;
    Ok(Status::Success)
}

fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Zsh => include_str!("../../completions/_ovlsniff"),
        Shell::Fish => include_str!("../../completions/ovlsniff.fish"),
        Shell::Elvish => include_str!("../../completions/ovlsniff.elv"),
        Shell::PowerShell => include_str!("../../completions/_ovlsniff.ps1"),
        // The other one is bash. There may be more in a later version of the crate.
        _ => include_str!("../../completions/ovlsniff.bash"),
    }
}
