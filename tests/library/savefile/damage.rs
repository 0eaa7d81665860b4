//! Files that are not captures or are damaged: the frames before the damage are delivered, then one sentence names
//! the fault.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use ovlsniff::capture::savefile::{Error, MAX_FRAME};
use proptest::prelude::*;

use super::build::{BIG, LITTLE};
use super::{Contents, SWARM, file, read, read_bytes};

#[test]
fn every_prefix_of_a_file_gives_its_whole_records_and_then_the_offset() {
    let whole = fs::read(SWARM).unwrap();
    let all = read(SWARM.as_ref()).frames;
    let mut ends = vec![24];
    for frame in &all {
        ends.push(ends.last().unwrap() + 16 + frame.bytes.len());
    }
    assert_eq!(*ends.last().unwrap(), whole.len());
    let (_dir, path) = file(&whole);
    for len in (0..whole.len()).rev() {
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(len as u64).unwrap();
        let Contents { frames, error, .. } = read(&path);
        let records = ends.iter().filter(|end| **end <= len).count().saturating_sub(1);
        assert_eq!(frames, all[..records], "{len}");
        match error {
            None => assert!(ends.contains(&len), "{len}"),
            Some(Error::Empty { .. }) => assert_eq!(len, 0),
            Some(Error::Cut { offset, .. }) => assert!(offset == len as u64 && !ends.contains(&len), "{len}"),
            Some(other) => panic!("{len}: {other}"),
        }
    }
}

#[test]
fn every_prefix_of_a_pcapng_file_too() {
    let blocks = [
        LITTLE.section(),
        LITTLE.interface(1, 0, &[]),
        LITTLE.packet(0, 1, 3, b"abc", &[]),
        LITTLE.block(9, &[0; 20]),
        BIG.section(),
        BIG.interface(1, 0, &[]),
        BIG.packet(0, 1, 3, b"abc", &[]),
    ];
    let whole = blocks.concat();
    let ends: Vec<_> = (1..=blocks.len()).map(|n| blocks[..n].iter().map(Vec::len).sum::<usize>()).collect();
    for len in 1..whole.len() {
        let contents = read_bytes(&whole[..len]);
        let packets = [ends[2], ends[6]].iter().filter(|end| **end <= len).count();
        assert_eq!(contents.frames.len(), packets, "{len}");
        match contents.error {
            None => assert!(ends.contains(&len), "{len}"),
            Some(Error::Cut { offset, .. }) => assert!(offset == len as u64 && !ends.contains(&len), "{len}"),
            Some(other) => panic!("{len}: {other}"),
        }
    }
}

/// The message about a file with these bytes, with FILE for its name.
fn complaint(bytes: &[u8]) -> String {
    let (_dir, path) = file(bytes);
    read(&path).message().replace(path.to_str().unwrap(), "FILE")
}

#[test]
fn each_fault_is_one_sentence() {
    let pcap = LITTLE.pcap(0xa1b2_c3d4, 1);
    let pcapng = [LITTLE.section(), LITTLE.interface(1, 0, &[])].concat();
    let record = LITTLE.record(0, 0, 3, b"abc");
    let packet = LITTLE.packet(0, 0, 3, b"abc", &[]);
    let gzip_of_nothing = [0x1f, 0x8b, 8, 0, 0, 0];
    let mut crooked = packet.clone();
    *crooked.last_mut().unwrap() = 1;
    let mut version = pcap.clone();
    version[4] = 3;
    for (bytes, sentence) in [
        (vec![], "FILE is empty: a capture file has at least a header"),
        (
            b"GET / HTTP/1.1".to_vec(),
            "FILE is not a capture file: it is text; text2pcap makes a capture of a hex dump",
        ),
        (version, "FILE is not a capture file: its pcap version 3.4 is not known (2.0 to 2.4 are)"),
        (pcap[..10].to_vec(), "FILE is cut off at byte 10, in the file's header"),
        (pcapng[..10].to_vec(), "FILE is cut off at byte 10, in the file's header"),
        (
            [&pcap[..], &record[..5]].concat(),
            "FILE is cut off at byte 29, in the header of the record at byte 24",
        ),
        (
            [&pcap[..], &record[..18]].concat(),
            "FILE is cut off at byte 42, in a frame of which 2 of 3 bytes are there (its record begins at byte 24)",
        ),
        (
            [&pcap[..], &LITTLE.u32s(&[0, 0, MAX_FRAME + 1, 9])].concat(),
            "FILE is damaged at byte 24: a frame cannot be 16777217 bytes long (more than 16 MiB is not believed)",
        ),
        ([&pcapng[..], &packet[..9]].concat(), "FILE is cut off at byte 57, in the block at byte 48"),
        (
            [&pcapng[..], &LITTLE.packet(7, 0, 0, b"", &[])].concat(),
            "FILE is damaged at byte 48: a packet names interface 7, which was not declared",
        ),
        (
            [&pcapng[..], &LITTLE.block(6, &LITTLE.u32s(&[0, 0, 0, 5, 5, 0]))].concat(),
            "FILE is damaged at byte 48: a packet of 5 bytes is in a block with room for 4",
        ),
        (
            [&pcapng[..], &LITTLE.u32s(&[6, 7, 0])].concat(),
            "FILE is damaged at byte 48: a block cannot be 7 bytes long",
        ),
        (
            [&pcapng[..], &crooked].concat(),
            "FILE is damaged at byte 48: a block is 36 bytes long by its first length and 16777252 by its last",
        ),
        (
            gzip_of_nothing.to_vec(),
            "FILE: the gzip data is damaged or cut off after 0 unpacked bytes: unexpected end of file",
        ),
    ] {
        assert_eq!(complaint(&bytes), sentence);
    }
}

/// `cat a.pcap b.pcap` is no capture file, although its first half is one.
#[test]
fn a_file_behind_a_file_is_told_by_its_place() {
    for order in [LITTLE, BIG] {
        let classic = [order.pcap(0xa1b2_c3d4, 1), order.record(5, 7, 3, b"abc")].concat();
        let nanos = [BIG.pcap(0xa1b2_3c4d, 1), BIG.record(5, 7, 3, b"abc")].concat();
        let section =
            [order.section(), order.interface(1, 0, &[]), order.packet(0, 0, 4, b"abcd", &[])].concat();
        for (first, second) in [
            (&classic, &classic),
            (&classic, &nanos),
            (&classic, &section),
            (&section, &classic),
            (&section, &nanos),
        ] {
            let contents = read_bytes(&[&first[..], second].concat());
            assert_eq!(contents.frames.len(), 1);
            let place = first.len();
            let told = format!(
                "is damaged at byte {place}: another capture file begins there; read them one by one, or join them with \
                 mergecap"
            );
            assert!(contents.message().ends_with(&told), "{}", contents.message());
        }
        // A section behind a section is one file, and a record may be empty.
        assert!(read_bytes(&[&section[..], &section].concat()).error.is_none());
        let empty = [&classic[..], &order.record(5, 7, 0, b""), &order.record(5, 7, 3, b"abc")].concat();
        assert_eq!(read_bytes(&empty).frames.len(), 3);
    }
}

#[test]
fn a_compressed_file_that_is_cut_gives_the_frames_before() {
    let plain = fs::read(SWARM).unwrap();
    let all = read(SWARM.as_ref()).frames;
    let packed = zstd::encode_all(&plain[..], 1).unwrap();
    let contents = read_bytes(&packed[..packed.len() - 5]);
    assert!(matches!(contents.error, Some(Error::Compressed { compression: "zstd", .. })), "{contents:?}");
    assert_eq!(contents.frames, all[..contents.frames.len()]);
    let cut_before = zstd::encode_all(&plain[..plain.len() - 1], 1).unwrap();
    let contents = read_bytes(&cut_before);
    assert_eq!(contents.frames, all[..all.len() - 1]);
    assert!(contents.message().ends_with("(counted in the unpacked capture)"), "{}", contents.message());
}

#[test]
fn what_cannot_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let message = read(dir.path()).message();
    assert_eq!(
        message,
        format!("{} is a directory, not a capture file; name the files in it", dir.path().display())
    );
    let missing = dir.path().join("missing\u{1b}[31m");
    let message = read(&missing).message();
    assert_eq!(message, format!("open {}/missing\\u{{1b}}[31m: no such file", dir.path().display()));
}

#[test]
fn a_file_without_permission() {
    let (_dir, path) = file(b"x");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    let error = read(&path).error.unwrap();
    // Root may read the file all the same, and then finds that it is not a capture.
    let may = fs::File::open(&path).is_ok();
    assert_eq!(matches!(error, Error::Open { .. }), !may, "{error}");
}

fn sound_file() -> Vec<u8> {
    let options =
        [LITTLE.option(2, &[1, 0, 0, 0]), LITTLE.option(4, &[9; 8]), LITTLE.option(0, &[])].concat();
    let counters: Vec<u8> = (4..=8).flat_map(|code| LITTLE.option(code, &[9; 8])).collect();
    [
        LITTLE.section(),
        LITTLE.interface(
            1,
            64,
            &[LITTLE.option(2, b"eth0"), LITTLE.option(9, &[9]), LITTLE.option(11, b"\0esp")].concat(),
        ),
        LITTLE.packet(0, 1 << 40, 99, &[1; 40], &options),
        LITTLE.block(3, &[9; 20]),
        LITTLE.block(9, b"MESSAGE=hello\n"),
        LITTLE.block(0xbad, &[9; 20]),
        LITTLE.block(5, &[9; 20]),
        LITTLE.block(5, &[&[0; 12][..], &counters].concat()),
        BIG.section(),
        BIG.interface(113, 0, &BIG.option(9, &[0x8a])),
        BIG.packet(0, 1 << 40, 99, &[1; 40], &[]),
        BIG.block(2, &[&BIG.u32s(&[0, 0, 8, 2, 2])[..], b"ob"].concat()),
    ]
    .concat()
}

proptest! {
    #[test]
    fn no_pcapng_file_makes_it_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        swap in proptest::option::of((any::<prop::sample::Index>(), any::<u32>())),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = sound_file();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some((at, value)) = swap {
            let at = at.index(bytes.len() / 4) * 4;
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes.truncate(cut.index(bytes.len() + 1).max(bytes.len() / 2));
        let contents = read_bytes(&bytes);
        prop_assert!(contents.frames.is_sorted_by(|a, b| a.number < b.number));
        for frame in &contents.frames {
            prop_assert!(frame.bytes.len() <= frame.wire_len as usize);
            prop_assert!((frame.interface as usize) < contents.interfaces.len());
        }
    }

    #[test]
    fn no_bytes_at_all_make_it_panic(
        magic in proptest::sample::select(vec![0xa1b2_c3d4u32, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x34cd_b2a1, 0x0a0d_0d0a, 0x1c00_01ab, 0xac01_001c]),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let contents = read_bytes(&[&magic.to_le_bytes()[..], &bytes].concat());
        prop_assert!(contents.frames.len() < 20);
    }
}
