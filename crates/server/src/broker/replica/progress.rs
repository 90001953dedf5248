//! How far a replica is, and what it waits for.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use hamhame_core::codes::CloseCode;
use hamhame_core::id::Id;
use tokio::sync::oneshot;

use super::recent::Recent;
use super::seating::{Decided, Seating, Seats};
use crate::broker::engine::{Entry as Placed, Place, Proposal, Seen};
use crate::clock::Moment;
use crate::memory::Held;
use crate::room::change::{Change, Connection, NodeId};
use crate::room::intent::{Admission, Entry, Parting};
use crate::room::snapshot::Unseated;
use crate::room::{OutOfOrder, Writer};

/// Proposals that go to the engine together.
pub const BATCH: usize = 256;

/// What a replica has applied, and what it has proposed.
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
    pub early: BTreeMap<u64, Arc<Placed>>,
    /// What is not sent.
    pub queue: VecDeque<Queued>,
    /// Somebody sends them.
    pub sending: bool,
    /// Somebody sees to what is missing.
    pub reading: bool,
    /// By the tags of their proposals.
    pub waiting: HashMap<u64, Waiter>,
    /// Connections here whose seats others took for lost, as this node was taken for ended.
    pub unseated: Vec<Unseated>,
    /// The last entries applied.
    pub recent: Recent,
    /// Somebody forgets them in time.
    pub forgetting: bool,
    /// Messages that the engine has lost, until they are in the order again.
    pub lost: Vec<Arc<Placed>>,
    /// What becomes of whose seats, by the numbers of connections that are over, until it has.
    pub partings: HashMap<u32, (Id, Parting)>,
    /// Somebody takes out those who did not come back in time.
    pub expiring: bool,
    /// Something was not taken that nobody waits for.
    pub untaken: bool,
    /// Somebody tries that again.
    pub trying: bool,
}

/// What waits for its turn.
pub enum Queued {
    /// A change that is decided, with who waits for it.
    Decided(Proposal, Waiter),
    /// A change of the seats, which is decided when it is sent.
    Seating(Seating),
}

/// Who waits for a proposal.
pub enum Waiter {
    /// A message's ticket.
    Said(oneshot::Sender<Option<u64>>),
    /// A document's change.
    Placed(oneshot::Sender<Place>),
    /// A change of the seats; decided again if others have changed them.
    Seating(Seating),
    /// Nobody: it makes way for another.
    Nobody,
}

/// An answer that goes out once its change can be seen.
pub enum Told {
    /// A message has this offset.
    Said(oneshot::Sender<Option<u64>>, u64),
    /// A change has this place.
    Placed(oneshot::Sender<Place>, u64),
    /// A newcomer is in, by this connection.
    In(oneshot::Sender<Entry>, Admission, Connection),
    /// A change of the seats is done.
    Settled(oneshot::Sender<bool>),
}

impl Told {
    /// Gives it. A newcomer that does not wait any more comes back: it must not stay in.
    pub fn give(self) -> Option<(Id, Connection)> {
        match self {
            Told::Said(sender, offset) => _ = sender.send(Some(offset)),
            Told::Placed(sender, seq) => _ = sender.send(Place::At(seq)),
            Told::Settled(sender) => _ = sender.send(true),
            Told::In(sender, admission, connection) => {
                let member = admission.identity.member;
                if sender.send(Entry::In(admission)).is_err() {
                    return Some((member, connection));
                }
            }
        }
        None
    }
}

impl Progress {
    /// Of a room that is not open; `held` counts what is kept of it.
    pub fn new(held: Held) -> Progress {
        Progress {
            seen: None,
            before: None,
            seats_at: 0,
            clock: 0,
            early: BTreeMap::new(),
            queue: VecDeque::new(),
            sending: false,
            reading: false,
            waiting: HashMap::new(),
            unseated: Vec::new(),
            recent: Recent::new(held),
            forgetting: false,
            lost: Vec::new(),
            partings: HashMap::new(),
            expiring: false,
            untaken: false,
            trying: false,
        }
    }

    /// What goes to the engine next, and behind which entry. `None` if there is nothing, and then nobody sends any more.
    ///
    /// What was said by another node since it was proposed here, and is applied, is not sent: the engine looks for the same
    /// message only behind that entry.
    pub fn next_batch(
        &mut self,
        room: &mut Writer<'_>,
        here: NodeId,
    ) -> Option<(Seen, Vec<Proposal>)> {
        while let (Some(seen), false) = (self.seen, self.queue.is_empty()) {
            let mut batch = Vec::new();
            let mut later = VecDeque::new();
            let mut seats = Seats::new(self.seats_at, room, here);
            while batch.len() < BATCH
                && let Some(queued) = self.queue.pop_front()
            {
                match queued {
                    Queued::Decided(proposal, waiter) => {
                        if let Some((proposal, waiter)) = self.unsaid(room, proposal, waiter) {
                            self.waiting.insert(proposal.tag, waiter);
                            batch.push(proposal);
                        }
                    }
                    Queued::Seating(seating) => {
                        let (proposal, waiter) = match seats.decide(room, seating) {
                            Decided::Nothing => continue,
                            Decided::NotYet(seating) => {
                                later.push_back(Queued::Seating(seating));
                                continue;
                            }
                            Decided::First(proposal, seating) => {
                                later.push_back(Queued::Seating(seating));
                                (proposal, Waiter::Nobody)
                            }
                            Decided::Change(proposal, seating) => {
                                (proposal, Waiter::Seating(seating))
                            }
                        };
                        self.waiting.insert(proposal.tag, waiter);
                        batch.push(proposal);
                    }
                }
            }
            later.append(&mut self.queue);
            self.queue = later;
            if !batch.is_empty() {
                return Some((seen, batch));
            }
        }
        self.sending = false;
        None
    }

    /// The proposal with who waits for it, unless it is in the log: then that is told.
    fn unsaid(
        &mut self,
        room: &Writer<'_>,
        proposal: Proposal,
        waiter: Waiter,
    ) -> Option<(Proposal, Waiter)> {
        let said = match (&proposal.change, &waiter) {
            (Change::Said { member, id: Some(id), .. }, _) => room.state().offset_of(*member, id),
            _ => None,
        };
        match waiter {
            Waiter::Said(sender) if said.is_some() => _ = sender.send(said),
            // It was lost, and some node has put it there again.
            Waiter::Nobody if said.is_some() || self.recent.has(proposal.tag) => {
                self.lost.retain(|entry| entry.tag != proposal.tag);
            }
            waiter => return Some((proposal, waiter)),
        }
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
        let newcomer = |waiter: &Waiter| matches!(waiter, Waiter::Seating(Seating::Enter(..)));
        self.waiting.retain(|tag, waiter| newcomer(waiter) || !tags.contains(tag));
    }

    /// The engine takes nothing, neither these nor what would come after them: whoever waits is told so. It `is_known` that nothing
    /// of it was done, unless it was sent before.
    pub fn refuse(&mut self, tags: &[u64], is_known: bool) {
        self.queue.clear();
        if is_known {
            tags.iter().for_each(|tag| _ = self.waiting.remove(tag));
        } else {
            self.give_up(tags);
        }
    }

    /// The entry whose turn it is, if it is there.
    pub fn next(&mut self) -> Option<Arc<Placed>> {
        let next = self.seen?.seq + 1;
        while self.early.first_key_value().is_some_and(|(seq, _)| *seq < next) {
            self.early.pop_first();
        }
        self.early.remove(&next)
    }

    /// Applies one entry, and gives the answer to who waits for it.
    pub fn apply(&mut self, writer: &mut Writer<'_>, entry: &Arc<Placed>) -> Option<Told> {
        if self.seen.is_some_and(|seen| seen.tag != entry.after) {
            self.forget();
            return None;
        }
        let waiter = self.waiting.remove(&entry.tag);
        let told = match self.change(writer, entry, waiter) {
            Ok(told) => told,
            Err(error) => {
                tracing::error!(%error, "a room does not agree with its engine");
                self.forget();
                return None;
            }
        };
        if let Some(seen) = &mut self.seen {
            (seen.seq, seen.tag) = (entry.seq, entry.tag);
        }
        if entry.change.is_of_seats() {
            self.seats_at = entry.seq;
        }
        self.lost.retain(|lost| lost.tag != entry.tag);
        self.recent.push(entry.clone());
        told
    }

    fn change(
        &mut self,
        writer: &mut Writer<'_>,
        entry: &Placed,
        waiter: Option<Waiter>,
    ) -> Result<Option<Told>, OutOfOrder> {
        let at = moment(entry.at, self.clock);
        let (offset, change) = (entry.offset, &entry.change);
        let told = match waiter {
            Some(Waiter::Seating(Seating::Enter(newcomer, sender))) => {
                let admission = writer.admit(offset, at, change, &newcomer.entrant(at))?;
                return Ok(Some(Told::In(sender, admission, newcomer.connection)));
            }
            Some(Waiter::Seating(Seating::Settle(_, sender))) => Some(Told::Settled(sender)),
            Some(Waiter::Said(sender)) => Some(Told::Said(sender, offset)),
            Some(Waiter::Placed(sender)) => Some(Told::Placed(sender, entry.seq)),
            Some(Waiter::Nobody) => None,
            None => {
                self.hear_of_others(writer, change);
                None
            }
        };
        writer.apply(offset, at, change, None)?;
        Ok(told)
    }

    /// Another node has changed a seat, perhaps one that a connection of this node holds.
    fn hear_of_others(&mut self, writer: &Writer<'_>, change: &Change<'_>) {
        match change {
            // It was taken for a ghost.
            Change::Left { member, .. } => {
                if let Some(ghost) = writer.state().signal(*member) {
                    ghost.close(CloseCode::NoPong);
                }
            }
            // This node was taken for ended.
            Change::Lost { member, .. } => {
                self.unseated.extend(writer.state().seated_here(*member));
            }
            _ => {}
        }
    }
}

/// The engine's time by the clocks of this process, whose distance is `clock` microseconds.
pub fn moment(at: u64, clock: i64) -> Moment {
    Moment { shown: at, up: at.saturating_add_signed(clock) }
}
