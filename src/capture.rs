//! Where frames come from, and where matched ones go.

pub mod bpf;
pub mod live;
pub mod savefile;
pub mod write;
