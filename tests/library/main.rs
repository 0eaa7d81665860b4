//! The promises of the library to those who call it. A test belongs here when it needs neither the program nor anything of the
//! machine: captures, decoding, opening ESP, capture files, a Docker engine that is not one, and the order of the house.

mod architecture;
mod circles;
mod context;
mod decode;
mod decode_built;
mod engine;
mod esp;
mod faults;
mod joined;
mod kept;
mod outermost;
mod pieces;
mod relabelled;
mod reported;
mod savefile;
mod scenarios;
mod sealed;
mod skim;
mod streams;
mod verdicts;
mod watch;
mod wireguard;

#[path = "../captures/building.rs"]
mod building;
#[path = "../docker/engine.rs"]
mod docker;
#[path = "../captures/layers.rs"]
mod layers;
#[allow(dead_code)] // Frames are made here, no files.
#[path = "../captures/made.rs"]
mod made;
#[path = "../captures/reading.rs"]
mod reading;
#[path = "../program/schema.rs"]
mod schema;
