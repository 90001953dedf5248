//! One room as one node follows it: what it has applied, what it has proposed, and who waits for that.

mod opening;
mod overdue;
mod progress;
mod recent;
mod seating;
mod sending;
mod untaken;

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use hamhame_core::id::Id;
use hamhame_core::position::Epoch;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use progress::Progress;
pub use seating::Newcomer;

use super::counts::Counts;
use super::engine::{Engine, Entry as Placed, Follower, Question};
use crate::clock;
use crate::room::change::{Change, Connection, NodeId};
use crate::room::intent::Parting;
use crate::room::{Room, Writer};

/// How long somebody waits for the engine before it is told that the room cannot be reached.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Entries that may wait for one before them. Beyond, they are read again.
const EARLY: usize = 1024;

/// How long the members of a node that is no more keep their places.
const AFTER_THE_END: Duration = Duration::from_secs(8);

/// How long an entry that is missing may be on its way before it is asked for.
const LATE: Duration = Duration::from_millis(100);

/// One room on one node.
pub struct Replica<E: Engine> {
    node: NodeId,
    engine: Arc<E>,
    counts: Arc<Counts>,
    room: Weak<Room>,
    key: Box<str>,
    inner: Mutex<Progress>,
    /// Something was applied.
    moved: Notify,
}

impl<E: Engine> Replica<E> {
    /// Of a room that is not open yet.
    pub fn new(
        node: NodeId,
        engine: Arc<E>,
        counts: Arc<Counts>,
        room: &Arc<Room>,
    ) -> Arc<Replica<E>> {
        Counts::one(&counts.rooms);
        Arc::new(Replica {
            node,
            engine,
            counts,
            room: Arc::downgrade(room),
            key: room.name().key().into(),
            inner: Mutex::new(Progress::new(room.hold())),
            moved: Notify::new(),
        })
    }

    /// Whether its room is gone.
    pub fn is_over(&self) -> bool {
        self.room.strong_count() == 0
    }

    /// Applies what has its turn.
    fn take(self: &Arc<Self>, epoch: Epoch, entries: impl IntoIterator<Item = Arc<Placed>>) {
        let Some(room) = self.room.upgrade() else { return };
        let mut inner = self.lock();
        match inner.seen {
            None => return,
            // The room goes on in another epoch, or this comes late from the one before: the engine knows.
            Some(seen) if seen.epoch != epoch => {
                drop(inner);
                return self.close();
            }
            Some(_) => {}
        }
        for entry in entries {
            if inner.recent.contradicts(&entry) {
                drop(inner);
                return self.close();
            }
            inner.early.insert(entry.seq, entry);
        }
        let mut answers = Vec::new();
        let mut writer = room.writer();
        while let Some(entry) = inner.next() {
            answers.push(inner.apply(&mut writer, &entry));
        }
        writer.publish();
        let missing = !inner.early.is_empty() && !std::mem::replace(&mut inner.reading, true);
        if inner.early.len() > EARLY {
            inner.early.clear();
        }
        let forgotten = inner.seen.is_none();
        self.forget_in_time(&mut inner);
        let paused = std::mem::take(&mut inner.unseated);
        drop(inner);
        if forgotten {
            tokio::spawn(self.clone().reopen());
        }
        for unseated in paused {
            tokio::spawn(self.clone().seat_again(unseated));
        }
        // After all of it can be seen.
        for answer in answers.into_iter().flatten() {
            if let Some((member, connection)) = answer.give() {
                tokio::spawn(self.clone().vacate(member, connection));
            }
        }
        self.moved.notify_waiters();
        if missing {
            tokio::spawn(self.clone().read_missing());
        }
    }

    /// Has what was applied forgotten when it cannot get lost any more.
    fn forget_in_time(self: &Arc<Self>, inner: &mut Progress) {
        if inner.recent.is_empty() || std::mem::replace(&mut inner.forgetting, true) {
            return;
        }
        let replica = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                sleep(recent::KEPT).await;
                let Some(replica) = replica.upgrade() else { return };
                let mut inner = replica.lock();
                let now = clock::uptime_micros().saturating_add_signed(-inner.clock);
                inner.recent.forget(now);
                if inner.recent.is_empty() {
                    inner.forgetting = false;
                    return;
                }
            }
        });
    }

    /// Gives up the seat of a connection of this node that is over.
    pub fn part(self: &Arc<Self>, member: Id, connection: Connection, parting: Parting) {
        self.lock().partings.insert(connection.number, (member, parting));
        Counts::one(&self.counts.partings);
        let replica = self.clone();
        tokio::spawn(async move {
            replica.clone().vacate(member, connection).await;
            replica.counts.partings.fetch_sub(1, Relaxed);
        });
    }

    /// Waits until the seat of a connection that is over is given up: until then whoever looks would take it for a ghost's, and
    /// a name that is to be kept would be given away.
    pub async fn parted(&self, connection: u32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let moved = self.moved.notified();
            if !self.lock().partings.contains_key(&connection) {
                return;
            }
            if timeout_at(deadline, moved).await.is_err() {
                return;
            }
        }
    }

    /// Gives a seat up: as its connection asked for it, or for good if nobody is behind it. If that cannot be done now, it is done
    /// later.
    async fn vacate(self: Arc<Self>, member: Id, connection: Connection) {
        let here = self.node;
        let for_good = (member, Parting::ForGood);
        let (_, parting) = *self.lock().partings.entry(connection.number).or_insert(for_good);
        let decide = move |room: &mut Writer<'_>| {
            room.state().decide_part(member, connection, parting, here)
        };
        if self.settle(Instant::now() + PATIENCE, decide).await.is_ok() {
            self.lock().partings.remove(&connection.number);
            self.moved.notify_waiters();
        } else {
            self.try_again();
        }
    }

    /// Has the seats of a node that is no more lose their connections: their members may come back elsewhere for a while. Whoever
    /// follows the room does this; the engine takes it once.
    async fn lose_seats_of(self: Arc<Self>, node: NodeId) {
        let Some(room) = self.room.upgrade() else { return };
        let here = self.node;
        let held: Vec<(Id, Connection)> = {
            let writer = room.writer();
            let held = writer.state().held_elsewhere();
            held.filter(|(_, connection)| connection.node == node).collect()
        };
        let deadline = Instant::now() + PATIENCE;
        let losing = held.into_iter().map(|(member, connection)| {
            self.settle(deadline, move |room: &mut Writer<'_>| {
                let parting = Parting::Keeping(AFTER_THE_END);
                room.state().decide_part(member, connection, parting, here)
            })
        });
        // Together, so that they share batches.
        if join_all(losing).await.iter().any(Result::is_err) {
            self.try_again();
        }
    }

    /// Looks which of the nodes that hold seats are no more.
    async fn find_ended(self: Arc<Self>) {
        let Some(room) = self.room.upgrade() else { return };
        let nodes: HashSet<NodeId> = {
            let writer = room.writer();
            writer.state().held_elsewhere().map(|(_, connection)| connection.node).collect()
        };
        let nodes: Vec<NodeId> = nodes.into_iter().filter(|node| *node != self.node).collect();
        if nodes.is_empty() {
            return;
        }
        let Ok(living) = self.engine.living(nodes.clone()).await else {
            return self.try_again();
        };
        for node in nodes.into_iter().filter(|node| !living.contains(node)) {
            self.clone().lose_seats_of(node).await;
        }
    }

    /// Sees to entries that did not come.
    async fn read_missing(self: Arc<Self>) {
        sleep(LATE).await;
        self.lock().reading = false;
        if !self.lock().early.is_empty() {
            Counts::one(&self.counts.late);
            let _ = self.catch_up(Instant::now() + PATIENCE).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Engine> Drop for Replica<E> {
    fn drop(&mut self) {
        self.counts.rooms.fetch_sub(1, Relaxed);
        self.engine.unfollow(&self.key);
    }
}

impl<E: Engine> Follower for Replica<E> {
    fn node(&self) -> NodeId {
        self.node
    }

    fn entry(self: Arc<Self>, epoch: Epoch, entry: Arc<Placed>) {
        self.take(epoch, [entry]);
    }

    fn ended(self: Arc<Self>, node: NodeId) {
        tokio::spawn(self.lose_seats_of(node));
    }

    fn look(self: Arc<Self>) {
        if self.lock().seen.is_some() {
            tokio::spawn(async move {
                while self.catch_up(Instant::now() + PATIENCE).await.is_err() {
                    // Opened again, or tried again.
                    if self.is_over() || self.lock().seen.is_none() {
                        return;
                    }
                }
            });
        }
    }

    fn whisper(&self, change: &Change<'static>) {
        let Some(room) = self.room.upgrade() else { return };
        let mut writer = room.writer();
        let offset = writer.head_after(change);
        let _ = writer.apply(offset, clock::now(), change, None);
        writer.publish();
    }

    fn question(self: Arc<Self>, question: Question) -> BoxFuture<'static, bool> {
        let Question { member, connection, patience } = question;
        let room = self.room.upgrade();
        let signal = room.and_then(|room| room.signal_of(member, connection));
        Box::pin(async move {
            let Some(signal) = signal else { return false };
            if signal.answers(patience).await {
                return true;
            }
            self.parted(connection.number).await;
            false
        })
    }
}
