//! The program, as whoever types a command line meets it. A test belongs here when it runs the program and
//! needs no privilege, no interface and no tool of others for it.

mod generated;
mod grep;
mod keys;
mod overlay;
mod readme;
mod values;
mod verify;

#[path = "../captures/made.rs"]
mod made;
#[path = "../program/run.rs"]
mod run;
