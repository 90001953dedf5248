//! The end of a room's log, as this node knows it: enough to give a batch its places without asking. Whether that was all is for
//! the server to say, which takes a message only behind the one that it was written for.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use hamhame_core::id::Id;

use super::message::{Head, Message, Written};
use crate::broker::engine::{Condition, Entry, Place, Proposal, Seen};
use crate::broker::wire;
use crate::room::change::Change;

/// Entries that are known for nodes that are behind. Who is further behind reads the log.
const MARKS: usize = 256;

/// What is known of one of the last entries.
#[derive(Clone)]
struct Mark {
    seq: u64,
    offset: u64,
    tag: u64,
    after: u64,
    /// The message that it came in, by its number in the stream.
    stream: u64,
    /// Of a message with an id whose, and which.
    said: Option<(Id, Box<str>)>,
}

/// See the module.
#[derive(Clone)]
pub struct Tail {
    /// The last message's number in the stream.
    pub at: u64,
    /// The state behind it.
    pub head: Head,
    /// The connection in which the server has said so; 0 if it is to be asked again.
    pub sure_in: u64,
    /// What of the log is written down.
    pub written: Written,
    marks: VecDeque<Mark>,
}

/// A batch with its places.
pub struct Placed {
    /// Of each proposal so far.
    pub places: Vec<Place>,
    /// What is to be stored for that, if anything is new.
    pub message: Option<Message>,
}

/// An entry before it has a place.
pub struct Wish {
    /// What is proposed.
    pub proposal: Proposal,
    /// When it was placed before, if it was lost since, in µs.
    pub before: Option<u64>,
}

impl Tail {
    /// Behind this message.
    pub fn new(at: u64, head: Head) -> Tail {
        let written = head.written;
        Tail { at, head, sure_in: 0, written, marks: VecDeque::new() }
    }

    /// Goes on with a message that stands at `at`; false if it does not follow.
    pub fn take(&mut self, at: u64, message: &Message) -> bool {
        if at <= self.at || !message.follows(&self.head) {
            return false;
        }
        self.go_on(at, message);
        true
    }

    /// The same where it is known to follow.
    pub fn go_on(&mut self, at: u64, message: &Message) {
        self.at = at;
        self.head = message.head.clone();
        self.written = self.written.max(self.head.written);
        if message.renewal.is_some() {
            self.marks.clear();
        }
        self.marks.extend(message.entries.iter().map(|entry| mark(entry, at)));
        self.marks.drain(..self.marks.len().saturating_sub(MARKS));
    }

    /// Goes on with what was read of the log, from a message at or before this end on; false if the end does not stand there.
    pub fn agrees(&mut self, log: &[(u64, Message)], connection: u64) -> bool {
        let mut all = log.iter();
        match all.by_ref().find(|(at, _)| *at >= self.at) {
            // More was told of since it was read.
            None => !log.is_empty(),
            Some((at, message)) => {
                let is_here = *at == self.at && message.head == self.head;
                let follow = is_here && all.all(|(at, message)| self.take(*at, message));
                if follow {
                    self.sure_in = connection;
                }
                follow
            }
        }
    }

    /// Whether the entry is of this log, or may be for all that is known: `None` if it lies too far back to tell.
    pub fn knows(&self, seen: Seen) -> Option<bool> {
        if seen.epoch != self.head.epoch || seen.seq > self.head.seq {
            return Some(false);
        }
        if seen.seq == self.head.seq {
            return Some(seen.tag == self.head.tag);
        }
        self.first_behind(seen).map(|mark| mark.after == seen.tag)
    }

    /// In which message of the stream the first entry behind this one is.
    pub fn message_behind(&self, seen: Seen) -> Option<u64> {
        self.first_behind(seen).map(|mark| mark.stream)
    }

    fn first_behind(&self, seen: Seen) -> Option<&Mark> {
        let first = self.marks.front()?.seq;
        let at = (seen.seq + 1).checked_sub(first)?;
        self.marks.get(at as usize)
    }

    /// Gives proposals their places, behind what is known, as many as fit into one message of `most` bytes. `seen` is
    /// [known](Self::knows).
    pub fn place(&self, seen: Seen, wishes: &[Wish], now: u64, most: usize) -> Placed {
        let mut placing = Placing::new(self, seen, now);
        let (mut places, mut bytes) = (Vec::with_capacity(wishes.len()), 0);
        for wish in wishes {
            bytes += wire::write(&wish.proposal.change).len() + OVERHEAD;
            if bytes > most && !places.is_empty() {
                break;
            }
            places.push(placing.place(wish));
        }
        let message = (!placing.new.is_empty()).then_some(Message {
            head: placing.head,
            after: self.head.tag,
            renewal: None,
            entries: placing.new,
        });
        Placed { places, message }
    }
}

/// The most that an entry's numbers take in a message.
const OVERHEAD: usize = 110;

fn mark(entry: &Entry, stream: u64) -> Mark {
    let Entry { seq, offset, tag, after, .. } = *entry;
    Mark { seq, offset, tag, after, stream, said: said(&entry.change) }
}

fn said(change: &Change<'_>) -> Option<(Id, Box<str>)> {
    match change {
        Change::Said { member, id: Some(id), .. } => Some((*member, (&**id).into())),
        _ => None,
    }
}

/// A batch on its way to its places.
struct Placing {
    head: Head,
    /// What the batch was decided on.
    before: Head,
    now: u64,
    placed: HashMap<u64, u64>,
    said: HashMap<(Id, Box<str>), (u64, u64)>,
    new: Vec<Arc<Entry>>,
}

impl Placing {
    fn new(tail: &Tail, seen: Seen, now: u64) -> Placing {
        let behind = tail.marks.iter().filter(|mark| mark.seq > seen.seq);
        let placed = behind.clone().map(|mark| (mark.tag, mark.seq)).collect();
        let said =
            behind.filter_map(|mark| Some((mark.said.clone()?, (mark.seq, mark.offset)))).collect();
        let now = now.max(tail.head.at);
        let before = tail.head.clone();
        let (batch, written) = (before.batch + 1, tail.written);
        let head = Head { batch, at: now, written, ..before.clone() };
        Placing { head, before, now, placed, said, new: Vec::new() }
    }

    fn place(&mut self, wish: &Wish) -> Place {
        let Proposal { tag, ref change, logged, only_if } = wish.proposal;
        if let Some(seq) = self.placed.get(&tag) {
            return Place::At(*seq);
        }
        let message = said(change);
        if let Some((seq, offset)) = message.as_ref().and_then(|message| self.said.get(message)) {
            return Place::Said { seq: *seq, offset: *offset };
        }
        let holds = match only_if {
            Condition::Always => true,
            Condition::Seats(at) => at == self.before.seats_at,
            Condition::Document(kind, version) => self.head.version(kind) == version,
        };
        if !holds {
            return Place::Conflict;
        }
        let (seq, offset) = (self.head.seq + 1, self.head.offset + u64::from(logged));
        let (after, at) = (self.head.tag, wish.before.unwrap_or(self.now));
        (self.head.seq, self.head.offset, self.head.tag) = (seq, offset, tag);
        self.note(change);
        self.placed.insert(tag, seq);
        if let Some(message) = message {
            self.said.insert(message, (seq, offset));
        }
        let change = change.clone();
        self.new.push(Arc::new(Entry { seq, offset, logged, tag, after, at, change }));
        Place::At(seq)
    }

    fn note(&mut self, change: &Change<'_>) {
        if change.is_of_seats() {
            self.head.seats_at = self.head.seq;
        }
        match change {
            Change::Joined { .. } | Change::Left { .. } => self.head.presence += 1,
            Change::Document { kind, .. } => self.head.replaced(*kind),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use hamhame_core::position::Epoch;

    use super::*;

    const MOST: usize = 1 << 20;

    fn tail() -> Tail {
        Tail::new(10, Head::new(Epoch::new(7), 100))
    }

    fn wish(tag: u64, id: &str) -> Wish {
        let member = Id::new(1);
        let (id, name) = (Some(id.to_owned().into()), "a".into());
        let change = Change::Said { member, id, name, content: "x".into() };
        let only_if = Condition::Always;
        Wish { proposal: Proposal { tag, change, logged: true, only_if }, before: None }
    }

    fn left(tag: u64, at: u64) -> Wish {
        let change = Change::Left { member: Id::new(tag), name: "a".into() };
        let only_if = Condition::Seats(at);
        Wish { proposal: Proposal { tag, change, logged: true, only_if }, before: None }
    }

    /// Stores what was placed.
    fn store(tail: &mut Tail, placed: &Placed) {
        let message = placed.message.as_ref().expect("something new");
        assert!(tail.take(tail.at + 3, message));
    }

    #[test]
    fn a_batch_that_is_sent_again_has_its_places_already() {
        let (mut tail, seen) = (tail(), tail().head.seen());
        let batch = [wish(5, "a"), wish(6, "b")];
        let first = tail.place(seen, &batch, 200, MOST);
        assert_eq!(first.places, [Place::At(1), Place::At(2)]);
        store(&mut tail, &first);
        let again = tail.place(seen, &batch, 300, MOST);
        assert_eq!(again.places, first.places);
        assert!(again.message.is_none());
        assert_eq!(tail.message_behind(seen), Some(13));
    }

    #[test]
    fn a_message_that_was_said_already_is_not_said_again() {
        let (mut tail, seen) = (tail(), tail().head.seen());
        let first = tail.place(seen, &[wish(5, "a")], 200, MOST);
        store(&mut tail, &first);
        let again = tail.place(seen, &[wish(9, "a"), wish(10, "b"), wish(11, "b")], 200, MOST);
        let said = Place::Said { seq: 1, offset: 1 };
        assert_eq!(again.places, [said, Place::At(2), Place::Said { seq: 2, offset: 2 }]);
    }

    #[test]
    fn the_seats_are_those_that_the_batch_was_decided_on_or_it_is_decided_again() {
        let (mut tail, seen) = (tail(), tail().head.seen());
        let batch = [left(1, 0), left(2, 0)];
        let first = tail.place(seen, &batch, 200, MOST);
        assert_eq!(
            first.places,
            [Place::At(1), Place::At(2)],
            "one batch does not stand in its own way"
        );
        store(&mut tail, &first);
        let late = tail.place(seen, &[left(3, 0), left(4, 2)], 200, MOST);
        assert_eq!(late.places, [Place::Conflict, Place::At(3)]);
        assert_eq!(tail.head.presence, 2);
    }

    #[test]
    fn what_does_not_fit_into_one_message_waits_for_the_next() {
        let (tail, seen) = (tail(), tail().head.seen());
        let batch: Vec<Wish> = (1..100).map(|tag| wish(tag, &tag.to_string())).collect();
        let placed = tail.place(seen, &batch, 200, 1000);
        assert!((2..20).contains(&placed.places.len()), "{}", placed.places.len());
        let message = placed.message.expect("entries").write();
        assert!(message.len() < 1200, "{}", message.len());
        assert_eq!(tail.place(seen, &batch, 200, 1).places.len(), 1, "one is always tried");
    }

    #[test]
    fn an_entry_that_stands_elsewhere_is_not_known() {
        let (mut tail, seen) = (tail(), tail().head.seen());
        let first = tail.place(seen, &[wish(5, "a"), wish(6, "b")], 200, MOST);
        store(&mut tail, &first);
        let at = |seq, tag| Seen { seq, tag, ..seen };
        assert_eq!(tail.knows(at(2, 6)), Some(true));
        assert_eq!(tail.knows(at(1, 5)), Some(true));
        assert_eq!(tail.knows(at(0, 0)), Some(true));
        assert_eq!(tail.knows(at(1, 6)), Some(false));
        assert_eq!(tail.knows(at(3, 7)), Some(false));
        assert_eq!(tail.knows(Seen { epoch: Epoch::new(1), ..at(2, 6) }), Some(false));
        let behind: Vec<Wish> = (10..400).map(|tag| wish(tag, &tag.to_string())).collect();
        let more = tail.place(at(2, 6), &behind, 200, MOST);
        store(&mut tail, &more);
        assert_eq!(tail.knows(at(1, 5)), None, "the log has to be read");
    }
}
