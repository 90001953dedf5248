//! What a node counts of its work with an engine, in the text format of Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::metrics::{Row, expose};

/// The bounds of the histogram, in microseconds.
const BOUNDS: [u64; 9] = [500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 2_000_000];

/// Counted since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Rooms that are followed now.
    pub rooms: AtomicU64,
    /// Seats that are being given up.
    pub partings: AtomicU64,
    /// Batches that were sent.
    pub batches: AtomicU64,
    /// What was in them.
    pub proposals: AtomicU64,
    /// Batches that were sent again, as nothing came back.
    pub resends: AtomicU64,
    /// Batches that the engine refused.
    pub refusals: AtomicU64,
    /// Changes that were decided again, as others had changed what they were decided on.
    pub conflicts: AtomicU64,
    /// Rooms that were opened again.
    pub reopens: AtomicU64,
    /// Epochs that were begun, as the engine had other entries.
    pub forks: AtomicU64,
    /// Entries that the engine had lost and got back.
    pub given_back: AtomicU64,
    /// Reads of entries that did not come by themselves.
    pub late: AtomicU64,
    times: [AtomicU64; BOUNDS.len()],
    time: AtomicU64,
    answers: AtomicU64,
}

impl Counts {
    /// One more.
    pub fn one(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// A batch is placed, so long after it was sent.
    pub fn placed(&self, after: Duration) {
        let micros = after.as_micros() as u64;
        if let Some(at) = BOUNDS.iter().position(|bound| micros <= *bound) {
            Counts::one(&self.times[at]);
        }
        self.time.fetch_add(micros, Relaxed);
        Counts::one(&self.answers);
    }

    /// All of it, whether the engine is reached, and whether it refuses to write.
    pub fn expose(&self, is_reached: bool, refuses: bool) -> String {
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        let rows: [Row; 12] = [
            ("engine_up", "gauge", "Whether the engine is reached", is_reached.into()),
            ("engine_refusing", "gauge", "Whether the engine refuses to write", refuses.into()),
            ("engine_rooms", "gauge", "Rooms followed", count(&self.rooms)),
            ("engine_batches_total", "counter", "Batches sent", count(&self.batches)),
            ("engine_proposals_total", "counter", "Changes in them", count(&self.proposals)),
            (
                "engine_resends_total",
                "counter",
                "Batches sent again as nothing came back",
                count(&self.resends),
            ),
            (
                "engine_refusals_total",
                "counter",
                "Batches that the engine refused",
                count(&self.refusals),
            ),
            (
                "engine_conflicts_total",
                "counter",
                "Changes decided again as another node was first",
                count(&self.conflicts),
            ),
            ("engine_reopens_total", "counter", "Rooms opened again", count(&self.reopens)),
            (
                "engine_forks_total",
                "counter",
                "Epochs begun as the engine had other entries",
                count(&self.forks),
            ),
            (
                "engine_given_back_total",
                "counter",
                "Entries that the engine had lost and got back",
                count(&self.given_back),
            ),
            (
                "engine_late_total",
                "counter",
                "Reads of entries that did not come by themselves",
                count(&self.late),
            ),
        ];
        let mut text = expose(&rows);
        self.expose_times(&mut text);
        text
    }

    fn expose_times(&self, text: &mut String) {
        let name = "hamhame_engine_append_seconds";
        let _ = writeln!(text, "# HELP {name} From sending a batch to its places.");
        let _ = writeln!(text, "# TYPE {name} histogram");
        let mut sum = 0;
        for (bound, counter) in BOUNDS.iter().zip(&self.times) {
            sum += counter.load(Relaxed);
            let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {sum}", seconds(*bound));
        }
        let answers = self.answers.load(Relaxed).max(sum);
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {answers}");
        let _ = writeln!(text, "{name}_sum {}", seconds(self.time.load(Relaxed)));
        let _ = writeln!(text, "{name}_count {answers}");
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_histogram_counts_each_batch_once_in_each_bucket_that_it_fits() {
        let counts = Counts::default();
        for micros in [400, 600, 3_000_000] {
            counts.placed(Duration::from_micros(micros));
        }
        let text = counts.expose(true, false);
        for line in [
            "hamhame_engine_up 1",
            "hamhame_engine_refusing 0",
            "hamhame_engine_append_seconds_bucket{le=\"0.0005\"} 1",
            "hamhame_engine_append_seconds_bucket{le=\"0.001\"} 2",
            "hamhame_engine_append_seconds_bucket{le=\"2\"} 2",
            "hamhame_engine_append_seconds_bucket{le=\"+Inf\"} 3",
            "hamhame_engine_append_seconds_sum 3.001",
            "hamhame_engine_append_seconds_count 3",
        ] {
            assert!(text.lines().any(|one| one == line), "no {line} in\n{text}");
        }
    }
}
