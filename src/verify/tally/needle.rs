//! The search for the network's bytes in frames that decoding does not explain.
//!
//! A clear copy of a frame of the network shows certain bytes, whatever carries it: the header of VXLAN with the VNI, or
//! that of Geneve, or the canary, or the inner addresses of the probes. They are looked for in the whole frame. So a
//! carrier that is not known here is not taken for innocent, and a carrier that holds nothing of the network is no
//! reason for doubt.
//!
//! The bytes of a header are few, and a file of captured packets that somebody downloads has them too. So what stands
//! around them is looked at as well. If the whole packet is there, from its UDP header to an Ethernet frame, the
//! network's frame is plain to see. Otherwise the frame is a reason for doubt, and no more.
//!
//! Compressed and encrypted carriers hide these bytes. What is encrypted is no leak; what is compressed is counted as
//! not decoded (`reading`).

use std::net::IpAddr;

use memchr::memmem::Finder;

use super::Question;
use super::reading::is_ethernet_frame;
use crate::packet::{Form, MacAddress, Vni, has_sound_checksum};

/// The length of the headers of VXLAN and of Geneve without options, in bytes.
const HEADER: usize = 8;
/// The offset of the VNI in both in bytes.
const BEFORE_VNI: usize = 4;
/// The length of a UDP header in bytes.
const UDP: usize = 8;
/// The offset of the destination port in it in bytes.
const BEFORE_PORT: usize = 2;
/// The length of an IPv4 header without options in bytes.
const IPV4: usize = 20;

/// The bytes that are looked for.
#[derive(Debug, Default)]
pub(super) struct Needles {
    canary: Option<Finder<'static>>,
    headers: Vec<Header>,
    /// The form of the network's packets, if it is known.
    form: Option<Form>,
    /// The addresses of a probe or of its reply, as an IP header has them.
    addresses: Vec<Finder<'static>>,
    /// The link-layer address of this node in the overlay, and those that its frames go to.
    macs: Option<(Finder<'static>, Vec<MacAddress>)>,
}

/// A header of the network's tunnels, by the bytes that it is found by.
#[derive(Debug)]
struct Header {
    kind: By,
    finder: Finder<'static>,
}

/// The bytes that a header is found by.
#[derive(Clone, Copy, Debug)]
enum By {
    /// The VNI and the zero behind it.
    Vni,
    /// The destination port of the UDP header in front, for a network that has all VNIs on that port.
    Port,
}

/// The tunnels whose headers are looked for. Both have the VNI in the fifth to the seventh byte, and zeros behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// VXLAN, with the group policy extension or as VXLAN-GPE.
    Vxlan,
    /// Geneve with Ethernet inside, and with options of this length in bytes.
    Geneve(usize),
}

impl Kind {
    /// Reads the four bytes in front of the VNI.
    fn read(front: [u8; 4]) -> Option<Self> {
        match front {
            [0x08, 0, 0, 0] | [0x88, ..] | [0x0c, 0, 0, 3] => Some(Self::Vxlan),
            [first, _, 0x65, 0x58] if first < 0x40 => Some(Self::Geneve(usize::from(first) * 4)),
            _ => None,
        }
    }
}

/// Bytes of the network in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The canary. Nothing else has it.
    Canary,
    /// A whole packet of the network, from its UDP header on. `ends` are the addresses of the IPv4 header in front of
    /// that, if there is one.
    Packet { vni: Vni, ends: Option<(IpAddr, IpAddr)> },
    /// The header of a tunnel with an Ethernet frame behind it.
    Header { vni: Vni },
    /// An IP header with the addresses of a probe.
    Addresses,
    /// An Ethernet frame from this node's device in the overlay.
    Frame,
}

impl Needles {
    pub(super) fn new(question: &Question) -> Self {
        let mut needles = Self {
            canary: question.canary.as_deref().map(|canary| Finder::new(canary).into_owned()),
            ..Self::default()
        };
        for &vni in &question.network.vnis {
            let [_, high, middle, low] = vni.value().to_be_bytes();
            // The bytes before the VNI differ: VXLAN has flags, and a group with one of them; Geneve has its options' length.
            let shared = [high, middle, low, 0];
            needles.headers.push(Header { kind: By::Vni, finder: Finder::new(&shared).into_owned() });
        }
        needles.form = question.network.form;
        if let Some(port) = question.network.port.filter(|_| question.network.any_vni) {
            let finder = Finder::new(&port.to_be_bytes()).into_owned();
            needles.headers.push(Header { kind: By::Port, finder });
        }
        needles.macs =
            question.macs.as_ref().map(|macs| (Finder::new(&macs.own.0).into_owned(), macs.others.clone()));
        for &(own, target) in &question.ends {
            for (from, to) in [(own, target), (target, own)] {
                let both = match (from, to) {
                    (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].concat(),
                    (IpAddr::V6(from), IpAddr::V6(to)) => [from.octets(), to.octets()].concat(),
                    _ => continue,
                };
                needles.addresses.push(Finder::new(&both).into_owned());
            }
        }
        needles
    }

    pub(super) fn has_canary(&self, bytes: &[u8]) -> bool {
        self.canary.as_ref().is_some_and(|finder| finder.find(bytes).is_some())
    }

    /// Returns the start of the leftmost bytes that the header of a tunnel with the network's VNI has. For a network that is
    /// known by its VNIs, and where no probe is looked for, there is no other sign of it.
    pub(super) fn first(&self, bytes: &[u8]) -> Option<usize> {
        let mut before = bytes;
        let mut first = None;
        for Header { finder, .. } in &self.headers {
            if let Some(at) = finder.find(before) {
                first = Some(at);
                before = bytes.get(..at + finder.needle().len() - 1).unwrap_or(before);
            }
        }
        first
    }

    /// Looks for bytes of the network. `port` is its UDP port, where that is known. The strongest finding is returned.
    pub(super) fn search(&self, bytes: &[u8], port: Option<u16>) -> Option<Found> {
        if self.has_canary(bytes) {
            return Some(Found::Canary);
        }
        if let Some(found) = self.header(bytes, port) {
            return Some(found);
        }
        let addresses = |finder: &Finder<'static>| {
            finder.find_iter(bytes).any(|at| is_ip_header(bytes, at, finder.needle().len()))
        };
        if self.has_frame(bytes) {
            return Some(Found::Frame);
        }
        self.addresses.iter().any(addresses).then_some(Found::Addresses)
    }

    /// Returns true if an Ethernet frame from this node's device in the overlay is among the bytes: to a known station, or
    /// to all.
    fn has_frame(&self, bytes: &[u8]) -> bool {
        let Some((finder, others)) = &self.macs else { return false };
        let is_frame = |at: usize| {
            let Some(frame) = at.checked_sub(6).and_then(|at| bytes.get(at..)) else { return false };
            let Some(to) = frame.first_chunk().map(|to| MacAddress(*to)) else { return false };
            (to.0 == [0xff; 6] || others.contains(&to)) && is_ethernet_frame(frame)
        };
        finder.find_iter(bytes).any(is_frame)
    }
}

impl Needles {
    /// Looks for the header of a tunnel with the network's VNI.
    pub(super) fn header(&self, bytes: &[u8], port: Option<u16>) -> Option<Found> {
        let headers = self.headers.iter().flat_map(|header| header.search(bytes, self.form, port));
        headers.max_by_key(|found| matches!(found, Found::Packet { .. }))
    }
}

impl Header {
    fn search<'b>(
        &self,
        bytes: &'b [u8],
        form: Option<Form>,
        port: Option<u16>,
    ) -> impl Iterator<Item = Found> + use<'_, 'b> {
        let by = self.kind;
        let read = move |at: usize| {
            let start = match by {
                By::Vni => at.checked_sub(BEFORE_VNI)?,
                By::Port => at.checked_sub(BEFORE_PORT)? + UDP,
            };
            let header: &[u8; HEADER] = bytes.get(start..)?.first_chunk()?;
            let [f0, f1, f2, f3, v0, v1, v2, 0] = *header else { return None };
            let vni = Vni::from_be_bytes([v0, v1, v2]);
            let kind = Kind::read([f0, f1, f2, f3])?;
            let (options, of_the_form) = match kind {
                Kind::Vxlan => (0, form != Some(Form::Geneve)),
                Kind::Geneve(options) => (options, form != Some(Form::Vxlan)),
            };
            is_ethernet_frame(bytes.get(start + HEADER + options..)?).then_some(())?;
            let udp = start.checked_sub(UDP);
            let destination = udp.and_then(|udp| bytes.get(udp + BEFORE_PORT..)?.first_chunk().copied());
            let to = destination.map(u16::from_be_bytes);
            if of_the_form && to.is_some() && to == port {
                return Some(Found::Packet { vni, ends: udp.and_then(|udp| ends(bytes, udp)) });
            }
            // Without the right port, only the network's own VNI is a sign of it.
            matches!(by, By::Vni).then_some(Found::Header { vni })
        };
        self.finder.find_iter(bytes).filter_map(read)
    }
}

/// Returns the addresses of the IPv4 header in front of a position, if there is one.
fn ends(bytes: &[u8], before: usize) -> Option<(IpAddr, IpAddr)> {
    let header: &[u8; IPV4] = bytes.get(before.checked_sub(IPV4)?..)?.first_chunk()?;
    let [0x45, .., s0, s1, s2, s3, d0, d1, d2, d3] = *header else { return None };
    Some(([s0, s1, s2, s3].into(), [d0, d1, d2, d3].into()))
}

/// Returns true if the addresses at this position, of this length together, are those of a sound IP header.
fn is_ip_header(bytes: &[u8], at: usize, len: usize) -> bool {
    const ADDRESSES_V4: usize = 12;
    const ADDRESSES_V6: usize = 8;
    if len == 8 {
        let header = at.checked_sub(ADDRESSES_V4).and_then(|at| bytes.get(at..));
        return header.is_some_and(|header| header.starts_with(&[0x45]) && has_sound_checksum(header));
    }
    let first = at.checked_sub(ADDRESSES_V6).and_then(|at| bytes.get(at));
    first.is_some_and(|first| first >> 4 == 6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::network::Network;
    use crate::verify::tally::OverlayMacs;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn needles() -> Needles {
        let network = Network { vnis: Vni::new(42).into_iter().collect(), ..Network::default() };
        Needles::new(&Question {
            network,
            canary: Some(b"ovlsniff-canary-1".to_vec()),
            ends: vec![(ip("10.42.0.1"), ip("10.42.0.2"))],
            macs: Some(OverlayMacs { own: MacAddress([2, 9, 9, 9, 9, 1]), others: vec![MacAddress([2; 6])] }),
            ..Question::default()
        })
    }

    /// Returns an Ethernet frame with an IPv4 packet between two addresses of 10.42.0.0/24.
    fn frame(from: u8, to: u8) -> Vec<u8> {
        let mut packet = Vec::new();
        let builder = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 42, 0, from], [10, 42, 0, to], 64)
            .udp(1000, 2000);
        builder.write(&mut packet, b"hello").unwrap();
        packet
    }

    const VXLAN: [u8; 8] = [8, 0, 0, 0, 0, 0, 42, 0];

    fn search(bytes: &[&[u8]]) -> Option<Found> {
        needles().search(&[b"some carrier".as_slice(), &bytes.concat()].concat(), Some(4789))
    }

    #[test]
    fn a_frame_of_the_network_is_found_wherever_it_lies() {
        let vni = Vni::new(42).unwrap();
        let inner = frame(7, 8);
        let udp = [0x9c, 0x40, 0x12, 0xb5, 0, 99, 0, 0];
        assert_eq!(search(&[&VXLAN, &inner]), Some(Found::Header { vni }));
        assert_eq!(search(&[&udp, &VXLAN, &inner]), Some(Found::Packet { vni, ends: None }));
        let ip_header = &frame(1, 9)[14..34];
        let ends = Some((ip("10.42.0.1"), ip("10.42.0.9")));
        assert_eq!(search(&[ip_header, &udp, &VXLAN, &inner]), Some(Found::Packet { vni, ends }));
        let geneve = [0x01, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 4];
        assert_eq!(search(&[&geneve, &inner]), Some(Found::Header { vni }));
        let of_a_group = [0x88, 0, 0x12, 0x34, 0, 0, 42, 0];
        assert_eq!(search(&[&of_a_group, &inner]), Some(Found::Header { vni }));
        let bpdu =
            [&[0x01, 0x80, 0xc2, 0, 0, 0, 2, 2, 2, 2, 2, 2, 0, 38, 0x42, 0x42, 3][..], &[0; 35]].concat();
        assert_eq!(search(&[&VXLAN, &bpdu]), Some(Found::Header { vni }));
        assert_eq!(search(&[b"GET /ovlsniff-canary-1"]), Some(Found::Canary));
    }

    #[test]
    fn the_probes_own_packet_is_found_without_its_tunnel() {
        assert_eq!(search(&[&frame(1, 2)]), Some(Found::Addresses));
        assert_eq!(search(&[&frame(2, 1)]), Some(Found::Addresses));
        assert_eq!(search(&[&frame(1, 3)]), None);
        let mut broken = frame(1, 2);
        broken[14 + 8] ^= 1;
        assert_eq!(search(&[&broken]), None);
    }

    #[test]
    fn a_bare_frame_of_this_nodes_device_is_found() {
        let from_us =
            |to: [u8; 6], kind: [u8; 2]| [&to[..], &[2, 9, 9, 9, 9, 1], &kind, &[0, 1, 8, 0]].concat();
        assert_eq!(search(&[&from_us([2; 6], [8, 6])]), Some(Found::Frame));
        assert_eq!(search(&[&from_us([0xff; 6], [8, 6])]), Some(Found::Frame));
        assert_eq!(search(&[&from_us([4; 6], [8, 6])]), None);
        assert_eq!(search(&[&from_us([2; 6], [8, 0])]), None);
    }

    #[test]
    fn in_metadata_mode_every_network_on_the_port_is_found() {
        let network =
            Network { any_vni: true, port: Some(6081), form: Some(Form::Geneve), ..Network::default() };
        let needles = Needles::new(&Question { network, ..Question::default() });
        let found = |port: u16, header: &[u8]| {
            let udp = [&[0x9c, 0x40], &port.to_be_bytes()[..], &[0, 99, 0, 0]].concat();
            needles.search(&[b"carrier".as_slice(), &udp, header, &frame(7, 8)].concat(), Some(6081))
        };
        let geneve = [0, 0, 0x65, 0x58, 0, 0, 7, 0];
        let of_ovn = [2, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 2, 0x80, 1, 0, 1, 0, 2];
        assert_eq!(found(6081, &geneve), Some(Found::Packet { vni: Vni::new(7).unwrap(), ends: None }));
        assert_eq!(found(6081, &of_ovn), Some(Found::Packet { vni: Vni::new(9).unwrap(), ends: None }));
        assert_eq!((found(6082, &geneve), found(6081, &VXLAN)), (None, None));
    }

    #[test]
    fn bytes_that_only_look_like_a_header_are_none() {
        assert_eq!(search(&[&VXLAN]), None);
        assert_eq!(search(&[&VXLAN, &[0; 40]]), None);
        assert_eq!(search(&[&[8, 0, 0, 0, 0, 0, 43, 0], &frame(7, 8)]), None);
    }

    #[test]
    fn a_frame_cut_anywhere_is_searched_as_far_as_it_goes() {
        let whole = [&[0x9c, 0x40, 0x12, 0xb5, 0, 99, 0, 0][..], &VXLAN, &frame(1, 2)].concat();
        for len in 0..whole.len() {
            assert_eq!(needles().search(&whole[..len], Some(4789)).is_some(), len >= 16 + 14, "{len}");
        }
    }
}
