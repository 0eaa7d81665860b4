use std::io::Read as _;
use std::os::unix::fs::symlink;

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_and_keeps_its_mode_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.prom");
    put(&path, b"one").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o4640)).unwrap();
    let before = fs::metadata(&path).unwrap().ino();
    let mut held = File::open(&path).unwrap();
    put(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    let after = fs::metadata(&path).unwrap();
    assert_eq!(after.permissions().mode() & 0o7777, 0o640);
    // A reader that has opened the old file still has the whole of it.
    assert_ne!(after.ino(), before);
    let mut text = String::new();
    held.read_to_string(&mut text).unwrap();
    assert_eq!(text, "one");
    assert_eq!(names(folder.path()), ["report.prom"]);
}

#[test]
fn a_link_is_replaced_and_what_it_leads_to_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let [path, other] = ["report", "passwd"].map(|name| folder.path().join(name));
    fs::write(&other, "root").unwrap();
    symlink(&other, &path).unwrap();
    put(&path, b"report").unwrap();
    assert!(!path.is_symlink());
    assert_eq!(fs::read(&path).unwrap(), b"report");
    assert_eq!(fs::read(&other).unwrap(), b"root");
}

#[test]
fn a_folder_is_no_file_and_one_that_is_missing_is_told_before() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("x/"), PathBuf::from("/"), PathBuf::from("..")]
    {
        assert!(matches!(check(&path), Err(Error::Folder(_))), "{}", path.display());
        assert!(matches!(put(&path, b""), Err(Error::Folder(_))), "{}", path.display());
    }
    let absent = folder.path().join("nowhere/report");
    let error = check(&absent).unwrap_err();
    // A keeper sends the number on.
    assert!(matches!(&error, Error::Making(_, cause) if cause.raw_os_error() == Some(nix::libc::ENOENT)));
    let said = error.to_string();
    assert_eq!(
        said,
        format!("write {}: no file can be made in its folder: no such file or directory", absent.display())
    );
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn devices_and_pipes_are_written_to_and_stay_what_they_are() {
    put(Path::new("/dev/null"), b"report").unwrap();
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    let full = put(Path::new("/dev/full"), b"report").unwrap_err();
    assert_eq!(full.to_string(), "write /dev/full: no space left on device");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(put(&path, b"report"), Err(Error::NoReader(_))));
    let reader = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&path);
    put(&path, b"report").unwrap();
    let mut text = String::new();
    reader.unwrap().read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), names(folder.path())), ("report", vec!["pipe".to_owned()]));
}

#[test]
fn a_link_or_a_file_in_the_place_of_a_pipe_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let [link, file, loose] = ["link", "passwd", "loose"].map(|name| folder.path().join(name));
    fs::write(&file, "root").unwrap();
    symlink(&file, &link).unwrap();
    symlink("/dev/null", &loose).unwrap();
    // As if they had come there after the first look.
    for path in [&link, &file, &loose] {
        assert!(matches!(through(path, b"report"), Err(Error::Writing(..))), "{}", path.display());
    }
    assert_eq!(fs::read(&file).unwrap(), b"root");
}

#[test]
fn a_link_in_memory_that_is_open_to_all_is_replaced() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let [path, other] = ["report", "passwd"].map(|name| folder.path().join(name));
    fs::write(&other, "root").unwrap();
    symlink(&other, &path).unwrap();
    put(&path, b"report").unwrap();
    assert_eq!((fs::read(&path).unwrap(), fs::read(&other).unwrap()), (b"report".to_vec(), b"root".to_vec()));
}

#[test]
fn a_reader_that_is_slow_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut reader = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&path).unwrap();
    let report = vec![b'x'; 1 << 20];
    std::thread::scope(|scope| {
        let put = scope.spawn(|| put(&path, &report));
        let mut read = 0;
        while read < report.len() {
            std::thread::sleep(std::time::Duration::from_millis(1));
            read += reader.read(&mut [0; 1 << 13]).unwrap_or(0);
        }
        put.join().unwrap().unwrap();
    });
}
