//! Numbers and options in the byte order of a section.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Endian {
    #[default]
    Little,
    Big,
}

impl Endian {
    /// Reads the byte-order magic of a section header.
    pub(super) fn of(magic: [u8; 4]) -> Option<Self> {
        match magic {
            [0x4d, 0x3c, 0x2b, 0x1a] => Some(Self::Little),
            [0x1a, 0x2b, 0x3c, 0x4d] => Some(Self::Big),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        if self == Self::Big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    #[inline]
    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        if self == Self::Big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    /// Reads the type and the length at the head of a block.
    #[inline]
    pub(super) fn two(self, head: [u8; 8]) -> [u32; 2] {
        [0, 4].map(|at| self.u32([head[at], head[at + 1], head[at + 2], head[at + 3]]))
    }
}

/// The body of a block, or a part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    endian: Endian,
}

impl<'a> Fields<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], endian: Endian) -> Self {
        Self { bytes, endian }
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.bytes.len()
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the part that begins at `at`; empty if that is past the end.
    #[inline]
    pub(super) fn from(self, at: usize) -> Self {
        Self { bytes: self.bytes.get(at..).unwrap_or_default(), endian: self.endian }
    }

    #[inline]
    pub(super) fn u16(self, at: usize) -> Option<u16> {
        self.bytes.get(at..)?.first_chunk().map(|b| self.endian.u16(*b))
    }

    #[inline]
    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.bytes.get(at..)?.first_chunk().map(|b| self.endian.u32(*b))
    }

    /// Returns the first five numbers of 32 bits.
    #[inline]
    pub(super) fn words(self) -> Option<[u32; 5]> {
        let head: &[u8; 20] = self.bytes.first_chunk()?;
        let word = |at: usize| [head[at], head[at + 1], head[at + 2], head[at + 3]];
        Some([0, 4, 8, 12, 16].map(|at| self.endian.u32(word(at))))
    }

    pub(super) fn i64(self, at: usize) -> Option<i64> {
        let bytes: [u8; 8] = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.endian == Endian::Big { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) })
    }

    pub(super) fn u64(self, at: usize) -> Option<u64> {
        let bytes: [u8; 8] = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.endian == Endian::Big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// Returns the options that begin here, with their codes: up to the end-of-options mark, or to the first option that is
    /// incomplete.
    pub(super) fn options(self) -> impl Iterator<Item = (u16, Fields<'a>)> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let (code, len) = (rest.u16(0)?, usize::from(rest.u16(2)?));
            let value = rest.bytes.get(4..4 + len)?;
            rest = rest.from(4 + len.next_multiple_of(4));
            (code != 0).then_some((code, Fields { bytes: value, endian: self.endian }))
        })
    }
}
