//! How far a replica is, and what it waits for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use hamhame_core::codes::CloseCode;
use hamhame_core::id::Id;
use tokio::sync::oneshot;

use super::{BATCH, Joined, Newcomer};
use crate::broker::engine::{Entry, Place, Proposal, Seen};
use crate::clock::Moment;
use crate::room::change::{Change, Connection};
use crate::room::intent::{Admission, Parting};
use crate::room::snapshot::Unseated;
use crate::room::{Room, Writer};

/// What a replica has applied, and what it has proposed.
#[derive(Default)]
pub struct Progress {
    /// The last entry applied; `None` while the room is not open.
    pub seen: Option<Seen>,
    /// The last entry applied before the room had to be opened again.
    pub before: Option<Seen>,
    /// The last entry applied that changed the seats.
    pub seats_at: u64,
    /// Between the engine's clock and the process's, in microseconds.
    pub clock: i64,
    /// What came before what stands before it.
    pub early: BTreeMap<u64, Arc<Entry>>,
    /// Proposals that are not sent.
    pub queue: Vec<Proposal>,
    /// Somebody sends them.
    pub sending: bool,
    /// Somebody sees to what is missing.
    pub reading: bool,
    /// By the tags of their proposals.
    pub waiting: HashMap<u64, Waiter>,
    /// Connections here whose seats others took for lost, as this node was taken for ended.
    pub unseated: Vec<Unseated>,
    /// What becomes of the seats of connections that are over, by their numbers, until it has.
    pub partings: HashMap<u32, Parting>,
}

/// Who waits for a proposal.
pub enum Waiter {
    /// A message's ticket.
    Said(oneshot::Sender<Option<u64>>),
    /// Any other change.
    Placed(oneshot::Sender<Place>),
    /// One who wants in.
    Joins(Box<Newcomer>, oneshot::Sender<Joined>),
}

/// An answer that goes out once its change can be seen.
pub enum Told {
    /// A message has this offset.
    Said(oneshot::Sender<Option<u64>>, u64),
    /// A change has this place.
    Placed(oneshot::Sender<Place>, u64),
    /// A newcomer is in, by this connection.
    In(oneshot::Sender<Joined>, Admission, Connection),
}

impl Told {
    /// Gives it. A newcomer that does not wait any more comes back: it must not stay in.
    pub fn give(self) -> Option<(Id, Connection)> {
        match self {
            Told::Said(sender, offset) => _ = sender.send(Some(offset)),
            Told::Placed(sender, seq) => _ = sender.send(Place::At(seq)),
            Told::In(sender, admission, connection) => {
                let member = admission.identity.member;
                if sender.send(Joined::In(admission)).is_err() {
                    return Some((member, connection));
                }
            }
        }
        None
    }
}

impl Progress {
    /// What goes to the engine next, and behind which entry. `None` if there is nothing, and then nobody sends any more.
    ///
    /// What was said by another node since it was proposed here, and is applied, is not sent: the engine looks for the same
    /// message only behind that entry.
    pub fn next_batch(&mut self, room: &Weak<Room>) -> Option<(Seen, Vec<Proposal>)> {
        let room = room.upgrade();
        while let (Some(seen), Some(room), false) = (self.seen, &room, self.queue.is_empty()) {
            let count = self.queue.len().min(BATCH);
            let mut batch: Vec<Proposal> = self.queue.drain(..count).collect();
            let writer = room.writer();
            batch.retain(|proposal| {
                let Change::Said { member, id: Some(id), .. } = &proposal.change else {
                    return true;
                };
                let Some(offset) = writer.state().offset_of(*member, id) else { return true };
                if let Some(Waiter::Said(sender)) = self.waiting.remove(&proposal.tag) {
                    let _ = sender.send(Some(offset));
                }
                false
            });
            if !batch.is_empty() {
                return Some((seen, batch));
            }
        }
        self.sending = false;
        None
    }

    /// The room has to be opened again. Whoever waits is told that nobody knows.
    pub fn forget(&mut self) {
        self.before = self.seen.take();
        self.queue.clear();
        self.waiting.clear();
        self.early.clear();
    }

    /// Nobody knows what became of these, and whoever waits is told so. A newcomer stays known: if it gets its seat after all, it
    /// is to be taken out again.
    pub fn give_up(&mut self, tags: &[u64]) {
        let newcomer = |waiter: &Waiter| matches!(waiter, Waiter::Joins(..));
        self.waiting.retain(|tag, waiter| newcomer(waiter) || !tags.contains(tag));
    }

    /// The entry whose turn it is, if it is there.
    pub fn next(&mut self) -> Option<Arc<Entry>> {
        let next = self.seen?.seq + 1;
        while self.early.first_key_value().is_some_and(|(seq, _)| *seq < next) {
            self.early.pop_first();
        }
        self.early.remove(&next)
    }

    /// Applies one entry, and gives the answer to who waits for it.
    pub fn apply(&mut self, writer: &mut Writer<'_>, entry: &Entry) -> Option<Told> {
        if self.seen.is_some_and(|seen| seen.tag != entry.after) {
            self.forget();
            return None;
        }
        let at = moment(entry.at, self.clock);
        let waiter = self.waiting.remove(&entry.tag);
        let (applied, told) = match waiter {
            Some(Waiter::Joins(newcomer, sender)) => {
                let entrant = newcomer.entrant(at);
                match writer.admit(entry.offset, at, &entry.change, &entrant) {
                    Ok(admission) => {
                        (Ok(()), Some(Told::In(sender, admission, newcomer.connection)))
                    }
                    Err(error) => (Err(error), None),
                }
            }
            waiter => {
                if waiter.is_none()
                    && let Change::Left { member, .. } = &entry.change
                    && let Some(ghost) = writer.state().signal(*member)
                {
                    // Another node took it for a ghost.
                    ghost.close(CloseCode::NoPong);
                }
                if waiter.is_none()
                    && let Change::Lost { member, .. } = &entry.change
                {
                    self.unseated.extend(writer.state().seated_here(*member));
                }
                let told = match waiter {
                    Some(Waiter::Said(sender)) => Some(Told::Said(sender, entry.offset)),
                    Some(Waiter::Placed(sender)) => Some(Told::Placed(sender, entry.seq)),
                    _ => None,
                };
                (writer.apply(entry.offset, at, &entry.change, None), told)
            }
        };
        if let Err(error) = applied {
            tracing::error!(%error, "a room does not agree with its engine");
            self.forget();
            return None;
        }
        if let Some(seen) = &mut self.seen {
            (seen.seq, seen.tag) = (entry.seq, entry.tag);
        }
        if entry.change.is_of_seats() {
            self.seats_at = entry.seq;
        }
        told
    }
}

/// The engine's time by the clocks of this process, whose distance is `clock` microseconds.
pub fn moment(at: u64, clock: i64) -> Moment {
    Moment { shown: at, up: at.saturating_add_signed(clock) }
}
