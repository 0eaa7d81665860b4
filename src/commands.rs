//! One file a subcommand.

pub mod interfaces;
