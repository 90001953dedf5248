//! The room's log in the form in which it goes out: a message is a finished WebSocket frame, encoded once, and once more
//! compressed if that is of use to a member.
//!
//! Comings and goings are kept as what they say, and written out when a batch is made: a room in which nobody speaks has
//! nothing else in its log, and ten finished frames would be most of what ten idle members cost.

use std::sync::Arc;

use hamhame_core::event::{self, Passage};
use hamhame_core::id::Id;
use hamhame_core::log::{Entry, Log, Start, Window};
use hamhame_core::position::{Epoch, Position};
use hamhame_ws::{FrameHead, Opcode, Role, frame_header};

use crate::clock::Moment;
use crate::room::idempotency::{PER_EVENT, Said};

/// One event.
#[derive(Debug)]
struct Event {
    /// When it came, by the time of day: what is shown.
    at: u64,
    /// The same in microseconds since the start: what is measured.
    up: u64,
    body: Body,
    /// Of a message its key among [those said](Said), 0 if it cannot be said twice; of a passage the member.
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

    fn up(&self) -> u64 {
        self.up
    }
}

impl Event {
    fn new(at: Moment, body: Body, key: u64) -> Event {
        Event { at: at.shown, up: at.up, body, key }
    }

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
    /// The life of the log that it was read in.
    pub epoch: Epoch,
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

/// The log of a room and what has been said in it already.
#[derive(Debug)]
pub struct Tail {
    log: Log<Event>,
    said: Said,
}

impl Tail {
    /// An empty log in a new epoch.
    pub fn new(epoch: Epoch, window: Window) -> Tail {
        Tail { log: Log::new(epoch, window), said: Said::new(window.count) }
    }

    /// A log that goes on after `head`, of which nothing is kept.
    pub fn begin(epoch: Epoch, head: u64, window: Window) -> Tail {
        Tail { log: Log::begin(epoch, head, window), said: Said::new(window.count) }
    }

    /// Offset of the newest event.
    pub fn head(&self) -> u64 {
        self.log.head()
    }

    /// The life of the log that offsets are counted in.
    pub fn epoch(&self) -> Epoch {
        self.log.epoch()
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
        self.said.offset(self.said.key((member, id)))
    }

    /// Appends an event whose JSON lacks only its offset, and gives the offset. All events up to `delivered` have been
    /// written to the members who keep up.
    pub fn append(
        &mut self,
        mut body: Vec<u8>,
        at: Moment,
        said: Option<(Id, &str)>,
        delivered: u64,
    ) -> u64 {
        let offset = self.log.head() + 1;
        event::finish(&mut body, offset);
        let key = said.map_or(0, |said| self.said.key(said));
        if key != 0 {
            self.said.add(key, offset);
        }
        self.push(Event::new(at, Body::Frame(frame(&body)), key), delivered)
    }

    /// Appends that a member came or went, and gives the offset.
    pub fn append_passage(
        &mut self,
        passage: Passage,
        member: Id,
        name: Arc<str>,
        at: Moment,
        delivered: u64,
    ) -> u64 {
        let body = match passage {
            Passage::Join => Body::Join(name),
            Passage::Leave => Body::Leave(name),
        };
        self.push(Event::new(at, body, member.get()), delivered)
    }

    /// Appends plain text as it is: the tutorial rooms of the seeds, whose messages are no JSON.
    pub fn append_plain(&mut self, text: &str, at: Moment, delivered: u64) -> u64 {
        let body = Body::Frame(frame(text.as_bytes()));
        self.push(Event::new(at, body, 0), delivered)
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
        batch.epoch = self.log.epoch();
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

    /// Drops what is too old at `now` (microseconds since the start).
    pub fn expire(&mut self, now: u64) {
        let said = &mut self.said;
        self.log.expire(now, |event| outlive(said, event));
        said.expire(now);
    }

    /// What it takes to keep all of it, in bytes: the events in their forms, what stands around them, and the ids.
    pub fn bytes(&self) -> usize {
        self.log.weight() + self.log.kept() * EVENT_BYTES + self.said.bytes()
    }

    /// When the oldest event that is kept was (microseconds since the start).
    pub fn oldest_at(&self) -> Option<u64> {
        self.log.oldest_at()
    }

    /// Events that are kept.
    pub fn kept(&self) -> usize {
        self.log.kept()
    }

    /// Drops the oldest event, and of the ids whose events are gone as many as the log has them for each event; with the last
    /// event all of those. False if there is nothing.
    pub fn shed(&mut self) -> bool {
        let said = &mut self.said;
        let any = self.log.shed(|event| outlive(said, event));
        let last = self.log.kept() == 0;
        let mut forgotten = 0;
        while (last || forgotten <= PER_EVENT) && said.forget_oldest() {
            forgotten += 1;
        }
        said.fit();
        any || forgotten > 0
    }

    fn push(&mut self, event: Event, delivered: u64) -> u64 {
        let index = &mut self.said;
        self.log.append(event, delivered, |event| outlive(index, event))
    }
}

/// Its event is gone; that it was said is known for a while yet.
fn outlive(said: &mut Said, event: &Event) {
    if event.key != 0 && matches!(event.body, Body::Frame(_) | Body::Deflated(_)) {
        said.outlive(event.key, event.up);
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
            epoch: Epoch::new(1),
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

    fn moment(micros: u64) -> Moment {
        Moment { shown: micros, up: micros }
    }

    #[test]
    fn a_clock_that_is_set_drops_nothing_and_keeps_nothing() {
        let age = std::time::Duration::from_secs(3600);
        let mut tail = Tail::new(Epoch::new(1), Window { count: 10, age, bytes: 1 << 20 });
        let (hour, second) = (3_600_000_000, 1_000_000);
        let say = |tail: &mut Tail, shown, up| {
            tail.append_plain("x", Moment { shown, up }, u64::MAX);
        };
        // The machine boots with a clock that is an hour slow, and the network sets it right; later somebody sets it back.
        say(&mut tail, 10 * hour, second);
        say(&mut tail, 11 * hour + second, 2 * second);
        tail.expire(2 * second);
        say(&mut tail, hour, 3 * second);
        tail.expire(3 * second);
        assert_eq!((tail.floor(), tail.head()), (0, 3), "all of it is seconds old");
        tail.expire(hour + 2 * second);
        assert_eq!((tail.floor(), tail.head()), (1, 3), "an hour by any clock that runs");
        tail.expire(2 * hour);
        assert_eq!((tail.floor(), tail.head()), (3, 3));
    }

    #[test]
    fn what_was_said_is_known_when_its_event_is_gone() {
        let age = std::time::Duration::from_secs(3600);
        let mut tail = Tail::new(Epoch::new(1), Window { count: 2, age, bytes: 1 << 20 });
        let member = Id::new(5);
        for n in 1..=10u64 {
            let said = format!("c{n}");
            tail.append(b"{".to_vec(), moment(n), Some((member, &said)), u64::MAX);
        }
        assert_eq!((tail.floor(), tail.said(member, "c1")), (8, Some(1)), "four times two beyond");
        tail.append(b"{".to_vec(), moment(11), Some((member, "c11")), u64::MAX);
        assert_eq!((tail.said(member, "c1"), tail.said(member, "c2")), (None, Some(2)));
        // The events are gone after an hour, what was said is known for a day.
        let day = 24 * 3_600_000_000;
        tail.expire(day);
        assert_eq!((tail.floor(), tail.said(member, "c11")), (11, Some(11)));
        tail.expire(day + 12);
        assert_eq!(tail.said(member, "c11"), None);
    }

    #[test]
    fn a_passage_is_written_out_the_same_whenever_it_is_read() {
        let window = Window { count: 10, age: std::time::Duration::from_secs(60), bytes: 1 << 20 };
        let mut tail = Tail::new(Epoch::new(1), window);
        let (member, name) = (Id::new(5), Arc::<str>::from("ali"));
        tail.append_passage(Passage::Join, member, name.clone(), moment(7), u64::MAX);
        tail.append_passage(Passage::Leave, member, name, moment(8), u64::MAX);
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
