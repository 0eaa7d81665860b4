//! The memory that an allocation takes, which is more than was asked for.

/// The bytes that an allocator keeps beside each allocation, and the multiple to which it rounds up.
const BESIDE: usize = 8;
const MULTIPLE: usize = 16;
const LEAST: usize = 32;

/// Returns the memory that an allocation of this many bytes takes.
pub(super) fn taken(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes + BESIDE).next_multiple_of(MULTIPLE).max(LEAST) }
}

/// The largest allocation that goes into a hole of its like.
const SMALL: usize = 128;

/// Returns the memory that takes what grows. Where it was before it grew, or before it went, it leaves holes, into which not
/// everything fits.
pub(super) fn taken_with_holes(bytes: usize) -> usize {
    let taken = taken(bytes);
    if taken <= SMALL { taken } else { taken * 3 / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_takes_more_than_was_asked_for() {
        // As glibc's `malloc_usable_size` and the eight bytes in front say it.
        assert_eq!([0, 1, 24, 25, 40, 41].map(taken), [0, 32, 32, 48, 48, 64]);
        assert_eq!([100, 1400].map(taken_with_holes), [112, 2112]);
    }
}
