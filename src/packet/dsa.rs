//! The tags between the processor and the ports of a switch chip, in Ethernet frames: Marvell's and Broadcom's.
//!
//! ```text
//! Broadcom: destination (6) | source (6) | tag (4) | Ethernet type (2) | …
//! prepended:          tag (4) | destination (6) | source (6) | Ethernet type (2) | …
//! DSA:      destination (6) | source (6) | mode, tagged, device (1) | port (1) | priority, VLAN (2) | Ethernet type (2) | …
//! EDSA:     destination (6) | source (6) | dada (2) | 0 (2) | the four bytes of DSA | Ethernet type (2) | …
//! ```
//!
//! A frame that had an 802.1Q tag has its VLAN in the tag of DSA instead. Source: tcpdump.org `LINKTYPE_DSA_TAG_*`.

use super::{MacAddress, Macs, Why};

/// An Ethernet header with a switch's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) macs: Macs,
    /// The VLAN that the frame was tagged with, 0 to 4095.
    pub(super) vlan: Option<u16>,
    pub(super) ether_type: u16,
}

pub(super) fn split_broadcom(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (macs, rest) = addresses(bytes)?;
    let (&[_, _, _, _, high, low], rest) = rest.split_first_chunk::<6>().ok_or(Why::Truncated)?;
    Ok((Header { macs, vlan: None, ether_type: u16::from_be_bytes([high, low]) }, rest))
}

pub(super) fn split_dsa(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (macs, rest) = addresses(bytes)?;
    tagged(macs, rest)
}

pub(super) fn split_edsa(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (macs, rest) = addresses(bytes)?;
    tagged(macs, rest.get(4..).ok_or(Why::Truncated)?)
}

fn addresses(bytes: &[u8]) -> Result<(Macs, &[u8]), Why> {
    let (&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5], rest) =
        bytes.split_first_chunk::<12>().ok_or(Why::Truncated)?;
    let source = MacAddress([s0, s1, s2, s3, s4, s5]);
    Ok((Macs { source, destination: MacAddress([d0, d1, d2, d3, d4, d5]) }, rest))
}

fn tagged(macs: Macs, bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (&[mode, _, v0, v1, high, low], rest) = bytes.split_first_chunk::<6>().ok_or(Why::Truncated)?;
    let vlan = (mode & 0x20 != 0).then_some(u16::from_be_bytes([v0, v1]) & 0x0fff);
    Ok((Header { macs, vlan, ether_type: u16::from_be_bytes([high, low]) }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESSES: [u8; 12] = [2, 0, 0, 0, 0, 11, 2, 0, 0, 0, 0, 10];

    #[test]
    fn the_type_follows_the_tag() {
        let broadcom = [&ADDRESSES[..], &[0, 0, 0, 5, 8, 0, 0x45]].concat();
        let (header, rest) = split_broadcom(&broadcom).unwrap();
        assert_eq!((header.ether_type, header.vlan, rest), (0x0800, None, &[0x45][..]));
        assert_eq!(header.macs.source, MacAddress([2, 0, 0, 0, 0, 10]));
    }

    #[test]
    fn the_vlan_of_a_tagged_frame_is_in_the_tag() {
        for (mode, vlan) in [(0xc0, None), (0xe0, Some(0xabc))] {
            let tag = [mode, 0x10, 0x6a, 0xbc, 0x86, 0xdd, 0x60];
            let dsa = [&ADDRESSES[..], &tag].concat();
            let edsa = [&ADDRESSES[..], &[0xda, 0xda, 0, 0], &tag].concat();
            for (header, rest) in [split_dsa(&dsa).unwrap(), split_edsa(&edsa).unwrap()] {
                assert_eq!((header.ether_type, header.vlan, rest), (0x86dd, vlan, &[0x60][..]));
            }
            (0..18).for_each(|len| assert_eq!(split_dsa(&dsa[..len]), Err(Why::Truncated)));
            (0..22).for_each(|len| assert_eq!(split_edsa(&edsa[..len]), Err(Why::Truncated)));
        }
    }
}
