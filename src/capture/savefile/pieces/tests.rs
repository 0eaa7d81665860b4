use std::path::PathBuf;

use super::*;

const SECOND: u32 = 1_700_000_000;

/// A record of this time, with these bytes.
fn record(seconds: u32, fraction: u32, bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len() as u32;
    [&[seconds, fraction, len, len].map(u32::to_le_bytes).concat()[..], bytes].concat()
}

fn file(records: &[Vec<u8>]) -> (tempfile::TempDir, PathBuf) {
    let header = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1_u32].map(u32::to_le_bytes).concat();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.pcap");
    std::fs::write(&path, [header, records.concat()].concat()).unwrap();
    (dir, path)
}

/// Records with payloads of many lengths.
fn records() -> Vec<Vec<u8>> {
    (0..60).map(|n| record(SECOND + n, n, &vec![n as u8; 1 + 37 * n as usize % 300])).collect()
}

/// The offsets at which the records begin, and the end of the file.
fn offsets(records: &[Vec<u8>]) -> Vec<u64> {
    let ends = records.iter().scan(24, |end, record| {
        *end += record.len() as u64;
        Some(*end)
    });
    std::iter::once(24).chain(ends).collect()
}

fn pieces(path: &std::path::Path) -> (Savefile, Pieces) {
    let file = Savefile::open(path).unwrap();
    let pieces = file.pieces().unwrap();
    (file, pieces)
}

#[test]
fn the_records_that_begin_in_a_span_are_found_wherever_it_begins() {
    let records = records();
    let (_dir, path) = file(&records);
    let (_, pieces) = pieces(&path);
    let offsets = offsets(&records);
    let end = pieces.len();
    assert_eq!(Some(&end), offsets.last());
    let mut piece = Piece::default();
    for start in 24..end {
        for len in [1, 700, end] {
            let span = start..(start + len).min(end);
            let first = *offsets.iter().find(|&&offset| offset >= span.start).unwrap();
            let behind = *offsets.iter().find(|&&offset| offset >= span.end).unwrap();
            // At the file's end, there are too few in a row.
            let credible = offsets.iter().filter(|&&offset| offset >= first).count() > AT_THE_END;
            if piece.begin(&pieces, span.clone(), false).is_none() {
                assert!(!credible, "{span:?}");
                continue;
            }
            assert_eq!(piece.offset(), first, "{span:?}");
            let mut count = 0;
            while !piece.is_done() {
                let mut found = piece.records(&pieces, count).unwrap();
                assert!(found.next().is_some(), "{span:?}");
                while found.next().is_some() {}
                let taken = found.taken();
                count = taken.number;
                piece.took(taken);
            }
            assert_eq!(piece.offset(), behind.max(first), "{span:?}");
            let right = offsets.iter().filter(|offset| (first..behind).contains(offset)).count();
            assert_eq!(count, right as u64, "{span:?}");
        }
    }
}

#[test]
fn a_span_as_long_as_the_window_may_end_within_a_header() {
    let (header, body) = (16, 61);
    let records = vec![record(SECOND, 0, &vec![0x41; body]); 2 * WINDOW / (header + body)];
    let (_dir, path) = file(&records);
    let (_, pieces) = pieces(&path);
    let mut piece = Piece::default();
    for start in (24..).take(header + body) {
        piece.begin(&pieces, start..start + WINDOW as u64, false).unwrap();
        while !piece.is_done() {
            let mut found = piece.records(&pieces, 0).unwrap();
            while found.next().is_some() {}
            let taken = found.taken();
            piece.took(taken);
        }
    }
}

#[test]
fn what_no_capture_has_is_no_record() {
    let sound = |seconds, fraction, len: usize| vec![record(seconds, fraction, &vec![0x41; len]); 12];
    let found = |records: &[Vec<u8>]| {
        let all = [vec![record(SECOND, 0, &[0x41; 60])], records.to_vec()].concat();
        let (_dir, path) = file(&all);
        let (_, pieces) = pieces(&path);
        Piece::default().begin(&pieces, 30..pieces.len(), false).is_some()
    };
    assert!(found(&sound(SECOND + 5, 999_999, 60)));
    assert!(!found(&sound(SECOND + 5, 1_000_000, 60)), "no second has so many microseconds");
    assert!(!found(&sound(SECOND + 40_000_000, 0, 60)), "more than a year later");
    assert!(!found(&sound(SECOND, 0, 0)), "empty");
    assert!(!found(&sound(SECOND, 0, 60)[..2]), "not enough in a row");
    let mut longer_than_on_the_wire = sound(SECOND, 0, 60);
    for record in &mut longer_than_on_the_wire {
        record[12] = 59;
    }
    assert!(!found(&longer_than_on_the_wire));
}

#[test]
fn a_last_record_that_is_cut_off_or_too_long_is_none_of_a_piece() {
    let mut records = records();
    records.push(record(SECOND, 0, &vec![7; LONGEST]));
    let (_dir, path) = file(&records);
    let (_, pieces) = pieces(&path);
    let last = offsets(&records)[60];
    let mut piece = Piece::default();
    piece.begin(&pieces, last..last + 1, true).unwrap();
    assert!(piece.records(&pieces, 0).is_none());
    records[60] = record(SECOND, 0, &vec![7; 50_000]);
    let (_dir, path) = file(&records);
    let (mut file, pieces) = self::pieces(&path);
    piece.begin(&pieces, last..last + 1, true).unwrap();
    assert_eq!(piece.records(&pieces, 60).unwrap().next().unwrap().number, 61);
    // The reader of the file goes on at any record.
    file.go_on_at(last, 60).unwrap();
    assert_eq!(file.next().unwrap().unwrap().bytes.len(), 50_000);
    assert_eq!((file.number(), file.offset()), (61, pieces.len()));
    std::fs::File::options().write(true).open(&path).unwrap().set_len(pieces.len() - 1).unwrap();
    piece.begin(&pieces, last..last + 1, true).unwrap();
    assert!(piece.records(&pieces, 60).is_none());
}

#[test]
fn only_a_plain_file_that_is_read_from_its_beginning_has_pieces() {
    let records = records();
    let (dir, path) = file(&records);
    let packed = dir.path().join("file.pcap.zst");
    std::fs::write(&packed, zstd::encode_all(&std::fs::read(&path).unwrap()[..], 1).unwrap()).unwrap();
    assert!(Savefile::open(&path).unwrap().pieces().is_some());
    assert!(Savefile::open(&packed).unwrap().pieces().is_none());
    assert!(Savefile::open("/dev/null".as_ref()).is_err());
}

/// Some of these are longer than the window, and one is cut by the end of each window.
#[test]
fn a_piece_that_is_longer_than_the_window_is_read_on() {
    let lengths = [900, WINDOW + 5000, 60, 60_000, 61_000, 62_000, 1, WINDOW - 16, WINDOW, 1400];
    let records: Vec<Vec<u8>> = lengths.map(|len| record(SECOND, 1, &vec![0x41; len])).into();
    let (_dir, path) = file(&records);
    let (_, pieces) = pieces(&path);
    for (start, end) in [(24, pieces.len()), (24, 1000), (940, pieces.len() - 1)] {
        let mut piece = Piece::default();
        piece.begin(&pieces, start..end, true).unwrap();
        let (mut number, mut found) = (0, Vec::new());
        while !piece.is_done() {
            let mut records = piece.records(&pieces, number).unwrap();
            while let Some(frame) = records.next() {
                found.push(frame.bytes.len());
            }
            let taken = records.taken();
            number = taken.number;
            piece.took(taken);
        }
        let (first, behind) = (usize::from(start > 24), if end == 1000 { 2 } else { lengths.len() });
        assert_eq!(found, lengths[first..behind], "{start} {end}");
        assert!(piece.bytes.len() <= WINDOW + 5016, "{}", piece.bytes.len());
    }
}

#[test]
fn a_file_that_was_cut_before_the_place_reached_is_not_at_its_end() {
    let records = records();
    let (_dir, path) = file(&records);
    let (mut reader, _) = pieces(&path);
    let at = offsets(&records)[50];
    reader.go_on_at(at, 50).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(30).unwrap();
    let error = reader.next().unwrap_err().to_string();
    assert!(
        error.ends_with(&format!("damaged at byte {at}: it was cut to 30 bytes while it was read")),
        "{error}"
    );
}
