//! Where the payload of an unencrypted ESP packet lies, and remembering it for the rest of its security association.

use std::net::IpAddr;

use super::super::{EspKind, Spi};

/// How an unencrypted ESP packet is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Bytes of SPI, sequence number and IV before the payload: 8, 16 or 24.
    pub(crate) offset: usize,
    /// Bytes of the integrity check value at the end.
    pub(crate) icv: usize,
}

impl Layout {
    /// What a payload at this place means: with an IV of 8 bytes it is GMAC's form (RFC 4543).
    pub(crate) fn kind(self) -> EspKind {
        if self.offset == 16 { EspKind::Gmac } else { EspKind::Null }
    }
}

/// An unencrypted payload: what it is and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clear {
    pub(crate) layout: Layout,
    /// The protocol of the payload, from the trailer or, where that was cut off, from the payload itself.
    pub(crate) next_header: u8,
    /// Length of the payload in bytes, as the headers give it.
    pub(crate) payload_len: usize,
}

/// Security associations whose packets were recognised as unencrypted.
///
/// One packet that shows its layout beyond doubt lets the others of its SPI and destination be read, that alone would
/// not: a bare TCP acknowledgement, an unfinished checksum. A fixed table where a newer entry takes an older one's
/// place: hostile SPIs cannot make it grow.
#[derive(Clone, Debug)]
pub(crate) struct Learned {
    slots: [Option<(IpAddr, Spi, Layout)>; Self::SLOTS],
}

impl Learned {
    const SLOTS: usize = 64;

    pub(crate) fn new() -> Self {
        Self { slots: [None; Self::SLOTS] }
    }

    /// The layout that was seen for this SPI and destination.
    pub(crate) fn layout(&self, destination: IpAddr, spi: Spi) -> Option<Layout> {
        match self.slots.get(Self::slot(spi)) {
            Some(&Some((known, known_spi, layout))) if known == destination && known_spi == spi => {
                Some(layout)
            }
            _ => None,
        }
    }

    /// Whether a layout was seen for this SPI, whatever the destination.
    #[inline]
    pub(crate) fn knows(&self, spi: Spi) -> bool {
        matches!(self.slots.get(Self::slot(spi)), Some(Some((_, known, _))) if *known == spi)
    }

    /// Keeps the layout of this SPI and destination.
    pub(crate) fn learn(&mut self, destination: IpAddr, spi: Spi, layout: Layout) {
        if let Some(slot) = self.slots.get_mut(Self::slot(spi)) {
            *slot = Some((destination, spi, layout));
        }
    }

    fn slot(spi: Spi) -> usize {
        (spi.0.wrapping_mul(0x9e37_79b9) >> 26) as usize
    }
}
