//! What was typed.

pub mod interfaces;
