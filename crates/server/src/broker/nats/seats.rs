//! Who is in a room, and what its documents say: what the log makes of them. The log keeps its last messages alone, so this is
//! written down from time to time, in parts, as a message has a greatest size.

use std::sync::Arc;
use std::time::Duration;

use hamhame_core::id::Id;

use super::message::{Message, number};
use crate::broker::engine::Entry;
use crate::broker::wire;
use crate::room::change::{Change, Connection, NewName, NodeId};
use crate::room::document::{Document, Kind};
use crate::room::snapshot::{Held, Seated};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seats {
    /// In order of joining.
    seats: Vec<Seat>,
    documents: Vec<(Kind, Document)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seat {
    member: Id,
    name: Arc<str>,
    key: Option<Box<str>>,
    session: Id,
    attempt: u64,
    held: Holding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holding {
    By(Connection),
    /// In µs.
    Until(u64),
}

impl Seats {
    /// What they are after a message.
    pub fn take(&mut self, message: &Message) {
        message.entries.iter().for_each(|entry| self.note(entry));
    }

    fn note(&mut self, entry: &Entry) {
        match &entry.change {
            Change::Joined { member, name, session, attempt, connection } => {
                self.seats.push(Seat {
                    member: *member,
                    name: name.shown.clone(),
                    key: name.key.as_deref().map(Into::into),
                    session: *session,
                    attempt: *attempt,
                    held: Holding::By(*connection),
                });
            }
            Change::TakenOver { member, attempt, connection } => {
                if let Some(seat) = self.seat(*member) {
                    (seat.attempt, seat.held) = (*attempt, Holding::By(*connection));
                }
            }
            Change::Lost { member, grace } => {
                if let Some(seat) = self.seat(*member) {
                    seat.held = Holding::Until(entry.at + grace.as_micros() as u64);
                }
            }
            Change::Left { member, .. } => self.seats.retain(|seat| seat.member != *member),
            Change::Document { kind, text } => {
                let version = self.document(*kind).map_or(0, |document| document.version);
                let document = Document { version: version + 1, text: text.clone() };
                self.documents.retain(|(other, _)| other != kind);
                self.documents.push((*kind, document));
            }
            Change::Said { .. }
            | Change::Plain(_)
            | Change::Typing { .. }
            | Change::Heard { .. } => {}
        }
    }

    fn seat(&mut self, member: Id) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.member == member)
    }

    fn document(&self, kind: Kind) -> Option<&Document> {
        self.documents.iter().find(|(other, _)| *other == kind).map(|(_, document)| document)
    }

    /// Those who are in.
    pub fn seated(&self, now: u64) -> Vec<Seated> {
        let held = |seat: &Seat| match seat.held {
            Holding::By(connection) => Held::By(connection),
            Holding::Until(at) => Held::For(Duration::from_micros(at.saturating_sub(now))),
        };
        let seats = self.seats.iter();
        seats
            .map(|seat| Seated {
                member: seat.member,
                name: seat.name.clone(),
                key: seat.key.clone(),
                session: seat.session,
                attempt: seat.attempt,
                held: held(seat),
            })
            .collect()
    }

    /// The room's documents.
    pub fn into_documents(self) -> Vec<(Kind, Document)> {
        self.documents
    }

    /// As texts of this size, but for a line that is longer: one line each for a seat (until when it is kept, 0 if it is held, and
    /// its join) and for a document (`document`, its version, its change).
    pub fn write(&self, most: usize) -> Vec<String> {
        let seats = self.seats.iter().map(Seat::write);
        let documents = self.documents.iter().map(|(kind, Document { version, text })| {
            let change = Change::Document { kind: *kind, text: text.clone() };
            format!("document {version} {}", wire::write(&change))
        });
        let mut parts = vec![String::new()];
        for line in seats.chain(documents) {
            let part = parts.last_mut().expect("there is one");
            if part.is_empty() {
                *part = line;
            } else if part.len() + line.len() < most {
                part.push('\n');
                part.push_str(&line);
            } else {
                parts.push(line);
            }
        }
        parts
    }

    /// Reads one part more; `None` if it cannot be read.
    pub fn read(&mut self, part: &str) -> Option<()> {
        for line in part.split('\n').filter(|line| !line.is_empty()) {
            let (what, rest) = line.split_once(' ')?;
            if what == "document" {
                let (version, change) = rest.split_once(' ')?;
                let Change::Document { kind, text } = wire::read(change)? else { return None };
                self.documents.push((kind, Document { version: version.parse().ok()?, text }));
            } else {
                self.seats.push(Seat::read(number(Some(what))?, rest)?);
            }
        }
        Some(())
    }
}

impl Seat {
    fn write(&self) -> String {
        let nobody = Connection { node: NodeId(0), number: 0 };
        let (until, connection) = match self.held {
            Holding::By(connection) => (0, connection),
            Holding::Until(at) => (at, nobody),
        };
        let name = NewName { shown: self.name.clone(), key: self.key.as_deref().map(Into::into) };
        let Seat { member, session, attempt, .. } = *self;
        let joined = Change::Joined { member, name, session, attempt, connection };
        format!("{until} {}", wire::write(&joined))
    }

    fn read(until: u64, joined: &str) -> Option<Seat> {
        let Change::Joined { member, name, session, attempt, connection } = wire::read(joined)?
        else {
            return None;
        };
        let held = if until == 0 { Holding::By(connection) } else { Holding::Until(until) };
        let key = name.key.as_deref().map(Into::into);
        Some(Seat { member, name: name.shown, key, session, attempt, held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(change: Change<'static>) -> Entry {
        Entry { seq: 1, offset: 1, logged: true, tag: 1, after: 0, at: 1_000_000, change }
    }

    #[test]
    fn what_was_written_down_is_read_as_it_was() {
        let connection = Connection { node: NodeId(7), number: 3 };
        let mut seats = Seats::default();
        for number in 1..100 {
            let member = Id::new(number);
            let key = (number % 2 == 0).then(|| "علی".into());
            let name = NewName { shown: "علی \"x\"\n".into(), key };
            let (session, attempt) = (Id::new(9), 1);
            seats.note(&entry(Change::Joined { member, name, session, attempt, connection }));
        }
        let grace = Duration::from_secs(8);
        seats.note(&entry(Change::Lost { member: Id::new(5), grace }));
        seats.note(&entry(Change::Left { member: Id::new(6), name: "علی".into() }));
        for text in ["[1]", "[2]"] {
            seats.note(&entry(Change::Document { kind: Kind::Bans, text: text.into() }));
        }
        let parts = seats.write(1000);
        assert!(parts.len() > 10 && parts.iter().all(|part| part.len() <= 1000));
        let mut back = Seats::default();
        for part in &parts {
            back.read(part).expect("a part");
        }
        assert_eq!(back, seats);
        let seated = back.seated(2_000_000);
        assert_eq!(seated.len(), 98);
        assert_eq!(seated[4].held, Held::For(Duration::from_secs(7)));
        assert_eq!(back.into_documents()[0].1.version, 2);
        assert_eq!(Seats::default().write(1000), [""], "nobody is in");
    }
}
