//! The frames that prove a verdict as a pcapng file, each with a comment that Wireshark shows.

use std::fmt::Write as _;

use super::case::Case;
use crate::capture::savefile::Interface;
use crate::capture::write::{Error, Format, Writer};
use crate::verify::kept::Noted;
use crate::verify::{Report, Way};

/// Returns the file.
///
/// # Errors
/// None that a disk could make: the file is made in memory.
pub(super) fn file(case: &Case) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, "frames.pcapng".to_owned(), Format::Pcapng);
    for kept in case.frames() {
        let frame = kept.frame();
        // Frames of several interfaces stay apart, and a simple packet block without a time is never written.
        let captured = &case.report.captured;
        let name = match frame.interface.0 {
            0 => captured.clone(),
            number => format!("{captured} ({})", number + 1),
        };
        let interface = Interface { name: Some(name), link: frame.link, snaplen: 0, digits: 9, filter: None };
        writer.annotate(&frame, &interface, &comment(&case.report, &kept.noted))?;
    }
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

/// Returns a comment such as `frame 17: in clear, to 192.0.2.2: CLEAR (no-policy), vni 4097, with the canary`.
pub(super) fn comment(report: &Report, noted: &Noted) -> String {
    let mut text = format!("frame {}: {}", noted.frame, noted.kind.name());
    if let Some((peer, way)) = noted.peer.zip(noted.way) {
        let word = if way == Way::Out { "to" } else { "from" };
        let _ = write!(text, ", {word} {peer}");
        let leg = report.legs.iter().find(|leg| leg.node() == Some(peer) && leg.way == way);
        if let Some(leg) = leg {
            let _ = write!(text, ": {} ({})", leg.verdict.name(), leg.reason.code());
        }
    }
    if let Some(vni) = noted.vni {
        let _ = write!(text, ", vni {vni}");
    }
    if let Some(spi) = noted.spi {
        let _ = write!(text, ", spi {spi}");
    }
    if noted.canary {
        text.push_str(", with the canary");
    }
    if noted.pieces > 1 {
        let _ = write!(text, ", the last of {} pieces", noted.pieces);
    }
    text
}
