//! Grep mode from its command line to its output, by the real program.

mod build;
mod errors;
mod files;
mod live;
mod output;
mod pattern;
mod run;
mod signals;
mod terminal;

/// Two nodes of a Docker Swarm: frames 22 and 24 are HTTP in VXLAN 4097, ten are ESP.
const SWARM: &str = "tests/fixtures/swarm/swarm-node1.pcap";
