//! ovlsniff: grep through overlay networks, and know whether they are encrypted.
//!
//! Floors, each using only those below it:
//!
//! | floor | modules | does |
//! |---|---|---|
//! | 0 | [`packet`], [`pattern`], [`escape`] | bytes to values; matching; safe text |
//! | 2 | [`mod@print`] | values to text and JSON |
//!
//! A packet's way: a source yields a [`packet::Frame`], decoding makes a [`packet::Packet`] of it, the pattern finds
//! spans in its payload.

pub mod escape;
pub mod packet;
pub mod pattern;
pub mod print;
