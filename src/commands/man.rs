//! `ovlsniff man`.

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;
use ovlsniff::escape::escape;

use super::{Status, put};
use crate::cli::{self, Cli};

pub(super) fn run(args: &cli::Man) -> anyhow::Result<Status> {
    let mut page = Cli::command();
    // Gives the commands their display names, `ovlsniff-NAME`.
    page.build();
    for name in &args.command {
        let names: Vec<&str> = page.get_subcommands().map(clap::Command::get_name).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let found = page.find_subcommand(name).cloned();
        page = found.with_context(|| format!("no command '{}'; there is: {known}", escape(name)))?;
    }
    let mut roff = Vec::new();
    Man::new(page).render(&mut roff)?;
    put(&roff)?;
    Ok(Status::Success)
}
