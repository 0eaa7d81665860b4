//! `ovlsniff completions`.

use std::io::{self, Write};

use clap::CommandFactory;

use super::Status;
use crate::cli::{Cli, Completions};

pub(super) fn run(args: &Completions) -> anyhow::Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ovlsniff", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Status::Success)
}
