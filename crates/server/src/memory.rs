//! One budget of bytes for the whole process: the logs of all rooms, and what connections have under way.
//!
//! Bounds that hold for one room or one connection multiply with their number; this one does not. It is counted, not
//! measured: whoever keeps bytes for a peer says so here, by atomics alone, so that counting costs an append one addition
//! and a delivery nothing. Logs give way when the sum is over the budget, the oldest events of the largest first
//! (`room::shared`); what connections have under way cannot, so it is refused beyond its [share](Memory::for_buffers).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock;

/// What connections may have under way of the budget: one part of so many. So they never cost the rooms more than that.
const BUFFER_SHARE: u64 = 4;

/// Time between two lines in the log that say that events go.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The budget, and what is used of it.
#[derive(Debug)]
pub struct Memory {
    limit: u64,
    /// What the logs of all rooms hold.
    logs: AtomicU64,
    /// What connections have under way.
    buffers: AtomicU64,
    /// Events that went for the budget.
    dropped: AtomicU64,
    /// Buffers that were refused.
    refused: AtomicU64,
    /// When the log was told last that events go, in seconds since the start and one; 0 for never.
    warned: AtomicU64,
}

/// There is no room for more in the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// What one connection has under way, as it is counted. Dropping it gives it back.
#[derive(Debug)]
pub struct Held {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Memory {
    /// A budget of so many bytes, of which nothing is used.
    pub fn new(limit: u64) -> Memory {
        Memory {
            limit,
            logs: AtomicU64::new(0),
            buffers: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            warned: AtomicU64::new(0),
        }
    }

    /// The budget in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes that are used of it.
    pub fn used(&self) -> u64 {
        self.logs.load(Relaxed).saturating_add(self.buffers.load(Relaxed))
    }

    /// Bytes that the logs hold.
    pub fn in_logs(&self) -> u64 {
        self.logs.load(Relaxed)
    }

    /// Bytes that connections have under way.
    pub fn in_buffers(&self) -> u64 {
        self.buffers.load(Relaxed)
    }

    /// What of the budget connections may have under way.
    pub fn for_buffers(&self) -> u64 {
        self.limit / BUFFER_SHARE
    }

    /// Events that went because the budget was used up.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Times that a connection was refused more.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Bytes that the logs have to give back.
    pub fn excess(&self) -> u64 {
        self.used().saturating_sub(self.limit)
    }

    /// A log holds `after` bytes where it held `before`. True if the budget is exceeded now.
    pub fn log_changed(&self, before: usize, after: usize) -> bool {
        let change = (after as u64).wrapping_sub(before as u64);
        let logs = self.logs.fetch_add(change, Relaxed).wrapping_add(change);
        logs.saturating_add(self.buffers.load(Relaxed)) > self.limit
    }

    /// So many events went for the budget. The log says so, once in a while.
    pub fn note_dropped(&self, events: u64) {
        let dropped = self.dropped.fetch_add(events, Relaxed) + events;
        let (now, last) = (clock::uptime().as_secs() + 1, self.warned.load(Relaxed));
        let due = last == 0 || now >= last + WARN_EVERY.as_secs();
        if due && self.warned.compare_exchange(last, now, Relaxed, Relaxed).is_ok() {
            tracing::warn!(
                budget = self.limit,
                dropped,
                "the memory for events is used up: the oldest of the largest rooms go; --memory gives more"
            );
        }
    }

    /// A piece of nothing, for one connection to count in what it has under way.
    pub fn hold(self: &Arc<Self>) -> Held {
        Held { memory: self.clone(), bytes: 0 }
    }

    /// A piece of so many bytes, if there is room for it.
    ///
    /// # Errors
    /// If connections have as much under way as they may.
    pub fn try_hold(self: &Arc<Self>, bytes: usize) -> Result<Held, NoRoom> {
        let mut held = self.hold();
        held.try_resize(bytes)?;
        Ok(held)
    }
}

impl Held {
    /// Bytes that are counted.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts so many bytes from now on, whether or not there is room: for what is there already and has an end in sight.
    pub fn resize(&mut self, bytes: usize) {
        let change = (bytes as u64).wrapping_sub(self.bytes as u64);
        self.memory.buffers.fetch_add(change, Relaxed);
        self.bytes = bytes;
    }

    /// The same, if there is room for it. Fewer bytes than now there always are.
    ///
    /// # Errors
    /// If connections had then more under way than they [may](Memory::for_buffers); what was counted stays so.
    pub fn try_resize(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let more = bytes.saturating_sub(self.bytes) as u64;
        if more > 0 {
            let memory = &self.memory;
            // Counted first and given back if it is too much: of two at once both may be refused, but never both be let in.
            let before = memory.buffers.fetch_add(more, Relaxed);
            if before.saturating_add(more) > memory.for_buffers() {
                memory.buffers.fetch_sub(more, Relaxed);
                memory.refused.fetch_add(1, Relaxed);
                return Err(NoRoom);
            }
            self.bytes = bytes;
        } else {
            self.resize(bytes);
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_until_it_is_dropped() {
        let memory = Arc::new(Memory::new(4000));
        let mut one = memory.try_hold(600).unwrap();
        let mut two = memory.hold();
        assert_eq!(two.try_resize(400), Ok(()), "exactly what is left");
        assert_eq!(two.try_resize(401), Err(NoRoom));
        assert_eq!((two.bytes(), memory.in_buffers(), memory.refused()), (400, 1000, 1));
        one.resize(700);
        assert_eq!(memory.in_buffers(), 1100, "what must be is counted in any case");
        assert_eq!(one.try_resize(650), Ok(()), "less is always possible");
        drop(one);
        assert_eq!((memory.in_buffers(), memory.used()), (400, 400));
        drop(two);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn logs_have_the_rest_of_the_budget_and_say_when_it_is_exceeded() {
        let memory = Arc::new(Memory::new(4000));
        assert!(!memory.log_changed(0, 3000));
        let held = memory.try_hold(1000).unwrap();
        assert!(!memory.log_changed(500, 500));
        assert!(memory.log_changed(3000, 3001));
        assert_eq!((memory.excess(), memory.in_logs()), (1, 3001));
        drop(held);
        assert!(!memory.log_changed(3001, 1), "less is no excess");
        assert_eq!((memory.excess(), memory.used()), (0, 1));
    }
}
