//! Compressed files: members and frames one behind the other, and what stands behind the last one.

use std::io::Write as _;

use ovlsniff::capture::savefile::Savefile;

use super::build::LITTLE;
use super::{SWARM, file, read, read_bytes, rest};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_files_are_recognised_by_their_first_bytes() {
    let plain = std::fs::read(SWARM).unwrap();
    let expected = read(SWARM.as_ref()).frames;
    assert!(expected.len() > 50);
    let (a, b) = plain.split_at(1000);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    for packed in [
        gzip(&plain),
        [gzip(a), gzip(b)].concat(),
        zstd(&plain),
        [zstd(a), zstd(b)].concat(),
        [skippable, zstd(&plain)].concat(),
    ] {
        let contents = read_bytes(&packed);
        assert!(contents.error.is_none(), "{}", contents.message());
        assert_eq!(contents.frames, expected);
    }
}

/// Tapes and disks are written in blocks, the last of which is filled with zeros.
#[test]
fn zeros_behind_a_gzip_member_are_nothing() {
    let plain = std::fs::read(SWARM).unwrap();
    let expected = read(SWARM.as_ref()).frames;
    let (a, b) = plain.split_at(1000);
    let zeros = vec![0; 300_000];
    for packed in [
        [gzip(&plain), zeros.clone()].concat(),
        [gzip(&plain), vec![0]].concat(),
        [gzip(a), zeros.clone(), gzip(b), zeros].concat(),
        [gzip(b""), gzip(a), gzip(b""), gzip(b), gzip(b"")].concat(),
    ] {
        let contents = read_bytes(&packed);
        assert!(contents.error.is_none(), "{}", contents.message());
        assert_eq!(contents.frames, expected);
    }
}

#[test]
fn anything_else_behind_a_gzip_member_is_told_after_the_frames_before() {
    let plain = std::fs::read(SWARM).unwrap();
    let expected = read(SWARM.as_ref()).frames;
    for behind in [&b"garbage"[..], b"\0\0\0garbage", &[0x28, 0xb5, 0x2f, 0xfd]] {
        let (_dir, path) = file(&[&gzip(&plain)[..], behind].concat());
        let contents = read(&path);
        assert_eq!(contents.frames, expected);
        let message = contents.message().replace(path.to_str().unwrap(), "FILE");
        let len = plain.len();
        assert_eq!(
            message,
            format!(
                "FILE: behind the gzip data, of which {len} bytes were unpacked, is something else, which was not read"
            )
        );
    }
    // The beginning of another member is not garbage, but a file that is cut off.
    let contents = read_bytes(&[&gzip(&plain)[..], &gzip(&plain)[..7]].concat());
    assert_eq!(contents.frames, expected);
    assert!(contents.message().contains("the gzip data is damaged or cut off"), "{}", contents.message());
}

/// Such a file is made by `zstd --ultra -22 --long=31`. Its header asks for a window of 2 GiB.
#[test]
fn a_window_that_is_too_long_is_left_to_zstd() {
    // RFC 8878 3.1.1.1: a descriptor without content size and a window of 2^31 bytes; then a last, raw block of one byte.
    let packed = [0x28, 0xb5, 0x2f, 0xfd, 0, (31 - 10) << 3, 0x09, 0, 0, b'x'];
    let (_dir, path) = file(&packed);
    let message = read(&path).message().replace(path.to_str().unwrap(), "FILE");
    assert_eq!(
        message,
        "FILE was packed with a long window, and takes much memory to unpack; let zstd do it: zstd -dc --long=31 FILE | \
         ovlsniff -r -"
    );
}

/// A thread that unpacks ahead gives the same frames before the end, or before the same error.
#[test]
fn a_file_that_is_unpacked_ahead_has_the_same_frames() {
    let bytes = |n: u32| (0..n % 5000).map(|at| (at.wrapping_mul(n + 7) >> 9) as u8).collect::<Vec<u8>>();
    let records: Vec<Vec<u8>> = (0..1500).map(|n| LITTLE.record(n, 0, n % 5000, &bytes(n))).collect();
    let plain = [LITTLE.pcap(0xa1b2_c3d4, 1), records.concat()].concat();
    for packed in [gzip(&plain), zstd::encode_all(&plain[..], 1).unwrap()] {
        let damaged = |at: usize| {
            let mut packed = packed.clone();
            packed[at] ^= 0x55;
            packed
        };
        let third = packed.len() / 3;
        for packed in [packed.clone(), damaged(third), damaged(2 * third), packed[..2 * third].to_vec()] {
            let (_dir, path) = file(&packed);
            let here = read(&path);
            let mut file = Savefile::open(&path).unwrap();
            file.unpack_ahead();
            let ahead = rest(file);
            assert_eq!((&ahead.frames, ahead.message()), (&here.frames, here.message()));
            assert!(here.error.is_none() == (here.frames.len() == 1500), "{}", here.message());
        }
    }
}
