//! The shares of bytes in traffic, by which the rarest of several words is found.

use memchr::arch::all::packedpair::HeuristicFrequencyRank;

/// Returns the rough share of a byte in traffic: that of its most frequent place, be it headers, text or ciphertext.
///
/// The figures are those of eight hundred captures of all kinds, which are full of headers, and of bodies of HTTP. A letter
/// is rated more frequent than it is, since in text it is rarely independent of its neighbours. No byte is rarer than in
/// ciphertext.
pub(super) fn share(byte: u8) -> f64 {
    // Not `exp2`: it is the only function that the program would load the mathematical library for.
    1.0 / f64::from(1u32 << bits(byte))
}

/// Returns the same of a byte with bit 0x20 set, where every byte has it set.
pub(super) fn share_folded(byte: u8) -> f64 {
    share(byte) + share(byte ^ 0x20)
}

/// Returns the negative binary logarithm of the share.
fn bits(byte: u8) -> u8 {
    match byte {
        0 => 2,
        b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 4,
        1..b' ' | 0xff | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b':' | b'"' => 5,
        b'!'..=b'~' => 6,
        _ => 8,
    }
}

/// Tells [`memchr`] which bytes of a word are rare in traffic. Its own figures, made for files, take zeros for rare.
pub(super) struct InTraffic {
    pub(super) folded: bool,
}

impl HeuristicFrequencyRank for InTraffic {
    fn rank(&self, byte: u8) -> u8 {
        let bits = if self.folded { bits(byte).min(bits(byte ^ 0x20)) } else { bits(byte) };
        u8::MAX >> (bits - 1)
    }
}
