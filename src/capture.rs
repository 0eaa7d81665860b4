//! Captured frames: reading them from interfaces and from files, filtering them, and writing them to files.
//!
//! # Interfaces
//!
//! [`live`] shares a ring of memory with the kernel (TPACKET_V3) for each interface: one of its own where the frames are
//! Ethernet, and for all interfaces at once (`any`), and libpcap's for all others. libpcap tells the link type and compiles the
//! filter for both. The kernel hands the ring over block by block: when a block is full, or after 2 ms. The rings are read
//! without blocking, and poll(2) is called only when all of them are empty. So a frame costs no system call under load, and
//! on a quiet wire the caller is told at once that it may flush its output. With several rings, the frames are merged by
//! their time stamps.
//!
//! # Files
//!
//! [`savefile`] reads pcap and pcapng itself, plain or compressed, because libpcap's reader alone takes longer than
//! our whole search does. All bytes pass through one buffer, and the frames before a damaged place are delivered
//! before the error. [`mod@write`] writes both formats.
//!
//! # Filters
//!
//! The kernel filters the frames of an interface. The frames of files, and inner frames, are filtered by [`bpf`]:
//! libpcap compiles the expression, and an interpreter of our own runs the program.
//!
//! # What surprised us
//!
//! - libpcap's blocking read never returns on a quiet interface with such a ring. A deadline would be missed, and
//!   output would wait for the next frame; hence poll(2).
//! - Immediate mode, which delivers each frame at once, takes 15 to 25 times the CPU time for a frame and slows the
//!   sender down. A time-out of a few milliseconds for a block is quick enough for people.
//! - libpcap's default ring of 2 MiB holds 4 ms of traffic at 4 Gbit/s. Any pause of the scheduler loses frames, so
//!   the ring here has 32 MiB.
//! - libpcap copies each frame out of the ring before it lends it. On another core's cache lines that is a third of what a
//!   frame costs; hence the ring of our own, and a prefetch of the next frame's headers.
//! - An Ethernet frame does not say whether it was received or sent. The ring does, but libpcap does not pass that on: it
//!   can only select frames by direction, after the ring. So to learn the direction of every frame, an interface that
//!   libpcap reads is opened twice, once for each direction, and both rings hold all frames.
//! - A ring shows whole blocks, so the oldest visible frame is not always the oldest frame. The merge has to wait a
//!   little before it gives a frame out.
//! - An interface can go down or disappear in the middle of a capture. The frames that are still in the ring are
//!   delivered first, then the error.
//! - Link types have two sets of numbers: raw IP is 101 in files and 12 in libpcap on Linux.

mod batch;
pub mod bpf;
#[cfg(not(target_feature = "crt-static"))]
mod libpcap;
pub mod live;
pub mod savefile;
pub mod write;

pub use batch::{Batch, One};
