//! How many lines one place in the code may write: what peers make happen often is told by its count.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::callsite::Identifier;
use tracing::{Level, Metadata};

/// Lines that one place may write in [`PERIOD`].
const LINES: u32 = 10;

/// Then it may write as many again.
const PERIOD: Duration = Duration::from_secs(10);

/// By place. Places are those in the code, so there is a bound on them.
#[derive(Default)]
pub struct Quotas(Mutex<HashMap<Identifier, Quota>>);

struct Quota {
    since: Duration,
    written: u32,
    left_out: LeftOut,
}

/// Lines that were not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// How many.
    pub lines: u64,
    /// Of which weight.
    pub level: Level,
    /// From where.
    pub target: &'static str,
    /// What one of them said.
    pub sample: String,
}

impl Quotas {
    /// Whether a line may be written at `now`, and what was left out before it and is to be told first. `sample` gives the
    /// words of a line, once in a period.
    pub fn admit(
        &self,
        place: &'static Metadata<'static>,
        now: Duration,
        sample: impl FnOnce() -> String,
    ) -> (bool, Option<LeftOut>) {
        let mut quotas = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let quota = quotas.entry(place.callsite()).or_insert_with(|| Quota {
            since: now,
            written: 0,
            left_out: LeftOut {
                lines: 0,
                level: *place.level(),
                target: place.target(),
                sample: String::new(),
            },
        });
        let told = quota.renew(now);
        if quota.written == LINES {
            quota.left_out.lines += 1;
            return (false, told);
        }
        if quota.written == 0 {
            quota.left_out.sample = sample();
        }
        quota.written += 1;
        (true, told)
    }

    /// What was left out in periods that are over.
    pub fn collect(&self, now: Duration) -> Vec<LeftOut> {
        let mut quotas = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        quotas.values_mut().filter_map(|quota| quota.renew(now)).collect()
    }
}

impl Quota {
    fn renew(&mut self, now: Duration) -> Option<LeftOut> {
        if now.saturating_sub(self.since) < PERIOD {
            return None;
        }
        (self.since, self.written) = (now, 0);
        let told = (self.left_out.lines > 0).then(|| self.left_out.clone());
        self.left_out.lines = 0;
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a line of a test comes from.
    fn place() -> &'static Metadata<'static> {
        use tracing::Callsite;
        tracing::callsite!(name: "test", kind: tracing::metadata::Kind::EVENT, fields: message)
            .metadata()
    }

    #[test]
    fn a_place_writes_ten_lines_in_ten_seconds_and_then_their_number() {
        let (quotas, place) = (Quotas::default(), place());
        let at = Duration::from_secs;
        let admit = |now| quotas.admit(place, now, || "a thing".into());
        for _ in 0..LINES {
            assert_eq!(admit(at(5)), (true, None));
        }
        for _ in 0..90 {
            assert_eq!(admit(at(14)), (false, None));
        }
        assert_eq!(quotas.collect(at(14)), []);
        let (admitted, left) = admit(at(15));
        assert!(admitted);
        assert_eq!(left.map(|left| (left.lines, left.sample)), Some((90, "a thing".into())));
        assert_eq!(quotas.collect(at(60)), []);
    }

    #[test]
    fn what_was_left_out_is_told_even_if_it_never_happens_again() {
        let (quotas, place) = (Quotas::default(), place());
        for _ in 0..=LINES {
            quotas.admit(place, Duration::ZERO, || "a thing".into());
        }
        let left = quotas.collect(PERIOD);
        assert_eq!(left.iter().map(|left| left.lines).collect::<Vec<_>>(), [1]);
    }
}
