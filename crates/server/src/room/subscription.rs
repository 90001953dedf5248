//! Reading a room without being written to by its flushers.

use std::sync::Arc;

use tokio::sync::futures::Notified;

use super::Room;
use crate::clock;

/// A reader that has no socket for the flusher to write to: as long as there is one, the room stays and wakes it.
pub struct Subscription {
    pub(super) room: Arc<Room>,
}

impl Subscription {
    /// Where it reads.
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Waits for the next change. Whatever changed before this was first polled, or [enabled](Notified::enable), is not waited
    /// for: look after that.
    pub fn news(&self) -> Notified<'_> {
        self.room.news.notified()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.room.lock();
        state.subscriptions -= 1;
        if state.empty_since.is_some() {
            state.empty_since = Some(clock::uptime_micros());
            self.room.rank(&mut state);
        }
    }
}
