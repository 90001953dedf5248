//! A room as this node knows it: where it stands, and the end of its log.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hamhame_core::id::Id;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::message::Message;
use super::tail::{Placed, Tail, Wish};
use crate::broker::engine::Seen;
use crate::room::change::NodeId;

/// Streams that share the rooms. Each has a leader of its own in a cluster.
pub const STREAMS: [&str; 16] =
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];

/// What all subjects and streams begin with.
#[derive(Clone)]
pub struct Prefix(pub Box<str>);

impl Prefix {
    /// The stream of rooms whose hashes begin with this digit.
    pub fn stream(&self, digit: &str) -> String {
        format!("{}-rooms-{digit}", self.0)
    }

    /// The subject of something of such rooms: `log`, `seats` or `told`.
    pub fn subject(&self, what: &str, digit: &str, hash: &str) -> String {
        format!("{}.{what}.{digit}.{hash}", self.0)
    }

    /// The stream of the nodes' leases.
    pub fn leases(&self) -> String {
        format!("{}-nodes", self.0)
    }

    /// The subject of a node's lease; `*` for all.
    pub fn lease(&self, node: &str) -> String {
        format!("{}.lease.{node}", self.0)
    }

    /// Where a node is asked.
    pub fn node(&self, node: NodeId) -> String {
        format!("{}.node.{}", self.0, Id::new(node.0))
    }
}

/// See the module.
pub struct Room {
    /// What it is called in the server.
    pub hash: String,
    /// The stream that it is in.
    pub stream: String,
    /// Which of the [streams](STREAMS) that is.
    pub number: usize,
    /// The subject of its log.
    pub log: String,
    /// Where its seats are written down.
    pub seats: String,
    /// Where what happens in it is told.
    pub told: String,
    /// What tells it on here.
    pub listening: tokio::sync::Mutex<Option<AbortHandle>>,
    /// Its seats are being written down.
    pub is_writing: AtomicBool,
    tail: Mutex<Option<Tail>>,
    moved: Notify,
}

/// A connection, and what is known of the server at its other end.
#[derive(Clone, Copy)]
pub struct Over {
    /// Its number.
    pub connection: u64,
    /// The time there, in µs.
    pub now: u64,
    /// The greatest message, in bytes.
    pub most: usize,
}

/// What can be done for a batch.
pub enum Plan {
    /// This, behind the message with this number in the stream.
    Place(Box<Placed>, u64),
    /// The room has another entry there, or none.
    Changed,
    /// The server has to be asked where the log ends.
    Ask,
    /// All of the log has to be read.
    Read,
}

impl Room {
    /// The one with this hash.
    pub fn new(prefix: &Prefix, hash: &str) -> Room {
        let digit = hash.get(..1).unwrap_or("0");
        Room {
            hash: hash.to_owned(),
            stream: prefix.stream(digit),
            number: STREAMS.iter().position(|stream| *stream == digit).unwrap_or(0),
            log: prefix.subject("log", digit, hash),
            seats: prefix.subject("seats", digit, hash),
            told: prefix.subject("told", digit, hash),
            listening: tokio::sync::Mutex::default(),
            is_writing: AtomicBool::new(false),
            tail: Mutex::new(None),
            moved: Notify::new(),
        }
    }

    /// The end of its log, as far as it is known.
    pub fn tail(&self) -> MutexGuard<'_, Option<Tail>> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is known of it any more.
    pub fn forget(&self) {
        *self.tail() = None;
    }

    /// The server may have another end by now.
    pub fn doubt(&self) {
        if let Some(tail) = self.tail().as_mut() {
            tail.sure_in = 0;
        }
    }

    /// What to do for a batch, over this connection. With `is_last`, `seen` has to be the last entry.
    pub fn plan(&self, seen: Seen, wishes: &[Wish], is_last: bool, over: Over) -> Plan {
        let tail = self.tail();
        let Some(tail) = tail.as_ref() else { return Plan::Read };
        if tail.sure_in != over.connection {
            return Plan::Ask;
        }
        match tail.knows(seen) {
            None => Plan::Read,
            Some(false) => Plan::Changed,
            Some(true) if is_last && tail.head.seq != seen.seq => Plan::Changed,
            Some(true) => {
                let placed = tail.place(seen, wishes, over.now, over.most);
                Plan::Place(Box::new(placed), tail.at)
            }
        }
    }

    /// Whether what is written down, or nothing but the first message, is of before this time.
    pub fn is_older(&self, before: u64) -> bool {
        self.tail().as_ref().is_some_and(|tail| tail.written.at < before)
    }

    /// A message of this node stands at `at`, behind the one at `expected`.
    pub fn stored(&self, expected: u64, at: u64, message: &Message) {
        let mut tail = self.tail();
        if let Some(tail) = tail.as_mut().filter(|tail| tail.at == expected) {
            tail.go_on(at, message);
        }
        drop(tail);
        self.moved.notify_waiters();
    }

    /// A message is told of that stands at `at`, behind the one at `before`.
    pub fn told(&self, before: u64, at: u64, message: &Message) {
        let mut tail = self.tail();
        let follows = match tail.as_mut() {
            Some(tail) if at <= tail.at => true,
            Some(tail) => tail.at == before && tail.take(at, message),
            None => false,
        };
        if !follows {
            *tail = None;
        }
        drop(tail);
        self.moved.notify_waiters();
    }

    /// Waits until more is known than what stands at `at`, a little.
    pub async fn moves(&self, at: u64, patience: Duration) {
        let deadline = Instant::now() + patience;
        loop {
            let moved = self.moved.notified();
            if self.tail().as_ref().is_none_or(|tail| tail.at != at) {
                return;
            }
            if timeout_at(deadline, moved).await.is_err() {
                return self.doubt();
            }
        }
    }
}

/// What listens for it ends with it.
impl Drop for Room {
    fn drop(&mut self) {
        if let Some(listening) = self.listening.get_mut().take() {
            listening.abort();
        }
    }
}
