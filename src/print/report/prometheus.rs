//! The verdicts as metrics, in the text format of Prometheus, for the textfile folder of node_exporter.
//!
//! All metrics are gauges: the file says what is now. The times of the last proofs are all that is kept from one verdict of
//! `--watch` to the next, so that a rekey or a quiet minute, which is INCONCLUSIVE, can be told from a network that was not
//! proven for hours.

#![expect(
    clippy::cast_precision_loss,
    reason = "metrics are floats, and none of these numbers needs more than 52 bits"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Error;
use std::net::IpAddr;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::overview::VERDICTS;
use crate::escape::escape;
use crate::packet::Timestamp;
use crate::verify::{Expectation, LegReport, Overview, Report, Verdict};

/// The labels of a sample, in their order.
type Labels = Vec<(&'static str, String)>;

/// The metrics: what each is for, and its name.
const METRICS: [(&str, &str); 15] = [
    ("ovlsniff_verdict", "1 for the verdict on the network, 0 for the others"),
    ("ovlsniff_reason", "1 for the reason of the verdict on the network"),
    ("ovlsniff_way_verdict", "1 for the verdict on a direction between two nodes, 0 for the others"),
    ("ovlsniff_last_proof_timestamp_seconds", "Time when this direction was last proven to be encrypted"),
    ("ovlsniff_finding", "1 for each finding that is there and was not accepted"),
    ("ovlsniff_as_expected", "1 if the verdict on the network is as expected, and its profile met"),
    ("ovlsniff_profile_met", "1 if the algorithms of the network are known to meet the profile"),
    (
        "ovlsniff_exit_status",
        "Exit status of verify: 0 as expected, 1 readable or not enforced, 3 inconclusive, 4 nothing arrives",
    ),
    ("ovlsniff_watched_frames", "Frames that the last watch observed"),
    ("ovlsniff_dropped_frames", "Frames that the capture of the last watch lost"),
    ("ovlsniff_watch_seconds", "Length of the last watch"),
    ("ovlsniff_networks", "Overlay networks that were judged, or that could not be watched"),
    ("ovlsniff_unread", "1 for what was not read of the host: networks may be missing, or nameless"),
    ("ovlsniff_report_timestamp_seconds", "Time when these metrics were written"),
    ("ovlsniff_build_info", "1, with the version of ovlsniff"),
];

/// The times of the last proofs, by direction. They are kept over the verdicts of one run.
#[derive(Clone, Debug, Default)]
pub struct Proofs(BTreeMap<Labels, i64>);

/// The samples of each metric, in the order of [`METRICS`].
#[derive(Debug, Default)]
struct Samples(Vec<(usize, Labels, f64)>);

/// Returns the metrics of one network, at this time, and remembers its proofs.
pub fn prometheus(report: &Report, expected: Expectation, now: Timestamp, proofs: &mut Proofs) -> String {
    let mut samples = Samples::default();
    let network = network(&report.network, &vnis(report), report.namespace.as_deref());
    samples.of_network(report, &network, expected);
    let mut known = proofs.renewed([(&network, report)], now);
    known.retain(|labels, _| is_of(labels, &network));
    samples.finish(known, report.exit_status(expected), 1, now, proofs)
}

/// Returns the metrics of all networks of a host, at this time, and remembers their proofs.
pub fn overview_prometheus(
    overview: &Overview,
    expected: Expectation,
    now: Timestamp,
    proofs: &mut Proofs,
) -> String {
    let mut samples = Samples::default();
    let mut taken: BTreeSet<Labels> = BTreeSet::new();
    let mut named = Vec::new();
    for judged in &overview.networks {
        let of = &judged.overlay.network;
        let vnis: Vec<String> = of.vnis.iter().map(ToString::to_string).collect();
        let mut labels = network(&of.name, &vnis.join(","), judged.overlay.namespace.as_deref());
        // Prometheus refuses a file that has one sample twice. Two networks of one name and VNI are told apart by a number.
        let plain = labels.clone();
        for copy in 2.. {
            if taken.insert(labels.clone()) {
                break;
            }
            labels.clone_from(&plain);
            labels.push(("copy", copy.to_string()));
        }
        named.push((labels, &judged.outcome));
    }
    for (labels, outcome) in &named {
        if let Ok(report) = outcome {
            samples.of_network(report, labels, expected);
        } else {
            let exit = Verdict::Inconclusive.exit_status(expected);
            samples.of_verdict(labels, Verdict::Inconclusive, exit);
        }
    }
    let unread =
        [("engine-unread", &overview.engine_unread), ("namespaces-unread", &overview.namespaces_unread)];
    for (code, _) in unread.into_iter().filter(|(_, why)| why.is_some()) {
        samples.add("ovlsniff_unread", with(&Labels::new(), "code", code), 1.0);
    }
    let judged = named.iter().filter_map(|(labels, outcome)| Some((labels, outcome.as_ref().ok()?)));
    let mut known = proofs.renewed(judged, now);
    known.retain(|labels, _| named.iter().any(|(network, _)| is_of(labels, network)));
    samples.finish(known, overview.exit_status(expected), overview.networks.len(), now, proofs)
}

impl Proofs {
    /// Returns the proofs with those of these reports. A direction that a report has no more is forgotten: the node has left.
    fn renewed<'r>(
        &self,
        reports: impl IntoIterator<Item = (&'r Labels, &'r Report)>,
        now: Timestamp,
    ) -> BTreeMap<Labels, i64> {
        let mut all = self.0.clone();
        for (network, report) in reports {
            let ways: Vec<Labels> = report.legs.iter().map(|leg| way(network, leg)).collect();
            all.retain(|labels, _| !is_of(labels, network) || ways.contains(labels));
            let proven = report.legs.iter().zip(ways).filter(|(leg, _)| leg.verdict == Verdict::Encrypted);
            let when = report.occasion.ended.unwrap_or(now).nanos;
            all.extend(proven.map(|(_, labels)| (labels, when)));
        }
        all
    }
}

impl Samples {
    fn add(&mut self, name: &str, labels: Labels, value: f64) {
        if let Some(metric) = METRICS.iter().position(|(known, _)| *known == name) {
            self.0.push((metric, labels, value));
        }
    }

    fn of_verdict(&mut self, network: &Labels, verdict: Verdict, exit: u8) {
        for each in VERDICTS {
            self.add("ovlsniff_verdict", with(network, "verdict", each.name()), yes(each == verdict));
        }
        self.add("ovlsniff_as_expected", network.clone(), yes(exit == 0));
    }

    fn of_network(&mut self, report: &Report, network: &Labels, expected: Expectation) {
        self.of_verdict(network, report.verdict, report.exit_status(expected));
        if let Some(found) = &report.compliance {
            let labels = with(network, "profile", &escape(&found.profile));
            self.add("ovlsniff_profile_met", labels, yes(found.met == Some(true)));
        }
        self.add("ovlsniff_reason", with(network, "code", report.reason.code()), 1.0);
        for leg in &report.legs {
            // Only the whole network can have the verdict NOT-ENFORCED.
            for verdict in VERDICTS.into_iter().filter(|verdict| *verdict != Verdict::NotEnforced) {
                let labels = with(&way(network, leg), "verdict", verdict.name());
                self.add("ovlsniff_way_verdict", labels, yes(leg.verdict == verdict));
            }
        }
        let codes = report.findings.iter().map(|finding| finding.code);
        let codes: BTreeSet<&str> = codes.filter(|code| !report.terms.accepts(code)).collect();
        for code in codes {
            self.add("ovlsniff_finding", with(network, "code", code), 1.0);
        }
        self.add("ovlsniff_watched_frames", network.clone(), report.frames as f64);
        if let Some(dropped) = report.dropped {
            self.add("ovlsniff_dropped_frames", network.clone(), dropped as f64);
        }
        self.add("ovlsniff_watch_seconds", network.clone(), seconds(report.nanos));
    }

    fn finish(
        mut self,
        known: BTreeMap<Labels, i64>,
        exit: u8,
        networks: usize,
        now: Timestamp,
        proofs: &mut Proofs,
    ) -> String {
        for (labels, when) in &known {
            self.add("ovlsniff_last_proof_timestamp_seconds", labels.clone(), seconds(*when));
        }
        proofs.0 = known;
        self.add("ovlsniff_exit_status", Labels::new(), f64::from(exit));
        self.add("ovlsniff_networks", Labels::new(), networks as f64);
        self.add("ovlsniff_report_timestamp_seconds", Labels::new(), seconds(now.nanos));
        self.add("ovlsniff_build_info", vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0);
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        // Writing to memory does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }
}

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        for (at, (name, help)) in METRICS.iter().enumerate() {
            let of = || self.0.iter().filter(move |(metric, ..)| *metric == at);
            if of().next().is_none() {
                continue;
            }
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (_, labels, value) in of() {
                ConstGauge::new(*value).encode(metric.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

fn network(name: &str, vnis: &str, namespace: Option<&str>) -> Labels {
    let mut labels = vec![("network", escape(name).into_owned()), ("vni", vnis.to_owned())];
    labels.extend(namespace.map(|namespace| ("namespace", escape(namespace).into_owned())));
    labels
}

fn vnis(report: &Report) -> String {
    report.vnis.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn way(network: &Labels, leg: &LegReport) -> Labels {
    let end = |address: Option<IpAddr>| address.map(|address| address.to_string()).unwrap_or_default();
    with(&with(network, "from", &end(leg.from)), "to", &end(leg.to))
}

fn with(labels: &Labels, name: &'static str, value: &str) -> Labels {
    let mut labels = labels.clone();
    labels.push((name, value.to_owned()));
    labels
}

/// Returns true if the labels of a direction are those of a direction of this network.
fn is_of(way: &Labels, network: &Labels) -> bool {
    way.len() == network.len() + 2 && way.starts_with(network)
}

fn yes(so: bool) -> f64 {
    f64::from(u8::from(so))
}

fn seconds(nanos: i64) -> f64 {
    // Milliseconds are enough, and fit a float whole.
    (nanos / 1_000_000) as f64 / 1000.0
}
