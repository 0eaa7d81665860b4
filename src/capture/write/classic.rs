//! The classic pcap format, little-endian. `savefile/classic.rs` shows its layout.

use std::io::{self, Write};

use super::Error;
use crate::capture::savefile::Interface;
use crate::packet::{Frame, LinkType};

/// The link type in the file's header, and whether its time stamps are nanoseconds; `None` before the header is
/// written.
#[derive(Debug, Default)]
pub(super) struct State {
    begun: Option<(LinkType, bool)>,
}

impl State {
    /// Writes the file's header if it is not written yet. Fails if it was written for another link type.
    pub(super) fn begin(
        &mut self,
        out: &mut impl Write,
        file: &str,
        link: LinkType,
        interface: &Interface,
    ) -> Result<(), Error> {
        if let Some((first, _)) = self.begun {
            if first == link {
                return Ok(());
            }
            return Err(Error::LinkTypes { file: file.to_owned(), first, other: link });
        }
        let nanos = interface.digits > 6;
        header(out, link, nanos).map_err(|source| Error::Write { file: file.to_owned(), source })?;
        self.begun = Some((link, nanos));
        Ok(())
    }

    /// Writes a record: `prefix`, then the frame.
    pub(super) fn write(&self, out: &mut impl Write, frame: &Frame<'_>, prefix: &[u8]) -> io::Result<()> {
        let nanos = self.begun.is_some_and(|(_, nanos)| nanos);
        // A frame without a time is from 1970. The format can express 1970 to 2106. Times outside of that stay at the nearer end.
        let time = if frame.time.known { frame.time.nanos } else { 0 };
        let seconds = time.div_euclid(1_000_000_000);
        let fraction = time.rem_euclid(1_000_000_000) as u32;
        let seconds = if seconds < 0 { 0 } else { u32::try_from(seconds).unwrap_or(u32::MAX) };
        let fraction = if nanos { fraction } else { fraction / 1000 };
        let added = prefix.len() as u32;
        out.write_all(&seconds.to_le_bytes())?;
        out.write_all(&fraction.to_le_bytes())?;
        out.write_all(&(frame.bytes.len() as u32 + added).to_le_bytes())?;
        out.write_all(&frame.wire_len.saturating_add(added).to_le_bytes())?;
        out.write_all(prefix)?;
        out.write_all(frame.bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_none()
    }
}

fn header(out: &mut impl Write, link: LinkType, nanos: bool) -> io::Result<()> {
    let magic: u32 = if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    out.write_all(&magic.to_le_bytes())?;
    out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
    // libpcap's own largest snaplen. Readers take this field for a limit, and 0 for damage.
    out.write_all(&262_144u32.to_le_bytes())?;
    out.write_all(&u32::from(link.0).to_le_bytes())
}
