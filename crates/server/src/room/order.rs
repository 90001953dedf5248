//! Rooms in the order of a number: who asks for the first does not look at the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Room;

/// A number, and the serial of the room, which makes it the only one.
type Key = (u64, u64);

/// Rooms by a number that each of them may have. It is changed under the room's own lock, so it is always that of the room's
/// present state; and nothing else is locked while this is.
#[derive(Debug, Default)]
pub struct Order(Mutex<BTreeMap<Key, Weak<Room>>>);

impl Order {
    /// The room has `now` where it had `before`.
    pub fn place(&self, room: &Arc<Room>, before: Option<u64>, now: Option<u64>) {
        let mut rooms = self.lock();
        if let Some(before) = before {
            rooms.remove(&(before, room.serial));
        }
        if let Some(now) = now {
            rooms.insert((now, room.serial), Arc::downgrade(room));
        }
    }

    /// The room with this serial is gone, which had `before`.
    pub fn remove(&self, serial: u64, before: Option<u64>) {
        if let Some(before) = before {
            self.lock().remove(&(before, serial));
        }
    }

    /// The room with the least number, if it is at most `most`.
    pub fn first(&self, most: u64) -> Option<Arc<Room>> {
        let mut rooms = self.lock();
        loop {
            let first = rooms.first_entry().filter(|first| first.key().0 <= most)?;
            // The lock is let go before the room may be: its end takes the lock.
            match first.get().upgrade() {
                Some(room) => return Some(room),
                None => drop(first.remove()),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Weak<Room>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
