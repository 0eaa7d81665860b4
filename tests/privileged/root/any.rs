//! The capture on all interfaces, beside tcpdump's.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::sys::signal::Signal;
use ovlsniff::capture::live::{CaptureOptions, Device, Event, Live};
use ovlsniff::capture::savefile::Savefile;
use ovlsniff::packet::{Direction, LinkType};

use super::hosts::Hosts;
use crate::run::{PATIENCE, send, until};

/// A frame: its captured bytes, and its length on the wire.
type Frame = (Vec<u8>, u32);

/// tcpdump on all interfaces of a host, until a frame with the last payload is in its file.
struct Tcpdump {
    child: Child,
    file: tempfile::NamedTempFile,
}

impl Tcpdump {
    fn start(hosts: &Hosts, words: &[&str]) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("tcpdump");
        command.args([
            "-i",
            "any",
            "-y",
            "LINUX_SLL2",
            "--immediate-mode",
            "-B",
            "65536",
            "-U",
            "-Z",
            "root",
            "-w",
        ]);
        command.arg(file.path()).args(words).stderr(Stdio::piped());
        let mut child = hosts.a.run(|| command.spawn()).expect("tcpdump");
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on any") {
            line.clear();
            assert!(err.read_line(&mut line).unwrap() > 0, "tcpdump ended");
        }
        Self { child, file }
    }

    /// Returns the frames, without what libpcap leaves behind a short address: bytes of older frames.
    fn frames(mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        until("tcpdump has the last frame", || {
            frames = written(self.file.path());
            frames.iter().any(|(_, wire_len)| is_last(*wire_len))
        });
        send(&self.child, Signal::SIGTERM);
        self.child.wait().unwrap();
        frames
    }
}

/// Reads what there is of a file that grows.
fn written(path: &Path) -> Vec<Frame> {
    let mut frames = Vec::new();
    let Ok(mut file) = Savefile::open(path) else { return frames };
    while let Ok(true) = file.advance() {
        let frame = file.frame();
        let mut bytes = frame.bytes.to_vec();
        let known = 12 + usize::from(bytes[11]).min(8);
        bytes[known..20].fill(0);
        frames.push((bytes, frame.wire_len));
    }
    frames
}

/// The payload of the last datagram. No other frame is as long, so it is known where the snaplen cuts it off, too.
const LAST: &[u8] = &[b'z'; 333];

fn is_last(wire_len: u32) -> bool {
    wire_len as usize == 20 + 28 + LAST.len()
}

/// Takes all frames up to the last one.
fn ours(live: &mut Live) -> Vec<Frame> {
    let end = Instant::now() + PATIENCE;
    let mut frames = Vec::new();
    loop {
        match live.next(Some(end)).unwrap() {
            Event::Frame(frame) => {
                assert_eq!(frame.link, LinkType::LINUX_SLL2);
                frames.push((frame.bytes.to_vec(), frame.wire_len));
                if is_last(frame.wire_len) {
                    return frames;
                }
            }
            Event::Deadline => panic!("the last one did not come: {} frames", frames.len()),
            _ => {}
        }
    }
}

/// Sends frames of all kinds through the first host: both ways, on the loopback, in a tunnel, with VLAN tags, from an
/// interface that comes and goes.
fn traffic(hosts: &Hosts) {
    let raw = |host: &super::hosts::Host, frames: &[&[u8]]| {
        host.run(|| {
            let mut sender = pcap::Capture::from_device("eth0").unwrap().open().unwrap();
            for rest in frames {
                let addresses = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9];
                sender.sendpacket([&addresses[..], rest].concat()).unwrap();
            }
        });
    };
    for size in [1, 100, 1400, 9000] {
        let payload = vec![b'x'; size];
        hosts.a.send("192.0.2.2", 4243, &payload, 2);
        hosts.b.send("192.0.2.1", 4243, &payload, 2);
        hosts.a.send("127.0.0.1", 4243, &payload, 1);
        hosts.a.send("10.0.9.2", 4243, &payload, 1);
        hosts.b.send("10.0.9.1", 4243, &payload, 1);
    }
    let frames: [&[u8]; 6] = [
        &[0x81, 0, 0x20, 7, 0x88, 0xb5, 1, 2, 3, 4],
        &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 0x88, 0xb5, 1, 2, 3, 4],
        &[0x81, 0, 0, 0, 0x88, 0xb5, 1, 2, 3, 4],
        &[0x88, 0xb5, 1, 2, 3, 4],
        &[0, 6, 0x42, 0x42, 3, 4, 5, 6],
        &[0x08, 0x06, 0],
    ];
    raw(&hosts.b, &frames);
    raw(&hosts.a, &frames);
    hosts.a.ip("link add new type veth peer name other
                addr add 203.0.113.1/24 dev new
                link set new up
                link set other up
                neigh add 203.0.113.2 lladdr 02:00:00:00:00:07 dev new");
    hosts.a.send("203.0.113.2", 4243, b"new", 1);
    hosts.a.ip("link set new down\nlink del new");
    hosts.a.send("192.0.2.2", 4243, b"the interface is gone", 1);
}

/// Captures the same by a ring of our own and by tcpdump.
fn both(hosts: &Hosts, words: &[&str], options: CaptureOptions<'_>) -> [Vec<Frame>; 2] {
    let tcpdump = Tcpdump::start(hosts, words);
    let options = CaptureOptions { namespace: Some(&hosts.a.namespace), ..options };
    let mut live = Live::open(&[Device::new("any")], &options).unwrap();
    traffic(hosts);
    hosts.b.send("192.0.2.1", 4243, LAST, 1);
    let ours = ours(&mut live);
    assert_eq!(live.statistics().dropped_kernel, 0);
    [ours, tcpdump.frames()]
}

/// Asserts that the frames are the same. Two sockets may get those of two processors in another order.
fn assert_same(mut ours: Vec<Frame>, mut theirs: Vec<Frame>, words: &[&str]) {
    ours.sort();
    theirs.sort();
    let differ = ours.iter().zip(&theirs).find(|(our, their)| our != their);
    assert!(
        ours.len() == theirs.len() && differ.is_none(),
        "{words:?}: {} and {} frames, {differ:?}",
        ours.len(),
        theirs.len()
    );
}

#[test]
#[ignore = "needs root"]
fn all_interfaces_give_what_tcpdump_captures() {
    let hosts = Hosts::new();
    hosts.overlay("vx", 42, "0.9");
    let defaults = CaptureOptions::default;
    for (words, options, least) in [
        (&[][..], defaults(), 60),
        (&["-s", "60"], CaptureOptions { snaplen: 60, ..defaults() }, 60),
        (&["-s", "5"], CaptureOptions { snaplen: 5, ..defaults() }, 60),
        (&["-Q", "in"], CaptureOptions { direction: Some(Direction::In), ..defaults() }, 30),
    ] {
        let [ours, theirs] = both(&hosts, words, options);
        assert!(ours.len() >= least, "{words:?}: {} frames", ours.len());
        assert_same(ours, theirs, words);
    }
}

/// The kernel cannot test the kind of an interface, nor a byte of an address. Then libpcap captures.
#[test]
#[ignore = "needs root"]
fn filters_on_all_interfaces_pass_what_they_pass_in_tcpdump() {
    let hosts = Hosts::new();
    hosts.overlay("vx", 42, "0.9");
    for (filter, least) in [
        ("udp", 40),
        ("not (ifindex 1)", 60),
        ("inbound and ip", 20),
        ("ip[6:2] & 0x3fff != 0 or udp[4:2] = 341", 10),
        ("link[8:2] = 1", 50),
        ("link[12] = 2", 20),
    ] {
        let options = CaptureOptions { filter: Some(filter.into()), ..CaptureOptions::default() };
        let [ours, theirs] = both(&hosts, &[filter], options);
        assert!(ours.len() >= least, "{filter}: {} frames", ours.len());
        assert_same(ours, theirs, &[filter]);
    }
}
