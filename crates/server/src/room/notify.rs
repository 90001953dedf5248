//! How a room tells the shards that it has something new: once per (room, shard), however many members and events.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Rooms that one shard has to look at.
pub struct Inbox<R> {
    rooms: Mutex<Vec<Arc<R>>>,
    wake: Notify,
}

/// The inboxes of all shards.
pub type Inboxes<R> = [Inbox<R>];

impl<R> Default for Inbox<R> {
    fn default() -> Inbox<R> {
        Inbox { rooms: Mutex::default(), wake: Notify::default() }
    }
}

impl<R> Inbox<R> {
    fn put(&self, room: Arc<R>) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.push(room);
        let first = rooms.len() == 1;
        drop(rooms);
        if first {
            self.wake.notify_one();
        }
    }

    /// Takes what there is into `rooms`, which is empty.
    pub fn swap(&self, rooms: &mut Vec<Arc<R>>) {
        let mut waiting = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *waiting, rooms);
    }

    /// Waits until there is something, then takes all of it into `rooms`, which is empty.
    pub async fn take(&self, rooms: &mut Vec<Arc<R>>) {
        loop {
            self.swap(rooms);
            if !rooms.is_empty() {
                return;
            }
            self.wake.notified().await;
        }
    }
}

#[derive(Default)]
struct Flag {
    members: AtomicU32,
    dirty: AtomicBool,
    /// Offset up to which this shard has written to all its members that keep up.
    delivered: AtomicU64,
}

/// Where a room has members, and which of those shards know already that there is something new.
pub struct Dirty<R> {
    inboxes: Arc<Inboxes<R>>,
    flags: Box<[Flag]>,
}

impl<R> Dirty<R> {
    /// For a room without members.
    pub fn new(inboxes: Arc<Inboxes<R>>) -> Dirty<R> {
        let flags = inboxes.iter().map(|_| Flag::default()).collect();
        Dirty { inboxes, flags }
    }

    /// Wakes every shard that has members here and does not know yet.
    pub fn mark(&self, room: &Arc<R>) {
        for shard in 0..self.flags.len() {
            self.mark_shard(room, shard);
        }
    }

    /// Wakes one shard, if it has members here and does not know yet.
    pub fn mark_shard(&self, room: &Arc<R>, shard: usize) {
        let flag = &self.flags[shard];
        if flag.members.load(Ordering::SeqCst) > 0 && !flag.dirty.swap(true, Ordering::SeqCst) {
            self.inboxes[shard].put(room.clone());
        }
    }

    /// Whether the shard will look.
    pub fn is_marked(&self, shard: usize) -> bool {
        self.flags[shard].dirty.load(Ordering::SeqCst)
    }

    /// The shard is about to look: whatever is marked from now on wakes it again. Must come before the look.
    pub fn clear(&self, shard: usize) {
        self.flags[shard].dirty.store(false, Ordering::SeqCst);
    }

    /// One more member on this shard, when the head was at `head`.
    pub fn add_member(&self, shard: usize, head: u64) {
        let flag = &self.flags[shard];
        if flag.members.fetch_add(1, Ordering::SeqCst) == 0 {
            flag.delivered.store(head, Ordering::Release);
        }
    }

    /// The shard has written all up to `offset` to those of its members that keep up.
    pub fn set_delivered(&self, shard: usize, offset: u64) {
        self.flags[shard].delivered.store(offset, Ordering::Release);
    }

    /// The offset up to which every shard has written to those of its members that keep up.
    pub fn delivered(&self) -> u64 {
        let shards = self.flags.iter().filter(|flag| flag.members.load(Ordering::SeqCst) > 0);
        shards.map(|flag| flag.delivered.load(Ordering::Acquire)).min().unwrap_or(u64::MAX)
    }

    /// One member fewer on this shard.
    pub fn remove_member(&self, shard: usize) {
        self.flags[shard].members.fetch_sub(1, Ordering::SeqCst);
    }
}
