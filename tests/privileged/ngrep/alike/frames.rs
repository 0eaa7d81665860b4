//! Frames to compare, and the files that hold them.

use crate::made;

/// The addresses of most packets.
pub(crate) const FROM: &str = "10.0.0.1";
pub(crate) const TO: &str = "10.0.0.2";

/// A frame, and how ngrep has to be given it so that its text for it is right.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    pub(crate) bytes: Vec<u8>,
    /// The length that the frame had on the wire.
    pub(crate) wire_len: usize,
    /// The same packet in a form that ngrep reads without a fault. `None` if it reads the frame as it is.
    pub(crate) plain: Option<Vec<u8>>,
    /// Seconds, and millionths of a second. `None` for a millisecond after the frame before.
    pub(crate) time: Option<(u32, u32)>,
}

impl Shot {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { wire_len: bytes.len(), bytes, plain: None, time: None }
    }

    /// A frame that ngrep misreads, and the same in a form that it reads.
    pub(crate) fn misread(bytes: Vec<u8>, plain: Vec<u8>) -> Self {
        Self { plain: Some(plain), ..Self::new(bytes) }
    }

    /// The frame as the snaplen leaves it.
    pub(crate) fn cut(mut self, len: usize) -> Self {
        self.bytes.truncate(len);
        self
    }

    pub(crate) fn at(mut self, seconds: u32, micros: u32) -> Self {
        self.time = Some((seconds, micros));
        self
    }
}

/// The format of a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Micros,
    Nanos,
    BigEndian,
    Pcapng,
}

/// Writes a capture file. Frame `n` has the time 1,700,000,000.5 s plus `n` ms, unless it has its own.
pub(crate) fn file(
    format: Format,
    link: u32,
    shots: &[Shot],
    bytes_of: impl Fn(&Shot) -> Vec<u8>,
) -> Vec<u8> {
    let u32s = |numbers: &[u32]| -> Vec<u8> {
        let bytes = |n: &u32| if format == Format::BigEndian { n.to_be_bytes() } else { n.to_le_bytes() };
        numbers.iter().flat_map(bytes).collect()
    };
    let mut file = match format {
        Format::Pcapng => {
            let section = [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28];
            u32s(&[&section[..], &[1, 20, link, 262_144, 20]].concat())
        }
        Format::BigEndian => u32s(&[0xa1b2_c3d4, 0x0002_0004, 0, 0, 262_144, link]),
        Format::Micros => u32s(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, link]),
        Format::Nanos => u32s(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, link]),
    };
    for (n, shot) in (0..).zip(shots) {
        let bytes = bytes_of(shot);
        let wire_len = shot.wire_len.max(bytes.len()) as u32;
        let (seconds, micros) = shot.time.unwrap_or((1_700_000_000, 500_000 + n * 1000));
        let len = bytes.len() as u32;
        if format == Format::Pcapng {
            let time = u64::from(seconds) * 1_000_000 + u64::from(micros);
            let padded = len.next_multiple_of(4);
            file.extend(u32s(&[6, 32 + padded, 0, (time >> 32) as u32, time as u32, len, wire_len]));
            file.extend(&bytes);
            file.resize(file.len() + (padded - len) as usize, 0);
            file.extend(u32s(&[32 + padded]));
        } else {
            let fraction = if format == Format::Nanos { micros * 1000 + 789 } else { micros };
            file.extend(u32s(&[seconds, fraction, len, wire_len]));
            file.extend(&bytes);
        }
    }
    file
}

/// A TCP segment without options.
pub(crate) fn tcp_segment(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    tcp_with_options(source, destination, flags, &[], payload)
}

pub(crate) fn tcp_with_options(
    source: u16,
    destination: u16,
    flags: u8,
    options: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    let words = 5 + (options.len() / 4) as u8;
    segment.extend([0, 0, 0, 1, 0, 0, 0, 2, words << 4, flags, 1, 0, 0, 0, 0, 0]);
    segment.extend(options);
    segment.extend(payload);
    segment
}

/// An IPv4 packet between the usual addresses.
pub(crate) fn ip4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    made::ipv4(FROM, TO, protocol, 0, payload)
}

/// An IPv4 packet with options, four bytes each word.
pub(crate) fn ip4_with_options(protocol: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut packet = ip4(protocol, &[options, payload].concat());
    packet[0] = 0x45 + (options.len() / 4) as u8;
    packet
}

/// An IPv6 packet from 2001:db8::1 to 2001:db8::2.
pub(crate) fn ip6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, 64]);
    for last in [1, 2] {
        packet.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    packet.extend(payload);
    packet
}

/// An IPv6 extension header of eight bytes, in front of `rest`.
pub(crate) fn extension(next: u8, rest: &[u8]) -> Vec<u8> {
    [&[next, 0, 1, 4, 0, 0, 0, 0], rest].concat()
}

/// An Ethernet frame with this type.
pub(crate) fn frame(ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let macs = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    [&macs, &ether_type.to_be_bytes()[..], packet].concat()
}

/// An Ethernet frame around an IPv4 or IPv6 packet.
pub(crate) fn ethernet(packet: &[u8]) -> Vec<u8> {
    frame(ether_type(packet), packet)
}

pub(crate) fn ether_type(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 6 { 0x86dd } else { 0x0800 }
}

/// A VLAN tag in front of what an Ethernet frame carries.
pub(crate) fn tag(id: u16, ether_type: u16, packet: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes()[..], &ether_type.to_be_bytes(), packet].concat()
}

/// A UDP datagram in IPv4.
pub(crate) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    ip4(17, &made::udp_segment(source, destination, payload))
}

/// A TCP segment in IPv4.
pub(crate) fn tcp(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    ip4(6, &tcp_segment(source, destination, flags, payload))
}
