//! Floor 1: where frames come from.

pub mod auto;
pub mod docker;
pub mod interfaces;
pub mod live;
pub mod namespace;
mod netlink;
pub mod privileges;
mod xfrm;
