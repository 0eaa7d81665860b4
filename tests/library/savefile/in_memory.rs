//! The records of a file in a buffer of one's own are those that the file's reader delivers.

use ovlsniff::capture::savefile::{Records, Savefile, Taken};

use super::build::{BIG, LITTLE};

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Ethernet, and Ethernet with four bytes of FCS behind each frame.
const LINKS: [u32; 2] = [1, 1 | 1 << 26 | 2 << 28];

#[test]
fn records_have_the_same_frames_in_any_buffer() {
    for order in [LITTLE, BIG] {
        for (magic, link) in [(MICROSECONDS, LINKS[0]), (NANOSECONDS, LINKS[0]), (MICROSECONDS, LINKS[1])] {
            let records =
                [order.record(7, 999_999, 60, &[0xa5; 60]), order.record(u32::MAX, u32::MAX, 1500, &[1; 9])];
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), [order.pcap(magic, link), records.concat()].concat()).unwrap();
            let mut reader = Savefile::open(file.path()).unwrap();
            let bytes = records.concat();
            let mut in_memory = Records::new(reader.form().unwrap(), &bytes, 0, 0);
            while let Some(frame) = reader.next().unwrap() {
                assert_eq!(format!("{:?}", in_memory.next()), format!("{:?}", Some(frame)));
            }
            assert!(in_memory.next().is_none());
            assert_eq!(in_memory.taken(), Taken { bytes: bytes.len(), number: 2 });
        }
    }
}

#[test]
fn records_end_before_one_that_is_cut_empty_or_too_long() {
    let whole = LITTLE.record(7, 0, 60, &[0xa5; 60]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), LITTLE.pcap(MICROSECONDS, 1)).unwrap();
    let form = Savefile::open(file.path()).unwrap().form().unwrap();
    let too_long = LITTLE.u32s(&[7, 0, (16 << 20) + 1, 60]);
    for odd in [&whole[..15], &whole[..75], &LITTLE.record(7, 0, 60, &[]), &too_long] {
        let bytes = [&whole[..], odd].concat();
        let mut records = Records::new(form, &bytes, 0, 41);
        assert_eq!(records.next().map(|frame| frame.number), Some(42));
        assert!(records.next().is_none());
        assert_eq!(records.taken(), Taken { bytes: whole.len(), number: 42 });
    }
}

#[test]
fn a_file_goes_on_behind_the_records_that_were_taken() {
    let records: Vec<Vec<u8>> = (1..=5).map(|n| LITTLE.record(n, 0, 60, &[n as u8; 60])).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [LITTLE.pcap(MICROSECONDS, 1), records.concat()].concat()).unwrap();
    let mut reader = Savefile::open(file.path()).unwrap();
    reader.next().unwrap();
    let mut in_memory = reader.records().unwrap();
    assert_eq!(in_memory.next().map(|frame| frame.number), Some(2));
    assert_eq!(in_memory.next().map(|frame| frame.bytes[0]), Some(3));
    let taken = in_memory.taken();
    reader.took(taken);
    assert_eq!((reader.number(), reader.offset()), (3, 24 + 3 * 76));
    assert_eq!(reader.next().unwrap().map(|frame| (frame.number, frame.bytes[0])), Some((4, 4)));
}
