//! The networks that are asked for.

use crate::packet::Vni;

/// A set of VNIs, in which each packet's is looked up: a bit for each up to the highest, of at most 2 MiB.
///
/// The steps of a search in a list, with its branches that nobody can foretell, take longer than the rest of what a packet
/// costs that is not decoded.
#[derive(Debug)]
pub(super) struct Networks {
    bits: Vec<u64>,
}

impl Networks {
    pub(super) fn new(vnis: &[Vni]) -> Self {
        let words = vnis.iter().max().map_or(0, |highest| highest.value() as usize / 64 + 1);
        // The kernel gives zeroes without touching them, so that few networks take few pages.
        let mut bits = vec![0; words];
        for vni in vnis {
            let (word, bit) = place(*vni);
            bits[word] |= bit;
        }
        Self { bits }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    #[inline]
    pub(super) fn contains(&self, vni: Vni) -> bool {
        let (word, bit) = place(vni);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

/// Returns the word of a VNI and its bit.
#[inline]
fn place(vni: Vni) -> (usize, u64) {
    (vni.value() as usize / 64, 1 << (vni.value() % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it_and_nothing_else() {
        let vnis = |numbers: &[u32]| -> Vec<Vni> { numbers.iter().filter_map(|n| Vni::new(*n)).collect() };
        for numbers in [&[][..], &[0], &[63, 64, 64, 5], &[0xff_ffff, 4097], &[127, 128, 200_000]] {
            let networks = Networks::new(&vnis(numbers));
            assert_eq!(networks.is_empty(), numbers.is_empty());
            let around = numbers.iter().flat_map(|n| n.saturating_sub(65)..n.saturating_add(66));
            for number in around.chain([0, 1, 1 << 23, 0xff_ffff]).filter(|n| *n <= 0xff_ffff) {
                assert_eq!(
                    networks.contains(Vni::new(number).unwrap()),
                    numbers.contains(&number),
                    "{number}"
                );
            }
        }
    }
}
