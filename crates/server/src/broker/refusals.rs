//! A server that is there and refuses to write: its memory is full, its disk is, or the replicas that it needs are not there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whether the server refuses to write, as it was asked last.
#[derive(Default)]
pub struct Refusals {
    now: AtomicBool,
    told: AtomicBool,
    lines: Seldom,
}

/// Lines of the log that would be one for each try.
#[derive(Default)]
pub struct Seldom(Mutex<Option<Instant>>);

/// Time between two of them.
const APART: Duration = Duration::from_secs(30);

impl Refusals {
    /// Whether it does.
    pub fn are_now(&self) -> bool {
        self.now.load(Ordering::Acquire)
    }

    /// It has refused something.
    pub fn note(&self, why: &str) {
        if self.lines.is_due() {
            self.told.store(true, Ordering::Release);
            tracing::warn!(why, "the engine refuses to write");
        }
    }

    /// It was asked: why it refuses, or nothing. True if it has refused until now, and does not any more.
    pub fn note_asked(&self, why: &str) -> bool {
        let before = self.now.swap(!why.is_empty(), Ordering::AcqRel);
        if !why.is_empty() {
            self.note(why);
            return false;
        }
        if before && self.told.swap(false, Ordering::AcqRel) {
            tracing::info!("the engine writes again");
        }
        before
    }
}

impl Seldom {
    /// Whether it is time for one. Then it is taken for written.
    pub fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= APART);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_would_be_said_at_each_try_is_said_seldom() {
        let seldom = Seldom::default();
        let mut lines = 0;
        for _ in 0..60 {
            lines += u64::from(seldom.is_due());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(lines, 2);
    }
}
