//! `ovlsniff man`.

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;
use ovlsniff::escape::escape;

use super::{Status, put};
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
            let found =
                found.with_context(|| format!("no command '{}'; there is: {}", escape(name), known()))?;
            // `build` has given it the display name `ovlsniff-NAME`.
            found
        }
    };
    let mut roff = Vec::new();
    Man::new(page).render(&mut roff)?;
    put(&roff)?;
    Ok(Status::Success)
}
