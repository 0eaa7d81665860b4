//! Frames of two nodes with an overlay between them, and the capture files that hold them.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};

use crate::made;

/// The network's VNI, and its VXLAN port.
pub(super) const VNI: u32 = 4098;
pub(super) const PORT: u16 = 4789;

/// The file format's link types.
pub(super) const ETHERNET: u16 = 1;
pub(super) const SLL: u16 = 113;
/// A link type that users may give any meaning.
pub(super) const USER: u16 = 147;
pub(super) const SLL2: u16 = 276;

const KEY: [u8; 16] = [0x42; 16];
const SALT: [u8; 4] = [7; 4];

/// An address, and the last byte of the MAC address that sends from it.
#[derive(Clone, Copy)]
pub(super) struct Host {
    pub(super) ip: &'static str,
    pub(super) mac: u8,
}

/// This node, and the other one.
pub(super) const A: Host = Host { ip: "192.0.2.1", mac: 0xa };
pub(super) const B: Host = Host { ip: "192.0.2.2", mac: 0xb };
/// A second address of this node.
pub(super) const A2: Host = Host { ip: "198.51.100.1", mac: 0xa };
/// Two hosts that are no nodes.
pub(super) const C: Host = Host { ip: "192.0.2.66", mac: 0xc };
pub(super) const D: Host = Host { ip: "192.0.2.67", mac: 0xd };
/// A group that nodes may flood to.
pub(super) const GROUP: Host = Host { ip: "239.1.1.1", mac: 0xe };

/// A table of Wireshark's format with the keys of both nodes' SAs.
pub(super) fn keys() -> String {
    let key = format!("{:032x}{:08x}", u128::from_be_bytes(KEY), u32::from_be_bytes(SALT));
    let line = |from: Host, to: Host| {
        let (spi, name) = (spi(from), "AES-GCM with 16 octet ICV [RFC4106]");
        format!(
            "\"IPv4\",\"{}\",\"{}\",\"0x{spi:08x}\",\"{name}\",\"0x{key}\",\"NULL\",\"\"\n",
            from.ip, to.ip
        )
    };
    line(A, B) + &line(B, A)
}

fn spi(from: Host) -> u32 {
    0x1000_0000 | u32::from(from.mac)
}

pub(super) fn eth(from: Host, to: Host, kind: u16, body: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, to.mac, 2, 0, 0, 0, 0, from.mac];
    [&addresses[..], &kind.to_be_bytes(), body].concat()
}

/// An IPv4 packet, in no frame yet.
pub(super) fn ip(from: Host, to: Host, protocol: u8, body: &[u8]) -> Vec<u8> {
    made::ipv4(from.ip, to.ip, protocol, 0, body)
}

/// An IPv4 packet in Ethernet.
pub(super) fn framed(from: Host, to: Host, protocol: u8, body: &[u8]) -> Vec<u8> {
    eth(from, to, 0x0800, &ip(from, to, protocol, body))
}

pub(super) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    made::udp_segment(source, destination, payload)
}

pub(super) fn tcp(destination: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = destination.to_be_bytes();
    [&[0x9c, 0x40, high, low, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0][..], payload].concat()
}

/// An Ethernet frame of the overlay. Each `n` gives another one.
pub(super) fn inner(n: u8) -> Vec<u8> {
    let note = format!("note {n} of the overlay, for nobody else");
    made::ethernet(&made::ipv4("10.0.0.1", "10.0.0.2", 17, 0, &udp(41000, 7007, note.as_bytes())))
}

/// The VXLAN header of the network and a frame of it.
pub(super) fn vxlan(n: u8) -> Vec<u8> {
    segment(n)[8..].to_vec()
}

/// The same in UDP to the network's port.
pub(super) fn segment(n: u8) -> Vec<u8> {
    made::vxlan_segment(PORT, VNI, &inner(n))
}

/// The same in IP.
pub(super) fn packet(from: Host, to: Host, n: u8) -> Vec<u8> {
    ip(from, to, 17, &segment(n))
}

/// The same in IPv6, between addresses that nobody names.
pub(super) fn packet_six(n: u8) -> Vec<u8> {
    let body = segment(n);
    let address = |last: u8| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let [high, low] = (body.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0, high, low, 17, 64][..], &address(1), &address(2), &body].concat()
}

/// An AH payload: the header, and what it authenticates. The 12 bytes of the ICV mean nothing.
pub(super) fn ah(next: u8, body: &[u8]) -> Vec<u8> {
    [&[next, 4, 0, 0, 0x30, 0, 0, 1, 0, 0, 0, 1][..], &[0x5a; 12], body].concat()
}

/// A frame of the network, in clear.
pub(super) fn clear(from: Host, to: Host, n: u8) -> Vec<u8> {
    eth(from, to, 0x0800, &packet(from, to, n))
}

/// Five frames, one for each number of an inner frame that is nowhere else.
pub(super) fn five(frame: impl Fn(u8) -> Vec<u8>) -> Vec<Vec<u8>> {
    (100..105).map(frame).collect()
}

/// ESP of the sender's SA around a packet's `body`.
pub(super) fn seal(from: Host, sequence: u8, next: u8, body: &[u8]) -> Vec<u8> {
    let header = [spi(from).to_be_bytes(), [0, 0, 0, sequence]].concat();
    let iv = [0, 0, 0, 0, 0, 0, 0, sequence];
    let mut text = body.to_vec();
    let padding = (text.len() + 2).next_multiple_of(4) - text.len() - 2;
    text.extend((1..=3).take(padding));
    text.extend([padding as u8, next]);
    let nonce = [&SALT[..], &iv].concat();
    let gcm = Aes128Gcm::new_from_slice(&KEY).unwrap();
    let nonce = nonce.as_slice().try_into().unwrap();
    let icv = gcm.encrypt_inout_detached(nonce, &header, InOutBuf::from(&mut text[..])).unwrap();
    [&header[..], &iv, &text, &icv].concat()
}

/// A frame of the network in ESP that the keys open, in transport mode.
pub(super) fn esp(from: Host, to: Host, n: u8) -> Vec<u8> {
    framed(from, to, 50, &seal(from, n + 1, 17, &segment(n)))
}

/// The same in tunnel mode.
pub(super) fn esp_tunnel(from: Host, to: Host, n: u8) -> Vec<u8> {
    framed(from, to, 50, &seal(from, n + 1, 4, &packet(from, to, n)))
}

/// An ESP payload that only authenticates: the network's frame can be read in it. The 12 bytes of the ICV mean nothing.
pub(super) fn null_esp(from: Host, n: u8) -> Vec<u8> {
    let header = [(spi(from) | 0xf00).to_be_bytes(), [0, 0, 0, n]].concat();
    let mut text = segment(n);
    let padding = (text.len() + 2).next_multiple_of(4) - text.len() - 2;
    text.extend((1..=3).take(padding));
    text.extend([padding as u8, 17]);
    [&header[..], &text, &[0x5a; 12]].concat()
}

/// An ICMP error, port unreachable, that quotes this packet.
pub(super) fn unreachable(from: Host, to: Host, quoted: &[u8]) -> Vec<u8> {
    framed(from, to, 1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], quoted].concat())
}

fn arp(from: Host, to: Host, operation: u8) -> Vec<u8> {
    let address = |host: Host| -> Vec<u8> {
        let ip: std::net::Ipv4Addr = host.ip.parse().unwrap();
        [&[2, 0, 0, 0, 0, host.mac][..], &ip.octets()].concat()
    };
    let head = [0, 1, 8, 0, 6, 4, 0, operation];
    eth(from, to, 0x0806, &[&head[..], &address(from), &address(to)].concat())
}

/// Five frames of the network each way, in ESP.
pub(super) fn only_esp() -> Vec<Vec<u8>> {
    (0..5).flat_map(|n| [esp(A, B, n), esp(B, A, 50 + n)]).collect()
}

/// Frames between the nodes that are no ESP and not the network's.
pub(super) fn small_talk() -> Vec<Vec<u8>> {
    let ssh = tcp(22, b"SSH-2.0-OpenSSH_9.2p1\r\n");
    vec![
        arp(A, B, 1),
        arp(B, A, 2),
        framed(A, B, 6, &ssh),
        framed(B, A, 6, &ssh),
        framed(A, B, 17, &udp(40123, 123, &[0x23; 48])),
    ]
}

/// The capture that every row begins with: the network in ESP both ways, and other frames between the nodes.
pub(super) fn base() -> Vec<Vec<u8>> {
    [small_talk(), only_esp()].concat()
}

/// Small talk and ESP both ways, with other frames between the ESP.
pub(super) fn among_esp(frame: impl Fn(u8) -> Vec<u8>) -> Vec<Vec<u8>> {
    let woven = (0..5).flat_map(|n| [esp(A, B, n), frame(100 + n), esp(B, A, 50 + n)]);
    small_talk().into_iter().chain(woven).collect()
}

/// A classic file of Ethernet frames.
pub(super) fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    made::capture(0xa1b2_c3d4, 0, frames)
}

/// A classic file of the base and these frames.
pub(super) fn base_and(frames: &[Vec<u8>]) -> Vec<u8> {
    pcap(&[&base()[..], frames].concat())
}

/// A classic file of the base and five frames.
pub(super) fn base_and_five(frame: impl Fn(u8) -> Vec<u8>) -> Vec<u8> {
    base_and(&five(frame))
}

/// A pcapng file in the making.
pub(super) struct Pcapng(Vec<u8>);

impl Pcapng {
    pub(super) fn new() -> Self {
        let body = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
        Self(Vec::new()).block(0x0a0d_0d0a, &body)
    }

    fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let padded = body.len().next_multiple_of(4);
        let total = (padded as u32 + 12).to_le_bytes();
        let padding = vec![0; padded - body.len()];
        self.0.extend([&kind.to_le_bytes()[..], &total, body, &padding, &total].concat());
        self
    }

    fn option(code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [code.to_le_bytes(), (value.len() as u16).to_le_bytes()].concat();
        option.extend(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    pub(super) fn interface(self, link: u16) -> Self {
        self.block(1, &[&link.to_le_bytes()[..], &[0, 0, 0, 0, 4, 0]].concat())
    }

    /// An Ethernet interface with a capture filter: a byte for its kind, then the filter.
    pub(super) fn filtered(self, filter: &[u8]) -> Self {
        self.block(1, &[&[1, 0, 0, 0, 0, 0, 4, 0][..], &Self::option(11, filter)].concat())
    }

    fn packet(self, interface: u8, wire: usize, bytes: &[u8], options: &[u8]) -> Self {
        // All have the same time, of some day in 2023.
        let fixed = [u32::from(interface), 0x0006_0a24, 0x1000_0000, bytes.len() as u32, wire as u32];
        let padding = vec![0; bytes.len().next_multiple_of(4) - bytes.len()];
        self.block(6, &[&fixed.map(u32::to_le_bytes).concat()[..], bytes, &padding, options].concat())
    }

    pub(super) fn frames(self, interface: u8, frames: &[Vec<u8>]) -> Self {
        frames.iter().fold(self, |file, frame| file.packet(interface, frame.len(), frame, &[]))
    }

    /// Frames that the snaplen cut to so many bytes.
    pub(super) fn cut(self, frames: &[Vec<u8>], len: usize) -> Self {
        frames.iter().fold(self, |file, frame| file.packet(0, frame.len(), &frame[..len], &[]))
    }

    /// A frame before which so many were lost.
    pub(super) fn after_lost(self, lost: u64, frame: &[u8]) -> Self {
        self.packet(0, frame.len(), frame, &Self::option(4, &lost.to_le_bytes()))
    }

    /// Ethernet frames with direction flags: `flag` is 1 for inbound, 2 for outbound.
    pub(super) fn flagged(self, flag: impl Fn(&[u8]) -> u32, frames: &[Vec<u8>]) -> Self {
        frames.iter().fold(self, |file, frame| {
            file.packet(0, frame.len(), frame, &Self::option(2, &flag(frame).to_le_bytes()))
        })
    }

    /// The statistics of interface 0, as pairs of an option's code and a counter.
    pub(super) fn statistics(self, counters: &[(u16, u64)]) -> Self {
        let options: Vec<u8> =
            counters.iter().flat_map(|(code, count)| Self::option(*code, &count.to_le_bytes())).collect();
        self.block(5, &[&[0; 12][..], &options].concat())
    }

    pub(super) fn end(self) -> Vec<u8> {
        self.0
    }
}

pub(super) const IN: u32 = 1;
pub(super) const OUT: u32 = 2;

/// The direction flags of a capture at this host: outbound is what its MAC address sends.
pub(super) fn at(host: Host) -> impl Fn(&[u8]) -> u32 {
    move |frame| if frame[11] == host.mac { OUT } else { IN }
}

/// A file of Ethernet frames with direction flags, captured at this host.
pub(super) fn captured_at(host: Host, frames: &[Vec<u8>]) -> Vec<u8> {
    Pcapng::new().interface(ETHERNET).flagged(at(host), frames).end()
}

/// Ethernet frames as a capture of all of A's interfaces shows them (SLL2), on a device of this hardware type.
pub(super) fn cooked(hardware: u16, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let cook = |frame: &Vec<u8>| {
        let [high, low] = hardware.to_be_bytes();
        let kind = if frame[11] == A.mac { 4 } else { 0 };
        // Only Ethernet has MAC addresses.
        let address = if hardware == 1 { 6 } else { 0 };
        let index = (hardware % 200) as u8;
        let head = [frame[12], frame[13], 0, 0, 0, 0, 0, index, high, low, kind, address];
        let sender = if hardware == 1 { &frame[6..12] } else { &[0; 6] };
        [&head[..], sender, &[0, 0], &frame[14..]].concat()
    };
    frames.iter().map(cook).collect()
}

/// The same in the older format (SLL).
pub(super) fn cooked_once(hardware: u16, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let older = |frame: Vec<u8>| {
        let head = [0, frame[10], frame[8], frame[9], 0, frame[11]];
        [&head[..], &frame[12..20], &frame[..2], &frame[20..]].concat()
    };
    cooked(hardware, frames).into_iter().map(older).collect()
}
