//! Opening an interface: the options, a ring of our own or libpcap's, and the meaning of a refusal.

use std::io;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use pcap::{Active, Capture, Linktype, Precision};

use super::block::Form;
use super::error::words;
use super::ring::{Ring, RingOptions};
use super::tap::Tap;
use super::{Device, Error, program};
use crate::capture::bpf::{self, Expression};
use crate::escape::{escape, reason};
use crate::host::namespace::Namespace;
use crate::packet::{Direction, LinkType};

/// The options of a live capture.
#[derive(Debug)]
pub struct CaptureOptions<'n> {
    /// Capture frames that are addressed to other hosts too. Default: true.
    pub promiscuous: bool,
    /// The bytes kept of a frame. Default: 262,144, which is libpcap's own limit.
    pub snaplen: u32,
    /// The size of the ring between kernel and program, in bytes, per interface. Default: 32 MiB, which is 64 ms at 4
    /// Gbit/s.
    pub buffer: u32,
    /// Capture only frames of this direction. Default: both.
    pub direction: Option<Direction>,
    /// Report the direction of every frame. Where libpcap reads the interface, that takes two rings. Default: false.
    pub directed: bool,
    /// A BPF expression that the kernel applies. Default: none.
    pub filter: Option<Expression>,
    /// The network namespace of the interfaces. Default: that of this process.
    pub namespace: Option<&'n Namespace>,
}

impl Default for CaptureOptions<'_> {
    fn default() -> Self {
        Self {
            promiscuous: true,
            snaplen: 262_144,
            buffer: 32 << 20,
            direction: None,
            directed: false,
            filter: None,
            namespace: None,
        }
    }
}

/// Milliseconds until the kernel hands over a block of the ring that is not full. On a quiet wire a match is printed
/// that much later.
pub(super) const RETIRE: u16 = 2;

impl CaptureOptions<'_> {
    /// Refuses sizes that libpcap would refuse or silently change.
    pub(super) fn check(&self) -> Result<(), Error> {
        let most = i32::MAX as u32;
        if self.snaplen > 262_144 || self.snaplen == 0 {
            return Err(Error::Size { what: "snaplen", value: self.snaplen, most: 262_144 });
        }
        // libpcap takes 0 for its own default, which is 16 times smaller than ours.
        if self.buffer > most || self.buffer == 0 {
            return Err(Error::Size { what: "ring", value: self.buffer, most });
        }
        Ok(())
    }

    /// Returns the filter for frames of a link type; `None` for the empty one, which every frame passes.
    fn expression(&self, link: LinkType) -> Option<&Expression> {
        self.filter.as_ref().filter(|filter| !filter.is_empty(link))
    }
}

/// Opens `device` in the current network namespace. Returns one tap, or one for each direction.
pub(super) fn open(device: &Device, options: &CaptureOptions<'_>) -> Result<Vec<Tap>, Error> {
    if let Some(tap) = own(device, options)? {
        return Ok(vec![tap]);
    }
    // The cooked formats carry the direction in each frame's header, so one handle is enough for them.
    let split = options.directed && options.direction.is_none() && !device.is_any();
    if !split {
        let direction = options.direction;
        return Ok(vec![one(device, options, direction, options.buffer)?]);
    }
    let half = options.buffer / 2;
    let first = one(device, options, Some(Direction::In), half)?;
    if matches!(first.link, LinkType::LINUX_SLL | LinkType::LINUX_SLL2) {
        drop(first);
        return Ok(vec![one(device, options, None, options.buffer)?]);
    }
    Ok(vec![first, one(device, options, Some(Direction::Out), half)?])
}

/// Opens a ring of our own, if libpcap says that the interface has Ethernet frames, and for all interfaces. `None` if libpcap
/// has to capture, or to say why nobody can.
fn own(device: &Device, options: &CaptureOptions<'_>) -> Result<Option<Tap>, Error> {
    // libpcap knows the link types, and compiles a filter for what this kernel does with VLAN tags. Its smallest ring is
    // enough for that.
    let asked = CaptureOptions { promiscuous: false, namespace: None, filter: None, ..*options };
    let (Some(interface), Ok(mut capture)) = (index(device), activate(device.as_str(), &asked, 1)) else {
        return Ok(None);
    };
    if device.is_any() {
        choose_sll2(&mut capture, device)?;
    }
    let link = LinkType::from_dlt(capture.get_datalink().0);
    let form = match link {
        LinkType::ETHERNET => Form::Ethernet,
        LinkType::LINUX_SLL2 if device.is_any() => Form::Cooked,
        _ => return Ok(None),
    };
    let mut program = None;
    if let Some(expression) = options.expression(link) {
        filter(&mut capture, device, Some(expression), None, None)?;
        let Some(compiled) = program::compile(&capture, &expression.on(link), form) else { return Ok(None) };
        program = Some(compiled);
    } else if options.snaplen < CaptureOptions::default().snaplen {
        program = Some(program::cut_to(options.snaplen));
    }
    drop(capture);
    let promiscuous = options.promiscuous && !device.is_any();
    let ring = Ring::open(&RingOptions {
        interface,
        form,
        promiscuous,
        size: options.buffer,
        retire: RETIRE.into(),
        only: options.direction,
        snaplen: options.snaplen as usize,
        filter: program.as_deref(),
    });
    // A cooked header tells the direction.
    let directed = form == Form::Ethernet && (options.directed || options.direction.is_some());
    let drops_of = Some(device.as_str()).filter(|_| promiscuous);
    Ok(ring.ok().map(|ring| Tap::own(ring, link, directed, drops_of)))
}

/// Returns the kernel's index of an interface; 0 for all interfaces.
fn index(device: &Device) -> Option<i32> {
    if device.is_any() {
        return Some(0);
    }
    i32::try_from(if_nametoindex(device.as_str()).ok()?).ok()
}

/// Has a capture on all interfaces give the newer cooked header, which names the interface, if libpcap knows it.
fn choose_sll2(capture: &mut Capture<Active>, device: &Device) -> Result<(), Error> {
    let sll2 = Linktype(i32::from(LinkType::LINUX_SLL2.0));
    if capture.list_datalinks().is_ok_and(|offered| offered.contains(&sll2)) {
        capture.set_datalink(sll2).map_err(|error| refusal(device, &error))?;
    }
    Ok(())
}

fn one(
    device: &Device,
    options: &CaptureOptions,
    direction: Option<Direction>,
    ring: u32,
) -> Result<Tap, Error> {
    let (mut capture, only) = match activate(device.as_str(), options, ring) {
        Ok(capture) => (capture, None),
        // libpcap 1.10.5 does not know some kinds of links, such as GRE's. It warns, and captures their frames
        // cooked. The pcap crate takes every warning for a refusal, so the frames are captured on `any` instead,
        // where they are cooked as well, and filtered by the interface.
        Err(error) if words(&error).contains("falling back to cooked socket") => {
            let index = if_nametoindex(device.as_str()).map_err(|_| refusal(device, &error))?;
            let any = activate(ANY, options, ring).map_err(|error| refusal(device, &error))?;
            (any, Some(index))
        }
        Err(error) => return Err(refusal(device, &error)),
    };
    if device.is_any() || only.is_some() {
        choose_sll2(&mut capture, device)?;
    }
    let link = LinkType::from_dlt(capture.get_datalink().0);
    filter(&mut capture, device, options.expression(link), only, direction)?;
    let cooked = matches!(link, LinkType::LINUX_SLL | LinkType::LINUX_SLL2);
    Ok(Tap::libpcap(capture, direction.filter(|_| !cooked)))
}

/// libpcap's name for all interfaces.
pub const ANY: &str = "any";

fn activate(device: &str, options: &CaptureOptions, ring: u32) -> Result<Capture<Active>, pcap::Error> {
    Capture::from_device(device)?
        .promisc(options.promiscuous && device != ANY)
        .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
        .buffer_size(i32::try_from(ring).unwrap_or(i32::MAX))
        .timeout(RETIRE.into())
        .precision(Precision::Nano)
        .open()?
        .setnonblock()
}

/// Sets the filter and the direction, and keeps to the frames of one interface if its index is given. The direction is not made a part of the filter (`inbound`): libpcap applies the
/// filter in user space to the frames that are already in the ring, where that word cannot be tested and would drop
/// every frame.
fn filter(
    capture: &mut Capture<Active>,
    device: &Device,
    expression: Option<&Expression>,
    only: Option<u32>,
    direction: Option<Direction>,
) -> Result<(), Error> {
    let link = LinkType::from_dlt(capture.get_datalink().0);
    let compiled = expression.map(|expression| expression.on(link));
    let narrowed = only.map(|index| match &compiled {
        Some(expression) => format!("ifindex {index} and ({expression})"),
        None => format!("ifindex {index}"),
    });
    if let Some(whole) = narrowed.as_deref().or(compiled.as_deref()) {
        let expression = expression.map_or(whole, Expression::text).trim();
        let refused = |cause| Error::Filter { device: device.clone(), filter: bpf::shown(expression), cause };
        // For the same reason, a filter with that word loses frames. A cooked frame holds its direction.
        let cooked = matches!(link, LinkType::LINUX_SLL | LinkType::LINUX_SLL2);
        if let Some(word) = bpf::direction(expression).filter(|_| !cooked) {
            let way = if word == "inbound" { "in" } else { "out" };
            return Err(refused(format!("'{word}' would lose frames; write: --direction {way}")));
        }
        capture.filter(whole, true).map_err(|error| match words(&error) {
            words if words.ends_with("filtering not implemented") => {
                refused("libpcap cannot tell the packets in its frames apart, but --inner can".to_owned())
            }
            words => refused(bpf::explain(expression, link, &words)),
        })?;
    }
    let which = match direction {
        Some(Direction::In) => pcap::Direction::In,
        Some(Direction::Out) => pcap::Direction::Out,
        None => return Ok(()),
    };
    capture.direction(which).map_err(|error| refusal(device, &error))
}

/// Finds the reason of a refusal to open. libpcap tells reasons apart only by their texts, so the kernel is asked
/// again.
fn refusal(device: &Device, error: &pcap::Error) -> Error {
    let device = device.clone();
    let cause = words(error);
    let raw = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None);
    let denied = matches!(raw, Err(Errno::EPERM | Errno::EACCES));
    let there_is = Device::all();
    // libpcap also knows devices that are not network interfaces (usbmon0). Its own message is the best for those.
    let missing =
        !device.is_any() && !there_is.contains(&device) && (denied || cause.contains("No such device"));
    if missing {
        return Error::NoSuchInterface { there_is: device.nearest_first(there_is), device };
    }
    if denied {
        return permission(device);
    }
    match cause {
        _ if cause.contains("not up") => Error::Down { device },
        _ if cause.contains("Cannot allocate memory") => Error::Memory { device },
        _ if cause.contains("Too many open files") => Error::Descriptors { device },
        cause => Error::Open { device, cause },
    }
}

fn permission(device: Device) -> Error {
    let program = std::env::current_exe()
        .map_or_else(|_| "ovlsniff".to_owned(), |path| escape(&path.display().to_string()).into_owned());
    Error::Permission { device, program }
}

/// Says why the kernel gave no ring.
pub(super) fn refusal_by(device: &Device, error: &io::Error) -> Error {
    let device = device.clone();
    match error.kind() {
        io::ErrorKind::PermissionDenied => permission(device),
        io::ErrorKind::OutOfMemory => Error::Memory { device },
        _ => Error::Open { device, cause: reason(error) },
    }
}
