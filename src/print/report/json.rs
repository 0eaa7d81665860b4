//! The report of a verification as JSON: one object on one line. `docs/verify-schema.json` defines its form.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::escape;
use crate::packet::Vni;
use crate::print::report::time::rfc3339;
use crate::verify::{Expectation, LegReport, NodeReport, Occasion, Report, Rung, Source};

/// Returns the report as one line of JSON.
pub fn json(report: &Report, expected: Expectation) -> String {
    let object = json!({
        "v": 1,
        "node": occasion(&report.occasion, &report.locals),
        "ended": ended(&report.occasion),
        "network": report.network,
        "namespace": report.namespace,
        "source": report.source.name(),
        "vnis": report.vnis.iter().map(|vni| vni.value()).collect::<Vec<_>>(),
        "any_vni": report.any_vni,
        "port": report.port,
        "configured_encrypted": report.configured,
        "captured": report.captured,
        "milliseconds": report.nanos / 1_000_000,
        "frames": report.frames,
        "dropped": report.dropped,
        "expected": expected.name(),
        "require": report.terms.require.name(),
        "verdict": report.verdict.name(),
        "exit": report.exit_status(expected),
        "reason": report.reason.code(),
        "remedy": report.reason.remedy_for(report.source),
        "nodes": report.nodes().iter().map(node).collect::<Vec<_>>(),
        "directions": report.legs.iter().map(|seen| leg(seen, report.source)).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(|finding| json!({
            "reason": finding.code,
            "text": finding.text,
            "accepted": report.terms.accepts(finding.code),
        })).collect::<Vec<_>>(),
        "profile": report.compliance.as_ref().map(|found| json!({
            "name": found.profile,
            "met": found.met,
            "findings": found.findings.iter().map(|finding| json!({
                "reason": finding.code,
                "text": finding.text,
            })).collect::<Vec<_>>(),
        })),
    });
    escape::json(&object) + "\n"
}

/// Returns a limit, of which 0 means none.
fn some(limit: u64) -> Option<u64> {
    (limit > 0).then_some(limit)
}

/// Returns the node that was watched on, with its underlay addresses.
pub(super) fn occasion(occasion: &Occasion, locals: &[IpAddr]) -> Value {
    json!({ "name": occasion.node, "addresses": locals })
}

/// Returns the end of the watch as RFC 3339 has it, in whole milliseconds.
pub(super) fn ended(occasion: &Occasion) -> Value {
    occasion.ended.map_or(Value::Null, |ended| Value::String(rfc3339(ended.nanos / 1_000_000 * 1_000_000)))
}

fn node(node: &NodeReport) -> Value {
    json!({
        "address": node.address,
        "verdict": node.verdict.name(),
        "reason": node.reason.code(),
        "reachable": node.reachable,
    })
}

fn leg(leg: &LegReport, source: Source) -> Value {
    let counts = &leg.counts;
    json!({
        "from": leg.from,
        "to": leg.to,
        "way": leg.way.name(),
        "verdict": leg.verdict.name(),
        "rung": leg.rung.map(Rung::name),
        "reason": leg.reason.code(),
        "remedy": leg.reason.remedy_for(source),
        "counts": {
            "clear": counts.clear,
            "auth_only": counts.auth_only,
            "esp": counts.esp,
            "opened": counts.opened,
            "canaries": counts.canaries,
            "copies": counts.copies,
            "probes": counts.probes,
            "answered": counts.answered,
            "matched": counts.matched,
            "opaque": counts.opaque,
        },
        "esp": leg.esp.iter().map(|seen| json!({
            "spi": seen.spi.to_string(),
            "packets": seen.packets,
            "algorithm": seen.algorithm,
            "icv_bits": seen.icv_bits,
            "key_bits": seen.key_bits,
            "sa": seen.state.as_ref().map(|sa| json!({
                "origin": sa.origin.name(),
                "extended_numbers": sa.strength.extended_numbers,
                "replay_window": sa.replay_window,
                "age_seconds": sa.strength.age,
                "soft_lifetime_seconds": some(sa.strength.soft_age),
                "hard_lifetime_seconds": some(sa.strength.hard_age),
            })),
            "docker_tag": seen.docker_tag.map(|found| found.tag),
        })).collect::<Vec<_>>(),
        "wireguard": leg.wireguard.as_ref().map(|seen| json!({
            "device": seen.device,
            "endpoint": seen.endpoint.map(|endpoint| endpoint.to_string()),
            "messages": seen.messages,
            "sessions": seen.sessions,
            "tied": seen.tied,
            "bytes": seen.bytes,
        })),
        "shown": leg.shown.map(|shown| json!({
            "frame": shown.frame,
            "time_ns": shown.time.known.then(|| shown.time.nanos.to_string()),
            "vni": shown.vni.map(Vni::value),
            "canary": shown.canary,
        })),
    })
}
