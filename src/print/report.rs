//! The report of a verification as text: a line for each leg, then the verdict, the remedy and the findings.

mod json;
mod junit;
mod nagios;
mod nodes;
mod overview;
mod prometheus;
pub(in crate::print) mod time;

use std::fmt::Write as _;
use std::net::IpAddr;

pub use json::json;
pub use junit::{junit, overview_junit};
pub use nagios::{Nagios, nagios, nagios_error, overview_nagios};
pub use overview::{overview, overview_json};
pub use prometheus::{Proofs, overview_prometheus, prometheus};
pub use time::dated;

use crate::escape::{counted, escape};
use crate::packet::VXLAN_PORT;
use crate::verify::{Expectation, LegReport, Reason, Report, Source, Verdict, WireGuardSeen};

/// Returns the report as lines of text. There is a remedy if the verdict is not as `expected`.
pub fn text(report: &Report, expected: Expectation) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", head(report));
    let ends: Vec<String> = report.legs.iter().map(between).collect();
    let width = ends.iter().map(|ends| ends.chars().count()).max().unwrap_or(0);
    let verdicts = report.legs.iter().map(|leg| leg.verdict.name().len()).max().unwrap_or(0);
    for (leg, ends) in report.legs.iter().zip(&ends) {
        let rung = leg.rung.map_or("--", super::super::verify::Rung::name);
        let _ = writeln!(
            text,
            "  {ends:width$}   {:verdicts$}   {rung} {}: {}",
            leg.verdict.name(),
            leg.reason.code(),
            evidence(leg)
        );
    }
    let _ = writeln!(text, "verdict: {}{}{}", report.verdict.name(), because(report), nodes::clause(report));
    let remedy = report.reason.remedy_for(report.source);
    if let Some(leg) = report.unlike_clear(expected) {
        let _ = writeln!(text, "not as expected: {} is {}", between(leg), leg.verdict.name());
    } else if report.exit_status(expected) != 0 && !remedy.is_empty() {
        let _ = writeln!(text, "remedy: {remedy}");
    }
    for finding in &report.findings {
        let accepted = if report.terms.accepts(finding.code) { " (accepted)" } else { "" };
        let _ = writeln!(text, "finding{accepted}: {}: {}", finding.code, finding.text);
    }
    if let Some(found) = &report.compliance {
        let met = match found.met {
            Some(true) => "met",
            Some(false) => "not met",
            None => "not known to be met",
        };
        let _ = writeln!(text, "profile: {}: {met}", escape(&found.profile));
        for finding in &found.findings {
            let _ = writeln!(text, "profile finding: {}: {}", finding.code, finding.text);
        }
    }
    text
}

/// Returns the head: `secure (vni 4098, docker overlay, encrypted) on eth1, 5.0 s, 62 packets, 0 dropped`.
fn head(report: &Report) -> String {
    let mut what = Vec::new();
    if !report.vnis.is_empty() {
        let vnis: Vec<String> = report.vnis.iter().map(ToString::to_string).collect();
        what.push(format!("vni {}", vnis.join(" ")));
    }
    if report.any_vni {
        what.push("any vni".to_owned());
    }
    what.extend(report.port.filter(|port| *port != VXLAN_PORT).map(|port| format!("port {port}")));
    // The file of one of Docker's sandboxes says nothing to a reader.
    let namespace = report.namespace.as_deref().filter(|_| report.source != Source::Docker);
    what.push(report.source.phrase(namespace));
    what.extend(
        report
            .configured
            .map(|encrypted| if encrypted { "encrypted" } else { "not configured as encrypted" }.to_owned()),
    );
    let name = format!("{} ({})", escape(&report.network), what.join(", "));
    let dropped = match report.dropped {
        Some(dropped) => format!("{dropped} dropped"),
        None => "drops unknown".to_owned(),
    };
    let seconds = format!("{}.{}", report.nanos / 1_000_000_000, report.nanos / 100_000_000 % 10);
    format!(
        "{name:<60} on {}, {seconds} s, {}, {dropped}",
        escape(&report.captured),
        counted(report.frames, "packet", "packets")
    )
}

fn between(leg: &LegReport) -> String {
    let end = |address: Option<IpAddr>| address.map_or_else(|| "?".to_owned(), |address| address.to_string());
    format!("{} -> {}", end(leg.from), end(leg.to))
}

fn because(report: &Report) -> String {
    match (report.verdict, report.reason) {
        (Verdict::Encrypted, Reason::Opened | Reason::Lengths | Reason::WireGuard) => String::new(),
        (_, reason) => format!(" ({})", reason.code()),
    }
}

pub(in crate::print) fn evidence(leg: &LegReport) -> String {
    let counts = &leg.counts;
    let mut parts = Vec::new();
    if counts.esp > 0 {
        let mut part = format!("{} ESP", counts.esp);
        let spis: Vec<String> = leg.esp.iter().take(3).map(esp).collect();
        if !spis.is_empty() {
            let more = if leg.esp.len() > 3 { "; …" } else { "" };
            let _ = write!(part, " ({}{more})", spis.join("; "));
        }
        parts.push(part);
    }
    parts.extend(leg.wireguard.as_ref().map(wireguard));
    if counts.canaries > 0 {
        parts.push(format!("canary found inside {} with the key", counts.canaries));
    } else if counts.opened > 0 {
        parts.push(format!("{} of the network found inside with the key", counts.opened));
    }
    if counts.matched > 0 && counts.canaries == 0 {
        parts.push(format!("{} matched by length", counted(counts.matched, "probe", "probes")));
    }
    if counts.probes > 0 {
        parts.push(match counts.answered {
            answered if answered == counts.probes => "reply to every probe".to_owned(),
            answered => format!("reply to {answered} of {}", counted(counts.probes, "probe", "probes")),
        });
    }
    // The frame to look at stands with the packets in clear, or else with those that are only authenticated.
    let shown = leg.shown.map(|shown| {
        let canary = if shown.canary { ", with the canary" } else { "" };
        let vni = shown.vni.map(|vni| format!(", vni {vni}")).unwrap_or_default();
        format!(" (frame {}{vni}{canary})", shown.frame)
    });
    let shown = shown.unwrap_or_default();
    let (in_clear, authenticated) = if counts.clear > 0 { (&*shown, "") } else { ("", &*shown) };
    if counts.auth_only > 0 {
        parts.push(format!("{} authenticated only{authenticated}", counts.auth_only));
    }
    // Those of the tunnel are told already.
    if counts.opaque > 0 && leg.wireguard.is_none() {
        parts.push(format!("{} opaque", counts.opaque));
    }
    if counts.copies > 0 {
        parts.push(counted(counts.copies, "copy of a decrypted frame", "copies of decrypted frames"));
    }
    parts.push(format!("{} in clear{in_clear}", counts.clear));
    parts.join(", ")
}

/// Describes a tunnel: `40 WireGuard messages (wg0, 192.0.2.2:51820, 1 session, tied by its handshake)`.
fn wireguard(seen: &WireGuardSeen) -> String {
    let mut text = counted(seen.messages, "WireGuard message", "WireGuard messages");
    let _ = write!(text, " ({}", escape(&seen.device));
    if let Some(endpoint) = seen.endpoint {
        let _ = write!(text, ", {endpoint}");
    }
    if seen.sessions > 0 {
        let _ = write!(text, ", {}", counted(seen.sessions, "session", "sessions"));
    }
    match seen.tied {
        0 => {}
        1 if seen.sessions == 1 => text.push_str(", tied by its handshake"),
        tied => _ = write!(text, ", {tied} tied by their handshakes"),
    }
    if let Some(bytes) = seen.bytes {
        let _ = write!(text, "; the kernel counted {}", counted(bytes, "byte", "bytes"));
    }
    text + ")"
}

fn esp(seen: &crate::verify::EspSeen) -> String {
    let mut text = format!("spi {}", seen.spi);
    if let Some(algorithm) = seen.algorithm.as_deref().filter(|name| !name.is_empty()) {
        let _ = write!(text, ", {}", escape(algorithm));
    }
    if let Some(bits) = seen.icv_bits {
        let _ = write!(text, ", icv {bits}");
    }
    if let Some(found) = seen.docker_tag {
        let _ = write!(text, ", docker key {}", found.tag);
    }
    text
}

#[cfg(test)]
mod tests;
