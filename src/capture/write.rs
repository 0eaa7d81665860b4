//! Writing frames to a capture file, classic pcap or pcapng.

mod classic;
mod error;
mod pcapng;

pub use error::Error;

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::savefile::{Interface, shown};
use crate::packet::{Frame, LinkType, Timestamp};
use crate::whole_file::is_strangers;

/// A capture file's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One link type, one precision. Every program reads it.
    Pcap,
    /// Any mix of interfaces, with names and directions.
    Pcapng,
}

impl Format {
    /// Chooses the format by the ending of the name: `.pcapng` and `.ntar` are pcapng. Everything else, including
    /// `-`, is classic pcap.
    pub fn of(path: &Path) -> Self {
        match path.extension() {
            Some(e) if e.eq_ignore_ascii_case("pcapng") || e.eq_ignore_ascii_case("ntar") => Self::Pcapng,
            _ => Self::Pcap,
        }
    }
}

/// The file or pipe that was at the place of a file to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Former {
    /// Nothing: the file has been made.
    None,
    /// A plain file.
    File,
    /// A pipe, a device, or what standard output is: nothing of it can or may be emptied.
    Stream,
}

/// The counters of an interface at the end of a live capture. The pcapng format keeps them, in one statistics block for
/// each interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// The beginning and the end of the capture.
    pub from: Timestamp,
    /// See `from`.
    pub to: Timestamp,
    /// Frames that passed the capture filter.
    pub received: u64,
    /// Frames that the interface or its driver lost, if that is known.
    pub lost_by_interface: Option<u64>,
    /// Frames that the system lost, because the capturing program was too slow.
    pub lost_by_system: u64,
    /// Frames that the capturing program was given. If the file has fewer, it left some out. `None` if the file's frames
    /// are not those that were captured.
    pub delivered: Option<u64>,
}

/// Writes frames to `W`, in large pieces.
///
/// A frame without a time is a simple packet block in pcapng, where it can be one: on the file's first interface, without
/// a direction. Otherwise it is from 1970, with a comment that says so. A classic file has no way to say so.
#[derive(Debug)]
pub struct Writer<W: Write> {
    file: String,
    out: BufWriter<W>,
    as_ethernet: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Classic(classic::State),
    Pcapng(pcapng::State),
}

impl Writer<File> {
    /// Creates the file, or takes standard output for `-`. An existing file is overwritten: check with [`same_file`]
    /// first that it is not the one being read.
    pub fn create(path: &Path, format: Format) -> Result<Self, Error> {
        let (writer, former) = Self::open(path, format)?;
        writer.empty(former)?;
        Ok(writer)
    }

    /// Does the half of [`Self::create`] that takes the rights of the user. What a former file holds stays in it until
    /// [`Self::empty`].
    ///
    /// # Errors
    /// [`Error::Strangers`] for what another user has put into a folder like `/tmp`; [`Error::NoReader`] for a named pipe whose
    /// other end is not open.
    pub fn open(path: &Path, format: Format) -> Result<(Self, Former), Error> {
        if path.as_os_str() == "-" {
            let name = "standard output".to_owned();
            return match io::stdout().as_fd().try_clone_to_owned() {
                Ok(out) => Ok((Self::new(out.into(), name, format), Former::Stream)),
                Err(source) => Err(Error::Create { file: name, source }),
            };
        }
        let failed = |source| Error::Create { file: shown(path), source };
        match File::options().write(true).create_new(true).open(path) {
            Ok(made) => Ok((Self::new(made, shown(path), format), Former::None)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let (there, former) = open_there(path)?;
                Ok((Self::new(there, shown(path), format), former))
            }
            Err(source) => Err(failed(source)),
        }
    }

    /// Empties the file, to which nothing was written yet, if there was a former one.
    pub fn empty(&self, former: Former) -> Result<(), Error> {
        let emptied = if former == Former::File { self.out.get_ref().set_len(0) } else { Ok(()) };
        emptied.map_err(|source| Error::Create { file: self.file.clone(), source })
    }
}

/// Opens what is at the path already, or the file that a link there leads to.
fn open_there(path: &Path) -> Result<(File, Former), Error> {
    let failed = |source| Error::Create { file: shown(path), source };
    if is_strangers(path, &fs::symlink_metadata(path).map_err(failed)?) {
        return Err(Error::Strangers { file: shown(path) });
    }
    if fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo()) {
        // To open a pipe may take for ever, and no signal ends it that the program handles.
        let opened = File::options().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
        let pipe = opened.map_err(|source| match source.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENXIO) => Error::NoReader { file: shown(path) },
            _ => failed(source),
        })?;
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::empty())).map_err(|errno| failed(errno.into()))?;
        return Ok((pipe, Former::Stream));
    }
    // The file of a link that leads nowhere is made.
    let there = File::options().write(true).create(true).truncate(false).open(path).map_err(failed)?;
    let former = if there.metadata().map_err(failed)?.is_file() { Former::File } else { Former::Stream };
    Ok((there, former))
}

impl<W: Write> Writer<W> {
    /// Writes to `out`, which messages call `file`.
    pub fn new(out: W, file: String, format: Format) -> Self {
        let state = match format {
            Format::Pcap => State::Classic(classic::State::default()),
            Format::Pcapng => State::Pcapng(pcapng::State::default()),
        };
        Self { file, out: BufWriter::with_capacity(256 << 10, out), as_ethernet: false, state }
    }

    /// Puts an Ethernet header in front of raw IP, with zeros for addresses and the type by the IP version. So inner
    /// frames of different tunnels fit one file.
    #[must_use]
    pub fn as_ethernet(self, yes: bool) -> Self {
        Self { as_ethernet: yes, ..self }
    }

    /// Names the system that frames are captured on, in a pcapng file.
    #[must_use]
    pub fn captured_on(mut self, system: &str) -> Self {
        if let State::Pcapng(state) = &mut self.state {
            state.system = Some(system.to_owned());
        }
        self
    }

    /// Writes the counters of an interface, of which there need be no frame. A classic file has no place for them.
    pub fn statistics(&mut self, interface: &Interface, counters: &Counters) -> Result<(), Error> {
        let link = self.link(interface.link);
        let State::Pcapng(state) = &mut self.state else { return Ok(()) };
        state
            .declare(&mut self.out, link, interface)
            .and_then(|id| pcapng::statistics(&mut self.out, id, interface.digits, counters))
            .map_err(|source| Error::Write { file: self.file.clone(), source })
    }

    /// Writes the part of the file that stands before the frames of `interface`, and which is otherwise written with
    /// its first frame. A reader at the other end of a pipe waits for it.
    pub fn declare(&mut self, interface: &Interface) -> Result<(), Error> {
        let link = self.link(interface.link);
        match &mut self.state {
            State::Classic(state) => state.begin(&mut self.out, &self.file, link, interface),
            State::Pcapng(state) => state
                .declare(&mut self.out, link, interface)
                .map(drop)
                .map_err(|source| Error::Write { file: self.file.clone(), source }),
        }
    }

    /// Writes `frame`, captured on `interface`. The frame gives the link type; the interface gives name, snaplen and
    /// precision.
    ///
    /// A classic file has the link type and the precision of its first frame. A frame of another link type is an
    /// error that names pcapng as the remedy. A frame with a finer time stamp loses digits.
    pub fn write(&mut self, frame: &Frame<'_>, interface: &Interface) -> Result<(), Error> {
        self.put(frame, interface, None)
    }

    /// Writes `frame` as [`Self::write`] does, with a comment on it. A classic file has no place for comments.
    pub fn annotate(&mut self, frame: &Frame<'_>, interface: &Interface, comment: &str) -> Result<(), Error> {
        self.put(frame, interface, Some(comment))
    }

    fn put(&mut self, frame: &Frame<'_>, interface: &Interface, comment: Option<&str>) -> Result<(), Error> {
        let link = self.link(frame.link);
        let header = if link == frame.link { None } else { Some(ethernet_header(frame)) };
        let prefix = header.as_ref().map_or(&[][..], |h| h);
        match &mut self.state {
            State::Classic(state) => {
                state.begin(&mut self.out, &self.file, link, interface)?;
                state.write(&mut self.out, frame, prefix)
            }
            State::Pcapng(state) => state
                .declare(&mut self.out, link, interface)
                .and_then(|id| pcapng::write(&mut self.out, frame, prefix, id, interface, comment)),
        }
        .map_err(|source| Error::Write { file: self.file.clone(), source })
    }

    /// Hands everything to the operating system.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(|source| Error::Write { file: self.file.clone(), source })
    }

    /// Ends the file and hands everything to the operating system. A file without a frame gets the header of an empty
    /// Ethernet capture, so that it can be read.
    pub fn finish(&mut self) -> Result<(), Error> {
        let none = Interface { name: None, link: LinkType::ETHERNET, snaplen: 0, digits: 6, filter: None };
        let empty = match &self.state {
            State::Classic(state) => state.is_empty(),
            State::Pcapng(state) => state.is_empty(),
        };
        if empty {
            self.declare(&none)?;
        }
        self.flush()
    }

    fn link(&self, link: LinkType) -> LinkType {
        let raw = matches!(link, LinkType::RAW | LinkType::IPV4 | LinkType::IPV6);
        if self.as_ethernet && raw { LinkType::ETHERNET } else { link }
    }
}

/// Returns true if writing to `writing` would overwrite the file that `reading` reads: the same device and inode,
/// under whatever names. `-` is standard input or output. Only regular files are compared.
pub fn same_file(reading: &Path, writing: &Path) -> bool {
    let input = if reading.as_os_str() == "-" { of_fd(io::stdin()) } else { reading.metadata() };
    let output = if writing.as_os_str() == "-" { of_fd(io::stdout()) } else { writing.metadata() };
    match (input, output) {
        (Ok(i), Ok(o)) => i.is_file() && (i.dev(), i.ino()) == (o.dev(), o.ino()),
        _ => false,
    }
}

/// Returns true if bytes written to `path` end up in standard output: `path` is `-`, or names the same file or pipe.
pub fn is_stdout(path: &Path) -> bool {
    let same = || {
        let (path, out) = (path.metadata().ok()?, of_fd(io::stdout()).ok()?);
        let piped = path.is_file() || path.file_type().is_fifo();
        Some(piped && (path.dev(), path.ino()) == (out.dev(), out.ino()))
    };
    path.as_os_str() == "-" || same().unwrap_or(false)
}

fn of_fd(fd: impl AsFd) -> io::Result<Metadata> {
    File::from(fd.as_fd().try_clone_to_owned()?).metadata()
}

fn ethernet_header(frame: &Frame<'_>) -> [u8; 14] {
    let six = match frame.link {
        LinkType::IPV4 => false,
        LinkType::IPV6 => true,
        _ => frame.bytes.first().is_some_and(|first| first >> 4 == 6),
    };
    let [high, low]: [u8; 2] = if six { [0x86, 0xdd] } else { [0x08, 0x00] };
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low]
}
