//! tshark, to look at the same packets.

mod esp;
mod fields;
mod layers;
