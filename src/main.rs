//! The `ovlsniff` command.

fn main() {}
