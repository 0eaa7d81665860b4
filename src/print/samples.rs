//! Packets and frames made by hand, for the tests of this room.
