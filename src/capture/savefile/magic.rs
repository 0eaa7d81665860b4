//! The first four bytes of capture files.

/// A section of pcapng, the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

// Classic files begin with one of these numbers, in the byte order of all their numbers.

/// A classic file with microseconds.
pub(super) const MICROSECONDS: u32 = 0xa1b2_c3d4;
/// A classic file with nanoseconds.
pub(super) const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// A file of Alexey Kuznetzov's patched libpcap.
pub(super) const KUZNETZOV: u32 = 0xa1b2_cd34;
/// A file of Ixia's software with microseconds.
pub(super) const IXIA_MICROSECONDS: u32 = 0x1c00_01ab;
/// A file of Ixia's hardware with nanoseconds.
pub(super) const IXIA_NANOSECONDS: u32 = 0x1c00_01ac;

/// Returns true if a classic file of any kind begins with these bytes.
pub(super) fn is_classic(bytes: [u8; 4]) -> bool {
    let known = [MICROSECONDS, NANOSECONDS, KUZNETZOV, IXIA_MICROSECONDS, IXIA_NANOSECONDS];
    known.contains(&u32::from_be_bytes(bytes)) || known.contains(&u32::from_le_bytes(bytes))
}
