//! Overlapping segments, sent to a real kernel: what it hands to a socket is what a search sees.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::Duration;

use ovlsniff::packet::{Frame, InterfaceNumber, LinkType, Timestamp, TunnelPorts};
use ovlsniff::pattern::{Expressions, Pattern, StreamPattern};
use ovlsniff::search::{Found, Overlap, Search, SearchOptions, StreamOptions};

use super::hosts::Hosts;

/// Opens a connection for each line of standard input, from an address that nobody has: the port, the length of the text, and
/// the segments, each as its place and its bytes in hexadecimal digits.
const SEND: &str = "
import socket, struct, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
wire.bind(('eth0', 0))
wire.settimeout(5)
ends = socket.inet_aton('192.0.2.77') + socket.inet_aton('192.0.2.2')
def checksum(data):
    data += b'\\0' * (len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff
def send(port, sequence, acknowledgement, flags, data):
    tcp = struct.pack('!HHIIBBHHH', port, 7007, sequence, acknowledgement, 0x50, flags, 65535, 0, 0) + data
    sum = checksum(ends + struct.pack('!HH', 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack('!H', sum) + tcp[18:]
    ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ends
    ip = ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:]
    wire.send(bytes.fromhex('020000000002020000000001') + b'\\x08\\0' + ip + tcp)
for line in sys.stdin:
    port, length, *segments = line.split()
    port = int(port)
    send(port, 1000, 0, 2, b'')
    while True:
        frame = wire.recv(2048)
        if frame[23] == 6 and frame[36:38] == struct.pack('!H', port) and frame[47] == 0x12:
            break
    answer = struct.unpack('!I', frame[38:42])[0] + 1 & 0xffffffff
    send(port, 1001, answer, 16, b'')
    for segment in segments:
        place, data = segment.split(':')
        send(port, 1001 + int(place), answer, 16, bytes.fromhex(data))
    send(port, 1001 + int(length), answer, 17, b'')
    time.sleep(0.0005)
";

const PORT: u16 = 7007;
const CONNECTIONS: u16 = 200;

/// The segments of a connection: place and bytes.
type Segments = Vec<(usize, Vec<u8>)>;

/// Makes a text of which each segment has a letter of its own, so that it tells what was read of which. Where segments may not
/// be in a row, all begin at even places and end behind odd ones.
fn segments(random: &mut impl FnMut(usize) -> usize, in_a_row: bool) -> (usize, Segments) {
    let len = 21 + 2 * random(30);
    let mut cuts: Vec<usize> = (0..random(5)).map(|_| 1 + random(len - 1)).chain([0, len]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut parts: Vec<(usize, usize)> = cuts.windows(2).map(|cut| (cut[0], cut[1])).collect();
    for _ in 0..random(8) {
        let from = random(len);
        parts.push((from, len.min(from + 1 + random(12))));
    }
    for at in (1..parts.len()).rev() {
        parts.swap(at, random(at + 1));
    }
    // The first one comes last, so that all others wait.
    parts.sort_by_key(|part| part.0 == 0);
    let wider = |(from, to): (usize, usize)| if in_a_row { (from, to) } else { (from & !1, to | 1) };
    let fill = |(number, (from, to)): (u8, (usize, usize))| (from, vec![b'A' + number; to - from]);
    (len, (0..).zip(parts.into_iter().map(wider)).map(fill).collect())
}

/// Returns the text that a search sees of each connection, and whether it says that segments differ.
fn ours(all: &BTreeMap<u16, (usize, Segments)>) -> BTreeMap<u16, (String, bool)> {
    let expressions = Expressions { patterns: vec!["[!-~]{1,30}".to_owned()], ..Expressions::default() };
    let pattern = Pattern::new(&expressions).unwrap();
    let mut search = Search::new(pattern, TunnelPorts::default(), SearchOptions::default());
    search.follow_streams(StreamPattern::new(&expressions, 1 << 16).unwrap(), StreamOptions::default());
    let mut seen: BTreeMap<u16, (String, bool)> = BTreeMap::new();
    let mut sink = |found: Found<'_>| -> Result<(), Infallible> {
        let Some(stretch) = found.stream else { return Ok(()) };
        let port = found.packet.headers.transport.ports().unwrap().source;
        let (text, differs) = seen.entry(port).or_default();
        for span in found.spans {
            text.push_str(std::str::from_utf8(&found.packet.payload[span.clone()]).unwrap());
        }
        *differs |= stretch.overlap == Overlap::Differs;
        Ok(())
    };
    let mut number = 0;
    for (port, (len, segments)) in all {
        let mut take = |ahead: usize, flags: u8, data: &[u8]| {
            let mut packet = vec![0x45, 0];
            packet.extend((40 + data.len() as u16).to_be_bytes());
            packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 77, 192, 0, 2, 2]);
            packet.extend([port.to_be_bytes(), PORT.to_be_bytes()].concat());
            packet.extend([&(1000 + ahead as u32).to_be_bytes()[..], &[0, 0, 0, 9, 0x50, flags]].concat());
            packet.extend([0xff, 0xff, 0, 0, 0, 0]);
            packet.extend(data);
            number += 1;
            let frame = Frame {
                number,
                time: Timestamp::new(1, 0, 9),
                link: LinkType::RAW,
                interface: InterfaceNumber(0),
                direction: None,
                wire_len: packet.len() as u32,
                bytes: &packet,
            };
            let Ok(()) = search.frame(&frame, &mut sink);
        };
        take(0, 2, &[]);
        for (place, data) in segments {
            take(1 + place, 16, data);
        }
        take(1 + len, 17, &[]);
    }
    let Ok(()) = search.finish(&mut sink);
    seen
}

#[test]
#[ignore = "needs root"]
fn overlapping_segments_are_read_as_this_kernel_reads_them() {
    let hosts = Hosts::new();
    hosts.b.ip("neigh add 192.0.2.77 lladdr 02:00:00:00:00:01 dev eth0 nud permanent");
    let listener = hosts.b.run(|| TcpListener::bind(("192.0.2.2", PORT)).unwrap());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 9) as usize % below
    };
    // Half of them have segments in a row, which the kernel makes one, or not.
    let in_a_row = |port: u16| port % 2 == 0;
    let ports = 40_000..40_000 + CONNECTIONS;
    let all: BTreeMap<_, _> = ports.map(|port| (port, segments(&mut random, in_a_row(port)))).collect();
    let mut lines = String::new();
    for (port, (len, segments)) in &all {
        write!(lines, "{port} {len}").unwrap();
        for (place, data) in segments {
            write!(lines, " {place}:").unwrap();
            for byte in data {
                write!(lines, "{byte:02x}").unwrap();
            }
        }
        lines.push('\n');
    }
    let reader = std::thread::spawn(move || {
        let mut read = BTreeMap::new();
        for _ in 0..CONNECTIONS {
            let (mut socket, SocketAddr::V4(peer)) = listener.accept().unwrap() else { panic!("IPv4") };
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut text = String::new();
            socket.read_to_string(&mut text).unwrap();
            read.insert(peer.port(), text);
        }
        read
    });
    hosts.a.run(|| {
        let mut python = Command::new("python3");
        let mut child = python.args(["-c", SEND]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    });
    let theirs = reader.join().unwrap();
    let ours = ours(&all);
    assert_eq!(ours.len(), theirs.len());
    let mut others = 0;
    for (port, (text, differs)) in ours {
        let segments = &all[&port];
        if in_a_row(port) {
            others += usize::from(text != theirs[&port]);
            assert!(differs || text == theirs[&port], "{segments:?}");
        } else {
            assert_eq!(text, theirs[&port], "{segments:?}");
        }
    }
    assert!(others < 10, "{others} connections are read otherwise");
}
