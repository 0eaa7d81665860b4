//! Grep mode, from its command line to its output.

mod errors;
mod files;
mod hostile;
mod links;
mod marks;
mod nothing;
mod output;
mod pattern;
mod resolve;
mod signals;
mod streams;
mod threads;
mod tunnels;
mod wrappings;
