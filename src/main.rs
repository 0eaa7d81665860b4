//! The `ovlsniff` command.
#![allow(unreachable_pub)]

mod cli;
mod commands;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
enum Ovlsniff {
    /// What can be sniffed, and what auto would choose
    Interfaces(cli::interfaces::Interfaces),
}

fn main() -> ExitCode {
    let Ovlsniff::Interfaces(args) = Ovlsniff::parse();
    commands::interfaces::run(&args).unwrap_or_else(|error| {
        eprintln!("ovlsniff: {error:#}");
        ExitCode::from(2)
    })
}
