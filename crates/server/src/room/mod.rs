//! The room. Its lock is held for a change or a look, never across an `.await`.
//!
//! A room changes by its [`Writer`] alone, which applies what a broker [decided](decide). That moves the head and marks the
//! room dirty on every shard that has members here; the shard's flusher does the rest (`delivery`). Whoever reads over HTTP
//! [subscribes](Subscription) it.

mod apply;
pub mod change;
pub mod decide;
pub mod deflate;
pub mod document;
pub mod idempotency;
pub mod intent;
pub mod notify;
mod order;
mod rank;
pub mod registry;
mod shared;
pub mod snapshot;
mod state;
mod subscription;
pub mod tail;
#[cfg(test)]
mod testing;

use std::any::Any;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use apply::{OutOfOrder, Writer};
use hamhame_core::id::Id;
use hamhame_core::log::Start;
use hamhame_core::name::RoomName;
use hamhame_core::position::{Epoch, Position};
use hamhame_core::presence::{Difference, Roster};
pub use shared::Shared;
use state::{Holder, Ranks, State};
pub use subscription::Subscription;
use tokio::sync::Notify;

use crate::clock;
use crate::memory::Held;
use crate::net::admission::Founded;
use crate::room::change::Connection;
use crate::room::deflate::Demand;
use crate::room::document::{Document, Documents, Kind};
use crate::room::intent::{MembersPage, Presence, Whereabouts};
use crate::room::notify::Dirty;
use crate::room::tail::{Batch, Tail};
use crate::signal::Signal;
use crate::token::Proof;

/// Past this many members nobody is told of single comings and goings, and lists become a count.
pub const LIST_LIMIT: usize = 1_000;

/// Events that may wait for a flusher before those who speak are held. Without it, readers that find much to read could
/// append more than the log keeps before anybody is written to.
const PRESSURE: u64 = 512;

/// How long a member counts as writing after it said so, in microseconds.
const TYPING: u64 = 6_000_000;

/// Members shown as writing at once; in a large room more would be noise.
const TYPING_SHOWN: usize = 8;

/// A named log and the members in it.
pub struct Room {
    name: RoomName,
    /// Tells rooms of the same name in different lives apart.
    serial: u64,
    epoch: AtomicU64,
    head: AtomicU64,
    presence_version: AtomicU64,
    typing_version: AtomicU64,
    members: AtomicU32,
    state: Mutex<State>,
    dirty: Dirty<Room>,
    compression: Demand,
    /// Wakes the [subscriptions](Subscription).
    news: Notify,
    shared: Arc<Shared>,
    opener: Opener,
    /// What the broker keeps of the room, as long as there is the room.
    kept: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// Whose doing it is that there is the room.
pub enum Opener {
    /// Nobody finds it by name, and it stays as long as the server: a tutorial room of the seeds.
    Server,
    /// It is in the registry; one of those that an address opened, if that is counted.
    Client(Option<Founded>),
}

impl Room {
    /// An empty room.
    pub fn new(
        name: RoomName,
        serial: u64,
        epoch: Epoch,
        shared: Arc<Shared>,
        opener: Opener,
    ) -> Arc<Room> {
        let tail = Tail::new(epoch, shared.window);
        let room = Arc::new(Room {
            name,
            serial,
            epoch: AtomicU64::new(epoch.get()),
            head: AtomicU64::new(0),
            presence_version: AtomicU64::new(0),
            typing_version: AtomicU64::new(0),
            members: AtomicU32::new(0),
            dirty: Dirty::new(shared.inboxes.clone()),
            compression: Demand::default(),
            news: Notify::new(),
            shared,
            opener,
            kept: OnceLock::new(),
            state: Mutex::new(State {
                tail,
                roster: Roster::default(),
                typing: Vec::new(),
                large_at: 0,
                empty_since: Some(clock::uptime_micros()),
                there: 0,
                is_kept: false,
                away: VecDeque::new(),
                ranks: Ranks::default(),
                gone: false,
                closed: false,
                documents: Documents::default(),
                subscriptions: 0,
            }),
        });
        room.rank(&mut room.lock());
        room
    }

    /// The room's name, as the one who came first wrote it.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// Identifies this life of the room in this process.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// What the broker keeps of the room; it makes it once.
    pub fn kept<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> Arc<T>) -> Arc<T> {
        let kept = self.kept.get_or_init(|| make()).clone();
        // There is one broker in a process, and it keeps one thing.
        kept.downcast().unwrap_or_else(|_| unreachable!("another broker has the room"))
    }

    /// Nothing yet, to count what somebody keeps of the room beside its log.
    pub fn hold(&self) -> Held {
        self.shared.memory.hold()
    }

    /// Which shards have members here, and which of them know that there is something new.
    pub fn dirty(&self) -> &Dirty<Room> {
        &self.dirty
    }

    /// Whether what is said here is to be compressed.
    pub fn compression(&self) -> &Demand {
        &self.compression
    }

    /// Offset of the newest event, without taking the lock.
    pub fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Whether so much is appended and not yet written, even to those who keep up, that who speaks should wait a moment.
    pub fn is_pressed(&self) -> bool {
        self.head().saturating_sub(self.dirty.delivered()) > PRESSURE
    }

    /// Waits until the flushers have caught up. Only flushers are waited for, never a client.
    pub async fn eased(&self) {
        while self.is_pressed() {
            // Enough where the flusher is on this thread; another thread may need a moment to be scheduled.
            tokio::task::yield_now().await;
            if self.is_pressed() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Version of the presence, without taking the lock.
    pub fn presence_version(&self) -> u64 {
        self.presence_version.load(Ordering::Acquire)
    }

    /// Version of who is writing, without taking the lock.
    pub fn typing_version(&self) -> u64 {
        self.typing_version.load(Ordering::Acquire)
    }

    /// Members, without taking the lock.
    pub fn member_count(&self) -> usize {
        self.members.load(Ordering::Acquire) as usize
    }

    /// The life of the log, without taking the lock.
    pub fn epoch(&self) -> Epoch {
        Epoch::new(self.epoch.load(Ordering::Acquire))
    }

    /// Position of the newest event, without taking the lock.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch(), offset: self.head() }
    }

    /// Reads what comes after `cursor`, in this epoch, into `batch`. If events after `cursor` are gone it gives their number and
    /// reads on from the oldest kept: `batch.from` is then where the gap ends. `None` if the room is in another epoch.
    pub fn read(&self, epoch: Epoch, cursor: u64, batch: &mut Batch) -> Option<u64> {
        let state = self.lock();
        if state.tail.epoch() != epoch {
            return None;
        }
        let from = cursor.max(state.tail.floor());
        state.tail.read(self.name.as_str(), from, batch);
        Some(from - cursor)
    }

    /// Where the log begins, as far as it is kept.
    pub fn floor(&self) -> Position {
        let state = self.lock();
        Position { epoch: state.tail.epoch(), offset: state.tail.floor() }
    }

    /// Takes the lock, to decide on a change and apply it.
    pub fn writer(self: &Arc<Self>) -> Writer<'_> {
        Writer::new(self)
    }

    /// The server goes: what is in the log by now is what everyone is still to get, and nothing is acknowledged after it.
    pub fn close(&self) {
        self.lock().closed = true;
    }

    /// Begins to read, after a position or as a newcomer who is shown the last `history` events. `None` if the room was given
    /// up: find it again.
    pub fn subscribe(
        self: &Arc<Self>,
        after: Option<Position>,
        history: u64,
        now: u64,
    ) -> Option<(Subscription, Start)> {
        let mut state = self.lock();
        if state.gone {
            return None;
        }
        state.tail.expire(now);
        state.subscriptions += 1;
        self.rank(&mut state);
        let start = state.tail.start(after, history);
        Some((Subscription { room: self.clone() }, start))
    }

    /// Some of the members, in order of joining: up to `limit` behind `page`, the version of the presence, and the next page.
    pub fn members(&self, page: u64, limit: usize) -> MembersPage {
        let state = self.lock();
        let (users, next) = state.roster.page(page, limit);
        MembersPage { users, next, count: state.roster.count(), version: state.roster.version() }
    }

    /// What holds the seat of a session; `None` if it has none.
    pub fn whereabouts(&self, identity: Proof) -> Option<Whereabouts> {
        let state = self.lock();
        let seat = state.roster.seat(identity.member)?;
        (seat.session == identity.session).then_some(match seat.holder {
            Holder::Here(number, _) => {
                Whereabouts::Here { is_moved: Connection::is_number_of_moved(number) }
            }
            Holder::There(connection) => Whereabouts::There(connection),
            Holder::Away { .. } => Whereabouts::Away,
        })
    }

    /// One of the room's documents; `None` if it has none of this kind.
    pub fn document(&self, kind: Kind) -> Option<Document> {
        self.lock().documents.get(kind).cloned()
    }

    /// What asks this connection of this process to show itself or to end, if it holds the member's seat.
    pub fn signal_of(&self, member: Id, connection: Connection) -> Option<Arc<Signal>> {
        let state = self.lock();
        match &state.roster.seat(member)?.holder {
            Holder::Here(number, signal) if *number == connection.number => Some(signal.clone()),
            _ => None,
        }
    }

    /// The display name of a member.
    pub fn name_of(&self, member: Id) -> Option<Arc<str>> {
        self.lock().roster.name(member).cloned()
    }

    /// Presence now.
    pub fn presence(&self) -> Presence {
        self.lock().presence()
    }

    /// What changed in presence since `base`, with the version and count it leads to; `None` if only a snapshot helps.
    pub fn presence_since(&self, base: u64) -> Option<(Difference, u64, usize)> {
        let state = self.lock();
        if base <= state.large_at {
            return None;
        }
        let difference = state.roster.since(base)?;
        Some((difference, state.roster.version(), state.roster.count()))
    }

    /// Who is writing.
    pub fn typing(&self, now: u64) -> Vec<Id> {
        let state = self.lock();
        state.typing.iter().filter(|(_, until)| *until > now).map(|(member, _)| *member).collect()
    }

    /// Ends a change: makes it visible to the lock-free readers, lets the lock go, and wakes the shards.
    fn publish(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.roster.count() > LIST_LIMIT {
            state.large_at = state.roster.version();
        }
        self.head.store(state.tail.head(), Ordering::Release);
        self.presence_version.store(state.roster.version(), Ordering::Release);
        let (before, members) = (self.members.load(Ordering::Relaxed), state.roster.count() as u32);
        if before != members {
            self.members.store(members, Ordering::Release);
            self.shared.members_changed(before, members);
        }
        let exceeded = self.rank(&mut state);
        self.announce(state);
        if exceeded {
            // Who fills the memory makes the room for it.
            self.shared.relieve();
        }
    }

    /// Lets the lock go and wakes whoever waits for something new here.
    fn announce(self: &Arc<Self>, state: MutexGuard<'_, State>) {
        let subscribed = state.subscriptions > 0;
        drop(state);
        self.dirty.mark(self);
        if subscribed {
            self.news.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
