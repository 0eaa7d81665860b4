//! The length law: how long the ESP packet of an inner frame is, for every form of ESP in use.
//!
//! A VXLAN packet in ESP (RFC 4303) is SPI and sequence number (8), IV, \[IP header in tunnel mode,\] UDP and VXLAN (16),
//! the inner frame, padding and trailer (2) up to a multiple of the cipher's block, and the ICV.

/// One form of ESP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Law {
    iv: u32,
    block: u32,
    icv: u32,
    /// The inner IP header of tunnel mode.
    tunnel: u32,
}

/// IV and block: GCM, CCM, CTR and ChaCha20 have (8, 4), CBC has (16, 16).
const CIPHERS: [(u32, u32); 2] = [(8, 4), (16, 16)];
const ICVS: [u32; 5] = [8, 12, 16, 24, 32];
const TUNNELS: [u32; 3] = [0, 20, 40];
/// UDP and VXLAN.
const WRAPPING: u32 = 16;
const HEADER: u32 = 8;
const TRAILER: u32 = 2;

impl Law {
    /// Every form.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        CIPHERS.into_iter().flat_map(|(iv, block)| {
            ICVS.into_iter()
                .flat_map(move |icv| TUNNELS.into_iter().map(move |tunnel| Self { iv, block, icv, tunnel }))
        })
    }

    /// Length in bytes, from the SPI to the ICV, of the ESP packet with this inner frame.
    pub(super) fn esp_len(self, inner: u32) -> u32 {
        let padded = (self.tunnel + WRAPPING + inner + TRAILER).next_multiple_of(self.block);
        HEADER + self.iv + padded + self.icv
    }
}

/// A length that was expected from some moment on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// Nanoseconds since the epoch.
    pub(super) from: i64,
    /// Length of the inner frame.
    pub(super) inner: u32,
}

/// An ESP packet that passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    /// Nanoseconds since the epoch.
    pub(super) time: i64,
    /// Length from the SPI on.
    pub(super) len: u32,
}

/// Clocks of the probe and the capture may differ by this much.
const EARLY: i64 = 20_000_000;
/// A probe's packet is on the wire within this time.
const LATE: i64 = 2_000_000_000;

/// How many of the expected packets passed, in their time, under the one law that explains most of them. Each packet
/// that passed explains one.
pub(super) fn explained(expected: &[Expected], passed: &[Passed]) -> usize {
    let count = |law: Law| {
        let mut used = vec![false; passed.len()];
        expected
            .iter()
            .filter(|probe| {
                let len = law.esp_len(probe.inner);
                let window = probe.from - EARLY..probe.from + LATE;
                let hit = passed
                    .iter()
                    .zip(&used)
                    .position(|(esp, used)| !used && esp.len == len && window.contains(&esp.time));
                hit.map(|at| used[at] = true).is_some()
            })
            .count()
    };
    Law::all().map(count).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_measured_on_a_kernel() {
        let gcm = |icv| Law { iv: 8, block: 4, icv, tunnel: 0 };
        assert_eq!(gcm(8).esp_len(98), 140);
        assert_eq!(gcm(16).esp_len(98), 148);
    }

    #[test]
    fn one_law_must_explain_all() {
        let probes = [100, 164, 132].map(|inner| Expected { from: i64::from(inner), inner });
        let law = Law { iv: 8, block: 4, icv: 16, tunnel: 0 };
        let mut esp = probes.map(|probe| Passed { time: probe.from + 1, len: law.esp_len(probe.inner) });
        assert_eq!(explained(&probes, &esp), 3);
        esp[1].len += 8;
        assert_eq!(explained(&probes, &esp), 2);
        esp[0].time += 3_000_000_000;
        assert_eq!(explained(&probes, &esp), 1);
        assert_eq!(explained(&probes, &esp[..0]), 0);
    }
}
