//! `ovlsniff help`: the help of the program or of one command.

use anyhow::anyhow;

use super::{Status, print_help};
use crate::cli::{self, Help};

pub(super) fn run(args: &Help) -> anyhow::Result<Status> {
    let help = cli::help(&args.command).map_err(|error| anyhow!("{error}"))?;
    print_help(&help)
}
