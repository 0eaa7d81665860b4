//! The capture of a node of a real Docker Swarm, judged with its keys.

use crate::run::{Ran, ovlsniff};

/// The words that judge the capture of node1. The network is still to be named.
pub(crate) const NODE1: [&str; 9] = [
    "verify",
    "-r",
    "tests/fixtures/swarm/swarm-node1.pcap",
    "--local",
    "192.0.2.1",
    "--docker-inspect",
    "tests/fixtures/swarm/network-inspect.json",
    "--sa",
    "tests/fixtures/swarm/xfrm-state.txt",
];

/// Judges the network `net` by the capture of node1.
pub(crate) fn verify(net: &str, more: &[&str]) -> Ran {
    ovlsniff(&[&NODE1[..], &["--net", net], more].concat())
}
