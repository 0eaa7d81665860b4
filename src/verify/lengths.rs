//! The length law: the length of the ESP packet that carries an inner frame, for every form of ESP in use, and that of
//! WireGuard's data message.
//!
//! Without a key, ESP shows little but its SPI and its length, and a data message its session and its length. The lengths are enough to recognise the probes,
//! because they are chosen here. A VXLAN packet in ESP (RFC 4303) is SPI and sequence number (8), IV, \[IP header in
//! tunnel mode,\] UDP and VXLAN (16), the inner frame, padding and trailer (2) up to a multiple of the cipher's
//! block, and the ICV. Cipher and mode are not known either, so every form is tried, and a single one has to explain
//! all packets.
//!
//! Geneve may have options in front of the frame. WireGuard pads a packet to a multiple of 16, but not beyond the MTU.
//!
//! In the traffic of a busy tunnel every length is found by chance. Therefore lengths that nothing was sent with, the
//! decoys, are looked for as well. If they are found nearly as easily as the probes, lengths prove nothing there.
//!
//! The law does not hold for IP-TFS, for ESP with padding beyond the cipher's block, and for ESP in TCP. The kernel
//! tells which SAs are such (`super::kernel::Lengths`).

use super::wireguard::data_message;
use crate::packet::{Form, IpVersion, Spi};

/// One form of the packets that carry the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Law {
    /// ESP.
    Esp {
        /// The length of the IV.
        iv: u32,
        /// The length of the cipher's block.
        block: u32,
        /// The length of the ICV.
        icv: u32,
        /// The length of what is in front of the inner frame.
        wrapping: u32,
    },
    /// Data messages of WireGuard.
    WireGuard {
        /// The length of what is in front of the inner frame. It is negative if the frame has no Ethernet header there.
        wrapping: i32,
        /// The MTU that padding does not go beyond; 0 for none.
        mtu: u32,
    },
}

/// The lengths of IV and block in bytes: GCM, CCM, CTR and ChaCha20 have (8, 4), CBC has (16, 16).
const CIPHERS: [(u32, u32); 2] = [(8, 4), (16, 16)];
const ICVS: [u32; 5] = [8, 12, 16, 24, 32];
/// The lengths of an inner IP header: none in transport mode.
const TUNNELS: [u32; 3] = [0, 20, 40];
/// UDP and VXLAN, or UDP and Geneve.
const UDP_AND_TUNNEL: u8 = 16;
/// The lengths of Geneve's options: none, those of OVN (one of four bytes), and those of a few more.
const OPTIONS: [u8; 4] = [0, 8, 12, 16];
const ETHERNET: i32 = 14;
const HEADER: u32 = 8;
const TRAILER: u32 = 2;

impl Law {
    /// Yields every form of ESP that may carry the packets of a network of this form.
    pub(super) fn of_esp(form: Option<Form>) -> impl Iterator<Item = Self> {
        CIPHERS.into_iter().flat_map(move |(iv, block)| {
            ICVS.into_iter().flat_map(move |icv| {
                TUNNELS.into_iter().flat_map(move |tunnel| {
                    options(form).iter().map(move |options| {
                        let wrapping = tunnel + u32::from(UDP_AND_TUNNEL + options);
                        Self::Esp { iv, block, icv, wrapping }
                    })
                })
            })
        })
    }

    /// Yields the forms of data messages that may carry the packets of a network of this form between nodes of this
    /// version of IP, under one of these MTUs.
    pub(super) fn of_wireguard(
        form: Option<Form>,
        version: IpVersion,
        mtus: &[u32],
    ) -> impl Iterator<Item = Self> {
        let wrappings: Vec<i32> = if form == Some(Form::Routed) {
            vec![-ETHERNET]
        } else {
            let ip = match version {
                IpVersion::V4 => 20,
                IpVersion::V6 => 40,
            };
            options(form).iter().map(|options| ip + i32::from(UDP_AND_TUNNEL + options)).collect()
        };
        let mtus = mtus.to_vec();
        wrappings.into_iter().flat_map(move |wrapping| {
            mtus.clone().into_iter().map(move |mtu| Self::WireGuard { wrapping, mtu })
        })
    }

    /// Returns the length in bytes of the packet that carries an inner frame of this length: from the SPI to the ICV, or
    /// the whole data message.
    pub(super) fn len(self, inner: u32) -> u32 {
        match self {
            Self::Esp { iv, block, icv, wrapping } => {
                HEADER + iv + (wrapping + inner + TRAILER).next_multiple_of(block) + icv
            }
            Self::WireGuard { wrapping, mtu } => {
                let packet = inner.saturating_add_signed(wrapping) as usize;
                u32::try_from(data_message(packet, mtu as usize)).unwrap_or(u32::MAX)
            }
        }
    }
}

fn options(form: Option<Form>) -> &'static [u8] {
    match form {
        Some(Form::Geneve) => &OPTIONS,
        _ => &OPTIONS[..1],
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

/// An ESP packet, or a data message of WireGuard, that passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    /// The time of its capture, in nanoseconds since the epoch.
    pub(super) time: i64,
    /// Its length in bytes, from the SPI or from the message's type on.
    pub(super) len: u32,
    /// The SPI, or the index of the session.
    pub(super) spi: Spi,
}

/// The clocks of the prober and of the capture may differ by this many nanoseconds.
const EARLY: i64 = 20_000_000;
/// A probe's packet is on the wire within one of these times in nanoseconds: the first if the machine is idle, the last if
/// it is very busy. In a busy tunnel fewer packets pass by chance within a shorter time.
const WINDOWS: [i64; 5] = [30_000_000, 100_000_000, 300_000_000, 1_000_000_000, LATE];
const LATE: i64 = 2_000_000_000;

/// The number of decoys for each expected length.
const DECOYS: usize = 4;
/// The step between two lengths of probes, in bytes. It is the longest block of a cipher, so that padding cannot make
/// two lengths the same.
pub(super) const STEP: u32 = 16;

/// Counts the expected packets that passed, in their time, under the one of these laws that explains most of them. Each
/// packet that passed explains only one.
///
/// Returns 0 if decoys, which differ from all lengths of `sent`, are found nearly as easily.
pub(super) fn explained(
    laws: impl Iterator<Item = Law>,
    expected: &[Expected],
    sent: &[Expected],
    passed: &[Passed],
) -> usize {
    let mut passed = passed.to_vec();
    passed.sort_by_key(|esp| esp.time);
    let laws: Vec<Law> = laws.collect();
    let decoys = decoys(expected, sent);
    let within = |window| explained_within(window, &laws, expected, &decoys, sent, &passed);
    WINDOWS.into_iter().map(within).max().unwrap_or(0)
}

fn explained_within(
    window: i64,
    laws: &[Law],
    expected: &[Expected],
    decoys: &[Expected],
    sent: &[Expected],
    passed: &[Passed],
) -> usize {
    let found = laws.iter().map(|&law| (hits(law, window, expected, passed), law));
    let Some((found, law)) = found.max_by_key(|(found, _)| found.len()) else { return 0 };
    if is_constant(law, &found, sent, passed) {
        return 0;
    }
    let best = found.len();
    let by_chance = hits(law, window, decoys, passed).len();
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
    of_len > COPIES * sent.iter().filter(|probe| law.len(probe.inner) == len).count()
}

/// Returns the lengths of the packets that were expected and passed under this law. `passed` is in the order of time.
fn hits(law: Law, window: i64, expected: &[Expected], passed: &[Passed]) -> Vec<u32> {
    let mut used = vec![false; passed.len()];
    expected
        .iter()
        .filter_map(|probe| {
            let len = law.len(probe.inner);
            let first = passed.partition_point(|esp| esp.time < probe.from - EARLY);
            let hit = (first..passed.len())
                .take_while(|&at| passed[at].time < probe.from + window)
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
        let gcm = |icv| Law::Esp { iv: 8, block: 4, icv, wrapping: 16 };
        assert_eq!(gcm(8).len(98), 140);
        assert_eq!(gcm(16).len(98), 148);
    }

    const GCM: Law = Law::Esp { iv: 8, block: 4, icv: 16, wrapping: 16 };
    const SECOND: i64 = 1_000_000_000;

    fn probes(count: u32) -> Vec<Expected> {
        (0..count)
            .map(|n| Expected { from: i64::from(n) * SECOND / 4, inner: 114 + STEP * (n * 23 % 53) })
            .collect()
    }

    fn passed(probe: &Expected) -> Passed {
        Passed { time: probe.from + 1, len: GCM.len(probe.inner), spi: Spi(300) }
    }

    #[test]
    fn one_law_must_explain_all() {
        let probes = probes(3);
        let mut esp: Vec<Passed> = probes.iter().map(passed).collect();
        assert_eq!(explained(Law::of_esp(None), &probes, &probes, &esp), 3);
        esp[1].len += 8;
        assert_eq!(explained(Law::of_esp(None), &probes, &probes, &esp), 2);
        esp[0].time += 3 * SECOND;
        assert_eq!(explained(Law::of_esp(None), &probes, &probes, &esp), 1);
        assert_eq!(explained(Law::of_esp(None), &probes, &probes, &[]), 0);
    }

    #[test]
    fn in_a_busy_tunnel_every_length_is_found_and_proves_nothing() {
        let probes = probes(40);
        let own: Vec<Passed> = probes.iter().map(passed).collect();
        assert_eq!(explained(Law::of_esp(None), &probes, &probes, &own), 40);
        // Somebody else's download: so many packets a second, of all lengths.
        let busy = |rate: u32| -> Vec<Passed> {
            (0..10 * rate)
                .map(|n| Passed {
                    time: i64::from(n) * SECOND / i64::from(rate),
                    len: 100 + 4 * (n * 7919 % 360),
                    spi: Spi(300),
                })
                .collect()
        };
        for rate in [1000, 20_000] {
            assert_eq!(explained(Law::of_esp(None), &probes, &probes, &busy(rate)), 0);
        }
        // Among a thousand packets a second the probes' own are still found in the moment after they were sent. Among
        // many more they prove nothing. A steady ping beside them does no harm.
        for (rate, right) in [(1000, 40), (20_000, 0)] {
            let all = [own.clone(), busy(rate)].concat();
            assert_eq!(explained(Law::of_esp(None), &probes, &probes, &all), right);
        }
        let ping = (0..30).map(|n| Passed { time: n * SECOND / 3, len: GCM.len(98), spi: Spi(300) });
        assert_eq!(
            explained(
                Law::of_esp(None),
                &probes,
                &probes,
                &own.iter().copied().chain(ping).collect::<Vec<_>>()
            ),
            40
        );
        // Probes without an answer are on the wire as well, and are no decoys.
        let answered: Vec<Expected> = probes.iter().step_by(2).copied().collect();
        assert_eq!(explained(Law::of_esp(None), &answered, &probes, &own), 20);
    }

    #[test]
    fn data_messages_have_the_length_of_the_packet_inside() {
        let of = |form, inner| {
            let laws = Law::of_wireguard(form, IpVersion::V4, &[1420]);
            laws.map(|law| law.len(inner)).collect::<Vec<_>>()
        };
        // 100 bytes of IP, as they are.
        assert_eq!(of(Some(Form::Routed), 114), [32 + 112]);
        // IP, UDP and VXLAN around 114 bytes of Ethernet.
        assert_eq!(of(Some(Form::Vxlan), 114), [32 + 160]);
        assert_eq!(of(Some(Form::Geneve), 114), [32 + 160, 32 + 160, 32 + 176, 32 + 176]);
    }

    #[test]
    fn a_tight_window_finds_the_probes_in_a_busy_tunnel() {
        let probes = probes(40);
        let law = || Law::of_wireguard(Some(Form::Routed), IpVersion::V4, &[1420]);
        let one = law().next().unwrap();
        let own = probes.iter().map(|probe| Passed { len: one.len(probe.inner), ..passed(probe) });
        // Every 5 ms a message of some other length.
        let busy = (0..2000u32).map(|n| Passed {
            time: i64::from(n) * SECOND / 200,
            len: 48 + 16 * (n * 7919 % 83),
            spi: Spi(7),
        });
        let busy: Vec<Passed> = busy.collect();
        let all: Vec<Passed> = own.chain(busy.iter().copied()).collect();
        assert_eq!(explained(law(), &probes, &probes, &all), 40);
        assert_eq!(explained(law(), &probes, &probes, &busy), 0);
    }

    #[test]
    fn packets_of_one_length_prove_nothing() {
        let probes = probes(8);
        // IP-TFS at a constant rate. For each probe alone there is a form of ESP by which the constant length is its own.
        let near = GCM.len(probes[0].inner);
        let constant: Vec<Passed> =
            (0..400).map(|n| Passed { time: n * SECOND / 100, len: near, spi: Spi(300) }).collect();
        assert_eq!(explained(Law::of_esp(None), &probes[..1], &probes, &constant), 0);
        assert_eq!(explained(Law::of_esp(None), &probes, &probes, &constant), 0);
        // A device so small that all probes have one length, in the traffic of somebody else.
        let small: Vec<Expected> = probes.iter().map(|probe| Expected { inner: 114, ..*probe }).collect();
        let constant: Vec<Passed> = constant.iter().map(|esp| Passed { len: GCM.len(114), ..*esp }).collect();
        assert_eq!(explained(Law::of_esp(None), &small, &small, &constant), 0);
        let own: Vec<Passed> = small.iter().map(passed).collect();
        assert_eq!(explained(Law::of_esp(None), &small, &small, &[own.clone(), own].concat()), 8);
    }

    #[test]
    fn packets_padded_to_steps_prove_nothing() {
        let probes = probes(40);
        // Each probe is padded to the next multiple of 256 bytes (RFC 4303 section 2.7).
        let padded =
            |probe: &Expected| Passed { len: GCM.len(probe.inner.next_multiple_of(256)), ..passed(probe) };
        let padded: Vec<Passed> = probes.iter().map(padded).collect();
        assert!(explained(Law::of_esp(None), &probes, &probes, &padded) * 4 < probes.len() * 3);
    }

    #[test]
    fn an_hour_of_probes_is_judged_at_once() {
        let time = |sixteenths: u32| {
            let probes = probes(900 * sixteenths);
            let passed = |n| Passed { time: i64::from(n) * 55_000_000, len: GCM.len(98), spi: Spi(300) };
            let esp: Vec<Passed> = (0..4_096 * sixteenths).map(passed).collect();
            let begun = std::time::Instant::now();
            explained(Law::of_esp(None), &probes, &probes, &esp);
            begun.elapsed()
        };
        // A quadratic search would take 256 times as long as for a sixteenth of the probes. One of ten attempts has
        // to stay below 64 times, because the machine may be busy otherwise.
        assert!((0..10).any(|_| time(16) < 64 * time(1)));
    }
}
