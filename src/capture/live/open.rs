//! Opening an interface: the options, libpcap's handle, and what its refusals mean.

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use pcap::{Active, Capture, Linktype, Precision};

use super::{Device, Error};
use crate::escape::escape;
use crate::host::namespace::Namespace;
use crate::packet::{Direction, LinkType};

/// How to capture.
#[derive(Debug)]
pub struct CaptureOptions<'n> {
    /// See frames that are not for this host. On.
    pub promiscuous: bool,
    /// Bytes kept of a frame: 262,144, libpcap's own limit.
    pub snaplen: u32,
    /// Bytes of the ring between kernel and program, per interface: 32 MiB. At 4 Gbit/s that is 64 ms.
    pub buffer: u32,
    /// Only frames that go this way. Both.
    pub direction: Option<Direction>,
    /// Have the kernel tell every frame's direction, at the price of two rings per interface. Off.
    pub directed: bool,
    /// A BPF expression that the kernel applies.
    pub filter: Option<String>,
    /// Another network namespace than ours.
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

/// Milliseconds until the kernel hands over a block of the ring that is not full: what a match waits on a quiet wire.
const RETIRE: i32 = 2;

/// An open interface, or one direction of it.
pub(super) struct Handle {
    pub(super) capture: Capture<Active>,
    pub(super) link: LinkType,
    pub(super) direction: Option<Direction>,
}

impl CaptureOptions<'_> {
    /// Numbers that libpcap would refuse or silently change.
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
}

/// Opens `device` in the current network namespace: one handle, or one per direction.
pub(super) fn open(device: &Device, options: &CaptureOptions<'_>) -> Result<Vec<Handle>, Error> {
    // The cooked formats say in their header which way each frame went.
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

fn one(
    device: &Device,
    options: &CaptureOptions,
    direction: Option<Direction>,
    ring: u32,
) -> Result<Handle, Error> {
    let (mut capture, only) = match activate(device.as_str(), options, ring) {
        Ok(capture) => (capture, None),
        // libpcap 1.10.5 warns of a kind of link that it does not know, such as GRE's, and captures its frames cooked. The pcap
        // crate takes every warning for a refusal. So the same frames are taken from `any`, where they are cooked as well.
        Err(error) if words(&error).contains("falling back to cooked socket") => {
            let index = if_nametoindex(device.as_str()).map_err(|_| refusal(device, &error))?;
            let any = activate(ANY, options, ring).map_err(|error| refusal(device, &error))?;
            (any, Some(index))
        }
        Err(error) => return Err(refusal(device, &error)),
    };
    if device.is_any() || only.is_some() {
        let sll2 = Linktype(i32::from(LinkType::LINUX_SLL2.0));
        if capture.list_datalinks().is_ok_and(|offered| offered.contains(&sll2)) {
            capture.set_datalink(sll2).map_err(|error| refusal(device, &error))?;
        }
    }
    let expression = options.filter.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let narrowed = only.map(|index| match expression {
        Some(expression) => format!("ifindex {index} and ({expression})"),
        None => format!("ifindex {index}"),
    });
    filter(&mut capture, device, narrowed.as_deref().or(expression), direction)?;
    let link = LinkType::from_dlt(capture.get_datalink().0);
    let cooked = matches!(link, LinkType::LINUX_SLL | LinkType::LINUX_SLL2);
    Ok(Handle { capture, link, direction: direction.filter(|_| !cooked) })
}

/// The name by which libpcap captures on all interfaces.
const ANY: &str = "any";

fn activate(device: &str, options: &CaptureOptions, ring: u32) -> Result<Capture<Active>, pcap::Error> {
    Capture::from_device(device)?
        .promisc(options.promiscuous && device != ANY)
        .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
        .buffer_size(i32::try_from(ring).unwrap_or(i32::MAX))
        .timeout(RETIRE)
        .precision(Precision::Nano)
        .open()?
        .setnonblock()
}

/// Sets the filter and the direction. The direction is libpcap's business, not part of the filter (`inbound`): what is
/// already in the ring is filtered in user space, where that word cannot be checked and drops every frame.
fn filter(
    capture: &mut Capture<Active>,
    device: &Device,
    expression: Option<&str>,
    direction: Option<Direction>,
) -> Result<(), Error> {
    if let Some(expression) = expression {
        capture.filter(expression, true).map_err(|error| Error::Filter {
            device: device.clone(),
            filter: escape(expression).into_owned(),
            cause: words(&error),
        })?;
    }
    let which = match direction {
        Some(Direction::In) => pcap::Direction::In,
        Some(Direction::Out) => pcap::Direction::Out,
        None => return Ok(()),
    };
    capture.direction(which).map_err(|error| refusal(device, &error))
}

/// libpcap's words, without bytes that could steer a terminal.
pub(super) fn words(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => escape(text.trim()).into_owned(),
        other => other.to_string(),
    }
}

/// What a refusal to open means. libpcap tells the reasons apart by text only, so the kernel is asked again.
fn refusal(device: &Device, error: &pcap::Error) -> Error {
    let device = device.clone();
    let cause = words(error);
    let raw = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None);
    let denied = matches!(raw, Err(Errno::EPERM | Errno::EACCES));
    let there_is = Device::all();
    // libpcap knows devices that are no network interfaces (usbmon0): for those its own words stand.
    let missing =
        !device.is_any() && !there_is.contains(&device) && (denied || cause.contains("No such device"));
    if missing {
        return Error::NoSuchInterface { there_is: device.nearest_first(there_is), device };
    }
    if denied {
        let program = std::env::current_exe()
            .map_or_else(|_| "ovlsniff".to_owned(), |path| escape(&path.display().to_string()).into_owned());
        return Error::Permission { device, program };
    }
    if cause.contains("not up") { Error::Down { device } } else { Error::Open { device, cause } }
}
