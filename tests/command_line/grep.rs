//! Grep mode, from its command line to its output.

mod errors;
mod files;
mod output;
mod pattern;
mod signals;
mod tunnels;
