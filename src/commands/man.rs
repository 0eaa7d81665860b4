//! `ovlsniff man`.

use std::io::{self, Write};

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;

use super::Status;
use crate::cli::{self, Cli};

pub(super) fn run(args: &cli::Man) -> anyhow::Result<Status> {
    let mut command = Cli::command();
    command.build();
    let page = match &args.command {
        None => command,
        Some(name) => {
            let known =
                || command.get_subcommands().map(clap::Command::get_name).collect::<Vec<_>>().join(", ");
            let found = command.find_subcommand(name).cloned();
            let found = found.with_context(|| format!("no command '{name}'; there is: {}", known()))?;
            // `build` has given it the display name `ovlsniff-NAME`.
            found
        }
    };
    let mut roff = Vec::new();
    Man::new(page).render(&mut roff)?;
    io::stdout().write_all(&roff)?;
    Ok(Status::Success)
}
