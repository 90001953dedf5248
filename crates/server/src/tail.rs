//! The room's log in the form in which it goes out: a message is a finished WebSocket frame, encoded once, and once more
//! compressed if that is of use to a member.
//!
//! Comings and goings are kept as what they say, and written out when a batch is made: a room in which nobody speaks has
//! nothing else in its log, and ten finished frames would be most of what ten idle members cost.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hamhame_core::event::{self, Passage};
use hamhame_core::id::Id;
use hamhame_core::log::{Entry, Log, Start, Window};
use hamhame_core::position::{Epoch, Position};
use hamhame_ws::{FrameHead, Opcode, Role, frame_header};

/// One event.
#[derive(Debug)]
struct Event {
    at: u64,
    body: Body,
    /// Of a message its key in [`Tail::said`], 0 if it cannot be said twice; of a passage the member.
    key: u64,
}

#[derive(Debug)]
enum Body {
    /// A whole unmasked text frame (RFC 6455, section 5.2): header and JSON in one piece, so that a write of many events
    /// is a plain concatenation.
    Frame(Box<[u8]>),
    /// The same for those who read compressed frames, beside it.
    Deflated(Box<Deflated>),
    /// The member of this name came.
    Join(Arc<str>),
    /// The member of this name went.
    Leave(Arc<str>),
}

/// One message in both forms.
#[derive(Debug)]
struct Deflated {
    plain: Box<[u8]>,
    /// A whole compressed frame (RFC 7692).
    deflated: Box<[u8]>,
}

impl Entry for Event {
    /// The name is shared with the roster, but a member who left is in the log alone.
    fn weight(&self) -> usize {
        match &self.body {
            Body::Frame(frame) => frame.len(),
            Body::Deflated(both) => both.plain.len() + both.deflated.len(),
            Body::Join(name) | Body::Leave(name) => size_of::<Event>() + name.len(),
        }
    }

    fn at(&self) -> u64 {
        self.at
    }
}

impl Event {
    /// The frame of a passage, which is the same for everyone however often it is made.
    fn passage(&self, passage: Passage, room: &str, name: &str, offset: u64) -> Box<[u8]> {
        let mut body = event::passage(passage, room, name, self.at, Id::new(self.key));
        event::finish(&mut body, offset);
        frame(&body)
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
    /// For members who read compressed frames.
    deflated: bool,
}

impl Batch {
    /// An empty batch for those who read compressed frames.
    pub fn deflated() -> Batch {
        Batch { deflated: true, ..Batch::default() }
    }

    /// How far a client has come that took `written` bytes: its cursor, and what of a frame begun is left to send. The
    /// frames behind it stay in the log alone, so a client that stops reading costs one frame.
    pub fn taken(&self, written: usize) -> (u64, &[u8]) {
        let whole = self.ends.partition_point(|end| *end <= written);
        let begun = whole.checked_sub(1).map_or(0, |last| self.ends[last]) < written;
        let end = if begun { self.ends[whole] } else { written };
        (self.from + whole as u64 + u64::from(begun), &self.bytes[written..end])
    }

    /// The events in it, each with its offset and its JSON: what the frames say.
    pub fn events(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let frames = starts.zip(&self.ends).map(|(start, end)| payload(&self.bytes[start..*end]));
        (self.from + 1..).zip(frames)
    }

    /// Adds the next frame. False if the batch is closed: then it does not.
    fn add(&mut self, frame: &[u8]) -> bool {
        if !self.bytes.is_empty() && self.bytes.len() + frame.len() > BATCH_BYTES {
            return false;
        }
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
        self.to += 1;
        true
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

/// What an event takes beside what it [weighs](Entry::weight): its place in a list that has some to spare, and what the
/// allocator keeps for its frame.
const EVENT_BYTES: usize = size_of::<Event>() * 5 / 4 + 16;

/// What an entry of the index takes, in a table that is half empty.
const ID_BYTES: usize = 2 * (2 * size_of::<u64>() + 1);

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
        self.said.get(&self.key((member, id))).copied()
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
        let key = said.map_or(0, |said| self.key(said));
        if key != 0 {
            self.said.insert(key, offset);
        }
        self.push(Event { at, body: Body::Frame(frame(&body)), key }, delivered)
    }

    /// Appends that a member came or went, and gives the offset.
    pub fn append_passage(
        &mut self,
        passage: Passage,
        member: Id,
        name: Arc<str>,
        at: u64,
        delivered: u64,
    ) -> u64 {
        let body = match passage {
            Passage::Join => Body::Join(name),
            Passage::Leave => Body::Leave(name),
        };
        self.push(Event { at, body, key: member.get() }, delivered)
    }

    /// Appends plain text as it is: the tutorial rooms of the seeds, whose messages are no JSON.
    pub fn append_plain(&mut self, text: &str, at: u64, delivered: u64) -> u64 {
        let body = Body::Frame(frame(text.as_bytes()));
        self.push(Event { at, body, key: 0 }, delivered)
    }

    /// What the newest message says: the payload of its frame.
    pub fn newest(&self) -> Option<Vec<u8>> {
        let event = self.log.after(self.head().checked_sub(1)?).next()?;
        let Body::Frame(frame) = &event.body else { return None };
        Some(payload(frame).to_vec())
    }

    /// Adds to the message at `offset` its compressed frame. Nothing happens if the log does not keep it any more.
    pub fn add_deflated(&mut self, offset: u64, deflated: Box<[u8]>) {
        self.log.amend(offset, |event| {
            if let Body::Frame(plain) = &mut event.body {
                let plain = std::mem::take(plain);
                event.body = Body::Deflated(Box::new(Deflated { plain, deflated }));
            }
        });
    }

    /// Fills `batch` with what comes after `cursor` in the log of `room`. The cursor must not be below
    /// [`floor`](Self::floor).
    pub fn read(&self, room: &str, cursor: u64, batch: &mut Batch) {
        batch.clear();
        batch.from = cursor;
        batch.to = cursor;
        for event in self.log.after(cursor) {
            let written = match &event.body {
                Body::Frame(frame) => batch.add(frame),
                Body::Deflated(both) if batch.deflated => batch.add(&both.deflated),
                Body::Deflated(both) => batch.add(&both.plain),
                Body::Join(name) => {
                    batch.add(&event.passage(Passage::Join, room, name, batch.to + 1))
                }
                Body::Leave(name) => {
                    batch.add(&event.passage(Passage::Leave, room, name, batch.to + 1))
                }
            };
            if !written {
                break;
            }
        }
    }

    /// Drops what is too old.
    pub fn expire(&mut self, now: u64) {
        let said = &mut self.said;
        self.log.expire(now, |event| forget(said, event));
        self.fit();
    }

    /// What it takes to keep all of it, in bytes: the events in their forms, what stands around them, and the index.
    pub fn bytes(&self) -> usize {
        self.log.weight() + self.log.kept() * EVENT_BYTES + self.said.len() * ID_BYTES
    }

    /// When the oldest event that is kept was.
    pub fn oldest_at(&self) -> Option<u64> {
        self.log.oldest_at()
    }

    /// Events that are kept.
    pub fn kept(&self) -> usize {
        self.log.kept()
    }

    /// Drops the oldest event. False if there is none.
    pub fn shed(&mut self) -> bool {
        let said = &mut self.said;
        let any = self.log.shed(|event| forget(said, event));
        self.fit();
        any
    }

    /// After a busy time the room that the index took goes back.
    fn fit(&mut self) {
        if self.said.capacity() > 4 * self.said.len() + 16 {
            self.said.shrink_to(2 * self.said.len());
        }
    }

    /// Never 0, which stands for no key.
    fn key(&self, said: (Id, &str)) -> u64 {
        self.hasher.hash_one(said).max(1)
    }

    fn push(&mut self, event: Event, delivered: u64) -> u64 {
        let index = &mut self.said;
        self.log.append(event, delivered, |event| forget(index, event))
    }
}

fn forget(said: &mut HashMap<u64, u64>, event: &Event) {
    if event.key != 0 && matches!(event.body, Body::Frame(_) | Body::Deflated(_)) {
        said.remove(&event.key);
    }
}

/// What one of our own uncompressed frames says.
pub fn payload(frame: &[u8]) -> &[u8] {
    let header =
        FrameHead::read(frame, Role::Client).ok().flatten().map_or(0, |(_, length)| length);
    &frame[header..]
}

/// `payload` as a frame that takes no byte more than it has.
fn frame(payload: &[u8]) -> Box<[u8]> {
    let header = frame_header(Opcode::Text, payload.len(), true);
    let mut frame = Vec::with_capacity(header.as_ref().len() + payload.len());
    frame.extend_from_slice(header.as_ref());
    frame.extend_from_slice(payload);
    frame.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_keeps_of_a_batch_only_the_frame_it_took_in_part() {
        let batch = Batch {
            from: 7,
            to: 10,
            bytes: b"aabbbbcc".to_vec(),
            ends: vec![2, 6, 8],
            deflated: false,
        };
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

    #[test]
    fn a_passage_is_written_out_the_same_whenever_it_is_read() {
        let window = Window { count: 10, age: std::time::Duration::from_secs(60), bytes: 1 << 20 };
        let mut tail = Tail::new(Epoch::new(1), window);
        let (member, name) = (Id::new(5), Arc::<str>::from("ali"));
        tail.append_passage(Passage::Join, member, name.clone(), 7, u64::MAX);
        tail.append_passage(Passage::Leave, member, name, 8, u64::MAX);
        let mut expected = event::passage(Passage::Leave, "r", "ali", 8, member);
        event::finish(&mut expected, 2);
        let read = |cursor| {
            let mut batch = Batch::default();
            tail.read("r", cursor, &mut batch);
            (batch.to, batch.bytes)
        };
        assert_eq!(read(1), (2, frame(&expected).into_vec()));
        let (to, both) = read(0);
        assert_eq!((to, both.ends_with(&frame(&expected))), (2, true));
    }
}
