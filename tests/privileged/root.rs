//! Root, for network namespaces of the tests' own and to capture in them.

mod capture;
mod errors;
mod grep;
mod interfaces;
mod namespace;
mod net;
mod privileges;
mod verify;
