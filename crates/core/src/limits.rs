//! Rate limits: a token bucket in 16 bytes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A token bucket: `burst` takes at once, then `rate` per second.
///
/// Kept as the generic cell rate algorithm (ITU-T I.371): the one instant at which the bucket would be full
/// again says all that a count of tokens and the time of the last refill would. Time is what has passed since
/// an origin of the caller's choice; it may stand still, and a step back gives nobody a token.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    /// When the bucket is full again, in microseconds since the origin.
    full_at: u64,
    /// Microseconds until one token has come back.
    interval: u32,
    burst: u32,
}

impl TokenBucket {
    /// A full bucket.
    ///
    /// `burst` is at least 1. A rate that is not a positive number gives the slowest refill there is, one
    /// token in 71 minutes; the fastest is a million a second.
    pub fn new(burst: u32, rate_per_second: f64) -> Self {
        let micros = 1e6 / rate_per_second;
        // `as` saturates, and a bound below keeps a division by zero, a negative and a NaN out.
        let interval =
            if rate_per_second > 0.0 { (micros.round() as u32).max(1) } else { u32::MAX };
        Self { full_at: 0, interval, burst: burst.max(1) }
    }

    /// Takes one token, or says after how long one will be there.
    pub fn try_take(&mut self, now: Duration) -> Result<(), Duration> {
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        // What was taken and has not come back yet, as time.
        let owed = self.full_at.saturating_sub(now);
        let most = u64::from(self.interval) * u64::from(self.burst - 1);
        if owed > most {
            return Err(Duration::from_micros(owed - most));
        }
        self.full_at = self.full_at.max(now).saturating_add(u64::from(self.interval));
        Ok(())
    }
}

/// A [`TokenBucket`] that many take from at once.
#[derive(Debug)]
pub struct SharedBucket {
    /// See [`TokenBucket`].
    full_at: AtomicU64,
    interval: u32,
    burst: u32,
}

impl SharedBucket {
    /// A full bucket.
    pub fn new(burst: u32, rate_per_second: f64) -> Self {
        let TokenBucket { full_at, interval, burst } = TokenBucket::new(burst, rate_per_second);
        Self { full_at: full_at.into(), interval, burst }
    }

    /// Takes one token, or says after how long one will be there if nobody else takes it.
    pub fn try_take(&self, now: Duration) -> Result<(), Duration> {
        let mut full_at = self.full_at.load(Relaxed);
        loop {
            let mut bucket = TokenBucket { full_at, interval: self.interval, burst: self.burst };
            bucket.try_take(now)?;
            match self.full_at.compare_exchange_weak(full_at, bucket.full_at, Relaxed, Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => full_at = other,
            }
        }
    }

    /// Whether a new bucket would give no more than this one.
    pub fn is_full(&self, now: Duration) -> bool {
        u128::from(self.full_at.load(Relaxed)) <= now.as_micros()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_at_once_and_then_one_per_interval() {
        let mut bucket = TokenBucket::new(3, 2.0);
        for _ in 0..3 {
            assert_eq!(bucket.try_take(SECOND), Ok(()));
        }
        assert_eq!(bucket.try_take(SECOND), Err(Duration::from_millis(500)));
        assert_eq!(
            bucket.try_take(SECOND + Duration::from_millis(499)),
            Err(Duration::from_millis(1))
        );
        assert_eq!(bucket.try_take(SECOND + Duration::from_millis(500)), Ok(()));
        assert_eq!(
            bucket.try_take(SECOND + Duration::from_millis(500)),
            Err(Duration::from_millis(500))
        );
    }

    #[test]
    fn a_long_silence_gives_the_burst_back_and_no_more() {
        let mut bucket = TokenBucket::new(2, 1.0);
        let later = Duration::from_secs(86_400);
        assert!(bucket.try_take(later).is_ok());
        assert!(bucket.try_take(later).is_ok());
        assert_eq!(bucket.try_take(later), Err(SECOND));
    }

    #[test]
    fn a_refusal_costs_nothing() {
        let mut bucket = TokenBucket::new(1, 1.0);
        assert!(bucket.try_take(SECOND).is_ok());
        for _ in 0..1000 {
            assert_eq!(bucket.try_take(SECOND), Err(SECOND));
        }
        assert!(bucket.try_take(2 * SECOND).is_ok());
    }

    #[test]
    fn a_clock_that_steps_back_gives_no_token() {
        let mut bucket = TokenBucket::new(1, 1.0);
        assert!(bucket.try_take(10 * SECOND).is_ok());
        assert_eq!(bucket.try_take(9 * SECOND), Err(2 * SECOND));
    }

    #[test]
    fn senseless_rates_still_make_a_bucket() {
        for rate in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY, f64::MIN_POSITIVE] {
            let mut bucket = TokenBucket::new(0, rate);
            assert!(bucket.try_take(SECOND).is_ok(), "{rate}");
            assert!(bucket.try_take(SECOND).is_err(), "{rate}");
        }
        assert!(TokenBucket::new(u32::MAX, f64::INFINITY).try_take(Duration::MAX).is_ok());
    }

    #[test]
    fn who_takes_from_one_bucket_takes_it_from_the_others() {
        let bucket = SharedBucket::new(1000, 1.0);
        let taken: usize = std::thread::scope(|scope| {
            let take = || (0..500).filter(|_| bucket.try_take(SECOND).is_ok()).count();
            let takers: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).sum()
        });
        assert_eq!(taken, 1000);
        assert_eq!(bucket.try_take(SECOND), Err(SECOND));
        assert!(!bucket.is_full(1000 * SECOND));
        assert!(bucket.is_full(1001 * SECOND));
    }

    #[test]
    fn a_bucket_is_small_enough_to_keep_one_per_session() {
        assert!(size_of::<TokenBucket>() <= 16);
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow(
            burst in 1u32..20, rate in 1u32..1000, steps in prop::collection::vec(0u64..50_000, 1..200),
        ) {
            let mut bucket = TokenBucket::new(burst, f64::from(rate));
            let interval = (1e6 / f64::from(rate)).round();
            let (mut now, mut taken) = (0u64, 0u32);
            for step in steps {
                now += step;
                match bucket.try_take(Duration::from_micros(now)) {
                    Ok(()) => taken += 1,
                    Err(after) => {
                        let then = Duration::from_micros(now) + after;
                        prop_assert!(bucket.clone().try_take(then).is_ok(), "what was promised holds");
                    }
                }
                prop_assert!(f64::from(taken) <= f64::from(burst) + now as f64 / interval);
            }
        }
    }
}
