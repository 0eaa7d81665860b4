//! The program as a user at the command line meets it. A test belongs here if it runs the program and needs no
//! privilege, no interface and no other tool.

mod completing;
mod deploy;
mod descriptors;
mod evidence;
mod generated;
mod grep;
mod keys;
mod ngrep;
mod overlay;
mod packaged;
mod picture;
mod readme;
mod typed;
mod values;
mod verify;
mod verify_files;
mod verify_formats;
mod verify_merge;

#[path = "../docker/changing.rs"]
mod changing;
#[path = "../docker/engine.rs"]
mod docker;
#[path = "../captures/made.rs"]
mod made;
#[path = "../program/run.rs"]
mod run;
#[path = "../program/schema.rs"]
mod schema;
#[path = "../program/swarm.rs"]
mod swarm;
