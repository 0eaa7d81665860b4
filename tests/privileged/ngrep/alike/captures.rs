//! The captures: each has one kind of packet, so that a difference says by itself what it is about.

mod formats;
mod fragments;
mod links;
mod payloads;
mod protocols;

use crate::ngrep::alike::frames::{Format, Shot, ethernet, file};

/// A capture file.
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// True if it was not made here.
    pub(crate) of_others: bool,
    /// The same packets in a form that ngrep reads without a fault, and the rows of the table that name the faults.
    pub(crate) plain: Option<(Vec<&'static str>, Vec<u8>)>,
}

impl Capture {
    pub(crate) fn new(name: &'static str, link: u32, shots: &[Shot]) -> Self {
        Self {
            name: name.to_owned(),
            bytes: file(Format::Micros, link, shots, |shot| shot.bytes.clone()),
            plain: None,
            of_others: false,
        }
    }

    /// A capture that ngrep misreads, and its frames as it reads them, on another link type if need be.
    pub(crate) fn misread(
        name: &'static str,
        row: &'static str,
        link: u32,
        plain_link: u32,
        shots: &[Shot],
    ) -> Self {
        let plain = |shot: &Shot| shot.plain.clone().unwrap_or_else(|| shot.bytes.clone());
        let twin = file(Format::Micros, plain_link, shots, plain);
        Self { plain: Some((vec![row], twin)), ..Self::new(name, link, shots) }
    }

    /// A capture of Ethernet frames around these packets.
    pub(crate) fn of_packets(name: &'static str, packets: &[Vec<u8>]) -> Self {
        let shots: Vec<Shot> = packets.iter().map(|packet| Shot::new(ethernet(packet))).collect();
        Self::new(name, 1, &shots)
    }
}

/// All captures.
pub(crate) fn all() -> Vec<Capture> {
    [protocols::all(), fragments::all(), payloads::all(), links::all(), formats::all()]
        .into_iter()
        .flatten()
        .collect()
}
