//! The only place that asks what time it is.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970 in UTC: what events are stamped with.
pub fn micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

/// Time since the process asked first: what limits and deadlines are measured with, as it never jumps.
pub fn uptime() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The same in microseconds.
pub fn uptime_micros() -> u64 {
    uptime().as_micros() as u64
}

/// A moment by both clocks: the time of day may be set at any time, so nothing is measured by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Microseconds since 1970 in UTC.
    pub shown: u64,
    /// Microseconds since the start.
    pub up: u64,
}

/// Now.
pub fn now() -> Moment {
    Moment { shown: micros(), up: uptime_micros() }
}
