//! FIFOs: frames are delivered as they come, writers may die, and readers can be stopped.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use ovlsniff::capture::savefile::{Error, Savefile};

use super::build::LITTLE;

fn fifo() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
    (dir, path)
}

fn writer(path: &PathBuf) -> File {
    OpenOptions::new().write(true).open(path).unwrap()
}

#[test]
fn a_frame_is_there_as_soon_as_it_is_written() {
    let (_dir, path) = fifo();
    let (opened, header_read) = std::sync::mpsc::channel();
    let reading = {
        let path = path.clone();
        thread::spawn(move || {
            let mut file = Savefile::open(&path).unwrap();
            assert!(file.waits() && !file.ready());
            opened.send(()).unwrap();
            let first = file.next().unwrap().unwrap().bytes.to_vec();
            let ready = file.ready();
            let second = file.next().unwrap().unwrap().bytes.to_vec();
            (first, ready, second, file.ready(), file.next().unwrap().is_none())
        })
    };
    let mut out = writer(&path);
    out.write_all(&LITTLE.pcap(0xa1b2_c3d4, 1)).unwrap();
    header_read.recv().unwrap();
    out.write_all(&[LITTLE.record(0, 0, 1, b"a"), LITTLE.record(0, 0, 1, b"b")].concat()).unwrap();
    drop(out);
    assert_eq!(reading.join().unwrap(), (b"a".to_vec(), true, b"b".to_vec(), false, true));
}

#[test]
fn a_writer_that_dies_leaves_a_cut_file() {
    let (_dir, path) = fifo();
    let reading = {
        let path = path.clone();
        thread::spawn(move || {
            let mut file = Savefile::open(&path).unwrap();
            assert_eq!(file.next().unwrap().unwrap().bytes, b"abc");
            file.next().map(drop)
        })
    };
    let record = LITTLE.record(0, 0, 3, b"abc");
    writer(&path).write_all(&[&LITTLE.pcap(0xa1b2_c3d4, 1), &record, &record[..17]].concat()).unwrap();
    let error = reading.join().unwrap().unwrap_err();
    assert!(matches!(error, Error::Cut { offset: 60, .. }), "{error}");
}

#[test]
fn a_reader_without_a_writer_stops_when_told_to() {
    let (_dir, path) = fifo();
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let telling = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            stop.store(true, Ordering::Relaxed);
        })
    };
    let mut file = Savefile::open_until(&path, &stop).unwrap();
    assert!(file.next().unwrap().is_none());
    assert!(begun.elapsed() >= Duration::from_millis(90) && begun.elapsed() < Duration::from_secs(60));
    telling.join().unwrap();
}

#[test]
fn a_reader_whose_writer_is_silent_stops_when_told_to() {
    let (_dir, path) = fifo();
    let stop = Arc::new(AtomicBool::new(false));
    for packed in [false, true] {
        stop.store(false, Ordering::Relaxed);
        let silent = {
            let (path, stop) = (path.clone(), Arc::clone(&stop));
            thread::spawn(move || {
                let header = LITTLE.pcap(0xa1b2_c3d4, 1);
                let mut out = writer(&path);
                let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(&header).unwrap();
                gzip.flush().unwrap();
                out.write_all(if packed { gzip.get_ref() } else { &header }).unwrap();
                thread::sleep(Duration::from_millis(100));
                stop.store(true, Ordering::Relaxed);
                out
            })
        };
        let mut file = Savefile::open_until(&path, &stop).unwrap();
        assert!(file.next().unwrap().is_none(), "stopped, not damaged");
        drop(silent.join().unwrap());
    }
}
