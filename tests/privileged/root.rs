//! Root, for network namespaces of the tests' own and to capture in them.

mod capture;
mod grep;
mod hosts;
mod interfaces;
mod namespace;
mod privileges;
mod promptness;
mod sniffer;
mod verify;
