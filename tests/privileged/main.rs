//! Tests that need something that not every machine has. All of them are ignored, and are run by the name of their
//! module, which says what they need: `cargo test --test privileged -- --ignored root::` runs those that need root and
//! nothing else.

mod fish;
mod groff;
mod lab;
mod ngrep;
mod promtool;
mod root;
mod script;
mod shell;
mod tshark;
mod xmllint;
mod zsh;

#[expect(dead_code, reason = "the rest of it is for the library")]
#[path = "../library/savefile/build.rs"]
mod build;
#[path = "../docker/changing.rs"]
mod changing;
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
#[path = "../program/schema.rs"]
mod schema;
#[path = "../program/swarm.rs"]
mod swarm;
