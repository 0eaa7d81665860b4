//! ovlsniff: grep through overlay networks, and know whether they are encrypted.
//!
//! Floors, each using only those below it:
//!
//! | floor | modules | does |
//! |---|---|---|
//! | 0 | [`packet`], [`pattern`], [`escape`], `spelling` | bytes to values; matching; safe text; near words |
//! | 0 | `netlink` | one conversation with the kernel: its links, routes, SAs and policies |
//! | 1 | [`ipsec`] | security associations, opening ESP |
//! | 1 | [`verify`] | a fold of packets to a verdict; who knows the networks; the probe |
//! | 1 | [`overlay`] | networks from a specification to the kernel |
//! | 1 | [`host`] | what is known about this machine |
//! | 1 | [`capture`], [`search`] | where frames come from and go to; the fold of frames to what is to be shown |
//! | 2 | [`mod@print`] | values to text and JSON |
//!
//! A packet's way: [`capture::savefile`] or [`capture::live`] yields a [`packet::Frame`], [`search`] makes a
//! [`packet::Packet`] of it, the pattern finds spans in its payload, and [`mod@print`] writes a block, a mark, or a line of
//! JSON.

pub mod capture;
pub mod escape;
pub mod host;
pub mod ipsec;
mod netlink;
pub mod overlay;
pub mod packet;
pub mod pattern;
pub mod print;
pub mod search;
mod spelling;
pub mod verify;
