//! The length law: the length of the ESP packet that carries an inner frame, for every form of ESP in use.
//!
//! Without a key, ESP shows little but its SPI and its length. The lengths are enough to recognise the probes,
//! because they are chosen here. A VXLAN packet in ESP (RFC 4303) is SPI and sequence number (8), IV, \[IP header in
//! tunnel mode,\] UDP and VXLAN (16), the inner frame, padding and trailer (2) up to a multiple of the cipher's
//! block, and the ICV. Cipher and mode are not known either, so every form is tried, and a single one has to explain
//! all packets.
//!
//! In the traffic of a busy tunnel every length is found by chance. Therefore lengths that nothing was sent with, the
//! decoys, are looked for as well. If they are found nearly as easily as the probes, lengths prove nothing there.
//!
//! The law does not hold for IP-TFS, for ESP with padding beyond the cipher's block, and for ESP in TCP. The kernel
//! tells which SAs are such (`super::kernel::Lengths`).

use crate::packet::Spi;

/// One form of ESP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Law {
    iv: u32,
    block: u32,
    icv: u32,
    /// The inner IP header of tunnel mode.
    tunnel: u32,
}

/// The lengths of IV and block in bytes: GCM, CCM, CTR and ChaCha20 have (8, 4), CBC has (16, 16).
const CIPHERS: [(u32, u32); 2] = [(8, 4), (16, 16)];
const ICVS: [u32; 5] = [8, 12, 16, 24, 32];
const TUNNELS: [u32; 3] = [0, 20, 40];
/// UDP and VXLAN.
const WRAPPING: u32 = 16;
const HEADER: u32 = 8;
const TRAILER: u32 = 2;

impl Law {
    /// Yields every form.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        CIPHERS.into_iter().flat_map(|(iv, block)| {
            ICVS.into_iter()
                .flat_map(move |icv| TUNNELS.into_iter().map(move |tunnel| Self { iv, block, icv, tunnel }))
        })
    }

    /// Returns the length in bytes, from the SPI to the ICV, of the ESP packet that carries an inner frame of this
    /// length.
    pub(super) fn esp_len(self, inner: u32) -> u32 {
        let padded = (self.tunnel + WRAPPING + inner + TRAILER).next_multiple_of(self.block);
        HEADER + self.iv + padded + self.icv
    }
}

/// A length that is expected from some moment on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// The moment, in nanoseconds since the epoch.
    pub(super) from: i64,
    /// The length of the inner frame in bytes.
    pub(super) inner: u32,
}

/// An ESP packet that passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    /// The time of its capture, in nanoseconds since the epoch.
    pub(super) time: i64,
    /// Its length in bytes, from the SPI on.
    pub(super) len: u32,
    pub(super) spi: Spi,
}

/// The clocks of the prober and of the capture may differ by this many nanoseconds.
const EARLY: i64 = 20_000_000;
/// A probe's packet is on the wire within this many nanoseconds.
const LATE: i64 = 2_000_000_000;

/// The number of decoys for each expected length.
const DECOYS: usize = 4;
/// The step between two lengths of probes, in bytes. It is the longest block of a cipher, so that padding cannot make
/// two lengths the same.
pub(super) const STEP: u32 = 16;

/// Counts the expected packets that passed, in their time, under the one law that explains most of them. Each packet
/// that passed explains only one.
///
/// Returns 0 if decoys, which differ from all lengths of `sent`, are found nearly as easily.
pub(super) fn explained(expected: &[Expected], sent: &[Expected], passed: &[Passed]) -> usize {
    let mut passed = passed.to_vec();
    passed.sort_by_key(|esp| esp.time);
    let Some((found, law)) =
        Law::all().map(|law| (hits(law, expected, &passed), law)).max_by_key(|(found, _)| found.len())
    else {
        return 0;
    };
    if is_constant(law, &found, sent, &passed) {
        return 0;
    }
    let best = found.len();
    let decoys = decoys(expected, sent);
    let by_chance = hits(law, &decoys, &passed).len();
    // Decoys may be found a quarter as often. Even then three hits by chance are rarer than one in sixty, and ten
    // hits rarer than one in a million.
    if by_chance * expected.len() * 4 > best * decoys.len() { 0 } else { best }
}

/// Returns true if all packets that were found have one length, and more of that length passed than were sent. Padded
/// packets, and those of IP-TFS at a constant rate (RFC 9347), are there at every moment. One form of ESP or another then
/// explains a single probe, whatever its length.
fn is_constant(law: Law, found: &[u32], sent: &[Expected], passed: &[Passed]) -> bool {
    /// A packet may be captured on as many interfaces.
    const COPIES: usize = 2;
    let Some((&len, others)) = found.split_first() else { return false };
    if others.iter().any(|&other| other != len) {
        return false;
    }
    let of_len = passed.iter().filter(|esp| esp.len == len).count();
    of_len > COPIES * sent.iter().filter(|probe| law.esp_len(probe.inner) == len).count()
}

/// Returns the lengths of the packets that were expected and passed under this law. `passed` is in the order of time.
fn hits(law: Law, expected: &[Expected], passed: &[Passed]) -> Vec<u32> {
    let mut used = vec![false; passed.len()];
    expected
        .iter()
        .filter_map(|probe| {
            let len = law.esp_len(probe.inner);
            let first = passed.partition_point(|esp| esp.time < probe.from - EARLY);
            let hit = (first..passed.len())
                .take_while(|&at| passed[at].time < probe.from + LATE)
                .find(|&at| !used[at] && passed[at].len == len)?;
            used[hit] = true;
            Some(len)
        })
        .collect()
}

/// Returns the decoys: lengths next to each expected one that no probe sent at about that time has.
fn decoys(expected: &[Expected], sent: &[Expected]) -> Vec<Expected> {
    let mut found = Vec::new();
    for &Expected { from, inner } in expected {
        let around = from - LATE - EARLY..=from + LATE + EARLY;
        let first = sent.partition_point(|other| other.from < *around.start());
        let near: Vec<u32> =
            sent[first..].iter().take_while(|other| around.contains(&other.from)).map(|o| o.inner).collect();
        let steps = (1..).flat_map(|n| [inner.checked_add(n * STEP), inner.checked_sub(n * STEP)]).flatten();
        let free = steps.filter(|inner| !near.contains(inner)).take(DECOYS);
        found.extend(free.map(|inner| Expected { from, inner }));
    }
    found
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

    const GCM: Law = Law { iv: 8, block: 4, icv: 16, tunnel: 0 };
    const SECOND: i64 = 1_000_000_000;

    fn probes(count: u32) -> Vec<Expected> {
        (0..count)
            .map(|n| Expected { from: i64::from(n) * SECOND / 4, inner: 114 + STEP * (n * 23 % 53) })
            .collect()
    }

    fn passed(probe: &Expected) -> Passed {
        Passed { time: probe.from + 1, len: GCM.esp_len(probe.inner), spi: Spi(300) }
    }

    #[test]
    fn one_law_must_explain_all() {
        let probes = probes(3);
        let mut esp: Vec<Passed> = probes.iter().map(passed).collect();
        assert_eq!(explained(&probes, &probes, &esp), 3);
        esp[1].len += 8;
        assert_eq!(explained(&probes, &probes, &esp), 2);
        esp[0].time += 3 * SECOND;
        assert_eq!(explained(&probes, &probes, &esp), 1);
        assert_eq!(explained(&probes, &probes, &[]), 0);
    }

    #[test]
    fn in_a_busy_tunnel_every_length_is_found_and_proves_nothing() {
        let probes = probes(40);
        let own: Vec<Passed> = probes.iter().map(passed).collect();
        assert_eq!(explained(&probes, &probes, &own), 40);
        // Somebody else's download: a thousand packets a second, of all lengths.
        let busy: Vec<Passed> = (0..10_000u32)
            .map(|n| Passed {
                time: i64::from(n) * SECOND / 1000,
                len: 100 + 4 * (n * 7919 % 360),
                spi: Spi(300),
            })
            .collect();
        assert_eq!(explained(&probes, &probes, &busy), 0);
        // It proves nothing either that the probes' own packets are among them. A steady ping beside them does no
        // harm.
        assert_eq!(explained(&probes, &probes, &[own.clone(), busy].concat()), 0);
        let ping = (0..30).map(|n| Passed { time: n * SECOND / 3, len: GCM.esp_len(98), spi: Spi(300) });
        assert_eq!(explained(&probes, &probes, &own.iter().copied().chain(ping).collect::<Vec<_>>()), 40);
        // Probes without an answer are on the wire as well, and are no decoys.
        let answered: Vec<Expected> = probes.iter().step_by(2).copied().collect();
        assert_eq!(explained(&answered, &probes, &own), 20);
    }

    #[test]
    fn packets_of_one_length_prove_nothing() {
        let probes = probes(8);
        // IP-TFS at a constant rate. For each probe alone there is a form of ESP by which the constant length is its own.
        let near = GCM.esp_len(probes[0].inner);
        let constant: Vec<Passed> =
            (0..400).map(|n| Passed { time: n * SECOND / 100, len: near, spi: Spi(300) }).collect();
        assert_eq!(explained(&probes[..1], &probes, &constant), 0);
        assert_eq!(explained(&probes, &probes, &constant), 0);
        // A device so small that all probes have one length, in the traffic of somebody else.
        let small: Vec<Expected> = probes.iter().map(|probe| Expected { inner: 114, ..*probe }).collect();
        let constant: Vec<Passed> =
            constant.iter().map(|esp| Passed { len: GCM.esp_len(114), ..*esp }).collect();
        assert_eq!(explained(&small, &small, &constant), 0);
        let own: Vec<Passed> = small.iter().map(passed).collect();
        assert_eq!(explained(&small, &small, &[own.clone(), own].concat()), 8);
    }

    #[test]
    fn packets_padded_to_steps_prove_nothing() {
        let probes = probes(40);
        // Each probe is padded to the next multiple of 256 bytes (RFC 4303 section 2.7).
        let padded = |probe: &Expected| Passed {
            len: GCM.esp_len(probe.inner.next_multiple_of(256)),
            ..passed(probe)
        };
        let padded: Vec<Passed> = probes.iter().map(padded).collect();
        assert!(explained(&probes, &probes, &padded) * 4 < probes.len() * 3);
    }

    #[test]
    fn an_hour_of_probes_is_judged_at_once() {
        let time = |sixteenths: u32| {
            let probes = probes(900 * sixteenths);
            let passed = |n| Passed { time: i64::from(n) * 55_000_000, len: GCM.esp_len(98), spi: Spi(300) };
            let esp: Vec<Passed> = (0..4_096 * sixteenths).map(passed).collect();
            let begun = std::time::Instant::now();
            explained(&probes, &probes, &esp);
            begun.elapsed()
        };
        // A quadratic search would take 256 times as long as for a sixteenth of the probes. One of ten attempts has
        // to stay below 64 times, because the machine may be busy otherwise.
        assert!((0..10).any(|_| time(16) < 64 * time(1)));
    }
}
