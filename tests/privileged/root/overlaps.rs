//! Overlapping fragments, sent to a real kernel: what it hands to a socket is what a search sees.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::Duration;

use ovlsniff::dissect::Dissector;
use ovlsniff::packet::{Frame, InterfaceNumber, LinkType, Timestamp, TunnelPorts};

use super::hosts::Hosts;

/// Sends the frames on standard input, one on a line in hexadecimal digits.
const SEND: &str = "
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
for line in sys.stdin:
    s.send(bytes.fromhex(line))
    time.sleep(0.0005)
";

const PORT: u16 = 7007;
const DATAGRAMS: u16 = 300;

/// A fragment of datagram `id` with the bytes from `start` to `end`. They tell the place, and the copy that they are of.
fn fragment(id: u16, len: u16, (start, end): (u16, u16), more: bool, copy: u8) -> Vec<u8> {
    let header = [40_000, PORT, len, 0, id].map(u16::to_be_bytes).concat();
    let byte = |at: u16| header.get(usize::from(at)).copied().unwrap_or(at as u8 ^ copy << 6);
    let payload: Vec<u8> = (start..end).map(byte).collect();
    let mut ip = vec![0x45, 0];
    ip.extend((20 + payload.len() as u16).to_be_bytes());
    ip.extend(id.to_be_bytes());
    ip.extend(((start / 8) | (u16::from(more) << 13)).to_be_bytes());
    ip.extend([64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    let sum: u32 = ip.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0], &ip[..], &payload].concat()
}

/// Fragments of many datagrams: each whole one in pieces, in any order, with up to two pieces of forged copies among them.
fn frames() -> Vec<Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u16| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % u64::from(below)) as u16
    };
    let mut frames = Vec::new();
    for id in 1..=DATAGRAMS {
        let len = [40, 48, 61, 64][usize::from(random(4))];
        let mut cuts: Vec<u16> = (0..3).map(|_| 8 * (1 + random(len / 8 - 1))).chain([0, len]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let mut pieces: Vec<_> =
            cuts.windows(2).map(|cut| fragment(id, len, (cut[0], cut[1]), cut[1] < len, 0)).collect();
        for copy in 0..random(3) as u8 {
            let start = 8 * random(len / 8);
            let end = (start + 8 * random(5) + [0, 0, 0, 3][usize::from(random(4))]).min(len);
            let last = if end == len { random(5) < 4 } else { random(7) == 0 };
            let at = usize::from(random(pieces.len() as u16 + 1));
            pieces.insert(at, fragment(id, len, (start, end), !last, copy + 1));
        }
        if random(2) == 0 {
            let turn = usize::from(random(pieces.len() as u16));
            pieces.rotate_left(turn);
        }
        frames.append(&mut pieces);
    }
    frames
}

/// Returns the payloads of the datagrams that a search sees whole, by their number.
fn ours(frames: &[Vec<u8>]) -> BTreeMap<Vec<u8>, u32> {
    let mut dissector = Dissector::new(TunnelPorts::default());
    let mut seen = BTreeMap::new();
    for (number, bytes) in (1..).zip(frames) {
        let frame = Frame {
            number,
            time: Timestamp::new(0, 0, 6),
            link: LinkType::ETHERNET,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: bytes.len() as u32,
            bytes,
        };
        let taken = dissector.frame(&frame, &mut |_, dissected| {
            let packet = dissected.packet;
            let whole = packet.headers.ip.is_some_and(|ip| ip.fragment.is_none()) && packet.stop.is_none();
            if whole && packet.headers.transport.ports().is_some_and(|ports| ports.destination == PORT) {
                *seen.entry(packet.payload.to_vec()).or_default() += 1;
            }
            Ok::<_, ()>(())
        });
        taken.unwrap();
    }
    seen
}

#[test]
#[ignore = "needs root"]
fn overlapping_fragments_are_joined_as_this_kernel_joins_them() {
    let hosts = Hosts::new();
    let socket = hosts.b.run(|| UdpSocket::bind(("192.0.2.2", PORT)).unwrap());
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let frames = frames();
    let mut lines = String::new();
    for frame in &frames {
        for byte in frame {
            write!(lines, "{byte:02x}").unwrap();
        }
        lines.push('\n');
    }
    hosts.a.run(|| {
        let mut python = Command::new("python3");
        let mut child = python.args(["-c", SEND]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    });
    let mut theirs = BTreeMap::new();
    let mut buffer = [0; 2048];
    while let Ok(len) = socket.recv(&mut buffer) {
        *theirs.entry(buffer[..len].to_vec()).or_default() += 1;
    }
    let delivered = theirs.values().sum::<u32>();
    assert!((100..u32::from(DATAGRAMS)).contains(&delivered), "{delivered} of {DATAGRAMS}");
    assert_eq!(ours(&frames), theirs);
}
