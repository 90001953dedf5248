//! Which messages were said, by the ids that their senders gave them: a `send` that is repeated finds its first offset here.
//!
//! An id is known as long as the log keeps its event. After that it is known until [`AGE`] after it was said, or until so many
//! further ids have gone the same way that they are [`PER_EVENT`] times what the log keeps.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use hamhame_core::id::Id;

/// Ids whose events are gone that are known, for each event that the log keeps.
pub const PER_EVENT: usize = 4;

/// How long an id is known after it was said, where its event is gone.
pub const AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// What an entry of the index takes, in a table that is half empty, in bytes.
const KNOWN_BYTES: usize = 2 * (2 * size_of::<u64>() + 1);

/// What an id takes besides once its event is gone, in a list with room to grow.
const GONE_BYTES: usize = size_of::<Gone>() * 3 / 2;

/// The ids of one room.
#[derive(Debug)]
pub struct Said {
    /// Offsets by a keyed hash of (member, id). The key is random, so two sends cannot be made to collide.
    offsets: HashMap<u64, u64>,
    /// Those whose events are gone, the oldest first.
    gone: VecDeque<Gone>,
    most_gone: usize,
    hasher: RandomState,
}

/// An id whose event is gone.
#[derive(Debug)]
struct Gone {
    key: u64,
    /// When it was said, in microseconds by a clock that never jumps.
    up: u64,
}

impl Said {
    /// None yet, beside a log of so many events.
    pub fn new(events: usize) -> Said {
        Said {
            offsets: HashMap::new(),
            gone: VecDeque::new(),
            most_gone: events.saturating_mul(PER_EVENT),
            hasher: RandomState::new(),
        }
    }

    /// What stands for (member, id) here. Never 0, which stands for no id.
    pub fn key(&self, said: (Id, &str)) -> u64 {
        self.hasher.hash_one(said).max(1)
    }

    /// The offset at which this was said.
    pub fn offset(&self, key: u64) -> Option<u64> {
        self.offsets.get(&key).copied()
    }

    /// It is said, at this offset.
    pub fn add(&mut self, key: u64, offset: u64) {
        self.offsets.insert(key, offset);
    }

    /// The event of what was said at this time is gone.
    pub fn outlive(&mut self, key: u64, up: u64) {
        self.gone.push_back(Gone { key, up });
        if self.gone.len() > self.most_gone {
            self.forget_oldest();
        }
    }

    /// Forgets what has been gone for too long at `now` (microseconds by the clock of [`outlive`](Self::outlive)).
    pub fn expire(&mut self, now: u64) {
        let age = AGE.as_micros() as u64;
        while self.gone.front().is_some_and(|gone| gone.up.saturating_add(age) < now) {
            self.forget_oldest();
        }
        self.fit();
    }

    /// After a busy time the room that it took goes back.
    pub fn fit(&mut self) {
        if self.gone.capacity() > 4 * self.gone.len() + 16 {
            self.gone.shrink_to(2 * self.gone.len());
        }
        if self.offsets.capacity() > 4 * self.offsets.len() + 16 {
            self.offsets.shrink_to(2 * self.offsets.len());
        }
    }

    /// Forgets the oldest id whose event is gone. False if there is none.
    pub fn forget_oldest(&mut self) -> bool {
        let oldest = self.gone.pop_front();
        if let Some(gone) = &oldest {
            self.offsets.remove(&gone.key);
        }
        oldest.is_some()
    }

    /// What it takes to keep all of it, in bytes.
    pub fn bytes(&self) -> usize {
        self.offsets.len() * KNOWN_BYTES + self.gone.len() * GONE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000;

    fn known(said: &Said, upto: u64) -> Vec<u64> {
        (1..=upto).filter(|key| said.offset(*key).is_some()).collect()
    }

    #[test]
    fn an_id_is_known_for_four_windows_of_further_ids_after_its_event() {
        let mut said = Said::new(2);
        for key in 1..=12 {
            said.add(key, 100 + key);
        }
        assert_eq!(known(&said, 12).len(), 12, "what has its event is not bounded here");
        for key in 1..=8 {
            said.outlive(key, key);
        }
        assert_eq!(known(&said, 12).len(), 12, "eight are remembered beyond");
        assert_eq!(said.offset(1), Some(101), "with the first offset");
        said.outlive(9, 9);
        assert_eq!(known(&said, 12), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let bytes = said.bytes();
        assert!(said.forget_oldest() && said.bytes() < bytes);
        for _ in 0..7 {
            assert!(said.forget_oldest());
        }
        assert!(!said.forget_oldest(), "those with an event stay");
        assert_eq!(known(&said, 12), [10, 11, 12]);
    }

    #[test]
    fn an_id_is_known_for_a_day_after_it_was_said_and_as_long_as_its_event() {
        let mut said = Said::new(100);
        for hour in 1..=3 {
            said.add(hour, hour);
        }
        said.outlive(1, HOUR);
        said.outlive(2, 2 * HOUR);
        said.expire(25 * HOUR);
        assert_eq!(known(&said, 3), [1, 2, 3], "to the microsecond");
        said.expire(25 * HOUR + 1);
        assert_eq!(known(&said, 3), [2, 3]);
        said.expire(1_000 * HOUR);
        assert_eq!(known(&said, 3), [3]);
    }
}
