//! Each test fences a thread of its own, with the same functions as the program does all its threads, and tries what is
//! forbidden and what is not.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::kill;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket, socketpair};
use nix::unistd::{Pid, getppid};
use seccompiler::apply_filter;

use super::*;

/// Fences a thread, and has it try something.
fn behind<T: Send>(work: Work, tried: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let fenced = scope.spawn(|| {
            let _ = close_files(work);
            assert!(filter_calls(work, apply_filter), "this kernel has no seccomp");
            tried()
        });
        fenced.join().unwrap()
    })
}

const ALL: [Work; 3] = [Work::Watch, Work::Live, Work::Files];

fn errno<T>(tried: io::Result<T>) -> Option<Errno> {
    tried.err().and_then(|error| error.raw_os_error()).map(Errno::from_raw)
}

#[track_caller]
fn refused<T>(tried: io::Result<T>) {
    assert!(matches!(errno(tried), Some(Errno::EPERM | Errno::EACCES)));
}

#[test]
fn no_program_can_be_started() {
    for work in ALL {
        behind(work, || {
            refused(Command::new("/bin/true").spawn());
            // Without a fence, the kernel would say that there is no such program.
            assert_eq!(errno::<()>(Err(Command::new("/no/such").exec())), Some(Errno::EPERM));
        });
    }
}

#[test]
fn no_socket_leads_out() {
    for work in ALL {
        let here = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        behind(work, || {
            refused(UdpSocket::bind("127.0.0.1:0"));
            refused(TcpStream::connect(here));
            refused(UnixStream::connect("/var/run/docker.sock"));
            let open = |family, kind| Ok(socket(family, kind, SockFlag::empty(), None)?);
            refused(open(AddressFamily::Packet, SockType::Raw));
            refused(open(AddressFamily::Netlink, SockType::Raw));
            refused(open(AddressFamily::Vsock, SockType::Stream));
            refused(open(AddressFamily::Alg, SockType::SeqPacket));
        });
    }
}

/// Without a fence each of these could send to the path of a socket, and hand a descriptor over to whoever listens there.
#[test]
fn no_socket_for_datagrams_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let heard = UnixDatagram::bind(&path).unwrap();
    heard.set_nonblocking(true).unwrap();
    let say = |socket: io::Result<UnixDatagram>| socket.and_then(|socket| socket.send_to(b"out", &path));
    assert_eq!(say(UnixDatagram::pair().map(|(one, _)| one)).unwrap(), heard.recv(&mut [0; 8]).unwrap());
    for work in ALL {
        behind(work, || {
            refused(say(UnixDatagram::unbound()));
            refused(say(UnixDatagram::pair().map(|(one, _)| one)));
            for kind in [SockType::Datagram, SockType::Raw] {
                for flags in [SockFlag::empty(), SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK] {
                    let made = socketpair(AddressFamily::Unix, kind, None, flags);
                    assert_eq!(made.map(drop), Err(Errno::EPERM), "{kind:?} {flags:?}");
                }
            }
            for kind in [SockType::Stream, SockType::SeqPacket] {
                let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
                assert!(socketpair(AddressFamily::Unix, kind, None, flags).is_ok(), "{kind:?}");
            }
        });
    }
    assert!(heard.recv(&mut [0; 8]).is_err());
}

#[test]
fn no_namespace_is_made_or_entered() {
    let namespace = File::open("/proc/self/ns/net").unwrap();
    for work in ALL {
        behind(work, || {
            assert_eq!(unshare(CloneFlags::CLONE_NEWUSER), Err(Errno::EPERM));
            assert_eq!(setns(&namespace, CloneFlags::CLONE_NEWNET), Err(Errno::EPERM));
            assert_eq!(nix::sys::prctl::set_dumpable(true), Err(Errno::EPERM));
        });
    }
}

#[test]
fn no_other_process_gets_a_signal() {
    let parent = getppid();
    for work in ALL {
        behind(work, || {
            assert_eq!(kill(parent, None), Err(Errno::EPERM));
            assert_eq!(kill(Pid::from_raw(-1), None), Err(Errno::EPERM));
            assert_eq!(kill(Pid::this(), None), Ok(()));
        });
    }
}

/// The owner of a descriptor gets a signal whenever something arrives, and may be another process.
#[test]
fn no_descriptor_sends_signals() {
    let (socket, _other_end) = UnixStream::pair().unwrap();
    let flags = OFlag::from_bits_retain(fcntl(&socket, FcntlArg::F_GETFL).unwrap());
    for work in ALL {
        behind(work, || {
            // Any command that is not on the list, as that which names the owner.
            for other in
                [FcntlArg::F_DUPFD(0), FcntlArg::F_GETPIPE_SZ, FcntlArg::F_ADD_SEALS(SealFlag::empty())]
            {
                assert_eq!(fcntl(&socket, other), Err(Errno::EPERM));
            }
            for flags in [OFlag::O_ASYNC, flags | OFlag::O_ASYNC | OFlag::O_NONBLOCK] {
                assert_eq!(fcntl(&socket, FcntlArg::F_SETFL(flags)), Err(Errno::EPERM));
            }
            assert!(fcntl(&socket, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).is_ok());
            assert!(fcntl(&socket, FcntlArg::F_GETFL).is_ok());
            assert!(fcntl(&socket, FcntlArg::F_GETFD).is_ok());
        });
    }
}

#[test]
fn no_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "there").unwrap();
    for work in ALL {
        behind(work, || {
            refused(File::create(folder.path().join("new")));
            refused(File::options().write(true).open(&path));
            refused(File::options().append(true).open(&path));
            refused(fs::remove_file(&path));
            refused(fs::rename(&path, folder.path().join("other")));
            refused(fs::create_dir(folder.path().join("folder")));
            refused(fs::hard_link(&path, folder.path().join("link")));
            refused(fs::set_permissions(
                &path,
                fs::metadata(folder.path()).map_or_else(
                    |_| std::os::unix::fs::PermissionsExt::from_mode(0o777),
                    |of| of.permissions(),
                ),
            ));
        });
    }
    assert_eq!(fs::read_to_string(path).unwrap(), "there");
}

#[test]
fn a_watch_opens_no_file_and_a_search_reads_only_what_it_needs() {
    behind(Work::Watch, || {
        refused(File::open("/etc/passwd"));
        refused(File::open("/proc/self/status"));
        refused(fs::read_dir("/"));
        refused(fs::metadata("/etc/passwd"));
    });
    behind(Work::Files, || assert!(fs::read_to_string("/etc/passwd").is_ok()));
}

#[test]
fn what_a_search_and_a_watch_do_goes_on() {
    let mut file = tempfile::tempfile().unwrap();
    let (mut one, mut other) = UnixStream::pair().unwrap();
    for work in ALL {
        behind(work, || {
            let sum = std::thread::spawn(|| vec![1_u64; 1 << 20].iter().sum::<u64>());
            assert_eq!(sum.join().unwrap(), 1 << 20);
            let begun = Instant::now();
            std::thread::sleep(Duration::from_millis(1));
            assert!(begun.elapsed() >= Duration::from_millis(1));
            file.write_all(b"frame").unwrap();
            file.sync_all().unwrap();
            assert!(file.metadata().unwrap().size() >= 5);
            one.write_all(b"wake").unwrap();
            other.read_exact(&mut [0; 4]).unwrap();
            assert!(UnixStream::pair().is_ok() && file.try_clone().is_ok());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
            runtime.unwrap().block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        });
    }
    behind(Work::Live, || {
        let (socket, _other_end) = UnixStream::pair().unwrap();
        assert!(rustix::net::netdevice::index_to_name(socket, 1).is_ok());
    });
}
