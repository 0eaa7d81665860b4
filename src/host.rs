//! What is known about this machine, as its kernel and its Docker engine tell it.

mod associations;
pub mod auto;
pub mod docker;
pub mod namespace;
pub mod namespaces;
pub mod privileges;
pub mod survey;
mod wires;
