//! A block of a TPACKET_V3 ring: its bytes to frames (`linux/if_packet.h`, in this machine's byte order).
//!
//! A block begins with a description of 48 bytes. Each frame in it has a header of 48 bytes (`tpacket3_hdr`), the
//! address of the link that it passed (`sockaddr_ll`), and its bytes. The kernel takes a VLAN tag off the frame and writes
//! it into the header; here it is put back.
//!
//! Frames of all interfaces come without their link headers, and get a cooked one (`LINKTYPE_LINUX_SLL2` of tcpdump.org),
//! which is the address of the link in another order. Their VLAN tags are left out, as libpcap leaves them out there.
//!
//! All offsets are checked, so a block of any bytes ends the walk and does nothing worse.

use crate::packet::{Direction, Timestamp};

/// The room in front of a frame that the kernel is asked for, so that a tag can be put back in place.
pub(super) const RESERVE: usize = 4;

/// The two addresses in front of the place where the tag belongs.
const ADDRESSES: usize = 12;

/// The header of a frame, and the address of its link behind it.
const HEADER: usize = ADDRESS + 20;
const ADDRESS: usize = 48;

/// The length of a cooked header. In front of a frame without link header, the kernel leaves 28 bytes and the reserve.
pub(super) const COOKED: usize = 20;

/// Bits of `tp_status`.
const VLAN_VALID: u32 = 1 << 4;
const VLAN_TPID_VALID: u32 = 1 << 6;

/// The Ethernet type of a tag whose type the kernel does not tell.
const ETH_P_8021Q: u16 = 0x8100;

/// `sll_pkttype` of a frame that leaves the host.
const PACKET_OUTGOING: u8 = 4;

/// The kinds of interfaces whose outgoing frames come in again: a CAN bus, where each sender hears its own frames, and the
/// loopback.
const ARPHRD_CAN: u16 = 280;
const ARPHRD_LOOPBACK: u16 = 772;

/// The link header of the frames that a walk gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// That of the interface, which is Ethernet's, with the VLAN tag in place.
    Ethernet,
    /// A cooked header. The kernel gives the frames from behind their link headers on.
    Cooked,
}

/// The walk through a block: the frames that are left, and the place of the next one's header.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walk {
    left: u32,
    at: usize,
}

/// A frame in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The offset of its first byte in the block.
    pub(super) start: usize,
    /// The number of captured bytes.
    pub(super) len: usize,
    /// The number of bytes on the wire.
    pub(super) wire_len: u32,
    pub(super) time: Timestamp,
    pub(super) direction: Direction,
    /// The kind of the interface, an `ARPHRD_*` number.
    pub(super) hardware: u16,
}

/// A VLAN tag that the kernel took off.
#[derive(Clone, Copy)]
struct Tag {
    tpid: u16,
    tci: u16,
}

/// A block whose offsets lead out of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damaged;

impl Walk {
    /// Begins the walk through a block that the kernel has handed over.
    pub(super) fn begin(block: &[u8]) -> Result<Self, Damaged> {
        let (left, first) = (word(block, 12)?, word(block, 16)?);
        Ok(Self { left, at: first as usize })
    }

    /// Returns the offset of the next frame's header.
    #[inline]
    pub(super) fn ahead(&self) -> usize {
        self.at
    }

    /// Returns the next frame, with its link header. `None` at the end of the block.
    #[inline]
    pub(super) fn next(&mut self, block: &mut [u8], form: Form) -> Result<Option<Place>, Damaged> {
        let at = self.at;
        let Some((mut place, tag)) = self.read(block)? else { return Ok(None) };
        match (form, tag) {
            (Form::Cooked, _) => put_in_front(block, &mut place, at)?,
            (Form::Ethernet, Some(tag)) => put_back(block, &mut place, tag)?,
            (Form::Ethernet, None) => {}
        }
        Ok(Some(place))
    }

    /// Returns the next frame of an Ethernet interface, if it has no tag that is to be put back. `None` goes no further.
    #[inline]
    pub(super) fn next_as_it_lies(&mut self, block: &[u8]) -> Option<Place> {
        let mut ahead = *self;
        let Ok(Some((place, None))) = ahead.read(block) else { return None };
        *self = ahead;
        Some(place)
    }

    /// Goes on to the next frame. Returns it as it lies there, and the tag that the kernel took off.
    #[inline]
    fn read(&mut self, block: &[u8]) -> Result<Option<(Place, Option<Tag>)>, Damaged> {
        if self.left == 0 {
            return Ok(None);
        }
        let header = block.get(self.at..).and_then(<[u8]>::first_chunk::<HEADER>).ok_or(Damaged)?;
        let word =
            |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let half = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        let (next, status, tci, tpid) = (word(0), word(20), word(32), half(36));
        let place = Place {
            start: self.at + usize::from(half(24)),
            len: word(12) as usize,
            wire_len: word(16),
            time: Timestamp::new(i64::from(word(4)), word(8), 9),
            direction: if header[58] == PACKET_OUTGOING { Direction::Out } else { Direction::In },
            hardware: half(56),
        };
        self.left -= 1;
        self.at = self.at.saturating_add(next as usize);
        if block.get(place.start..).is_none_or(|behind| behind.len() < place.len) {
            return Err(Damaged);
        }
        let tag = ((tci != 0 || status & VLAN_VALID != 0) && place.len >= ADDRESSES).then(|| {
            let known = tpid != 0 || status & VLAN_TPID_VALID != 0;
            Tag { tpid: if known { tpid } else { ETH_P_8021Q }, tci: tci as u16 }
        });
        Ok(Some((place, tag)))
    }
}

impl Place {
    /// Returns false for a frame of the other direction than the only one, and for one that comes once more.
    #[inline]
    pub(super) fn is_wanted(&self, only: Option<Direction>) -> bool {
        let again = match self.hardware {
            ARPHRD_LOOPBACK => true,
            ARPHRD_CAN => only.is_none(),
            _ => false,
        };
        !(again && self.direction == Direction::Out) && only.is_none_or(|only| only == self.direction)
    }
}

/// Moves the addresses of the frame forward by the length of a tag, and writes the tag behind them.
fn put_back(block: &mut [u8], place: &mut Place, Tag { tpid, tci }: Tag) -> Result<(), Damaged> {
    let start = place.start.checked_sub(RESERVE).ok_or(Damaged)?;
    block.copy_within(place.start..place.start + ADDRESSES, start);
    let [a, b] = tpid.to_be_bytes();
    let [c, d] = tci.to_be_bytes();
    let tag = block.get_mut(start + ADDRESSES..).and_then(<[u8]>::first_chunk_mut::<RESERVE>);
    *tag.ok_or(Damaged)? = [a, b, c, d];
    *place = Place { start, len: place.len + RESERVE, wire_len: place.wire_len.saturating_add(4), ..*place };
    Ok(())
}

/// Makes a cooked header of the address behind the header of a frame.
fn cooked(header: &[u8; HEADER]) -> [u8; COOKED] {
    let &[.., p0, p1, i0, i1, i2, i3, h0, h1, kind, length, a0, a1, a2, a3, a4, a5, a6, a7] = header;
    let address = [a0, a1, a2, a3, a4, a5, a6, a7];
    let [i0, i1, i2, i3] = u32::from_ne_bytes([i0, i1, i2, i3]).to_be_bytes();
    let [h0, h1] = u16::from_ne_bytes([h0, h1]).to_be_bytes();
    let mut cooked = [p0, p1, 0, 0, i0, i1, i2, i3, h0, h1, kind, length, 0, 0, 0, 0, 0, 0, 0, 0];
    // The kernel writes as many bytes as the address has. Those behind it are of an older frame.
    let known = u64::MAX.checked_shl(64 - 8 * u32::from(length.min(8))).unwrap_or(0);
    cooked[12..].copy_from_slice(&(u64::from_be_bytes(address) & known).to_be_bytes());
    cooked
}

/// Writes a cooked header in front of the frame, behind the header at `at` that the kernel made.
fn put_in_front(block: &mut [u8], place: &mut Place, at: usize) -> Result<(), Damaged> {
    let header = block.get(at..).and_then(<[u8]>::first_chunk).ok_or(Damaged)?;
    let cooked = cooked(header);
    let start = place.start.checked_sub(COOKED).filter(|start| *start >= at + HEADER).ok_or(Damaged)?;
    *block.get_mut(start..).and_then(<[u8]>::first_chunk_mut).ok_or(Damaged)? = cooked;
    let wire_len = place.wire_len.saturating_add(COOKED as u32);
    *place = Place { start, len: place.len + COOKED, wire_len, ..*place };
    Ok(())
}

fn word(block: &[u8], at: usize) -> Result<u32, Damaged> {
    let bytes = block.get(at..).and_then(<[u8]>::first_chunk).ok_or(Damaged)?;
    Ok(u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: usize = 48;
    const MAC: usize = 86;
    const FRAME: &[u8] = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0payload";

    /// A tag as the kernel tells of it.
    #[derive(Clone, Copy, Default)]
    struct Told {
        status: u32,
        tci: u32,
        tpid: u16,
    }

    /// A block with these frames, 256 bytes apart.
    fn block(frames: &[(Told, u8)]) -> Vec<u8> {
        let mut block = vec![0; FIRST + 256 * frames.len()];
        block[12..16].copy_from_slice(&(frames.len() as u32).to_ne_bytes());
        block[16..20].copy_from_slice(&(FIRST as u32).to_ne_bytes());
        for (header, (tag, kind)) in block[FIRST..].chunks_mut(256).zip(frames) {
            for (at, word) in [(0, 256), (4, 7), (8, 9), (12, FRAME.len() as u32), (16, 60), (20, tag.status)]
            {
                header[at..at + 4].copy_from_slice(&word.to_ne_bytes());
            }
            header[24..26].copy_from_slice(&(MAC as u16).to_ne_bytes());
            header[32..36].copy_from_slice(&tag.tci.to_ne_bytes());
            header[36..38].copy_from_slice(&tag.tpid.to_ne_bytes());
            header[58] = *kind;
            header[MAC..MAC + FRAME.len()].copy_from_slice(FRAME);
        }
        block
    }

    /// Walks to the end. Returns the frames with their bytes.
    fn walk(block: &mut [u8]) -> Result<Vec<(Place, Vec<u8>)>, Damaged> {
        walk_as(Form::Ethernet, block)
    }

    fn walk_as(form: Form, block: &mut [u8]) -> Result<Vec<(Place, Vec<u8>)>, Damaged> {
        let mut walk = Walk::begin(block)?;
        let mut all = Vec::new();
        while let Some(place) = walk.next(block, form)? {
            all.push((place, block[place.start..place.start + place.len].to_vec()));
        }
        Ok(all)
    }

    #[test]
    fn frames_come_with_their_times_and_directions() {
        let all =
            walk(&mut block(&[(Told::default(), 0), (Told::default(), 3), (Told::default(), 4)])).unwrap();
        assert_eq!(all.len(), 3);
        for ((place, bytes), direction) in all.iter().zip([Direction::In, Direction::In, Direction::Out]) {
            assert_eq!((place.wire_len, place.time.nanos, place.direction), (60, 7_000_000_009, direction));
            assert_eq!(bytes, FRAME);
        }
    }

    #[test]
    fn a_tag_is_put_back_behind_the_addresses() {
        for (tag, type_and_tci) in [
            (Told { status: 0, tci: 0x2064, tpid: 0 }, [0x81, 0, 0x20, 0x64]),
            (Told { status: VLAN_VALID, tci: 0, tpid: 0 }, [0x81, 0, 0, 0]),
            (Told { status: VLAN_VALID | VLAN_TPID_VALID, tci: 100, tpid: 0x88a8 }, [0x88, 0xa8, 0, 100]),
        ] {
            let all = walk(&mut block(&[(tag, 0), (Told::default(), 0)])).unwrap();
            let expected = [&FRAME[..12], &type_and_tci, &FRAME[12..]].concat();
            assert_eq!((&all[0].1, all[0].0.wire_len), (&expected, 64));
            assert_eq!(all[1].1, FRAME, "the frame behind it is untouched");
        }
    }

    #[test]
    fn a_frame_that_is_cut_within_its_addresses_gets_no_tag() {
        let mut block = block(&[(Told { status: VLAN_VALID, tci: 1, tpid: 0 }, 0)]);
        block[FIRST + 12..FIRST + 16].copy_from_slice(&11u32.to_ne_bytes());
        assert_eq!(walk(&mut block).unwrap()[0].1, FRAME[..11]);
    }

    #[test]
    fn offsets_that_lead_out_of_the_block_end_the_walk() {
        let whole = block(&[(Told { status: VLAN_VALID, tci: 1, tpid: 0 }, 0), (Told::default(), 0)]);
        let places = [16, FIRST, FIRST + 12];
        for (at, value) in places.into_iter().flat_map(|at| [(at, 0xffff_u32), (at, u32::MAX)]) {
            let mut block = whole.clone();
            block[at..at + 4].copy_from_slice(&value.to_ne_bytes());
            assert_eq!(walk(&mut block), Err(Damaged), "{value} at {at}");
        }
        let mut far = whole.clone();
        far[FIRST + 24..FIRST + 26].copy_from_slice(&u16::MAX.to_ne_bytes());
        assert_eq!(walk(&mut far), Err(Damaged));
        for len in 0..whole.len() - 256 {
            assert_eq!(walk(&mut whole[..len].to_vec()), Err(Damaged), "cut to {len}");
        }
    }

    /// A block with one frame of an interface of this kind, whose address has this length.
    fn of_any(hardware: u16, length: u8) -> Vec<u8> {
        let mut block = block(&[(Told { status: VLAN_VALID, tci: 7, tpid: 0 }, PACKET_OUTGOING)]);
        let header = &mut block[FIRST..];
        header[24..26].copy_from_slice(&100u16.to_ne_bytes());
        header[50..52].copy_from_slice(&[0x86, 0xdd]);
        header[52..56].copy_from_slice(&0x0001_0203u32.to_ne_bytes());
        header[56..58].copy_from_slice(&hardware.to_ne_bytes());
        header[59] = length;
        header[60..68].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        header[100..100 + FRAME.len()].copy_from_slice(FRAME);
        block
    }

    #[test]
    fn a_frame_of_any_interface_is_behind_a_cooked_header() {
        let whole = [1, 2, 3, 4, 5, 6, 7, 8];
        for (length, known) in [(0, 0), (4, 4), (6, 6), (8, 8), (20, 8)] {
            let all = walk_as(Form::Cooked, &mut of_any(0xfffe, length)).unwrap();
            let head = [0x86, 0xdd, 0, 0, 0, 1, 2, 3, 0xff, 0xfe, PACKET_OUTGOING, length];
            let expected = [&head[..], &whole[..known], &[0; 8][known..], FRAME].concat();
            assert_eq!(all[0].1, expected, "no tag, and nothing behind the address");
            assert_eq!((all[0].0.wire_len, all[0].0.hardware), (80, 0xfffe));
        }
    }

    #[test]
    fn a_cooked_header_without_room_ends_the_walk() {
        for start in [0, 68, 87, u16::MAX] {
            let mut block = of_any(1, 6);
            block[FIRST + 24..FIRST + 26].copy_from_slice(&start.to_ne_bytes());
            assert_eq!(walk_as(Form::Cooked, &mut block), Err(Damaged), "frame at {start}");
        }
        let mut close = of_any(1, 6);
        close[FIRST + 24..FIRST + 26].copy_from_slice(&88u16.to_ne_bytes());
        assert_eq!(walk_as(Form::Cooked, &mut close).unwrap().len(), 1);
    }

    #[test]
    fn frames_that_need_no_change_are_lent_as_they_lie() {
        let tag = Told { status: VLAN_VALID, tci: 1, tpid: 0 };
        let block = block(&[(Told::default(), 0), (Told::default(), 4), (tag, 0), (Told::default(), 0)]);
        let mut walk = Walk::begin(&block).unwrap();
        for _ in 0..2 {
            let place = walk.next_as_it_lies(&block).unwrap();
            assert_eq!(&block[place.start..place.start + place.len], FRAME);
        }
        assert!(walk.next_as_it_lies(&block).is_none() && walk.next_as_it_lies(&block).is_none());
        let mut block = block;
        assert_eq!(walk.next(&mut block, Form::Ethernet).unwrap().unwrap().len, FRAME.len() + 4);
        assert!(walk.next_as_it_lies(&block).is_some() && walk.next_as_it_lies(&block).is_none());
    }

    #[test]
    fn outgoing_frames_that_come_in_again_are_left_out() {
        let wanted = |hardware: u16, kind: u8, only| {
            let mut block = block(&[(Told::default(), kind)]);
            block[FIRST + 56..FIRST + 58].copy_from_slice(&hardware.to_ne_bytes());
            walk(&mut block).unwrap()[0].0.is_wanted(only)
        };
        for (hardware, only, arrives, leaves) in [
            (1, None, true, true),
            (1, Some(Direction::In), true, false),
            (1, Some(Direction::Out), false, true),
            (ARPHRD_LOOPBACK, None, true, false),
            (ARPHRD_LOOPBACK, Some(Direction::Out), false, false),
            (ARPHRD_CAN, None, true, false),
            (ARPHRD_CAN, Some(Direction::Out), false, true),
        ] {
            let found = (wanted(hardware, 0, only), wanted(hardware, PACKET_OUTGOING, only));
            assert_eq!(found, (arrives, leaves), "{hardware} {only:?}");
        }
    }

    #[test]
    fn an_empty_block_has_no_frame() {
        assert_eq!(walk(&mut block(&[])), Ok(Vec::new()));
    }
}
