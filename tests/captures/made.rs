//! Frames and capture files that are put together byte by byte.

use std::net::Ipv4Addr;

use tempfile::TempDir;

/// A capture of two nodes of a Docker Swarm. Frames 22 and 24 are HTTP in VXLAN 4097, ten frames are ESP.
pub(crate) const SWARM: &str = "tests/fixtures/swarm/swarm-node1.pcap";

fn v4(text: &str) -> [u8; 4] {
    text.parse::<Ipv4Addr>().unwrap().octets()
}

/// An IPv4 packet. `fragment` is the field with flags and offset.
pub(crate) fn ipv4(from: &str, to: &str, protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0x12, 0x34]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend([v4(from), v4(to)].concat());
    packet.extend(payload);
    packet
}

/// An Ethernet frame around an IPv4 packet.
pub(crate) fn ethernet(packet: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0], packet].concat()
}

pub(crate) fn udp_segment(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    segment.extend(((8 + payload.len()) as u16).to_be_bytes());
    segment.extend([0, 0]);
    segment.extend(payload);
    segment
}

/// A UDP datagram from port 4000, in Ethernet.
pub(crate) fn udp(from: &str, to: &str, port: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(&ipv4(from, to, 17, 0, &udp_segment(4000, port, payload)))
}

/// UDP and VXLAN headers, followed by `inner`.
pub(crate) fn vxlan_segment(port: u16, vni: u32, inner: &[u8]) -> Vec<u8> {
    let header = [&[8, 0, 0, 0][..], &vni.to_be_bytes()[1..], &[0]].concat();
    udp_segment(50000, port, &[&header, inner].concat())
}

/// `inner` in VXLAN between 192.0.2.1 and 192.0.2.2.
pub(crate) fn vxlan(port: u16, vni: u32, inner: &[u8]) -> Vec<u8> {
    ethernet(&ipv4("192.0.2.1", "192.0.2.2", 17, 0, &vxlan_segment(port, vni, inner)))
}

/// The fragments of an IPv4 payload as frames, with `size` bytes each (a multiple of eight).
pub(crate) fn fragments(from: &str, to: &str, protocol: u8, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let last = payload.len().div_ceil(size) - 1;
    let fragment = |(n, part): (usize, &[u8])| {
        let more = if n == last { 0 } else { 0x2000 };
        ethernet(&ipv4(from, to, protocol, more | (n * size / 8) as u16, part))
    };
    payload.chunks(size).enumerate().map(fragment).collect()
}

/// An ESP packet of bytes that have no meaning.
pub(crate) fn esp(spi: u32) -> Vec<u8> {
    let noise = (0..96u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8);
    let body: Vec<u8> = spi.to_be_bytes().into_iter().chain([0, 0, 0, 1]).chain(noise).collect();
    ethernet(&ipv4("192.0.2.1", "192.0.2.2", 50, 0, &body))
}

/// The bytes of a classic capture file of Ethernet frames. `fraction` is that of the first frame's time, and 1000 is
/// added for each frame.
pub(crate) fn capture(magic: u32, fraction: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let u32s = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let mut file = u32s(&[magic, 0x0004_0002, 0, 0, 65535, 1]);
    for (n, frame) in (0..).zip(frames) {
        let len = frame.len() as u32;
        file.extend(u32s(&[1_700_000_000, fraction + n * 1000, len, len]));
        file.extend(frame);
    }
    file
}

fn write(bytes: &[u8]) -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("made.pcap");
    std::fs::write(&file, bytes).unwrap();
    (dir, file.to_str().unwrap().to_owned())
}

/// A capture file of these frames. It exists as long as the directory.
pub(crate) fn pcap(frames: &[Vec<u8>]) -> (TempDir, String) {
    write(&capture(0xa1b2_c3d4, 500_000, frames))
}

/// A capture file with nanoseconds, the first frame at .123456789.
pub(crate) fn pcap_nanos(frames: &[Vec<u8>]) -> (TempDir, String) {
    write(&capture(0xa1b2_3c4d, 123_456_789, frames))
}

pub(crate) fn frames(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[24..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        frames.push(rest[16..16 + len].to_vec());
        rest = &rest[16 + len..];
    }
    frames
}
