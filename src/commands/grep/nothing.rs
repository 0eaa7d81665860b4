//! The sentence that says which filter let nothing through, and which one was probably meant.

use ovlsniff::capture::bpf::shown;
use ovlsniff::escape::quoted;
use ovlsniff::search::{KeptOut, Nothing};

use super::Job;
use super::meant::Meant;

/// Returns the sentence, if there is a filter and nothing passed it. The outer filter comes first: behind it, the others
/// saw nothing either.
pub(super) fn passed(job: &Job, meant: &Meant) -> Option<String> {
    if let Some(filter) = &job.filter {
        if let Some(sentence) = outer(job, meant, filter.text()) {
            return Some(sentence);
        }
    }
    let summary = &job.output.summary;
    let unknown = match (summary.opaque.total() > 0, summary.undecoded.total() > 0) {
        (true, true) => " (opaque packets and those that are not decoded show none)",
        (true, false) => " (opaque packets show none)",
        (false, true) => " (packets that are not decoded show none)",
        (false, false) => "",
    };
    match job.search.kept_out()?.nothing()? {
        Nothing::PassedInner(outer_passes) => {
            let inner = shown(meant.inner.as_deref().unwrap_or_default());
            let tagged = job.search.kept_out().is_some_and(KeptOut::tagged) && !inner.contains("vlan");
            let other = match (outer_passes, tagged) {
                (_, true) => format!("; for frames with VLAN tags write --inner 'vlan and ({inner})'"),
                (true, false) => "; outer ones do: as their filter it stands after the pattern".to_owned(),
                (false, false) => String::new(),
            };
            Some(format!("no packet passed --inner '{inner}', which sees the innermost packets{other}"))
        }
        Nothing::InNetworks(seen, more) => {
            let list = |vnis: &[ovlsniff::packet::Vni], word: &str| {
                vnis.iter().map(ToString::to_string).collect::<Vec<_>>().join(word)
            };
            let seen = match seen {
                [] => "; no other one was seen: a tunnel on a port of its own needs --vxlan-port or --geneve-port".to_owned(),
                [one] => format!("; seen was: {one}"),
                seen => format!("; seen were: {}{}", list(seen, ", "), if more { ", …" } else { "" }),
            };
            Some(format!("no packet was in VNI {}{unknown}{seen}", list(&meant.options.vnis, " or ")))
        }
    }
}

/// Returns true if the filter can only be meant for the outer packets: it names a tunnel, or what only an interface knows.
fn is_of_the_outside(filter: &str) -> bool {
    const OUTSIDE: [&str; 9] =
        ["esp", "ah", "geneve", "vxlan", "4789", "8472", "6081", "inbound", "outbound"];
    filter.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| OUTSIDE.contains(&word))
}

fn outer(job: &Job, meant: &Meant, filter: &str) -> Option<String> {
    let inner = || format!("--inner {}", quoted(&shown(filter)));
    let shown = shown(filter);
    if meant.read.is_empty() {
        // The kernel does not say how much it kept out.
        let advice = if meant.inner.is_none() && !is_of_the_outside(filter) {
            format!("; for those inside of tunnels: {}", inner())
        } else {
            String::new()
        };
        return (!job.seen)
            .then(|| format!("no packet passed the filter '{shown}', which sees the outer packets{advice}"));
    }
    let outer = job.outer.as_ref()?;
    let refused = outer.kept_out_all()?;
    let packets = if refused == 1 {
        "the only packet did not pass".to_owned()
    } else {
        format!("none of {refused} packets passed")
    };
    let keys = if meant.sa.is_empty() && !meant.decrypt { "--sa FILE " } else { "" };
    let advice = match meant.inner {
        None if outer.inner_passes() => {
            format!(", which sees the outer packets; inside of tunnels there are some: {}", inner())
        }
        None if outer.kept_out_esp() => {
            format!(", which sees the outer packets; for those that a key opens: {keys}{}", inner())
        }
        _ => String::new(),
    };
    Some(format!("{packets} the filter '{shown}'{advice}"))
}
