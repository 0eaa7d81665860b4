//! `ovlsniff man`: the manual page of the program or of one command.
//!
//! `clap_mangen` sets what the command line knows: name, options and commands. A synopsis of every option would be a page
//! by itself, so it is written by hand, as are the sections that clap has no place for: [`sections`].

mod sections;

use anyhow::anyhow;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Status, put};
use crate::cli;
use sections::{Page, Part};

pub(super) fn run(args: &cli::Man) -> anyhow::Result<Status> {
    let command = cli::find(&args.command).map_err(|error| anyhow!("{error}"))?;
    let page = sections::page(&args.command.join(" "));
    let mut command = command.mut_args(with_aliases);
    if let Some(page) = page {
        command = command.override_usage(page.synopsis);
    }
    put(&render(command, page)?)?;
    Ok(Status::Success)
}

fn render(command: clap::Command, page: Option<&Page>) -> std::io::Result<Vec<u8>> {
    let has_arguments = command.get_arguments().any(|arg| !arg.is_hide_set());
    let has_commands = command.get_subcommands().next().is_some();
    let has_version = command.get_version().is_some();
    let man = Man::new(command);
    // Each part defines anew how an apostrophe is set, which does no harm.
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    if has_arguments {
        man.render_options_section(&mut out)?;
    }
    if has_commands {
        man.render_subcommands_section(&mut out)?;
    }
    let mut roff = Roff::default();
    for (heading, parts) in page.map_or(&[][..], |page| page.sections) {
        roff.control("SH", [*heading]);
        for part in *parts {
            match part {
                Part::Text(text) => _ = roff.control("PP", []).text([roman(*text)]),
                Part::Item(name, text) => _ = roff.control("TP", []).text([bold(*name)]).text([roman(*text)]),
            }
        }
    }
    roff.to_writer(&mut out)?;
    if has_version {
        man.render_version_section(&mut out)?;
    }
    Ok(out)
}

/// Adds the other spellings of an option to its help, because `clap_mangen` leaves them out of the page.
fn with_aliases(option: clap::Arg) -> clap::Arg {
    let letters = option.get_visible_short_aliases().unwrap_or_default();
    let letters = letters.into_iter().map(|letter| format!("-{letter}"));
    let long = option.get_visible_aliases().unwrap_or_default();
    let spellings: Vec<String> = letters.chain(long.into_iter().map(|name| format!("--{name}"))).collect();
    if spellings.is_empty() {
        return option;
    }
    let help = option.get_help().map(ToString::to_string).unwrap_or_default();
    option.help(format!("{help} (also: {})", spellings.join(", ")))
}
