//! The room's log in the form in which it goes out: every event one finished WebSocket frame, encoded once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use hamhame_core::event;
use hamhame_core::id::Id;
use hamhame_core::log::{Entry, Log, Start, Window};
use hamhame_core::position::{Epoch, Position};
use hamhame_ws::{Opcode, frame_header};

/// One event, as everyone gets it.
#[derive(Debug)]
pub struct Event {
    /// A whole unmasked text frame (RFC 6455, section 5.2): header and JSON in one piece, so that a write of many
    /// events is a plain concatenation.
    frame: Bytes,
    at: u64,
    /// Its key in [`Tail::said`], if it can be said twice.
    said: Option<u64>,
}

impl Entry for Event {
    fn weight(&self) -> usize {
        self.frame.len()
    }

    fn at(&self) -> u64 {
        self.at
    }
}

/// Frames that go out in one write.
#[derive(Debug, Default)]
pub struct Batch {
    /// The cursor before the batch.
    pub from: u64,
    /// The cursor after it.
    pub to: u64,
    /// Whole frames.
    pub bytes: Vec<u8>,
}

/// A batch is closed when it has this many bytes: large enough that the system call costs little per event, small enough
/// that what a stalled reader leaves unsent is bounded by it.
const BATCH_BYTES: usize = 64 * 1024;

/// The log of a room and what has been said in it already.
#[derive(Debug)]
pub struct Tail {
    log: Log<Event>,
    /// Offsets by a keyed hash of (member, id): a `send` that is repeated finds its first offset here as long as the log
    /// keeps the event. The key is random, so two sends cannot be made to collide.
    said: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Tail {
    /// An empty log in a new epoch.
    pub fn new(epoch: Epoch, window: Window) -> Tail {
        Tail { log: Log::new(epoch, window), said: HashMap::new(), hasher: RandomState::new() }
    }

    /// Offset of the newest event.
    pub fn head(&self) -> u64 {
        self.log.head()
    }

    /// Position of the newest event.
    pub fn position(&self) -> Position {
        self.log.position()
    }

    /// The offset before the oldest event kept: a cursor below it has missed something.
    pub fn floor(&self) -> u64 {
        self.log.oldest() - 1
    }

    /// Where a client starts to read.
    pub fn start(&self, after: Option<Position>, history: u64) -> Start {
        self.log.start(after, history)
    }

    /// The offset at which this member has said this already.
    pub fn said(&self, member: Id, id: &str) -> Option<u64> {
        self.said.get(&self.hasher.hash_one((member, id))).copied()
    }

    /// Appends an event whose JSON lacks only its offset, and gives the offset. All events up to `delivered` have been
    /// written to the members who keep up.
    pub fn append(
        &mut self,
        mut body: Vec<u8>,
        at: u64,
        said: Option<(Id, &str)>,
        delivered: u64,
    ) -> u64 {
        let offset = self.log.head() + 1;
        event::finish(&mut body, offset);
        let said = said.map(|said| self.hasher.hash_one(said));
        if let Some(key) = said {
            self.said.insert(key, offset);
        }
        self.push(&body, at, said, delivered)
    }

    /// Appends plain text as it is: the tutorial rooms of the seeds, whose messages are no JSON.
    pub fn append_plain(&mut self, text: &str, at: u64, delivered: u64) -> u64 {
        self.push(text.as_bytes(), at, None, delivered)
    }

    /// Fills `batch` with what comes after `cursor`. The cursor must not be below [`floor`](Self::floor).
    pub fn read(&self, cursor: u64, batch: &mut Batch) {
        batch.bytes.clear();
        batch.from = cursor;
        batch.to = cursor;
        for event in self.log.after(cursor) {
            if !batch.bytes.is_empty() && batch.bytes.len() + event.frame.len() > BATCH_BYTES {
                break;
            }
            batch.bytes.extend_from_slice(&event.frame);
            batch.to += 1;
        }
    }

    /// Drops what is too old.
    pub fn expire(&mut self, now: u64) {
        let said = &mut self.said;
        self.log.expire(now, |event| forget(said, event));
    }

    fn push(&mut self, payload: &[u8], at: u64, said: Option<u64>, delivered: u64) -> u64 {
        let header = frame_header(Opcode::Text, payload.len(), true);
        let mut frame = Vec::with_capacity(header.as_ref().len() + payload.len());
        frame.extend_from_slice(header.as_ref());
        frame.extend_from_slice(payload);
        let index = &mut self.said;
        let event = Event { frame: frame.into(), at, said };
        self.log.append(event, delivered, |event| forget(index, event))
    }
}

fn forget(said: &mut HashMap<u64, u64>, event: &Event) {
    if let Some(key) = event.said {
        said.remove(&key);
    }
}
