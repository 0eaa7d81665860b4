//! Comparing our reader with libpcap.

use std::path::Path;

use super::build::{BIG, LITTLE};
use super::{SWARM, file, read};

/// Reads a file with libpcap. Returns the time in nanoseconds, the captured bytes and the wire length of every frame.
fn witness(path: &Path) -> Vec<(i64, Vec<u8>, u32)> {
    let mut capture = pcap::Capture::from_file_with_precision(path, pcap::Precision::Nano).unwrap();
    let mut frames = Vec::new();
    while let Ok(packet) = capture.next_packet() {
        let nanos = packet.header.ts.tv_sec * 1_000_000_000 + packet.header.ts.tv_usec;
        frames.push((nanos, packet.data.to_vec(), packet.header.len));
    }
    frames
}

#[track_caller]
fn agree(path: &Path) {
    let ours: Vec<_> = read(path).frames.into_iter().map(|f| (f.nanos, f.bytes, f.wire_len)).collect();
    assert!(!ours.is_empty());
    assert_eq!(ours, witness(path));
}

#[test]
fn a_real_capture_is_read_as_libpcap_reads_it() {
    agree(SWARM.as_ref());
}

#[test]
fn old_versions_are_read_as_libpcap_reads_them() {
    for order in [LITTLE, BIG] {
        for version in [(2, 0), (2, 1), (2, 2), (2, 3), (2, 4), (543, 0)] {
            for lengths in [[3, 3], [3, 60], [60, 3]] {
                let [first, second] = lengths;
                let (captured, wire) = match version {
                    (2, 4) => (first, second),
                    (2, 3) => (first.min(second), first.max(second)),
                    _ => (second, first),
                };
                // If more was captured than there was, libpcap believes both numbers, and this reader the larger one.
                if captured > wire {
                    continue;
                }
                let record = [order.u32s(&[5, 7, first, second]), vec![7; captured as usize]].concat();
                let file_bytes = [order.pcap_of(version, 0xa1b2_c3d4, 1), record.clone(), record];
                let (_dir, path) = file(&file_bytes.concat());
                agree(&path);
            }
        }
    }
}

#[test]
fn built_files_are_read_as_libpcap_reads_them() {
    for order in [LITTLE, BIG] {
        for magic in [0xa1b2_c3d4, 0xa1b2_3c4d] {
            let file_bytes = [
                order.pcap(magic, 1),
                order.record(5, 7, 30, b"abc"),
                order.record(0x7fff_ffff, 999_999, 3, b"xyz"),
            ];
            let (_dir, path) = file(&file_bytes.concat());
            agree(&path);
        }
        for resolution in [0u8, 3, 6, 9, 12, 0x80 + 20] {
            let options = [order.option(9, &[resolution]), order.option(14, &order.u64(60))].concat();
            let blocks = [
                order.section(),
                order.interface(1, 0, &options),
                order.packet(0, 1_700_000, 30, b"abc", &[]),
                order.block(2, &[&order.u32s(&[0, 0, 123_456, 2, 2])[..], b"ob"].concat()),
            ];
            let (_dir, path) = file(&blocks.concat());
            agree(&path);
        }
    }
}
