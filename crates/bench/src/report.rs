//! What a run found: the same for the table, the JSON file and the page.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

use crate::drive::{Measured, Sample};
use crate::ledger::Faults;

/// One figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// How many.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
}

/// How long something took, in microseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    /// What took that long.
    #[serde(skip)]
    pub label: &'static str,
    /// How many were timed.
    pub count: u64,
    /// The mean.
    pub mean: f64,
    /// Percentile and value, from the smallest to the largest.
    pub percentiles: Vec<(f64, f64)>,
}

const PERCENTILES: [f64; 11] = [0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0];

impl Latency {
    /// The summary of a histogram in nanoseconds; `None` if it is empty.
    pub fn of(label: &'static str, histogram: &Histogram<u64>) -> Option<Self> {
        let micros = |nanos: u64| nanos as f64 / 1e3;
        (!histogram.is_empty()).then(|| Self {
            label,
            count: histogram.len(),
            mean: histogram.mean() / 1e3,
            percentiles: PERCENTILES
                .iter()
                .map(|&percent| (percent, micros(histogram.value_at_percentile(percent))))
                .collect(),
        })
    }

    /// The value at one of the percentiles kept.
    pub fn at(&self, percent: f64) -> Option<f64> {
        self.percentiles.iter().find(|(kept, _)| *kept == percent).map(|(_, value)| *value)
    }
}

/// The result of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Which subcommand.
    pub workload: &'static str,
    /// The version of this program.
    pub version: &'static str,
    /// What was asked for.
    pub settings: BTreeMap<&'static str, String>,
    /// What was found.
    #[serde(serialize_with = "by_name")]
    pub figures: Vec<Figure>,
    /// How long things took, by name.
    pub latencies: BTreeMap<&'static str, Latency>,
    /// Broken promises.
    pub faults: Faults,
    /// Everything else that went wrong, and how often.
    pub troubles: BTreeMap<String, u64>,
    /// What makes the figures doubtful.
    pub warnings: Vec<String>,
    /// The course of it.
    pub samples: Vec<Sample>,
}

fn by_name<S: Serializer>(figures: &[Figure], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(figures.iter().map(|figure| (figure.name, figure.value)))
}

impl Report {
    /// An empty one.
    pub fn new(workload: &'static str, settings: BTreeMap<&'static str, String>) -> Self {
        Self {
            workload,
            version: env!("CARGO_PKG_VERSION"),
            settings,
            figures: Vec::new(),
            latencies: BTreeMap::new(),
            faults: Faults::default(),
            troubles: BTreeMap::new(),
            warnings: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Adds a figure.
    pub fn figure(
        &mut self,
        name: &'static str,
        label: &'static str,
        value: f64,
        unit: &'static str,
    ) {
        self.figures.push(Figure { name, label, value, unit });
    }

    /// Adds a latency under `name`.
    pub fn latency(&mut self, name: &'static str, label: &'static str, of: &Histogram<u64>) {
        self.latencies.extend(Latency::of(label, of).map(|latency| (name, latency)));
    }

    /// Adds what was measured while messages went round.
    pub fn deliveries(&mut self, measured: &Measured, server_known: bool) {
        let Measured { seconds, sent, deliveries, server_cpu, own_cpu, wire, memory, .. } =
            *measured;
        let each = |total: u64| total as f64 / deliveries.max(1) as f64;
        self.figure("deliveries", "deliveries", deliveries as f64, "");
        self.figure(
            "deliveries_per_second",
            "deliveries per second",
            deliveries as f64 / seconds,
            "/s",
        );
        self.figure("messages_per_second", "messages per second", sent as f64 / seconds, "/s");
        if server_known {
            self.figure("cpu_per_delivery_ns", "server CPU per delivery", each(server_cpu), "ns");
            self.figure("server_cores", "server CPU", server_cpu as f64 / seconds / 1e9, "cores");
            self.figure("server_rss_bytes", "server memory, resident", memory.rss as f64, "B");
            self.figure(
                "server_anonymous_bytes",
                "server memory, anonymous",
                memory.anonymous as f64,
                "B",
            );
        }
        self.figure(
            "down_bytes_per_delivery",
            "bytes from the server per delivery",
            each(wire.down),
            "B",
        );
        self.figure(
            "up_bytes_per_delivery",
            "bytes to the server per delivery",
            each(wire.up),
            "B",
        );
        if wire.requests > 0 {
            self.figure(
                "requests_per_delivery",
                "requests per delivery",
                each(wire.requests),
                "each",
            );
            self.figure(
                "empty_per_delivery",
                "answers without events per delivery",
                each(wire.empty),
                "each",
            );
        }
        self.generator(own_cpu as f64 / seconds / 1e9);
        self.figure(
            "generator_cpu_per_delivery_ns",
            "generator CPU per delivery",
            each(own_cpu),
            "ns",
        );
        self.samples.clone_from(&measured.samples);
    }

    /// Adds the generator's own use of CPU, and warns if it may have been what held things up.
    pub fn generator(&mut self, cores: f64) {
        const BOTTLENECK: f64 = 0.9;
        self.figure("generator_cores", "generator CPU", cores, "cores");
        if cores > BOTTLENECK {
            self.warnings.push(format!(
                "the generator used {:.0} % of its core: rates and latencies may be its own, not the server's \
                 (CPU per delivery holds)",
                cores * 100.0
            ));
        }
    }

    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.faults.is_none() && self.troubles.is_empty()
    }
}
