//! Floor 1: where frames come from, and where matched ones go.

pub mod auto;
pub mod bpf;
pub mod docker;
pub mod interfaces;
pub mod live;
pub mod namespace;
mod netlink;
pub mod privileges;
pub mod savefile;
mod wires;
pub mod write;
mod xfrm;
