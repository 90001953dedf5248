//! Streams that do not answer to what is written while the server does to the rest. One whose disk is full is so, until it is started
//! again: it logs that, and tells nobody.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::room::STREAMS;
use crate::clock;

/// How long nothing more is written to such a stream.
const REST: Duration = Duration::from_secs(1);

/// How long it is said of it.
const SAID: Duration = Duration::from_secs(6);

/// When each of them was found so, in µs since the start; 0 for those that are not.
#[derive(Default)]
pub struct Silent([AtomicU64; STREAMS.len()]);

impl Silent {
    /// It did not answer.
    pub fn note(&self, stream: usize) {
        self.0[stream].store(clock::uptime_micros().max(1), Relaxed);
    }

    /// It did.
    pub fn answered(&self, stream: usize) {
        if self.0[stream].load(Relaxed) > 0 {
            self.0[stream].store(0, Relaxed);
        }
    }

    /// All of them are to be tried: there is a new connection.
    pub fn forget(&self) {
        (0..STREAMS.len()).for_each(|stream| self.answered(stream));
    }

    /// Whether it is to be left alone for now.
    pub fn rests(&self, stream: usize) -> bool {
        self.is_within(stream, REST)
    }

    /// One of them, if there is any.
    pub fn any(&self) -> Option<usize> {
        (0..STREAMS.len()).find(|stream| self.is_within(*stream, SAID))
    }

    fn is_within(&self, stream: usize, time: Duration) -> bool {
        let found = self.0[stream].load(Relaxed);
        found > 0 && clock::uptime_micros() < found + time.as_micros() as u64
    }
}
