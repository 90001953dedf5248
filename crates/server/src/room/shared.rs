//! What all rooms of a process share: the budget of memory, and in which order they are looked at.
//!
//! Nothing walks all rooms. Who needs the largest, the next that has something due, or the one that has been empty longest
//! asks an [`Order`] for its first. Locks are taken in one order: the registry's, a room's, an order's; and never those of
//! two rooms at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hamhame_core::log::Window;

use super::Room;
use super::order::Order;
use crate::clock;
use crate::memory::Memory;
use crate::room::notify::Inboxes;

/// The most bytes of events that who appends one drops of others', over the budget: more than it can append, so that all
/// who append together free what they fill, and no more, so that nobody waits for long.
const FREED_AT_ONCE: u64 = 256 << 10;

/// What is freed beyond the excess, as a part of the budget: so that it is not every append that has to.
const SLACK: u64 = 64;

/// What all rooms share.
pub struct Shared {
    /// What each of their logs keeps.
    pub window: Window,
    /// How they wake shards.
    pub inboxes: Arc<Inboxes<Room>>,
    /// What all of their logs may keep.
    pub memory: Arc<Memory>,
    /// The largest logs come first, and of those of a size who has been there longest.
    pub(super) sizes: Order,
    /// By when there is something to do in them.
    pub(super) due: Order,
    /// Those that nobody is in, by since when.
    pub(super) empty: Order,
    /// Members in all of them.
    members: AtomicU64,
    /// Places given in the order of sizes.
    tickets: AtomicU64,
    /// Rooms that were looked at to see what is due, which is the largest or which can be given up.
    looks: AtomicU64,
}

impl Shared {
    /// For rooms that keep `window`, wake `inboxes` and count in `memory`.
    pub fn new(window: Window, inboxes: Arc<Inboxes<Room>>, memory: Arc<Memory>) -> Shared {
        Shared {
            window,
            inboxes,
            memory,
            sizes: Order::default(),
            due: Order::default(),
            empty: Order::default(),
            members: AtomicU64::new(0),
            tickets: AtomicU64::new(0),
            looks: AtomicU64::new(0),
        }
    }

    /// Members in all rooms.
    pub fn members(&self) -> u64 {
        self.members.load(Relaxed)
    }

    /// Rooms looked at so far to see what is due, which is the largest or which can be given up.
    pub fn looks(&self) -> u64 {
        self.looks.load(Relaxed)
    }

    /// The next room in which something is due, if it is by now.
    pub fn next_due(&self) -> Option<Arc<Room>> {
        self.look(self.due.first(clock::uptime_micros()))
    }

    /// The room that nobody has been in for the longest time.
    pub fn longest_empty(&self) -> Option<Arc<Room>> {
        self.look(self.empty.first(u64::MAX))
    }

    /// Has the largest rooms give back their oldest events while the budget is exceeded. Nobody may hold the lock of a room.
    #[cold]
    pub fn relieve(&self) {
        let (mut freed, mut events) = (0, 0);
        let slack = self.memory.limit() / SLACK;
        let goal = |excess: u64| (excess + slack).min(FREED_AT_ONCE);
        let wanted = match self.memory.excess() {
            0 => return,
            excess => goal(excess),
        };
        while freed < wanted {
            let Some(room) = self.look(self.sizes.first(u64::MAX)) else { break };
            let (bytes, dropped) = room.shed((wanted - freed) as usize);
            freed += bytes as u64;
            events += dropped;
            if dropped == 0 && self.memory.excess() == 0 {
                break;
            }
        }
        if events > 0 {
            self.memory.note_dropped(events);
        }
    }

    /// The number of a log of so many bytes in the order of sizes, and between which sizes it stays so. There are two
    /// classes to a doubling; a size that goes to and fro at the edge of one does not change it each time.
    pub(super) fn rank(&self, bytes: usize) -> (u64, (usize, usize)) {
        let (class, from, to) = size_class(bytes);
        let ticket = self.tickets.fetch_add(1, Relaxed) & ((1 << 56) - 1);
        let number = u64::from(u8::MAX - class) << 56 | ticket;
        (number, (from - from / 8, to + to / 8))
    }

    /// A room has `after` members where it had `before`.
    pub(super) fn members_changed(&self, before: u32, after: u32) {
        self.members.fetch_add(u64::from(after).wrapping_sub(before.into()), Relaxed);
    }

    fn look(&self, room: Option<Arc<Room>>) -> Option<Arc<Room>> {
        self.looks.fetch_add(room.is_some().into(), Relaxed);
        room
    }
}

/// All logs below this many bytes are of one size.
const SMALL: usize = 4096;

/// The class of a size: its number, and from where to where it reaches.
fn size_class(bytes: usize) -> (u8, usize, usize) {
    if bytes < SMALL {
        return (0, 1, SMALL);
    }
    let doublings = bytes.ilog2();
    let (half, low) = (1usize << (doublings - 1), 1usize << doublings);
    let upper = bytes >= low + half;
    let from = if upper { low + half } else { low };
    let class = 2 * (doublings - SMALL.ilog2()) + u32::from(upper) + 1;
    (class as u8, from, from.saturating_add(half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_one_class_and_larger_ones_have_higher() {
        let mut before = 0;
        for bytes in [1, 4095, 4096, 6143, 6144, 8191, 8192, 12_288, 1 << 20, 1 << 40] {
            let (class, from, to) = size_class(bytes);
            assert!((from..to).contains(&bytes), "{bytes} in {from}..{to}");
            assert!(class >= before, "{bytes}");
            before = class;
            assert_eq!(size_class(from), (class, from, to));
            assert_ne!(size_class(to).0, class);
        }
        assert_eq!((size_class(6143).0, size_class(6144).0, size_class(8192).0), (1, 2, 3));
    }
}
