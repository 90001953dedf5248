//! A room among all rooms: what its log holds is counted, the orders that others look into say how it is now, and what they
//! find it for is done here.

use std::sync::Arc;
use std::time::Duration;

use super::state::{Ranks, State};
use super::{Opener, Room};
use crate::clock::{self, Moment};

/// The least time between two looks at what is due, in microseconds.
const LOOK_EVERY: u64 = 500_000;

/// Events that are dropped under one hold of a room's lock for the budget.
const SHED_AT_ONCE: u64 = 1024;

impl Room {
    /// Whether it stands in the registry.
    fn is_listed(&self) -> bool {
        matches!(self.opener, Opener::Client(_))
    }

    /// Drops events that are too old. True if the room may be given up. To be called when something is due,
    /// after those whose time is over are out.
    pub fn sweep(self: &Arc<Self>, now: Moment) -> bool {
        let mut state = self.lock();
        state.tail.expire(now.up);
        self.rank(&mut state);
        self.look_again(&mut state);
        state.is_left(now.up)
    }

    /// Gives the room up if nobody of this process is in it or reads it. True if it is gone; who still holds it cannot join any more.
    pub fn give_up(&self) -> bool {
        let mut state = self.lock();
        state.gone = !state.is_used();
        if state.gone {
            // Its log goes with it.
            self.unrank(std::mem::take(&mut state.ranks));
        }
        state.gone
    }

    /// Counts what the log holds now and notes what changed in the orders of all rooms. To be called after every change, under
    /// the lock that it was made under. True if the budget of memory is exceeded.
    pub(super) fn rank(self: &Arc<Self>, state: &mut State) -> bool {
        let bytes = state.tail.bytes();
        let exceeded = self.shared.memory.log_changed(state.ranks.counted, bytes);
        state.ranks.counted = bytes;
        let (least, most) = state.ranks.size_holds;
        if bytes < least || bytes > most {
            self.rank_size(state);
        }
        if self.is_listed() {
            let unused = state.unused_since();
            if state.ranks.empty != unused {
                self.shared.empty.place(self, state.ranks.empty, unused);
                state.ranks.empty = unused;
            }
            if state.ranks.due.is_none() {
                let now = clock::uptime_micros();
                let due = state.next_due(now, micros(self.shared.window.age));
                self.set_due(state, due);
            } else if let Some(due) = state.left_at() {
                self.due_by(state, due);
            }
        }
        exceeded
    }

    /// Has the room looked at by `due` at the latest (microseconds since the start).
    pub(super) fn due_by(self: &Arc<Self>, state: &mut State, due: u64) {
        if self.is_listed() && state.ranks.due.is_none_or(|before| due < before) {
            self.set_due(state, Some(due));
        }
    }

    /// Sets anew when there is something to do here, after all was done that was due.
    pub(super) fn look_again(self: &Arc<Self>, state: &mut State) {
        let (uptime, age) = (clock::uptime_micros(), micros(self.shared.window.age));
        let oldest = state.tail.oldest_at().map_or(0, |at| (at + age).saturating_sub(uptime));
        let away = state.away.front().map(|(until, _)| *until);
        let due = state.next_due(uptime, oldest).into_iter().chain(away).min();
        let due = due.filter(|_| !state.gone).map(|due| due.max(uptime + LOOK_EVERY));
        self.set_due(state, due);
    }

    /// Drops the oldest events as there is no room for them: `wanted` bytes or an eighth of what there is, whichever is
    /// less, but one at least. Gives the bytes and the number of events. The room is then the last among those of its size.
    pub(super) fn shed(self: &Arc<Self>, wanted: usize) -> (usize, u64) {
        let mut state = self.lock();
        let before = state.tail.bytes();
        let goal = before.saturating_sub(wanted.min(before / 8).max(1));
        let mut events = 0;
        while state.tail.bytes() > goal && events < SHED_AT_ONCE && state.tail.shed() {
            events += 1;
        }
        let freed = before.saturating_sub(state.tail.bytes());
        state.ranks.size_holds = NOWHERE;
        self.rank(&mut state);
        (freed, events)
    }

    /// The room is over: nothing of it stands in the orders any more.
    pub(super) fn unrank(&self, ranks: Ranks) {
        let shared = &self.shared;
        shared.sizes.remove(self.serial, ranks.size);
        shared.due.remove(self.serial, ranks.due);
        shared.empty.remove(self.serial, ranks.empty);
        shared.memory.log_changed(ranks.counted, 0);
    }

    fn rank_size(self: &Arc<Self>, state: &mut State) {
        let mut size = None;
        state.ranks.size_holds = (0, 0);
        if state.ranks.counted > 0 {
            let (number, holds) = self.shared.rank(state.ranks.counted);
            (size, state.ranks.size_holds) = (Some(number), holds);
        }
        self.shared.sizes.place(self, state.ranks.size, size);
        state.ranks.size = size;
    }

    fn set_due(self: &Arc<Self>, state: &mut State, due: Option<u64>) {
        self.shared.due.place(self, state.ranks.due, due);
        state.ranks.due = due;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let ranks = std::mem::take(&mut self.lock().ranks);
        self.unrank(ranks);
    }
}

/// Sizes that no log has.
const NOWHERE: (usize, usize) = (usize::MAX, 0);

fn micros(duration: Duration) -> u64 {
    duration.as_micros() as u64
}

#[cfg(test)]
mod tests {
    use hamhame_core::id::Id;
    use hamhame_core::position::Epoch;

    use super::*;
    use crate::room::change::{Change, Connection};
    use crate::room::snapshot::Snapshot;
    use crate::room::testing::{HERE, THERE, apply, come, go, room};

    /// Whether the room may be given up now, and when some time has passed.
    fn may_go(room: &Arc<Room>) -> (bool, bool) {
        let now = clock::now();
        let later = Moment { up: now.up + 120_000_000, ..now };
        (room.sweep(now), room.sweep(later))
    }

    #[test]
    fn a_room_of_this_process_alone_stays_as_long_as_somebody_is_in_or_something_can_be_read() {
        let room = room();
        assert_eq!(may_go(&room), (false, true));
        come(&room, 1, HERE);
        assert_eq!(may_go(&room), (false, false));
        go(&room, 1);
        assert_eq!(may_go(&room), (false, false), "its log has two events");
    }

    #[test]
    fn a_room_that_is_kept_elsewhere_goes_when_nobody_of_this_process_has_been_there_for_a_while() {
        let room = room();
        room.writer().restore(
            &Snapshot {
                epoch: Epoch::new(2),
                floor: 0,
                logged: Vec::new(),
                seats: &[],
                presence: 0,
                documents: &[],
                now: clock::now(),
            },
            HERE,
        );
        come(&room, 1, HERE);
        come(&room, 2, THERE);
        assert_eq!(may_go(&room), (false, false));
        go(&room, 1);
        assert_eq!(may_go(&room), (false, true), "others are not this process's");
        // Whose seat another process takes over, and who is between two connections.
        come(&room, 3, HERE);
        let connection = Connection { node: THERE, number: 9 };
        let member = Id::new(3);
        apply(&room, &Change::TakenOver { member, attempt: 2, connection }, None);
        assert_eq!(may_go(&room), (false, true));
        apply(&room, &Change::Lost { member, grace: Duration::from_secs(8) }, None);
        assert_eq!(may_go(&room), (false, false), "somebody has to say that it left");
        go(&room, 3);
        go(&room, 2);
        assert_eq!(may_go(&room), (false, true));
        let reader = room.subscribe(None, 0, 0).expect("it is not gone");
        assert_eq!(may_go(&room), (false, false), "somebody reads");
        assert!(!room.give_up());
        drop(reader);
        assert!(room.give_up());
    }
}
