//! The layout of unencrypted ESP packets, remembered for their security associations.

use std::net::IpAddr;

use super::super::{EspKind, Spi};

/// The layout of an unencrypted ESP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Bytes of SPI, sequence number and IV before the payload: 8, 16 or 24.
    pub(crate) offset: usize,
    /// Bytes of the integrity check value at the end.
    pub(crate) icv: usize,
}

impl Layout {
    /// Returns the kind of ESP with this layout. An IV of 8 bytes is the form of GMAC (RFC 4543).
    pub(crate) fn kind(self) -> EspKind {
        if self.offset == 16 { EspKind::Gmac } else { EspKind::Null }
    }
}

/// An unencrypted payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clear {
    pub(crate) layout: Layout,
    /// The protocol of the payload: from the trailer, or from the payload itself if the trailer was cut off.
    pub(crate) next_header: u8,
    /// Length of the payload in bytes, as the headers give it.
    pub(crate) payload_len: usize,
}

/// The security associations whose packets were recognised as unencrypted.
///
/// Some packets could not be recognised by themselves, such as a bare TCP acknowledgement, or one with an unfinished
/// checksum. They can be read once another packet of their SPI and destination has shown its layout beyond doubt. The
/// table has a fixed size, and a newer entry replaces an older one, so hostile SPIs cannot make it grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Learned {
    slots: [Option<(IpAddr, Spi, Layout)>; Self::SLOTS],
}

impl Learned {
    const SLOTS: usize = 64;

    pub(crate) fn new() -> Self {
        Self { slots: [None; Self::SLOTS] }
    }

    pub(crate) fn layout(&self, destination: IpAddr, spi: Spi) -> Option<Layout> {
        match self.slots.get(Self::slot(spi)) {
            Some(&Some((known, known_spi, layout))) if known == destination && known_spi == spi => {
                Some(layout)
            }
            _ => None,
        }
    }

    /// Returns true if a layout was seen for this SPI, whatever the destination.
    #[inline]
    pub(crate) fn knows(&self, spi: Spi) -> bool {
        matches!(self.slots.get(Self::slot(spi)), Some(Some((_, known, _))) if *known == spi)
    }

    pub(crate) fn learn(&mut self, destination: IpAddr, spi: Spi, layout: Layout) {
        if let Some(slot) = self.slots.get_mut(Self::slot(spi)) {
            *slot = Some((destination, spi, layout));
        }
    }

    fn slot(spi: Spi) -> usize {
        (spi.0.wrapping_mul(0x9e37_79b9) >> 26) as usize
    }
}
