//! One message of a room's log: a batch of entries, and the room's state behind them. So the last message alone says on what the
//! next batch stands, and a batch is there as a whole or not at all.
//!
//! As text: the state in words; what the message does (`after` and the tag of the entry before it; or `renew`, that tag, and what
//! is taken off numbers and offsets); then one line for each entry.

use std::str::FromStr;
use std::sync::Arc;

use hamhame_core::id::Id;
use hamhame_core::position::Epoch;

use crate::broker::engine::{Entry, Seen};
use crate::broker::wire;
use crate::room::document::Kind;

/// What stands first in a message: the version of this format.
const VERSION: &str = "1";

/// The kinds of documents, in the order of their versions in a head.
pub const KINDS: [Kind; 3] = [Kind::Settings, Kind::Bans, Kind::Revisions];

/// Former lives that a room is known by.
const FORMER: usize = 8;

/// Up to which message of a room it is written down who is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written {
    /// That message; 0 if nothing is.
    pub batch: u64,
    /// When, in µs; or when the room began.
    pub at: u64,
}

/// The state of a room after a message, but for who is in and what its documents say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The life of the room.
    pub epoch: Epoch,
    /// The last entry's number.
    pub seq: u64,
    /// The last entry's tag.
    pub tag: u64,
    /// When the message was written, in µs.
    pub at: u64,
    /// The head of the room's log.
    pub offset: u64,
    /// The last entry that changed the seats.
    pub seats_at: u64,
    /// The version of the presence.
    pub presence: u64,
    /// Counts the messages of a room from 1 on, through all its lives.
    pub batch: u64,
    /// What of the log [is written down](super::written), as far as the writer knew.
    pub written: Written,
    /// The versions of the documents, in the order of [`KINDS`].
    pub documents: [u64; KINDS.len()],
    /// The lives that this one goes on from.
    pub former: Vec<Epoch>,
}

impl Head {
    /// Of a new room.
    pub fn new(epoch: Epoch, at: u64) -> Head {
        Head {
            epoch,
            seq: 0,
            tag: 0,
            at,
            offset: 0,
            seats_at: 0,
            presence: 0,
            batch: 1,
            written: Written { batch: 0, at },
            documents: [0; KINDS.len()],
            former: Vec::new(),
        }
    }

    /// The last entry, as nodes know it.
    pub fn seen(&self) -> Seen {
        Seen { epoch: self.epoch, seq: self.seq, tag: self.tag }
    }

    /// The version of a document.
    pub fn version(&self, kind: Kind) -> u64 {
        KINDS.iter().position(|other| *other == kind).map_or(0, |at| self.documents[at])
    }

    /// One of the documents has a new text.
    pub fn replaced(&mut self, kind: Kind) {
        if let Some(at) = KINDS.iter().position(|other| *other == kind) {
            self.documents[at] += 1;
        }
    }

    /// Goes on in another life, in which so much is taken off numbers and offsets.
    pub fn renewed(&self, epoch: Epoch, off: Shift) -> Head {
        let mut former = self.former.clone();
        former.push(self.epoch);
        former.drain(..former.len().saturating_sub(FORMER));
        let (seq, offset) = (self.seq - off.seq, self.offset - off.offset);
        let (seats_at, batch) = (seq, self.batch + 1);
        Head { epoch, seq, offset, seats_at, batch, former, ..self.clone() }
    }

    fn write(&self) -> String {
        let Head { seq, tag, at, offset, seats_at, presence, batch, written, .. } = self;
        let epoch = Id::new(self.epoch.get());
        let documents = self.documents.map(|version| version.to_string()).join(",");
        let former: Vec<String> =
            self.former.iter().map(|epoch| Id::new(epoch.get()).to_string()).collect();
        let former = if former.is_empty() { "-".to_owned() } else { former.join(",") };
        format!(
            "{VERSION} {epoch} {seq} {tag} {at} {offset} {seats_at} {presence} {batch} {} {} \
             {documents} {former}",
            written.batch, written.at
        )
    }

    fn read(line: &str) -> Option<Head> {
        let words = &mut line.split(' ');
        if words.next() != Some(VERSION) {
            return None;
        }
        let epoch = epoch_in(words.next()?)?;
        let mut number = || words.next()?.parse::<u64>().ok();
        let (seq, tag, at, offset) = (number()?, number()?, number()?, number()?);
        let (seats_at, presence) = (number()?, number()?);
        let (batch, written) = (number()?, Written { batch: number()?, at: number()? });
        let versions: Option<Vec<u64>> =
            words.next()?.split(',').map(|version| version.parse().ok()).collect();
        let documents = versions?.try_into().ok()?;
        let former = words.next()?.split(',').filter(|one| *one != "-").map(epoch_in);
        let former = former.collect::<Option<_>>()?;
        Some(Head {
            epoch,
            seq,
            tag,
            at,
            offset,
            seats_at,
            presence,
            batch,
            written,
            documents,
            former,
        })
    }
}

/// What a new life takes off numbers and offsets: those of the last entry that it does not take with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Off the numbers.
    pub seq: u64,
    /// Off the offsets.
    pub offset: u64,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Message {
    /// The state behind it.
    pub head: Head,
    /// The tag of the last entry before it.
    pub after: u64,
    /// What it begins a new life with, if it does.
    pub renewal: Option<Shift>,
    /// New entries.
    pub entries: Vec<Arc<Entry>>,
}

impl Message {
    /// Whether it goes on from there.
    pub fn follows(&self, before: &Head) -> bool {
        let same_life = self.head.epoch == before.epoch;
        self.head.batch == before.batch + 1
            && self.after == before.tag
            && same_life != self.renewal.is_some()
    }

    /// As it is stored.
    pub fn write(&self) -> String {
        let mut text = self.head.write();
        match self.renewal {
            None => text.push_str(&format!("\nafter {}", self.after)),
            Some(Shift { seq, offset }) => {
                text.push_str(&format!("\nrenew {} {seq} {offset}", self.after));
            }
        }
        for entry in &self.entries {
            text.push('\n');
            text.push_str(&wire::write_entry(entry));
        }
        text
    }

    /// As it was stored; `None` if this version knows it not.
    pub fn read(text: &str) -> Option<Message> {
        let mut lines = text.split('\n');
        let head = Head::read(lines.next()?)?;
        let mut words = lines.next()?.split(' ');
        let is_renewal = match words.next()? {
            "after" => false,
            "renew" => true,
            _ => return None,
        };
        let after = number(words.next())?;
        let renewal = match is_renewal {
            true => Some(Shift { seq: number(words.next())?, offset: number(words.next())? }),
            false => None,
        };
        let entries = lines.map(wire::read_entry).collect::<Option<_>>()?;
        Some(Message { head, after, renewal, entries })
    }
}

/// A number among words.
pub fn number<T: FromStr>(word: Option<&str>) -> Option<T> {
    word?.parse().ok()
}

fn epoch_in(text: &str) -> Option<Epoch> {
    text.parse::<Id>().ok().map(|id| Epoch::new(id.get()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::change::Change;

    fn head() -> Head {
        let mut head = Head::new(Epoch::new(7), 5);
        (head.seq, head.tag, head.offset, head.seats_at, head.presence) = (9, u64::MAX, 4, 8, 3);
        (head.batch, head.written) = (6, Written { batch: 2, at: 4 });
        head.replaced(Kind::Bans);
        head
    }

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let change = Change::Plain("یک\nدو".into());
        let (logged, tag, after) = (true, 3, 2);
        let entry = Entry { seq: 9, offset: 4, logged, tag, after, at: 1, change };
        let entries = vec![Arc::new(entry)];
        let renewed = head().renewed(Epoch::new(8), Shift { seq: 2, offset: 1 });
        let all = [
            Message { head: head(), after: 2, renewal: None, entries },
            Message {
                head: renewed,
                after: 2,
                renewal: Some(Shift { seq: 2, offset: 1 }),
                entries: Vec::new(),
            },
        ];
        for message in all {
            let back = Message::read(&message.write()).expect("a message");
            assert_eq!(format!("{back:?}"), format!("{message:?}"));
        }
        assert!(Message::read("2 of tomorrow\nafter 0").is_none());
        assert!(Message::read("").is_none());
    }

    #[test]
    fn a_message_follows_the_one_on_which_it_was_written_and_no_other() {
        let before = head();
        let mut next = Message {
            head: Head { batch: 7, ..head() },
            after: u64::MAX,
            renewal: None,
            entries: Vec::new(),
        };
        assert!(next.follows(&before));
        assert!(!next.follows(&Head { tag: 1, ..before.clone() }), "another entry stands there");
        assert!(!next.follows(&Head { batch: 5, ..before.clone() }), "one is missing");
        let former = Head { epoch: Epoch::new(1), ..before.clone() };
        assert!(!next.follows(&former), "another life");
        next.renewal = Some(Shift { seq: 0, offset: 0 });
        assert!(next.follows(&former), "which it goes on from");
        assert!(!next.follows(&before), "a renewal is of another life");
    }

    #[test]
    fn a_room_remembers_its_last_lives_and_no_more() {
        let mut head = head();
        for life in 100..120 {
            head = head.renewed(Epoch::new(life), Shift { seq: 0, offset: 0 });
        }
        let former: Vec<u64> = head.former.iter().map(|epoch| epoch.get()).collect();
        assert_eq!(former, (111..119).collect::<Vec<_>>());
    }
}
