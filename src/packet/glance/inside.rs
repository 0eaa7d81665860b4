//! The network and the innermost frame of a frame, read from its first headers.

use super::Glance;
use crate::packet::protocol::UDP;
use crate::packet::{Frame, LinkType, Ports, Vni};

/// The innermost frame, which is Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside<'a> {
    /// The network of the tunnel around it. `None` if there is no tunnel.
    pub vni: Option<Vni>,
    /// The link type.
    pub link: LinkType,
    /// The bytes of the frame, with what follows its packet.
    pub bytes: &'a [u8],
}

impl Glance<'_> {
    /// Returns the network and the innermost frame, as decoding would give them. This holds for Ethernet frames that [`Self::result`]
    /// takes for a match: all their lengths are sound, and they have no tunnel but VXLAN and Geneve without options.
    #[inline]
    pub fn inside<'f>(&self, frame: &Frame<'f>) -> Inside<'f> {
        let (vni, bytes) =
            self.in_tunnel(frame.bytes).map_or((None, frame.bytes), |(vni, inner)| (Some(vni), inner));
        Inside { vni, link: frame.link, bytes }
    }

    #[inline]
    fn in_tunnel<'f>(&self, bytes: &'f [u8]) -> Option<(Vni, &'f [u8])> {
        // The type is that of IPv4, in 20 bytes, or of IPv6, in 40.
        let (protocol, at) = if *bytes.get(12)? == 0x08 { (23, 34) } else { (20, 54) };
        if *bytes.get(protocol)? != UDP {
            return None;
        }
        let udp = bytes.get(at..)?;
        // The headers of VXLAN and Geneve have the VNI at the same place.
        let (&[s0, s1, d0, d1, l0, l1, _, _, _, _, _, _, v0, v1, v2, _], _) =
            udp.split_first_chunk::<16>()?;
        let (source, destination) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        self.ports.tunnel(Ports { source, destination })?;
        let inner = udp.get(16..usize::from(u16::from_be_bytes([l0, l1])))?;
        Some((Vni::from_be_bytes([v0, v1, v2]), inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::esp::Learned;
    use crate::packet::glance::Worth;
    use crate::packet::{Decoder, InnerFrame, InterfaceNumber, Timestamp, TunnelPorts};

    fn sum(header: &[u8], rest: &[u8]) -> Vec<u8> {
        [header, rest].concat()
    }

    fn ethernet(ip: &[u8]) -> Vec<u8> {
        let kind = if ip[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
        [&[2; 12][..], &kind, ip].concat()
    }

    fn ipv4(protocol: u8, rest: &[u8]) -> Vec<u8> {
        let [high, low] = (20 + rest.len() as u16).to_be_bytes();
        sum(&[0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2], rest)
    }

    fn ipv6(protocol: u8, rest: &[u8]) -> Vec<u8> {
        let [high, low] = (rest.len() as u16).to_be_bytes();
        sum(&sum(&[0x60, 0, 0, 0, high, low, protocol, 64], &[0xfd; 32]), rest)
    }

    fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
        let [high, low] = (8 + payload.len() as u16).to_be_bytes();
        sum(&sum(&[0xc0, 1], &port.to_be_bytes()), &sum(&[high, low, 0, 0], payload))
    }

    #[test]
    fn what_a_glance_sees_inside_is_what_the_decoder_finds_there() {
        let ports = TunnelPorts::default();
        let mut decoder = Decoder::new(ports.clone());
        let learned = Learned::new();
        let glance = Glance { ports: &ports, learned: &learned };
        let mut segment = [7; 30];
        segment[12] = 0x50;
        let plain =
            [ipv4(6, &segment), ipv6(6, &segment), ipv4(17, &udp(53, b"payload")), ipv6(58, &[128, 0, 0, 0])];
        let plain: Vec<_> = plain.iter().map(|ip| ethernet(ip)).collect();
        let mut frames = plain.clone();
        for inner in &plain {
            let padded = sum(inner, &[0; 9]);
            for (port, header) in [
                (4789, [8, 0, 0, 0, 0, 0, 7, 0]),
                (8472, [0x88, 0, 0, 9, 0xff, 0xff, 0xff, 0]),
                (6081, [0, 0, 0x65, 0x58, 1, 2, 3, 0]),
            ] {
                let tunnel = udp(port, &sum(&header, &padded));
                frames.extend([ethernet(&ipv4(17, &tunnel)), ethernet(&ipv6(17, &tunnel))]);
            }
        }
        let mut networks = 0;
        for bytes in frames.iter().flat_map(|frame| [frame.clone(), sum(frame, &[0; 4])]) {
            let frame = Frame {
                number: 1,
                time: Timestamp::new(0, 0, 6),
                link: LinkType::ETHERNET,
                interface: InterfaceNumber(0),
                direction: None,
                wire_len: bytes.len() as u32,
                bytes: &bytes,
            };
            assert_eq!(glance.result(&frame), Worth::Match, "{bytes:x?}");
            let Inside { vni, link, bytes } = glance.inside(&frame);
            let packet = decoder.decode(&frame);
            assert_eq!((vni, link), (packet.vni(), LinkType::ETHERNET));
            assert_eq!(vni.is_some(), !packet.encapsulations.is_empty());
            assert!(
                matches!(packet.inner, InnerFrame::Whole { link: of, bytes: same } if of == link && same == bytes)
            );
            networks += u32::from(vni.is_some());
        }
        assert_eq!(networks, 4 * 6 * 2);
    }
}
