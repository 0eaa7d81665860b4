//! `ovlsniff completions`: the completion script of a shell.

use clap::CommandFactory;

use super::{Status, put};
use crate::cli::{Cli, Completions};

pub(super) fn run(args: &Completions) -> anyhow::Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ovlsniff", &mut script);
    put(&script)?;
    Ok(Status::Success)
}
