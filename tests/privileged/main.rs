//! Tests that need what not every machine has. All of them are ignored, to be run by name, and the module says what they need:
//! `cargo test --test privileged -- --ignored root::` runs those that need root and nothing else.

mod groff;
mod lab;
mod ngrep;
mod root;
mod script;
mod tshark;

#[path = "../docker/engine.rs"]
mod docker;
#[path = "../captures/layers.rs"]
mod layers;
#[expect(dead_code, reason = "the rest of it is for the command line")]
#[path = "../captures/made.rs"]
mod made;
#[path = "../captures/reading.rs"]
mod reading;
#[expect(dead_code, reason = "the rest of it is for the command line")]
#[path = "../program/run.rs"]
mod run;
