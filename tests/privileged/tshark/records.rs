//! Records of capture files, read by ovlsniff and by tshark: numbers, times and lengths. Wireshark 4.0 was asked; a later
//! one may number other blocks.

use std::path::Path;
use std::process::Command;

use ovlsniff::capture::savefile::{Interface, Savefile};
use ovlsniff::capture::write::{Counters, Format, Writer};
use ovlsniff::packet::{Frame, InterfaceNumber, LinkType, Timestamp};

use crate::build::{BIG, LITTLE, Order};

/// The parts of a frame that are compared: its number, its time in nanoseconds, and its lengths on the wire and in the file.
type Row = (u64, Option<i64>, u32, usize);

/// A broadcast frame of a type for experiments, which every program shows as Ethernet.
const FRAME: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, 1, 2, 3, 4];
const LEN: u32 = FRAME.len() as u32;

fn ours(path: &Path) -> Vec<Row> {
    let mut file = Savefile::open(path).unwrap();
    let mut rows = Vec::new();
    while let Some(frame) = file.next().unwrap() {
        let time = frame.time.known.then_some(frame.time.nanos);
        rows.push((frame.number, time, frame.wire_len, frame.bytes.len()));
    }
    rows
}

/// Returns the frames that tshark finds, without the records that are none.
fn theirs(path: &Path) -> Vec<Row> {
    let fields = ["frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "eth.type"];
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-T", "fields"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .arg("-r")
        .arg(path);
    let output = command.output().expect("tshark starts");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| !row[4].is_empty())
        .map(|row| {
            let time = (!row[1].is_empty()).then(|| row[1].replace('.', "").parse().unwrap());
            (row[0].parse().unwrap(), time, row[2].parse().unwrap(), row[3].parse().unwrap())
        })
        .collect()
}

#[track_caller]
fn agree(bytes: &[u8], frames: usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture");
    std::fs::write(&path, bytes).unwrap();
    let rows = ours(&path);
    assert_eq!(rows.len(), frames);
    assert_eq!(rows, theirs(&path));
}

/// A pcapng file with a frame before and behind each of these blocks.
fn around(order: Order, blocks: &[Vec<u8>]) -> Vec<u8> {
    let packet = order.packet(0, 1_700_000_000_123_456, LEN, FRAME, &[]);
    let mut file = [order.section(), order.interface(1, 0, &[]), packet.clone()].concat();
    for block in blocks {
        file.extend(block);
        file.extend(&packet);
    }
    file
}

#[test]
#[ignore = "needs tshark"]
fn records_that_are_no_packets_are_numbered_as_wireshark_does() {
    for order in [LITTLE, BIG] {
        let journal = b"__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=hello\n_PID=1\n";
        // An event of sysdig: CPU, time, thread, length, type; from the second version on also a number of parameters.
        let event = |longer: &[u8]| {
            let time = order.u64(1_700_000_000_000_000_000);
            let len = order.u32(26 + longer.len() as u32);
            [&order.u16(0)[..], &time, &order.u64(77), &len, &order.u16(4), longer, &[0; 6]].concat()
        };
        let custom = |number: u32| [&order.u32(number)[..], b"hello world!"].concat();
        let blocks = [
            order.block(9, journal),
            order.block(0x204, &event(&[])),
            order.block(0x216, &event(&[0; 4])),
            order.block(0x221, &event(&[0; 4])),
            order.block(0xbad, &custom(0xdead)),
            order.block(0x4000_0bad, &custom(0xdead)),
            [order.block(0xbad, &custom(1)), order.block(0xbad, &custom(2))].concat(),
            // These have no number: names, statistics, secrets, IRIG, avionics, and types that are not known.
            order.block(4, &[0; 4]),
            order.block(5, &order.u32s(&[0, 0, 0])),
            order.block(7, b"abcd"),
            order.block(8, b"abcd"),
            order.block(0x101, b"abcd"),
            order.block(0x208, &event(&[])),
            order.block(0x8000_0001, b"abcd"),
        ];
        agree(&around(order, &blocks), blocks.len() + 1);
    }
}

#[test]
#[ignore = "needs tshark"]
fn simple_packets_have_no_time_there_either() {
    let simple = LITTLE.block(3, &[&LITTLE.u32(LEN)[..], FRAME].concat());
    agree(&around(LITTLE, &[simple.clone(), simple]), 5);
}

#[test]
#[ignore = "needs tshark"]
fn old_and_odd_classic_files_are_read_alike() {
    for order in [LITTLE, BIG] {
        for (magic, number) in [(0xa1b2_c3d4, 123_456), (0xa1b2_3c4d, 123_456_789)] {
            for version in [(2, 0), (2, 1), (2, 2), (2, 3), (543, 0)] {
                let record = [order.u32s(&[1_700_000_000, number, 100, LEN]), FRAME.to_vec()].concat();
                agree(&[order.pcap_of(version, magic, 1), record.clone(), record].concat(), 2);
            }
            for version in [(2, 3), (2, 4)] {
                let record = order.record(1_700_000_000, number, 100, FRAME);
                agree(&[order.pcap_of(version, magic, 1), record.clone(), record].concat(), 2);
            }
        }
        let record = order.record(1_700_000_000, 123_456, LEN, FRAME);
        agree(&[order.pcap_of((2, 2), 0xa1b2_c3d4, 6), record.clone()].concat(), 1);
        let size = order.u32(record.len() as u32).to_vec();
        agree(&[order.pcap(0x1c00_01ab, 1), size, record].concat(), 1);
    }
}

#[test]
#[ignore = "needs tshark"]
fn what_is_written_is_read_by_wiresharks_programs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.pcapng");
    let interface = |name: &str| Interface {
        name: Some(name.to_owned()),
        link: LinkType::ETHERNET,
        snaplen: 262_144,
        digits: 9,
        filter: Some(ovlsniff::capture::savefile::Filtered::Expression("udp port 7".to_owned())),
    };
    let (eth0, eth1) = (interface("eth0"), interface("eth1"));
    let time = Timestamp::new(1_700_000_000, 123_456_789, 9);
    let frame = Frame {
        number: 1,
        time,
        link: LinkType::ETHERNET,
        interface: InterfaceNumber(0),
        direction: None,
        wire_len: LEN,
        bytes: FRAME,
    };
    let counters = Counters {
        from: time,
        to: Timestamp::new(1_700_000_005, 0, 9),
        received: 9,
        lost_by_interface: Some(1),
        lost_by_system: 2,
        delivered: Some(7),
    };
    let mut file = Writer::create(&path, Format::Pcapng).unwrap().captured_on("Linux 6.18");
    file.write(&frame, &eth0).unwrap();
    file.write(&Frame { time: time.unknown(), ..frame }, &eth0).unwrap();
    for each in [&eth0, &eth1] {
        file.statistics(each, &counters).unwrap();
    }
    file.finish().unwrap();
    let rows = theirs(&path);
    assert_eq!(rows, [(1, Some(time.nanos), LEN, FRAME.len()), (2, None, LEN, FRAME.len())]);
    assert_eq!(rows, ours(&path));
    let output = Command::new("capinfos").arg(&path).output().expect("capinfos starts");
    let told = String::from_utf8(output.stdout).unwrap();
    let program = format!("ovlsniff {}", env!("CARGO_PKG_VERSION"));
    for words in [
        "Linux 6.18",
        &program,
        "Name = eth0",
        "Name = eth1",
        "Filter string = udp port 7",
        "stat entries = 1",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
