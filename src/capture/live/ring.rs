//! A ring of our own: a packet socket with TPACKET_V3 (`packet_mmap.rst` of the kernel's documentation), for Ethernet,
//! loopback, and all interfaces at once (`any`).
//!
//! libpcap copies every frame out of its ring before it lends it, and goes through five functions for that. Here a frame
//! is lent where it lies, and the headers of the next one are fetched meanwhile: a sixth to a fifth less CPU a packet for
//! a whole search. Everything else is what libpcap does: the same ring, the same
//! kernel filter, compiled by libpcap for this interface, the VLAN tag put back, the outgoing frames of the loopback
//! left out, since they come in again, and the cooked header in front of the frames of `any`.
//!
//! The filter is attached before the socket is bound, so no frame comes that has not passed it.
//!
//! The unsafe code in this file is for memory that is shared with the kernel, and for socket options that nix does not
//! have. [`super::block`] reads the bytes.
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socket, sockopt};

use super::block::{COOKED, Damaged, Form, Place, RESERVE, Walk};
use crate::packet::Direction;

/// The size of a block in bytes, as libpcap has it: the largest snaplen.
const BLOCK: usize = 262_144;

/// The places of a block's status in it, of the number of its frames, and of the number of bytes that are used.
const STATUS: usize = 8;
const FRAMES: usize = 12;
const USED: usize = 20;

/// The options of a ring.
pub(super) struct RingOptions<'f> {
    /// The kernel's index of the interface, or 0 for all interfaces, which is for cooked frames.
    pub(super) interface: i32,
    pub(super) form: Form,
    pub(super) promiscuous: bool,
    /// The size of all blocks in bytes.
    pub(super) size: u32,
    /// Milliseconds until the kernel hands over a block that is not full.
    pub(super) retire: u32,
    /// Only frames of this direction.
    pub(super) only: Option<Direction>,
    /// The most bytes of a frame.
    pub(super) snaplen: usize,
    /// The kernel's filter.
    pub(super) filter: Option<&'f [libc::sock_filter]>,
}

/// A packet socket with its ring.
pub(super) struct Ring {
    socket: OwnedFd,
    /// The blocks, one behind the other. Mapped until this is dropped.
    memory: NonNull<u8>,
    blocks: usize,
    /// The number of the block whose turn it is.
    turn: usize,
    /// True once the kernel was seen to have handed that block over.
    held: bool,
    /// The walk through that block, while it is held.
    walk: Walk,
    form: Form,
    only: Option<Direction>,
    snaplen: usize,
    /// True if the interface was reported to be down once.
    was_down: bool,
}

// SAFETY: The memory belongs to this ring alone, and is reached by `&mut self`, or by `&self` for reading.
unsafe impl Send for Ring {}

/// The reasons why a ring gives no more frames.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The interface was deleted, or moved to another network namespace.
    Gone,
    /// The socket reports an error.
    Socket(Errno),
    /// The kernel's offsets lead out of a block.
    Damaged,
}

impl From<Damaged> for Trouble {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

impl Ring {
    /// Opens a ring in the current network namespace.
    pub(super) fn open(options: &RingOptions<'_>) -> io::Result<Self> {
        Self::over(ready(options)?, options)
    }

    /// Maps the ring of a socket that was made [`ready`] with these options.
    pub(super) fn over(socket: OwnedFd, options: &RingOptions<'_>) -> io::Result<Self> {
        let blocks = blocks(options.size);
        let memory = map(&socket, blocks * BLOCK)?;
        // From here on, dropping the ring unmaps it.
        let ring = Self {
            socket,
            memory,
            blocks,
            turn: 0,
            held: false,
            walk: Walk::default(),
            form: options.form,
            only: options.only,
            // libpcap never cuts a cooked frame to its header alone.
            snaplen: if options.form == Form::Cooked {
                options.snaplen.max(COOKED + 1)
            } else {
                options.snaplen
            },
            was_down: false,
        };
        if let Some(error) = error_of(&ring.socket)? {
            return Err(error.into());
        }
        Ok(ring)
    }

    /// Goes on to the next frame; `None` if there is none yet. The frame before may be given back to the kernel, with its
    /// block.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<Option<Place>, Trouble> {
        loop {
            if !self.held {
                self.held = self.is_handed_over();
                if !self.held {
                    return self.look_for_trouble().map(|()| None);
                }
                self.walk = Walk::begin(self.block())?;
            }
            let mut walk = self.walk;
            let form = self.form;
            let Some(place) = walk.next(self.block_mut(), form)? else {
                self.hand_back();
                continue;
            };
            self.walk = walk;
            if place.is_wanted(self.only) {
                fetch_ahead(self.block(), &self.walk);
                return Ok(Some(Place { len: place.len.min(self.snaplen), ..place }));
            }
        }
    }

    /// Returns the block in which the next frames can be lent as they lie, and the walk through it. `None` if there is none,
    /// or if its frames get cooked headers.
    pub(super) fn lying(&self) -> Option<(&[u8], Walk)> {
        let block = self.block();
        let len = block.get(USED..)?.first_chunk().map(|len| u32::from_ne_bytes(*len))?;
        let block = block.get(..len as usize).unwrap_or(block);
        (self.form == Form::Ethernet).then_some((block, self.walk))
    }

    /// Goes on behind the frames of [`Self::lying`] that were taken.
    pub(super) fn took(&mut self, walk: Walk) {
        if self.held {
            self.walk = walk;
        }
    }

    /// Returns the only direction that is asked for, and the most bytes of a frame.
    pub(super) fn limits(&self) -> (Option<Direction>, usize) {
        (self.only, self.snaplen)
    }

    /// Returns the bytes of the frame that [`Self::advance`] found last.
    #[inline]
    pub(super) fn bytes(&self, place: &Place) -> &[u8] {
        self.block().get(place.start..place.start + place.len).unwrap_or_default()
    }

    /// Returns how many frames passed the filter, and how many of these found no room, since the last call.
    pub(super) fn count(&self) -> Option<[u64; 2]> {
        // SAFETY: All bytes of the structure may be zero.
        let mut counted: libc::tpacket_stats_v3 = unsafe { zeroed() };
        let mut len = size_of::<libc::tpacket_stats_v3>() as libc::socklen_t;
        let (socket, option) = (self.socket.as_raw_fd(), libc::PACKET_STATISTICS);
        // SAFETY: The kernel writes at most `len` bytes, which is the size of the structure.
        let done = unsafe {
            libc::getsockopt(socket, libc::SOL_PACKET, option, (&raw mut counted).cast(), &raw mut len)
        };
        (done == 0).then_some([counted.tp_packets.into(), counted.tp_drops.into()])
    }

    /// Looks for the reason why there is no frame. All is well if there just is none yet.
    ///
    /// A link that goes down is reported once, and may come up again. When it is deleted then, nothing is reported, but
    /// the socket is bound to no interface any more.
    #[cold]
    fn look_for_trouble(&mut self) -> Result<(), Trouble> {
        match error_of(&self.socket).map_err(Trouble::Socket)? {
            None => {}
            Some(Errno::ENETDOWN) => self.was_down = true,
            Some(error) => return Err(Trouble::Socket(error)),
        }
        if self.was_down {
            let bound = bound_to(&self.socket).map_err(Trouble::Socket)?;
            if bound.sll_ifindex == -1 {
                return Err(Trouble::Gone);
            }
        }
        Ok(())
    }

    /// Returns true if the kernel has handed over the block whose turn it is.
    fn is_handed_over(&self) -> bool {
        self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// Gives the block back to the kernel, and turns to the next one.
    fn hand_back(&mut self) {
        self.held = false;
        self.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.turn = (self.turn + 1) % self.blocks;
    }

    /// Returns true if the kernel has put no frame into the ring that was not given yet: the block whose turn it is, which it
    /// fills now, has none. The kernel counts a frame when it puts it there, and counts anew only for a block that was
    /// given back.
    pub(super) fn is_empty(&self) -> bool {
        !self.held && self.word(FRAMES).load(Ordering::Acquire) == 0
    }

    fn status(&self) -> &AtomicU32 {
        self.word(STATUS)
    }

    /// Returns a word of the description of the block whose turn it is. It must be one of the places above.
    fn word(&self, at: usize) -> &AtomicU32 {
        // SAFETY: `turn` is below `blocks`, so the place is in the mapping, which lives as long as `self`. It is aligned to
        // 4 bytes, as blocks are to pages. The kernel writes it too, hence the atomic.
        unsafe { AtomicU32::from_ptr(self.start().add((at % BLOCK) & !3).cast()) }
    }

    /// Returns the block whose turn it is, or nothing while it is the kernel's.
    #[inline]
    fn block(&self) -> &[u8] {
        let len = if self.held { BLOCK } else { 0 };
        // SAFETY: `turn` is below `blocks`, so the bytes are in the mapping, which lives as long as `self`. The kernel writes
        // no block that it has handed over. Only `hand_back` gives the block back, and it takes `&mut self`, so nothing
        // borrows these bytes then.
        unsafe { std::slice::from_raw_parts(self.start(), len) }
    }

    /// As [`Self::block`], to write.
    #[inline]
    fn block_mut(&mut self) -> &mut [u8] {
        let len = if self.held { BLOCK } else { 0 };
        // SAFETY: As for `block`. The mapping is writable, and `&mut self` is the only way to these bytes.
        unsafe { std::slice::from_raw_parts_mut(self.start(), len) }
    }

    /// Returns the first byte of the block whose turn it is.
    #[inline]
    fn start(&self) -> *mut u8 {
        // SAFETY: `turn` is below `blocks`, so the place is in the mapping.
        unsafe { self.memory.as_ptr().add(self.turn * BLOCK) }
    }
}

/// Has the processor fetch the headers of the next frame of a block while this one is looked at. The kernel wrote them on
/// another core, so each is a cache miss.
#[inline]
pub(super) fn fetch_ahead(block: &[u8], walk: &Walk) {
    for line in [0, 64, 128] {
        fetch(block.as_ptr().wrapping_add(walk.ahead() + line));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn fetch(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: A prefetch reads nothing, so any address is allowed.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
}

#[cfg(not(target_arch = "x86_64"))]
fn fetch(_: *const u8) {}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: The mapping has this length, and nothing borrows from it any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), self.blocks * BLOCK) };
    }
}

/// Returns the number of blocks of a ring of this size in bytes.
fn blocks(size: u32) -> usize {
    (size as usize / BLOCK).max(2)
}

/// Opens a socket with a ring in the current network namespace, bound to its interface. The ring is not mapped yet; no
/// privilege is needed for that.
pub(super) fn ready(options: &RingOptions<'_>) -> io::Result<OwnedFd> {
    // No protocol: nothing is received before the socket is bound to one.
    // A socket of datagrams gives frames without their link headers.
    let kind = if options.form == Form::Cooked { SockType::Datagram } else { SockType::Raw };
    let socket = socket(AddressFamily::Packet, kind, SockFlag::SOCK_CLOEXEC, None)?;
    set(
        &socket,
        libc::SOL_PACKET,
        libc::PACKET_VERSION,
        &(libc::tpacket_versions::TPACKET_V3 as libc::c_int),
    )?;
    set(&socket, libc::SOL_PACKET, libc::PACKET_RESERVE, &(RESERVE as libc::c_uint))?;
    if let Some(filter) = options.filter {
        let len = u16::try_from(filter.len()).map_err(|_| Errno::EINVAL)?;
        // The kernel only reads the program.
        let program = libc::sock_fprog { len, filter: filter.as_ptr().cast_mut() };
        set(&socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)?;
    }
    let blocks = blocks(options.size) as u32;
    let request = libc::tpacket_req3 {
        tp_block_size: BLOCK as u32,
        tp_block_nr: blocks,
        tp_frame_size: BLOCK as u32,
        tp_frame_nr: blocks,
        tp_retire_blk_tov: options.retire,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    set(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
    if options.promiscuous {
        let membership = libc::packet_mreq {
            mr_ifindex: options.interface,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        set(&socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
    }
    bind(&socket, options.interface)?;
    Ok(socket)
}

/// Takes the pending error of a socket.
fn error_of(socket: &OwnedFd) -> Result<Option<Errno>, Errno> {
    let error = getsockopt(socket, sockopt::SocketError)?;
    Ok((error != 0).then(|| Errno::from_raw(error)))
}

/// Sets a socket option to a value of the type that the kernel's documentation has for it.
fn set<T>(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: The kernel reads `len` bytes of `value`, and of a filter's program, which the caller still borrows.
    let done =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, std::ptr::from_ref(value).cast(), len) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Maps the ring of a socket, of this length in bytes.
fn map(socket: &OwnedFd, len: usize) -> io::Result<NonNull<u8>> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: A new mapping, at a place that the kernel chooses, touches no memory that is in use.
    let memory =
        unsafe { libc::mmap(std::ptr::null_mut(), len, access, libc::MAP_SHARED, socket.as_raw_fd(), 0) };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(memory.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// Binds the socket to all protocols on an interface, or on all interfaces if it is 0.
fn bind(socket: &OwnedFd, interface: i32) -> io::Result<()> {
    let mut address = no_address();
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = interface;
    let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: The kernel reads `len` bytes of `address`, which is its size.
    let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Returns the address that the socket is bound to: the interface's index and type. nix refuses it, because the kernel
/// leaves off the bytes of the hardware address that are not used.
fn bound_to(socket: &OwnedFd) -> Result<libc::sockaddr_ll, Errno> {
    let mut address = no_address();
    let mut len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: The kernel writes at most `len` bytes, which is the size of the structure.
    let done = unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut address).cast(), &raw mut len) };
    Errno::result(done).map(|_| address)
}

fn no_address() -> libc::sockaddr_ll {
    // SAFETY: All bytes of the structure may be zero.
    unsafe { zeroed() }
}
