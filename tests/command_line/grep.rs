//! Grep mode, from its command line to its output.

mod errors;
mod files;
mod nothing;
mod output;
mod pattern;
mod signals;
