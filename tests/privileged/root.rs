//! Tests that need root, to make network namespaces of their own and to capture in them.

mod any;
mod capture;
mod changes;
mod evidence;
mod faults;
mod files;
mod grep;
mod hostile;
mod hosts;
mod interfaces;
mod keeper;
mod kernel;
mod namespace;
mod overlaps;
mod privileges;
mod promptness;
mod reports;
mod secrets;
mod sniffer;
mod stopped;
mod streams;
mod tunnels;
mod verify;
mod verify_all;
mod watch;
