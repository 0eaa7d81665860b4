//! A verification's report as JSON: one object on one line. `docs/verify-schema.json` holds its form.

use serde_json::{Value, json};

use crate::packet::Vni;
use crate::verify::{Direction, Expectation, Report, Rung};

/// The report as one line of JSON.
pub fn json(report: &Report, expected: Expectation) -> String {
    let object = json!({
        "v": 1,
        "network": report.network,
        "source": report.source.name(),
        "vnis": report.vnis.iter().map(|vni| vni.value()).collect::<Vec<_>>(),
        "port": report.port,
        "configured_encrypted": report.configured,
        "captured": report.captured,
        "milliseconds": report.nanos / 1_000_000,
        "frames": report.frames,
        "dropped": report.dropped,
        "expected": match expected {
            Expectation::Encrypted => "encrypted",
            Expectation::Clear => "clear",
        },
        "verdict": report.verdict.name(),
        "exit": report.exit_status(expected),
        "reason": report.reason.code(),
        "remedy": report.reason.remedy(),
        "directions": report.directions.iter().map(direction).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(|finding| json!({
            "reason": finding.code,
            "text": finding.text,
        })).collect::<Vec<_>>(),
    });
    format!("{object}\n")
}

fn direction(direction: &Direction) -> Value {
    let counts = &direction.counts;
    json!({
        "from": direction.from,
        "to": direction.to,
        "way": if direction.out { "out" } else { "in" },
        "verdict": direction.verdict.name(),
        "rung": direction.rung.map(Rung::name),
        "reason": direction.reason.code(),
        "remedy": direction.reason.remedy(),
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
        "esp": direction.esp.iter().map(|seen| json!({
            "spi": seen.spi.to_string(),
            "packets": seen.packets,
            "algorithm": seen.algorithm,
            "icv_bits": seen.icv_bits,
            "docker_tag": seen.docker_tag,
        })).collect::<Vec<_>>(),
        "shown": direction.shown.map(|shown| json!({
            "frame": shown.frame,
            "time_ns": shown.time.nanos.to_string(),
            "vni": shown.vni.map(Vni::value),
            "canary": shown.canary,
        })),
    })
}
