//! What the callers of the engine and the thread that keeps the connection share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::jetstream::{JetStream, Trouble, is_refusal, number};
use super::message::Message;
use super::room::{Over, Prefix, Room};
use super::silent::Silent;
use crate::broker::engine::Failure;
use crate::broker::followers::Followers;
use crate::broker::refusals::{Refusals, Seldom};
use crate::broker::wire;
use crate::clock;
use crate::room::change::NodeId;

/// How long a call waits for a connection, or after an error, before it says that nothing came back.
pub const PAUSE: Duration = Duration::from_millis(100);

/// See the module.
pub struct Shared {
    /// Which node this is.
    pub node: NodeId,
    /// Where things stand.
    pub prefix: Prefix,
    /// Messages of a room that are kept.
    pub keep: u64,
    /// The thread of the connection.
    pub runtime: Handle,
    /// While it is reached, and this node has a lease.
    pub reached: watch::Sender<Option<JetStream>>,
    /// How long a message is kept, if not for ever.
    pub kept_for: Mutex<Option<Duration>>,
    /// Who follows rooms here, by the subjects where they are told of.
    pub followers: Arc<Followers>,
    /// A stream is missing.
    pub missing: Notify,
    /// The server's time in µs, less this process's.
    pub ahead: AtomicI64,
    /// Counts the connections: what was known in one may not be so in the next.
    pub connections: AtomicU64,
    /// Other nodes' questions are listened for.
    pub is_asked: AtomicBool,
    /// Streams that do not answer.
    pub silent: Silent,
    /// Whether the server refuses to write.
    pub refusals: Refusals,
    /// The lease of this node has held for a while: so have those of others that live.
    pub is_settled: AtomicBool,
    unanswered: Seldom,
    /// The greatest message, in bytes.
    pub most: AtomicUsize,
    rooms: Mutex<HashMap<String, Arc<Room>>>,
}

impl Shared {
    /// For this node, without a connection yet.
    pub fn new(node: NodeId, prefix: Prefix, keep: u64, runtime: Handle) -> Shared {
        Shared {
            node,
            prefix,
            keep,
            runtime,
            reached: watch::Sender::new(None),
            kept_for: Mutex::default(),
            followers: Arc::default(),
            missing: Notify::new(),
            ahead: AtomicI64::new(0),
            connections: AtomicU64::new(0),
            is_asked: AtomicBool::new(false),
            silent: Silent::default(),
            refusals: Refusals::default(),
            is_settled: AtomicBool::new(false),
            unanswered: Seldom::default(),
            most: AtomicUsize::new(0),
            rooms: Mutex::default(),
        }
    }

    /// The server's time, as far as it is known.
    pub fn now(&self) -> u64 {
        clock::uptime_micros().saturating_add_signed(self.ahead.load(Ordering::Relaxed))
    }

    /// The time after which a room that is followed gets a new message: half of that for which one is kept.
    pub fn half(&self) -> Option<Duration> {
        self.kept_for.lock().unwrap_or_else(PoisonError::into_inner).map(|kept| kept / 2)
    }

    /// The connection as it is now.
    pub fn over(&self) -> Over {
        let connection = self.connections.load(Ordering::Relaxed);
        Over { connection, now: self.now(), most: self.most.load(Ordering::Relaxed) }
    }

    /// The room by the key of its name.
    pub fn room(&self, key: &str) -> Arc<Room> {
        self.room_with(&wire::hash(key))
    }

    /// The room with this hash.
    pub fn room_with(&self, hash: &str) -> Arc<Room> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = rooms.get(hash) {
            return room.clone();
        }
        let room = Arc::new(Room::new(&self.prefix, hash));
        rooms.insert(hash.to_owned(), room.clone());
        room
    }

    /// Where the room with this hash is told of.
    pub fn room_of(&self, hash: &str) -> String {
        self.prefix.subject("told", hash.get(..1).unwrap_or("0"), hash)
    }

    /// Nobody follows the room any more.
    pub fn leave(&self, hash: &str) {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }

    /// The room that is told of there.
    pub fn hash<'a>(&self, told: &'a str) -> &'a str {
        told.rsplit_once('.').map_or(told, |(_, hash)| hash)
    }

    /// The server, if it is reached soon.
    pub async fn server(&self) -> Result<JetStream, Failure> {
        let mut reached = self.reached.subscribe();
        match timeout(PAUSE, reached.wait_for(Option::is_some)).await {
            Ok(Ok(server)) => server.clone().ok_or(Failure::Unknown),
            _ => Err(Failure::Unknown),
        }
    }

    /// Nothing came of a request about a room. Whoever asked may try again after a while.
    pub async fn failed(&self, room: &Room, trouble: Trouble) -> Failure {
        room.doubt();
        match &trouble {
            Trouble::NoStream => self.missing.notify_one(),
            Trouble::Refused(code, why) if is_refusal(*code) => {
                self.refusals.note(why);
                return Failure::Refused;
            }
            Trouble::Refused(..) | Trouble::Silence(_) => {}
        }
        if self.unanswered.is_due() {
            tracing::warn!(room = room.hash, error = %trouble, "the engine did not answer");
        }
        sleep(PAUSE).await;
        Failure::Unknown
    }

    /// Has what happens in the room told on here, from now on.
    pub async fn listen(self: &Arc<Self>, room: &Arc<Room>) -> Result<(), Failure> {
        let mut listening = room.listening.lock().await;
        if listening.is_some() {
            return Ok(());
        }
        let JetStream(client) = self.server().await?;
        let Ok(mut told) = client.subscribe(room.told.clone()).await else {
            sleep(PAUSE).await;
            return Err(Failure::Unknown);
        };
        let (shared, here) = (self.clone(), Arc::downgrade(room));
        let telling = self.runtime.spawn(async move {
            while let Some(message) = told.next().await {
                let Some(room) = here.upgrade() else { return };
                shared.tell(&room, &message);
            }
        });
        *listening = Some(telling.abort_handle());
        Ok(())
    }

    /// Tells one message of a room to whom it is for.
    fn tell(&self, room: &Room, message: &async_nats::Message) {
        let Ok(text) = std::str::from_utf8(&message.payload) else { return };
        let followers = self.followers.of(&room.told);
        if let Some(change) = text.strip_prefix(WHISPER) {
            if let Some(change) = wire::read(change) {
                followers.iter().for_each(|follower| follower.whisper(&change));
            }
            return;
        }
        let news = Message::read(text);
        let at = number(message, "Nats-Sequence");
        let before = number(message, "Nats-Last-Sequence");
        let (Some(news), Some(at), Some(before)) = (news, at, before) else {
            return followers.into_iter().for_each(|follower| follower.look());
        };
        room.told(before, at, &news);
        for follower in followers {
            if news.renewal.is_some() {
                follower.clone().look();
            }
            for entry in &news.entries {
                follower.clone().entry(news.head.epoch, entry.clone());
            }
        }
    }
}

/// What stands before a change without a place.
pub const WHISPER: &str = "whisper\n";
