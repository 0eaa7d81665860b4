//! Tests that need ngrep. On captures without tunnels, ovlsniff matches the packets that ngrep matches.
//!
//! ngrep's `#N` counts the frames that passed its filter, `ip || ip6` with at most one VLAN tag. The same filter,
//! compiled by the same libpcap, turns `#N` into a frame number. Some things are left out because of ngrep's limits:
//! SLL2 and the link types IPv4 and IPv6 (it refuses them), fragments (it does not reassemble them), `-w` (its
//! alternation loses a bracket) and the exit status with `-v` (it counts packets that it does not show).

mod alike;

use std::collections::BTreeSet;
use std::process::Command;

use ovlsniff::capture::bpf::Filter;
use ovlsniff::packet::LinkType;
use ovlsniff::pattern::{Expressions, Pattern};

use crate::reading;

const CAPTURES: &[&str] = &[
    "plain/ethernet.pcap",
    "plain/multicast.pcap",
    "plain/snap60.pcap",
    "plain/snap96.pcap",
    "plain/superframe.pcap",
    "plain/vlan.pcap",
    "links/fddi.pcap",
    "links/ipnet.pcap",
    "links/loop.pcap",
    "links/null.pcap",
    "links/null-big-endian.pcap",
    "links/ppp.pcap",
    "links/raw.pcap",
    "links/sll.pcap",
    "links/token-ring.pcap",
    "crafted/ethernet.pcap",
    "crafted/ipv4.pcap",
    "crafted/ipv6-extensions.pcap",
    "formats/big-endian.pcap",
    "formats/ethernet.pcapng",
    "formats/nanosecond.pcap",
];

const SEARCHES: &[(&[&str], &str)] = &[
    (&[], "GET"),
    (&[], "HTTP"),
    (&[], "pingmark"),
    (&[], "nothing has this"),
    (&["-i"], "get /PLAIN"),
    (&["-i"], "Http"),
    (&[], "^HTTP/1\\.[01] 200"),
    (&[], "GET /[a-z0-9-]+ HTTP"),
    (&[], "reply|echo"),
    (&[], "udp plain[46]\n$"),
    (&[], "Host: [^\r\n]*\r\n.*\r\n\r\n$"),
    (&[], "\\x00\\x01"),
    (&[], ""),
    (&["-v"], "GET"),
    (&["-v", "-i"], "HTTP"),
    (&["-X"], "70696e67"),
];

/// Packets that match for ngrep only: the capture, its frames (an empty list for all of them), and the reason.
const EXCEPTIONS: &[(&str, &[u64], &str)] = &[
    ("plain/snap60.pcap", &[], "ngrep takes the beginning of a cut TCP header for payload"),
    ("crafted/ipv4.pcap", &[3], "ngrep takes Ethernet padding for payload"),
    ("crafted/ipv6-extensions.pcap", &[1, 6, 7, 9, 11], "ngrep takes IPv6 extension headers for payload"),
];

#[test]
#[ignore = "needs ngrep"]
fn the_same_packets_match() {
    let mut unexplained = Vec::new();
    let mut used = BTreeSet::new();
    let mut matched = 0;
    for fixture in CAPTURES {
        for (options, pattern) in SEARCHES {
            let (ours, theirs) = (ovlsniff(fixture, options, pattern), ngrep(fixture, options, pattern));
            matched += ours.len();
            for frame in ours.symmetric_difference(&theirs) {
                let explained = EXCEPTIONS.iter().position(|(name, frames, _)| {
                    name == fixture && theirs.contains(frame) && (frames.is_empty() || frames.contains(frame))
                });
                match explained {
                    Some(index) => drop(used.insert(index)),
                    None => unexplained.push(format!(
                        "{fixture} {options:?} {pattern:?}: frame {frame} matches for {}",
                        if ours.contains(frame) { "ovlsniff only" } else { "ngrep only" }
                    )),
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "{}:\n{}", unexplained.len(), unexplained.join("\n"));
    assert!(matched > 300, "only {matched} matches");
    let stale: Vec<_> =
        EXCEPTIONS.iter().enumerate().filter(|(index, _)| !used.contains(index)).map(|(_, e)| e).collect();
    assert!(stale.is_empty(), "no longer needed: {stale:?}");
}

/// Returns the frame numbers of the packets that match for ovlsniff, among those that ngrep looks at.
fn ovlsniff(fixture: &str, options: &[&str], pattern: &str) -> BTreeSet<u64> {
    let expressions = Expressions {
        patterns: vec![pattern.to_owned()],
        ignore_case: options.contains(&"-i"),
        hex: options.contains(&"-X"),
        ..Expressions::default()
    };
    let pattern = Pattern::new(&expressions).unwrap();
    let looked_at: BTreeSet<_> = looked_at(fixture).into_iter().collect();
    let mut matching = BTreeSet::new();
    reading::decode(fixture, |kept, packet| {
        let is_match = pattern.is_match(packet.payload) != options.contains(&"-v");
        if !packet.payload.is_empty() && is_match && looked_at.contains(&kept.number) {
            matching.insert(kept.number);
        }
    });
    matching
}

/// Returns the numbers of the frames that pass ngrep's filter, in order.
fn looked_at(fixture: &str) -> Vec<u64> {
    let frames = reading::frames(fixture);
    let link = frames.first().map_or(LinkType::ETHERNET, |kept| kept.link);
    let text = if link == LinkType::ETHERNET { "(ip || ip6) || (vlan && (ip || ip6))" } else { "ip || ip6" };
    let mut filter = Filter::compile(text, link).unwrap();
    // For this link type libpcap does not know 10, which is Linux' number for IPv6 (AF_INET6).
    let unknown = |kept: &reading::Kept| {
        matches!(link, LinkType::NULL | LinkType::LOOP) && kept.bytes[..4].contains(&10)
    };
    let passes = |kept: &&reading::Kept| !unknown(kept) && filter.matches(&kept.bytes, kept.wire_len);
    frames.iter().filter(passes).map(|kept| kept.number).collect()
}

/// Returns the frame numbers of the packets that ngrep shows.
fn ngrep(fixture: &str, options: &[&str], pattern: &str) -> BTreeSet<u64> {
    let output = Command::new("ngrep")
        // The locale decides which bytes are one character to ngrep's library for regular expressions.
        .env("LC_ALL", "C.UTF-8")
        .args(["-q", "-R", "-W", "none"])
        .args(options)
        .arg("-I")
        .arg(reading::path(fixture))
        .arg("--")
        .arg(pattern)
        .output()
        .expect("ngrep starts");
    let looked_at = looked_at(fixture);
    let text = String::from_utf8_lossy(&output.stdout);
    let shown = text.lines().filter_map(|line| {
        // A header line: T 192.0.2.1:1 -> 192.0.2.2:2 [AP] #4
        let (head, number) = line.rsplit_once(" #")?;
        let packet =
            head.contains(" -> ") && ["T ", "U ", "I ", "G ", "? "].iter().any(|id| head.starts_with(id));
        number.parse::<usize>().ok().filter(|_| packet)
    });
    shown.map(|ordinal| looked_at[ordinal - 1]).collect()
}
