//! Tests that need tshark, which decodes the same packets.

mod esp;
mod fields;
mod layers;
mod records;
mod streams;
