//! The packets that the filters kept out, for those who see nothing and wonder why.
//!
//! A filter sees the outer packets, `--inner` the innermost ones, and it is easy to take one for the other. So as long
//! as nothing has passed, a look is taken at what the other one would have let through. Once something has passed,
//! that costs nothing any more.

use super::Filters;
use crate::packet::{Decoder, Frame, Opaque, TunnelPorts, Vni};

/// The packets that `--vni` and `--inner` kept out of a search. Opaque packets pass them and say nothing.
#[derive(Clone, Debug, Default)]
pub struct KeptOut {
    passed: bool,
    by_vni: bool,
    by_inner: bool,
    vnis: Vec<Vni>,
    more_vnis: bool,
    outer_passes: bool,
    tagged: bool,
}

/// The reason why nothing passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing<'a> {
    /// No packet was in one of the networks. The VNIs that were seen, in their order, and true if there were more.
    InNetworks(&'a [Vni], bool),
    /// No packet's innermost frame passed the filter. True if an outer one would have.
    PassedInner(bool),
}

impl KeptOut {
    /// The most VNIs that are kept.
    const VNIS: usize = 8;

    pub(super) fn pass(&mut self) {
        self.passed = true;
    }

    /// Takes a packet of another network, or of none.
    #[inline]
    pub(super) fn by_vni(&mut self, vni: Option<Vni>) {
        self.by_vni = true;
        if self.passed {
            return;
        }
        if let Some(vni) = vni {
            if let Err(place) = self.vnis.binary_search(&vni) {
                self.more_vnis |= self.vnis.len() == Self::VNIS;
                if self.vnis.len() < Self::VNIS {
                    self.vnis.insert(place, vni);
                }
            }
        }
    }

    /// Takes a packet whose innermost frame did not pass. Either may have a VLAN tag or tunnels around it.
    #[inline]
    pub(super) fn by_inner(
        &mut self,
        frame: &Frame<'_>,
        tagged: bool,
        tunneled: bool,
        filters: &mut Filters,
    ) {
        self.by_inner = true;
        self.tagged |= tagged;
        if !self.passed && !self.outer_passes && tunneled {
            self.outer_passes = filters.matches(frame.link, frame.bytes, frame.wire_len);
        }
    }

    /// Returns what was kept out here, and behind it in a piece that was searched for itself. `None` if that depends on the
    /// order of the packets, since not all VNIs are kept.
    pub(super) fn and(&self, piece: &Self) -> Option<Self> {
        let mut both = Self {
            passed: self.passed || piece.passed,
            by_vni: self.by_vni || piece.by_vni,
            by_inner: self.by_inner || piece.by_inner,
            vnis: self.vnis.clone(),
            more_vnis: self.more_vnis || piece.more_vnis,
            outer_passes: self.outer_passes || piece.outer_passes,
            tagged: self.tagged || piece.tagged,
        };
        if both.passed {
            // Nobody asks for the VNIs any more.
            return Some(both);
        }
        let was_full = self.vnis.len() == Self::VNIS;
        for &vni in &piece.vnis {
            if let Err(place) = both.vnis.binary_search(&vni) {
                if was_full { both.more_vnis = true } else { both.vnis.insert(place, vni) }
            }
        }
        let in_any_order = was_full || both.vnis.len() <= Self::VNIS && !piece.more_vnis;
        in_any_order.then_some(both)
    }

    /// Returns true if the inner filter kept out a frame with a VLAN tag, behind which libpcap looks only if it is told to.
    pub fn tagged(&self) -> bool {
        self.tagged
    }

    /// Returns the reason, if packets were kept out and none was let through.
    pub fn nothing(&self) -> Option<Nothing<'_>> {
        match self {
            Self { passed: true, .. } => None,
            Self { by_inner: true, .. } => Some(Nothing::PassedInner(self.outer_passes)),
            Self { by_vni: true, .. } => Some(Nothing::InNetworks(&self.vnis, self.more_vnis)),
            _ => None,
        }
    }
}

/// The filter on the outer headers, for frames of files. The kernel applies it to a live capture.
#[derive(Debug)]
pub struct OuterFilter {
    filters: Filters,
    passed: bool,
    /// The number of frames that were kept out.
    refused: u64,
    decoder: Decoder,
    inner_passes: bool,
    sealed: bool,
    scratch: Vec<u8>,
}

impl OuterFilter {
    /// The most frames that are looked into. A filter that is right may have to wait long for its first packet.
    const LOOK: u64 = 10_000;

    /// Makes a filter. UDP to `ports` is taken for tunnels.
    pub(super) fn new(filters: Filters, ports: TunnelPorts) -> Self {
        Self {
            filters,
            passed: false,
            refused: 0,
            decoder: Decoder::new(ports),
            inner_passes: false,
            sealed: false,
            scratch: Vec::new(),
        }
    }

    /// Returns true if the frame passes.
    #[inline]
    pub fn passes(&mut self, frame: &Frame<'_>) -> bool {
        let passes = self.filters.matches(frame.link, frame.bytes, frame.wire_len);
        if passes {
            self.passed = true;
        } else {
            self.refused += 1;
            if !self.passed && !self.inner_passes && self.refused <= Self::LOOK {
                self.look_into(frame);
            }
        }
        passes
    }

    #[cold]
    fn look_into(&mut self, frame: &Frame<'_>) {
        let packet = self.decoder.decode(frame);
        self.sealed |= matches!(packet.opaque, Some(Opaque::Esp { .. } | Opaque::EspFragment));
        if !packet.encapsulations.is_empty() && packet.opaque.is_none() {
            let (link, bytes) = packet.rebuild_inner(&mut self.scratch);
            self.inner_passes = self.filters.matches(link, bytes, bytes.len() as u32);
        }
    }

    /// Returns the filters, for frames of which only the numbers are told to [`Self::add`]. `None` while it has to look into
    /// what it keeps out.
    pub fn filters(&self) -> Option<&Filters> {
        let looks = !self.passed && !self.inner_passes && self.refused < Self::LOOK;
        (!looks).then_some(&self.filters)
    }

    /// Returns true if a frame has passed. From then on it does not matter which others do, where they cannot match.
    pub fn has_passed(&self) -> bool {
        self.passed
    }

    /// Takes the number of frames that were kept out by [`Self::filters`], and whether one passed.
    pub fn add(&mut self, refused: u64, passed: bool) {
        self.refused += refused;
        self.passed |= passed;
    }

    /// Returns the number of frames that were kept out, if none passed.
    pub fn kept_out_all(&self) -> Option<u64> {
        (!self.passed && self.refused > 0).then_some(self.refused)
    }

    /// Returns true if the innermost frame of one that was kept out would have passed, as far as frames were looked into.
    pub fn inner_passes(&self) -> bool {
        self.inner_passes
    }

    /// Returns true if one that was kept out was ESP, which a key may open.
    pub fn kept_out_esp(&self) -> bool {
        self.sealed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps out packets of these networks, in this order.
    fn kept_out(vnis: &[u32]) -> KeptOut {
        let mut kept_out = KeptOut { by_vni: true, ..KeptOut::default() };
        for vni in vnis.iter().map(|vni| Vni::new(*vni).unwrap()) {
            let Err(place) = kept_out.vnis.binary_search(&vni) else { continue };
            kept_out.more_vnis |= kept_out.vnis.len() == KeptOut::VNIS;
            if kept_out.vnis.len() < KeptOut::VNIS {
                kept_out.vnis.insert(place, vni);
            }
        }
        kept_out
    }

    #[test]
    fn the_networks_of_two_parts_are_those_of_the_whole_or_there_are_none() {
        let all: Vec<u32> = (0..20).map(|n| n * n % 23).collect();
        let mut unknown = 0;
        for end in 0..=all.len() {
            for cut in 0..=end {
                match kept_out(&all[..cut]).and(&kept_out(&all[cut..end])) {
                    Some(both) => {
                        let whole = kept_out(&all[..end]);
                        assert_eq!((both.vnis, both.more_vnis), (whole.vnis, whole.more_vnis), "{cut} {end}");
                    }
                    None => unknown += 1,
                }
            }
        }
        assert_eq!(kept_out(&[1, 2, 3, 4, 5]).and(&kept_out(&[6, 7, 8, 9])).map(|_| ()), None);
        assert!((1..120).contains(&unknown), "{unknown} of 231");
        // Once something has passed, nobody asks.
        let passed = KeptOut { passed: true, ..KeptOut::default() };
        assert!(
            kept_out(&[1, 2, 3, 4, 5]).and(&KeptOut { passed: true, ..kept_out(&[6, 7, 8, 9]) }).is_some()
        );
        assert!(passed.and(&kept_out(&all)).unwrap().nothing().is_none());
    }
}
