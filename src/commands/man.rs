//! `ovlsniff man`: the manual page of the program or of one command.

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;
use ovlsniff::escape::escape;

use super::{Status, put};
use crate::cli::{self, Cli};

pub(super) fn run(args: &cli::Man) -> anyhow::Result<Status> {
    let mut page = Cli::command();
    // Building gives the commands their display names, `ovlsniff-NAME`.
    page.build();
    for name in &args.command {
        let names: Vec<&str> = page.get_subcommands().map(clap::Command::get_name).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let found = page.find_subcommand(name).cloned();
        page = found.with_context(|| format!("no command '{}'; there is: {known}", escape(name)))?;
    }
    let page = page.mut_args(with_aliases);
    let mut roff = Vec::new();
    Man::new(page).render(&mut roff)?;
    put(&roff)?;
    Ok(Status::Success)
}

/// Adds the other letters of an option to its help, because `clap_mangen` leaves them out of the page.
fn with_aliases(option: clap::Arg) -> clap::Arg {
    let Some(letters) = option.get_visible_short_aliases().filter(|letters| !letters.is_empty()) else {
        return option;
    };
    let letters: Vec<String> = letters.iter().map(|letter| format!("-{letter}")).collect();
    let help = option.get_help().map(ToString::to_string).unwrap_or_default();
    option.help(format!("{help} (also: {})", letters.join(", ")))
}
