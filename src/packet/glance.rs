//! A glance at a frame's first headers, which says what decoding the frame is good for.

mod flow;

use super::esp::{self, Learned};
use super::ports::UdpTunnel;
use super::protocol::{ESP, ICMPV6, TCP, UDP};
use super::{Frame, LinkType, Ports, TunnelPorts, wireguard};

/// The use of decoding a frame, where only matches are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Nothing: nobody can read it.
    Nothing,
    /// It may match.
    Match,
    /// It may match, and it may matter to other frames: it may be a fragment of a datagram, in a tunnel or not, an ESP
    /// packet that shows the layout of others, or a message of a WireGuard session.
    Others,
}

/// The knowledge that a glance needs.
pub(super) struct Glance<'a> {
    pub(super) ports: &'a TunnelPorts,
    pub(super) learned: &'a Learned,
}

impl Glance<'_> {
    #[inline]
    pub(super) fn at(&self, frame: &Frame<'_>) -> Worth {
        if frame.link == LinkType::ETHERNET { self.ethernet(frame.bytes, true) } else { Worth::Others }
    }

    /// Looks at an Ethernet frame. It is the captured frame if `outer` is true, and otherwise what VXLAN or Geneve
    /// carries in one.
    #[inline]
    fn ethernet(&self, bytes: &[u8], outer: bool) -> Worth {
        #[rustfmt::skip]
        let (transport, protocol) = match bytes {
            // IPv4 without options, and not a fragment.
            [_, _, _, _, _, _, _, _, _, _, _, _, 0x08, 0x00, 0x45, _, _, _, _, _, flags, 0, _, protocol, ..]
                if matches!(flags & 0x3f, 0) => (34, *protocol),
            // IPv6 without extension headers.
            [_, _, _, _, _, _, _, _, _, _, _, _, 0x86, 0xdd, 0x60..=0x6f, _, _, _, _, _, protocol, ..] => (54, *protocol),
            _ => return Worth::Others,
        };
        match protocol {
            TCP => Self::tcp(bytes.get(transport..).unwrap_or(&[])),
            ICMPV6 => Worth::Match,
            UDP => self.udp(bytes.get(transport..).unwrap_or(&[]), outer),
            ESP => self.esp(bytes, transport),
            _ => Worth::Others,
        }
    }

    #[inline]
    fn tcp(tcp: &[u8]) -> Worth {
        let &[s0, s1, d0, d1, ..] = tcp else { return Worth::Match };
        let [source, destination] = [[s0, s1], [d0, d1]].map(u16::from_be_bytes);
        // The beginning of ESP in TCP tells what the rest of the stream is.
        if TunnelPorts::is_nat_traversal(source, destination) { Worth::Others } else { Worth::Match }
    }

    #[inline]
    fn udp(&self, udp: &[u8], outer: bool) -> Worth {
        let &[s0, s1, d0, d1, _, _, _, _, ref payload @ ..] = udp else { return Worth::Others };
        let [source, destination] = [[s0, s1], [d0, d1]].map(u16::from_be_bytes);
        if TunnelPorts::is_nat_traversal(source, destination) {
            return Worth::Others;
        }
        let ports = Ports { source, destination };
        let Some(tunnel) = self.ports.tunnel(ports) else {
            let tells = wireguard::may_be_message(payload) && !self.ports.is_wireguard(ports);
            return if tells { Worth::Others } else { Worth::Match };
        };
        // The inner frame begins after eight bytes of the tunnel's header, unless that has options or carries no
        // Ethernet.
        let inner = match (tunnel, payload) {
            (UdpTunnel::Vxlan, [_, _, _, _, _, _, _, _, inner @ ..]) if outer => inner,
            (UdpTunnel::Geneve, [0, _, 0x65, 0x58, _, _, _, _, inner @ ..]) if outer => inner,
            _ => return Worth::Others,
        };
        self.ethernet(inner, false)
    }

    /// Most encrypted ESP packets are recognised at a glance.
    #[inline]
    fn esp(&self, bytes: &[u8], transport: usize) -> Worth {
        // IPv4's total length includes the header, IPv6's payload length does not.
        let (len, header) = if transport == 34 { (16, 20) } else { (18, 0) };
        let Some(&[high, low, ..]) = bytes.get(len..) else { return Worth::Others };
        let declared = usize::from(u16::from_be_bytes([high, low])).checked_sub(header);
        let (Some(declared), Some(rest)) = (declared, bytes.get(transport..)) else { return Worth::Others };
        let packet = rest.get(..declared).unwrap_or(rest);
        match esp::header(packet) {
            Ok((spi, _)) if !self.learned.knows(spi) && !esp::may_be_clear(packet, declared, self.ports) => {
                Worth::Nothing
            }
            _ => Worth::Others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spi;
    use super::super::esp::Layout;
    use super::*;

    /// Makes an Ethernet frame with an IPv4 header without options, followed by `rest`.
    fn ipv4(flags: u8, protocol: u8, rest: &[u8]) -> Vec<u8> {
        let header = [0x45, 0, 0, 0, 0, 0, flags, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        [&[0; 12][..], &[8, 0], &header, rest].concat()
    }

    fn tunnel(port: u16, header: [u8; 8], inner: &[u8]) -> Vec<u8> {
        ipv4(0, 17, &[&[0xc0, 0][..], &port.to_be_bytes(), &[0; 4], &header, inner].concat())
    }

    fn worth(bytes: &[u8]) -> Worth {
        worth_after(bytes, &Learned::new())
    }

    fn worth_after(bytes: &[u8], learned: &Learned) -> Worth {
        Glance { ports: &TunnelPorts::default(), learned }.ethernet(bytes, true)
    }

    #[test]
    fn whole_packets_do_not_tell_of_others_and_pieces_do_wherever_they_are() {
        const VXLAN: [u8; 8] = [8, 0, 0, 0, 0, 0, 5, 0];
        const GENEVE: [u8; 8] = [0, 0, 0x65, 0x58, 0, 0, 5, 0];
        const OPTIONS: [u8; 8] = [1, 0, 0x65, 0x58, 0, 0, 5, 0];
        let (whole, piece) = (ipv4(0x40, 6, &[0; 20]), ipv4(0x20, 6, &[0; 20]));
        assert_eq!(worth(&whole), Worth::Match);
        assert_eq!(worth(&piece), Worth::Others);
        for (port, header) in [(4789, VXLAN), (8472, VXLAN), (6081, GENEVE)] {
            assert_eq!(worth(&tunnel(port, header, &whole)), Worth::Match, "{port}");
            let others: [&[u8]; 4] =
                [&piece, &tunnel(4789, VXLAN, &whole), &ipv4(0, 50, &[0; 20]), &ipv4(0, 1, &[0; 20])];
            for inner in others.into_iter().chain([&[][..]]) {
                assert_eq!(worth(&tunnel(port, header, inner)), Worth::Others, "{port} {inner:?}");
            }
        }
        assert_eq!(worth(&tunnel(6081, OPTIONS, &whole)), Worth::Others);
        assert_eq!(worth(&tunnel(4790, [0x0c, 0, 0, 3, 0, 0, 5, 0], &whole)), Worth::Others);
        assert_eq!(worth(&tunnel(7, VXLAN, &piece)), Worth::Match);
        assert_eq!(worth(&tunnel(1000, [17, 1, 0, 1, 0, 0, 1, 0], &[0; 40])), Worth::Others);
        let segment = |port: u16| [&port.to_be_bytes()[..], &[0x11, 0x94], &[0; 16]].concat();
        assert_eq!(worth(&ipv4(0, 6, &segment(9))), Worth::Others, "ESP in TCP on port 4500");
        assert_eq!(worth(&tunnel(443, [4, 0, 0, 0, 7, 7, 7, 7], &[0; 40])), Worth::Others, "WireGuard");
        assert_eq!(worth(&tunnel(51820, [4, 0, 0, 0, 7, 7, 7, 7], &[0; 40])), Worth::Match);
    }

    #[test]
    fn a_header_of_another_version_than_the_type_says_is_left_to_the_decoder() {
        let mut frame = [&[0; 12][..], &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 60, 50, 64], &[0xa5; 92]].concat();
        assert_eq!(worth(&frame), Worth::Nothing);
        frame[14] = 0x70;
        assert_eq!(worth(&frame), Worth::Others);
    }

    #[test]
    fn a_datagram_on_a_port_of_any_tunnel_may_be_more_than_it_looks() {
        let ports = |source: u16, destination: u16| {
            ipv4(0, 17, &[&source.to_be_bytes()[..], &destination.to_be_bytes(), &[0; 60]].concat())
        };
        for port in [2152, 1701, 3544, 6080, 4341, 4754, 4790, 1000, 4500] {
            assert_eq!(worth(&ports(50_000, port)), Worth::Others, "to {port}");
            let replies = matches!(port, 1701 | 3544 | 4500);
            let right = if replies { Worth::Others } else { Worth::Match };
            assert_eq!(worth(&ports(port, 50_000)), right, "from {port}");
        }
        let mut known = TunnelPorts::default();
        let at = |ports: &TunnelPorts, frame: &[u8]| {
            Glance { ports, learned: &Learned::new() }.ethernet(frame, true)
        };
        assert_eq!(at(&known, &ports(50_000, 5555)), Worth::Match);
        known.add_fou(5555);
        assert_eq!(at(&known, &ports(50_000, 5555)), Worth::Others);
        // Other protocols than TCP, UDP, ICMPv6 and ESP may carry anything.
        for protocol in [4, 41, 47, 51, 103, 108, 115, 141] {
            assert_eq!(worth(&ipv4(0, protocol, &[0; 60])), Worth::Others, "{protocol}");
        }
    }

    #[test]
    fn encrypted_esp_is_worth_nothing_unless_its_spi_was_seen_in_clear() {
        let esp = |last: u8| {
            let packet = [&[0, 0, 1, 0x77, 0, 0, 0, 1][..], &[0xa5; 90], &[last]].concat();
            let mut frame = ipv4(0, 50, &packet);
            frame[16..18].copy_from_slice(&(20 + packet.len() as u16).to_be_bytes());
            frame
        };
        assert_eq!(worth(&esp(0xa5)), Worth::Nothing);
        assert_eq!(worth(&tunnel(4789, [8, 0, 0, 0, 0, 0, 5, 0], &esp(0xa5))), Worth::Nothing);
        assert_eq!(worth(&esp(6)), Worth::Others, "a next header without an ICV behind it");
        let mut learned = Learned::new();
        let destination = "192.0.2.9".parse().unwrap();
        learned.learn(destination, Spi(0x177), Layout { offset: 8, icv: 0 });
        assert_eq!(worth_after(&esp(0xa5), &learned), Worth::Others);
        // A total length of zero, and a packet that was cut.
        assert_eq!(worth(&ipv4(0, 50, &[0xa5; 99])), Worth::Others);
        assert_eq!(worth(&esp(0xa5)[..40]), Worth::Others);
    }
}
