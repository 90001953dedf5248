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
    /// Where in `bytes` each of them ends.
    ends: Vec<usize>,
}

impl Batch {
    /// How far a client has come that took `written` bytes: its cursor, and what of a frame begun is left to send. The
    /// frames behind it stay in the log alone, so a client that stops reading costs one frame.
    pub fn taken(&self, written: usize) -> (u64, &[u8]) {
        let whole = self.ends.partition_point(|end| *end <= written);
        let begun = whole.checked_sub(1).map_or(0, |last| self.ends[last]) < written;
        let end = if begun { self.ends[whole] } else { written };
        (self.from + whole as u64 + u64::from(begun), &self.bytes[written..end])
    }

    /// Forgets what is in it, so that it is nobody's.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        (self.from, self.to) = (u64::MAX, u64::MAX);
    }
}

/// A batch is closed when it has this many bytes: enough that the system call costs little per event.
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
        batch.clear();
        batch.from = cursor;
        batch.to = cursor;
        for event in self.log.after(cursor) {
            if !batch.bytes.is_empty() && batch.bytes.len() + event.frame.len() > BATCH_BYTES {
                break;
            }
            batch.bytes.extend_from_slice(&event.frame);
            batch.ends.push(batch.bytes.len());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_keeps_of_a_batch_only_the_frame_it_took_in_part() {
        let batch = Batch { from: 7, to: 10, bytes: b"aabbbbcc".to_vec(), ends: vec![2, 6, 8] };
        let taken = |written| {
            let (cursor, rest) = batch.taken(written);
            (cursor, std::str::from_utf8(rest).unwrap())
        };
        assert_eq!(taken(0), (7, ""));
        assert_eq!(taken(1), (8, "a"));
        assert_eq!(taken(2), (8, ""));
        assert_eq!(taken(3), (9, "bbb"));
        assert_eq!(taken(6), (9, ""));
        assert_eq!(taken(7), (10, "c"));
        assert_eq!(taken(8), (10, ""));
    }
}
