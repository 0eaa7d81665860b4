//! Findings: facts beside the verdict. They tell what would become of other packets than those that were seen, how
//! well the SAs protect, and why a number in the report may surprise. One of them, `not-enforced`, becomes the
//! verdict when every leg is encrypted.

mod enforcement;
mod latent;
mod seen;

use super::kernel::KernelState;
use super::report::{Finding, LegReport};
use super::tally::{Circumstances, Tally};
use super::way::Way;
use crate::escape::{counted, escape};
use crate::ipsec::Variant;
pub(super) use enforcement::not_enforced;

/// An ICV of fewer bits is a finding.
const SHORT_ICV: u32 = 96;

/// The codes of the findings, the gravest first: what makes the rest doubtful, then what can be read or was, then what
/// can be sent here in clear, then what is not known, then what is weak, then what explains a number.
const GRAVITY: [&str; 24] = [
    "cut-short",
    "undecoded",
    "left-out",
    "clear-elsewhere",
    "stranger",
    "typo-option",
    "sa-not-encrypting",
    "latent-leak",
    "level-use",
    "not-enforced",
    "peers-only",
    "enforcement-unknown",
    "kernel-unknown",
    "engine-unread",
    "namespaces-unread",
    "nodes-changed",
    "no-replay-protection",
    "short-icv",
    "engine-mix",
    "key-skew",
    "fragments",
    "too-long",
    "esp-offload",
    "rekeyed",
];

/// Returns the place of a code among the findings. One that has none is the last.
fn rank(code: &str) -> usize {
    GRAVITY.iter().position(|known| *known == code).unwrap_or(GRAVITY.len())
}

/// Returns every finding, the gravest first.
pub(super) fn find(tally: &Tally, circumstances: &Circumstances, legs: &[LegReport]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |code, text: String| found.push(Finding { code, text });
    let network = &tally.question.network;
    if let Some(typo) = &network.typo {
        add(
            "typo-option",
            format!("option '{}' is unknown and ignored; did you mean 'encrypted'?", escape(typo)),
        );
    }
    if let Some(cut) = &circumstances.cut_short {
        add("cut-short", escape(cut).into_owned());
    }
    match &circumstances.kernel {
        Some(kernel) => {
            match not_enforced(tally, circumstances) {
                Some(true) => add("not-enforced", enforcement::accepted(kernel, tally)),
                None if network.encrypted != Some(false) => {
                    add("enforcement-unknown", enforcement::unknown(kernel, tally));
                }
                _ => {}
            }
            enforcement::policies(kernel, tally, &mut add);
            latent::destinations(kernel, tally, legs, &mut add);
            sas(kernel, tally, &mut add);
            offload(kernel, legs, &mut add);
        }
        None if !circumstances.probes.is_empty() => {
            let why = match &circumstances.kernel_unread {
                Some(unread) => escape(&unread.to_string()).into_owned(),
                None => "the kernel's policies and SAs were not read: run as root".to_owned(),
            };
            add("kernel-unknown", why);
        }
        None => {}
    }
    if let Some(why) = &network.engine_unread {
        add("engine-unread", format!("Docker's engine did not describe the network: {why}"));
    }
    if let Some(why) = &network.namespaces_unread {
        add("namespaces-unread", why.clone());
    }
    tags(legs, &mut add);
    fragments(tally, legs, &mut add);
    too_long(legs, &mut add);
    seen::clear_between_others(tally, &mut add);
    seen::unexplained(tally, &mut add);
    seen::strangers(tally, circumstances, &mut add);
    seen::nodes_changed(circumstances, &mut add);
    if !network_left_out(tally).is_empty() {
        add("left-out", network_left_out(tally));
    }
    found.sort_by_key(|finding| rank(finding.code));
    found
}

fn sas(kernel: &KernelState, tally: &Tally, add: &mut impl FnMut(&'static str, String)) {
    let network = &tally.question.network;
    let ours = kernel.sas.iter().filter(|sa| {
        let peers = || network.peers.iter().map(|peer| peer.underlay);
        let between = |from, to| network.locals.contains(&from) && peers().any(|peer| peer == to);
        between(sa.source, sa.destination) || between(sa.destination, sa.source)
    });
    let (mut replay, mut short, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for sa in ours {
        if sa.replay_window == 0 && network.locals.contains(&sa.destination) {
            replay.push(sa.spi);
        }
        if (1..SHORT_ICV).contains(&sa.icv_bits) {
            short.push(sa.spi);
        }
        if !sa.encrypts {
            plain.push(sa.spi);
        }
    }
    let list = |spis: &[crate::packet::Spi]| {
        let shown: Vec<String> = spis.iter().take(4).map(ToString::to_string).collect();
        shown.join(", ") + if spis.len() > 4 { ", …" } else { "" }
    };
    if !plain.is_empty() {
        add("sa-not-encrypting", format!("SAs between the nodes that do not encrypt: {}", list(&plain)));
    }
    if !replay.is_empty() {
        add("no-replay-protection", format!("SAs without protection against replay: {}", list(&replay)));
    }
    if !short.is_empty() {
        add("short-icv", format!("SAs with an ICV of less than 96 bits: {}", list(&short)));
    }
}

fn offload(kernel: &KernelState, legs: &[LegReport], add: &mut impl FnMut(&'static str, String)) {
    if kernel.esp_offload == Some(true) && legs.iter().any(|leg| leg.way == Way::Back && leg.counts.clear > 0)
    {
        add(
            "esp-offload",
            "esp4_offload is loaded: packets that arrive may be captured decrypted; believe what leaves"
                .to_owned(),
        );
    }
    if kernel.sas_changed {
        add("rekeyed", "SAs came or went during the watch".to_owned());
    }
}

/// Compares the two legs of a pair: the SPIs tell the number of Docker's key and the way in which the engine hashed it,
/// and both have to be the same on both.
fn tags(legs: &[LegReport], add: &mut impl FnMut(&'static str, String)) {
    let last =
        |leg: &LegReport| leg.esp.iter().filter_map(|esp| esp.docker_tag).max_by_key(|found| found.tag);
    for pair in legs.chunks_exact(2) {
        let [out, back] = pair else { continue };
        let (Some(sent), Some(received), Some(peer)) = (last(out), last(back), out.to) else { continue };
        if sent.variant != received.variant {
            let (this, other) = match sent.variant {
                Variant::Short => ("this node".to_owned(), peer.to_string()),
                Variant::Mapped => (peer.to_string(), "this node".to_owned()),
            };
            add(
                "engine-mix",
                format!(
                    "{this} computes Docker's SPIs as the engines 29.0 and 29.1 do, and {other} as all others do: they do not understand each other"
                ),
            );
        }
        let (sent, received) = (sent.tag, received.tag);
        if sent != received {
            add(
                "key-skew",
                format!(
                    "this node sends with Docker's key {sent}, {peer} with key {received}: a key rotation has not reached both nodes"
                ),
            );
        }
    }
}

/// Reports nodes to which the overlay takes longer packets than its underlay can carry.
fn too_long(legs: &[LegReport], add: &mut impl FnMut(&'static str, String)) {
    for leg in legs {
        if let (Some(to), Some(len)) = (leg.to, leg.counts.too_long) {
            add(
                "too-long",
                format!(
                    "packets of {len} bytes did not leave for {to}, and shorter ones did: lower the overlay's MTU"
                ),
            );
        }
    }
}

fn fragments(tally: &Tally, legs: &[LegReport], add: &mut impl FnMut(&'static str, String)) {
    let ours = |peer| legs.iter().any(|leg| leg.way == Way::Out && leg.to == Some(peer));
    for (peer, pair) in tally.pairs.iter().filter(|(peer, _)| ours(**peer)) {
        let cut = |evidence: &super::evidence::Evidence| {
            evidence.esp_fragments + evidence.esp.values().map(|esp| esp.fragmented).sum::<u64>()
        };
        let count = cut(&pair.out) + cut(&pair.back);
        if count > 0 {
            let packets = counted(count, "ESP packet", "ESP packets");
            add(
                "fragments",
                format!(
                    "{packets} to or from {peer} came in fragments: lower the overlay's MTU (for an underlay of 1500 to 1424 with an ICV of 64 bits, to 1416 with 128)"
                ),
            );
        }
    }
}

/// Says which wires of the network the user left out with `-i`.
fn network_left_out(tally: &Tally) -> String {
    let names: Vec<_> = tally.question.left_out.iter().map(|name| escape(name).into_owned()).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("packets to the nodes may leave by {}, which -i does not name", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_list_the_findings_in_their_order() {
        let docs = include_str!("../../docs/verify.md");
        let rows = docs.split("\n## Findings\n").nth(1).unwrap().split("\n## ").next().unwrap();
        let codes: Vec<&str> =
            rows.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(codes, GRAVITY);
    }
}
