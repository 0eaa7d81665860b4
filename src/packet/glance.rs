//! A glance at a frame's first headers, which says what decoding the frame is good for.
//!
//! There are two questions. Where only matches are asked for ([`Glance::worth`]), it is enough that a frame without the
//! pattern's literal cannot match and matters to no other frame. Where the others are counted and have marks
//! ([`Glance::result`]), a frame must be one of which the decoder would say for certain that it was read to its end, or that
//! it is ESP that nobody can read: every length is there and agrees with the others, as the decoder checks them. Everything
//! that is odd, cut off or rare is left to the decoder.

mod flow;
mod inside;
mod outline;

pub use inside::Inside;
pub use outline::{Content, Ends, Outline};

use super::esp::{self, Learned};
use super::ethernet::{IPV4, IPV6};
use super::ports::UdpTunnel;
use super::protocol::{ESP, ICMPV6, TCP, UDP};
use super::{Frame, LinkType, Ports, TunnelPorts, cooked, vxlan, wireguard};

/// The use of decoding a frame.
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
#[derive(Clone, Copy, Debug)]
pub struct Glance<'a> {
    pub(super) ports: &'a TunnelPorts,
    pub(super) learned: &'a Learned,
}

/// The question is what a frame is good for.
const WORTH: bool = false;
/// The question is what becomes of a frame that does not match.
const RESULT: bool = true;

/// The frame is the captured one.
const OUTER: bool = true;
/// The frame is what VXLAN or Geneve carries in the captured one.
const INNER: bool = false;

impl Glance<'_> {
    /// Says what decoding the frame is good for, where only matches are asked for. Only [`Worth::Others`] may turn out to be
    /// less.
    // As a call for every frame, with its fields put into memory for the call, this takes 28 instructions more.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    pub fn worth(&self, frame: &Frame<'_>) -> Worth {
        match frame.link {
            LinkType::ETHERNET => self.ethernet::<WORTH, OUTER>(frame.bytes, true),
            LinkType::LINUX_SLL2 => self.cooked::<WORTH>(frame.bytes, true),
            _ => Worth::Others,
        }
    }

    /// Says what decoding the frame is good for, where also those are counted that do not match. [`Worth::Nothing`] is a
    /// packet of ESP in IP that is opaque. [`Worth::Match`] is one that is decoded to its end and captured whole: if it does
    /// not match, it is clear.
    #[allow(clippy::inline_always)] // See `worth`.
    #[inline(always)]
    pub fn result(&self, frame: &Frame<'_>) -> Worth {
        match frame.link {
            LinkType::ETHERNET => self.ethernet::<RESULT, OUTER>(frame.bytes, !frame.is_cut()),
            LinkType::LINUX_SLL2 => self.cooked::<RESULT>(frame.bytes, !frame.is_cut()),
            _ => Worth::Others,
        }
    }

    /// Looks at an Ethernet frame, which is `whole` if the snaplen did not cut it.
    #[allow(clippy::inline_always)] // See `worth`.
    #[inline(always)]
    fn ethernet<const OF: bool, const AT: bool>(&self, bytes: &[u8], whole: bool) -> Worth {
        /// The end of the ports behind an IPv4 header. No frame that is sound is shorter.
        const LEAST: usize = 38;
        #[rustfmt::skip]
        let Some(&[_, _, _, _, _, _, _, _, _, _, _, _, t0, t1, first, second, l0, l1, m0, m1, n0, n1, _, protocol, ..]) =
            bytes.first_chunk::<LEAST>() else { return Worth::Others };
        let (types, fragment) = (u32::from_be_bytes([t0, t1, first, second]), u16::from_be_bytes([n0, n1]));
        let (at, protocol, declared) = if types & 0xffff_ff00 == 0x0800_4500 && matches!(fragment & 0x3fff, 0)
        {
            // IPv4 without options, and not a fragment. The total length includes the header. One that is less, as that of
            // a super-frame, gives a length here that no frame has.
            (34, protocol, usize::from(u16::from_be_bytes([l0, l1])).wrapping_sub(20))
        } else if types & 0xffff_f000 == 0x86dd_6000 {
            // IPv6, whose extension headers are none of the protocols below.
            (54, n0, usize::from(u16::from_be_bytes([m0, m1])))
        } else {
            return Worth::Others;
        };
        self.payload::<OF, AT>(bytes.get(at..).unwrap_or(&[]), protocol, declared, whole)
    }

    /// Looks at a frame of a capture on all interfaces (SLL2), which is `whole` if the snaplen did not cut it. Behind its
    /// header there is what Ethernet has behind the type.
    // By value, and out of line, so that Ethernet's frames do not pay for it: see `worth`.
    #[inline(never)]
    fn cooked<const OF: bool>(self, bytes: &[u8], whole: bool) -> Worth {
        let Ok(cooked::Header { hardware, protocol, rest, .. }) = cooked::split_sll2(bytes) else {
            return Worth::Others;
        };
        // The shortest packet has the ports behind an IPv4 header.
        let Some(&[first, _, l0, l1, m0, m1, n0, n1, _, behind, ..]) = rest.first_chunk::<24>() else {
            return Worth::Others;
        };
        let (at, behind, declared) = match (protocol, first) {
            _ if cooked::may_ignore_protocol(hardware) => return Worth::Others,
            (IPV4, 0x45) if matches!(u16::from_be_bytes([n0, n1]) & 0x3fff, 0) => {
                (20, behind, usize::from(u16::from_be_bytes([l0, l1])).wrapping_sub(20))
            }
            (IPV6, 0x60..=0x6f) => (40, n0, usize::from(u16::from_be_bytes([m0, m1]))),
            _ => return Worth::Others,
        };
        self.payload::<OF, OUTER>(rest.get(at..).unwrap_or(&[]), behind, declared, whole)
    }

    /// Looks at what is behind an IP header, and was captured with any padding. It is of this length by the header.
    #[allow(clippy::inline_always)] // See `worth`.
    #[inline(always)]
    fn payload<const OF: bool, const AT: bool>(
        &self,
        rest: &[u8],
        protocol: u8,
        declared: usize,
        whole: bool,
    ) -> Worth {
        if protocol == ESP {
            return self.esp(rest, declared);
        }
        if OF == RESULT && !(whole && declared <= rest.len()) {
            return Worth::Others;
        }
        match protocol {
            TCP => Self::tcp::<OF>(rest, declared),
            UDP => self.udp::<OF, AT>(rest, declared),
            ICMPV6 if OF == WORTH || declared >= 4 => Worth::Match,
            _ => Worth::Others,
        }
    }

    #[allow(clippy::inline_always)] // See `worth`.
    #[inline(always)]
    fn tcp<const OF: bool>(tcp: &[u8], declared: usize) -> Worth {
        let Some(&[s0, s1, d0, d1, _, _, _, _, _, _, _, _, offset, ..]) = tcp.first_chunk::<20>() else {
            return Worth::Others;
        };
        let header = usize::from(offset >> 4) * 4;
        if OF == RESULT && !(20..=declared).contains(&header) {
            return Worth::Others;
        }
        let (source, destination) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        // The beginning of ESP in TCP tells what the rest of the stream is.
        if TunnelPorts::is_nat_traversal(source, destination) { Worth::Others } else { Worth::Match }
    }

    #[allow(clippy::inline_always)] // See `worth`.
    #[inline(always)]
    fn udp<const OF: bool, const AT: bool>(&self, udp: &[u8], declared: usize) -> Worth {
        let Some((&[s0, s1, d0, d1, l0, l1, _, _], mut payload)) = udp.split_first_chunk::<8>() else {
            return Worth::Others;
        };
        if OF == RESULT {
            // A length of zero is that of a super-frame.
            let len = usize::from(u16::from_be_bytes([l0, l1]));
            match len.checked_sub(8).filter(|_| len <= declared).and_then(|len| payload.get(..len)) {
                Some(by_length) => payload = by_length,
                None => return Worth::Others,
            }
        }
        let (source, destination) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        if TunnelPorts::is_nat_traversal(source, destination) {
            return Worth::Others;
        }
        let ports = Ports { source, destination };
        let Some(tunnel) = self.ports.tunnel(ports) else {
            let tells =
                wireguard::may_be_message(payload) && (OF == RESULT || !self.ports.is_wireguard(ports));
            return if tells { Worth::Others } else { Worth::Match };
        };
        if AT == INNER {
            return Worth::Others;
        }
        // The inner frame begins after eight bytes of the tunnel's header, unless that has options or carries no
        // Ethernet. With these first bytes it is no message of WireGuard's, whose ports may be the tunnel's as well.
        let inner = match (tunnel, payload) {
            (UdpTunnel::Vxlan, [flags, _, _, _, _, _, _, _, inner @ ..])
                if OF == WORTH || vxlan::has_vni(*flags) =>
            {
                inner
            }
            (UdpTunnel::Geneve, [0, _, 0x65, 0x58, _, _, _, _, inner @ ..]) => inner,
            _ => return Worth::Others,
        };
        self.inner::<OF>(inner)
    }

    fn inner<const OF: bool>(&self, bytes: &[u8]) -> Worth {
        self.ethernet::<OF, INNER>(bytes, true)
    }

    /// Most encrypted ESP packets are recognised at a glance. `rest` is what was captured behind the IP header, with any
    /// padding, and `declared` is the packet's length by that header.
    #[inline]
    fn esp(&self, rest: &[u8], declared: usize) -> Worth {
        if declared > usize::from(u16::MAX) {
            return Worth::Others;
        }
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
        Glance { ports: &TunnelPorts::default(), learned }.ethernet::<WORTH, OUTER>(bytes, true)
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
            Glance { ports, learned: &Learned::new() }.ethernet::<WORTH, OUTER>(frame, true)
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

    /// Returns what a frame is good for where results are wanted, and where matches are.
    fn result(bytes: &[u8], whole: bool) -> (Worth, Worth) {
        let glance = Glance { ports: &TunnelPorts::default(), learned: &Learned::new() };
        (glance.ethernet::<RESULT, OUTER>(bytes, whole), glance.ethernet::<WORTH, OUTER>(bytes, whole))
    }

    /// Makes what a capture on all interfaces gives for this Ethernet frame, from a device of this kind.
    fn cook(ethernet: &[u8], hardware: u16) -> Vec<u8> {
        let [h0, h1] = hardware.to_be_bytes();
        let header = [0, 0, 0, 0, 0, 3, h0, h1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        [&ethernet[12..14], &header, &ethernet[14..]].concat()
    }

    #[test]
    fn behind_a_cooked_header_all_is_as_behind_ethernets() {
        let (ports, learned) = (TunnelPorts::default(), Learned::new());
        let glance = Glance { ports: &ports, learned: &learned };
        let udp = |port: u16| [&[0xc0, 0][..], &port.to_be_bytes(), &[0, 30, 0, 0], &[7; 22]].concat();
        let esp = [&[0, 0, 1, 0x77, 0, 0, 0, 1][..], &[0xa5; 91]].concat();
        let mut segment = [0; 30];
        segment[12] = 0x50;
        let mut frames = vec![tunnel(4789, [8, 0, 0, 0, 0, 0, 5, 0], &sound(ipv4(0, TCP, &segment)))];
        for (protocol, rest) in
            [(TCP, &segment[..]), (UDP, &udp(53)), (UDP, &udp(4500)), (ESP, &esp), (47, &esp)]
        {
            frames.extend([0x40, 0x20].map(|flags| sound(ipv4(flags, protocol, rest))));
            let length = (rest.len() as u16).to_be_bytes();
            let header = [&[0x86, 0xdd, 0x60, 0, 0, 0], &length[..], &[protocol, 64]].concat();
            frames.push([&[0; 12][..], &header, &[0xfe; 32], rest].concat());
        }
        frames.push([&[0; 12][..], &[8, 6], &[0; 50]].concat());
        let mut kinds = std::collections::HashSet::new();
        for frame in &frames {
            for end in 34..=frame.len() {
                let cut = &frame[..end];
                for whole in [true, false] {
                    let expected = result(cut, whole);
                    kinds.insert(format!("{expected:?}"));
                    for hardware in [1, 772, 0xfffe] {
                        let cooked = cook(cut, hardware);
                        let found =
                            (glance.cooked::<RESULT>(&cooked, whole), glance.cooked::<WORTH>(&cooked, whole));
                        assert_eq!(found, expected, "{hardware} {whole} {cut:02x?}");
                    }
                    let other = glance.cooked::<WORTH>(&cook(cut, 803), whole);
                    assert_eq!(other, Worth::Others, "802.11, whatever its protocol is");
                }
            }
        }
        assert!(kinds.len() >= 4, "{kinds:?}");
    }

    /// Sets the total length of IPv4 to what there is, and that of UDP as well.
    fn sound(mut bytes: Vec<u8>) -> Vec<u8> {
        let total = (bytes.len() - 14) as u16;
        bytes[16..18].copy_from_slice(&total.to_be_bytes());
        if bytes[23] == UDP {
            bytes[38..40].copy_from_slice(&(total - 20).to_be_bytes());
        }
        bytes
    }

    #[test]
    fn where_results_are_wanted_all_lengths_must_agree() {
        let mut segment = [0; 30];
        segment[12] = 0x60;
        let tcp = sound(ipv4(0x40, TCP, &segment));
        let udp = sound(ipv4(0x40, UDP, &[&[0, 7, 0, 9, 0, 0, 0, 0][..], b"payload"].concat()));
        let vxlan = sound(tunnel(4789, [8, 0, 0, 0, 0, 0, 5, 0], &tcp));
        let geneve = sound(tunnel(6081, [0, 0, 0x65, 0x58, 0, 0, 5, 0], &udp));
        for frame in [&tcp, &udp, &vxlan, &geneve] {
            assert_eq!(result(frame, true), (Worth::Match, Worth::Match));
            assert_eq!(result(frame, false), (Worth::Others, Worth::Match), "cut");
            let padded = [&frame[..], &[0; 6]].concat();
            assert_eq!(result(&padded, true), (Worth::Match, Worth::Match), "padded");
            let short = &frame[..frame.len() - 1];
            assert_eq!(result(short, true), (Worth::Others, Worth::Match), "shorter than its length");
        }
        let odd = |frame: &[u8], at: usize, byte: u8| {
            let mut frame = frame.to_vec();
            frame[at] = byte;
            assert_eq!(result(&frame, true), (Worth::Others, Worth::Match), "{at} {byte}");
        };
        // The total length, the length of TCP's header, that of UDP, the flag of VXLAN, and what is inside.
        odd(&tcp, 17, 19);
        odd(&tcp, 17, 43);
        odd(&tcp, 46, 0x40);
        odd(&tcp, 46, 0x80);
        odd(&udp, 39, 7);
        odd(&udp, 39, 16);
        odd(&vxlan, 42, 0);
        odd(&vxlan, 50 + 46, 0x40);
        odd(&geneve, 50 + 39, 7);
    }
}
