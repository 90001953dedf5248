//! Changes of a room's seats: each is decided when its batch is sent, on the seats as they are then, so that those of one node
//! do not refuse each other.

use std::collections::HashSet;
use std::sync::Arc;

use hamhame_core::id::Id;
use hamhame_core::name::Name;
use hamhame_core::position::Position;
use tokio::sync::oneshot;

use crate::broker::engine::{Condition, Proposal};
use crate::clock::{self, Moment};
use crate::room::Writer;
use crate::room::change::{Change, Connection, NodeId};
use crate::room::decide::Verdict;
use crate::room::intent::{Entrant, Entry};
use crate::signal::Signal;
use crate::token::{Proof, random_id};

/// A change of the seats that somebody waits for.
pub enum Seating {
    /// One who wants in.
    Enter(Box<Newcomer>, oneshot::Sender<Entry>),
    /// What `decide` says, as long as it says something. True is told when it is done, false if there was nothing to do.
    Settle(Decide, oneshot::Sender<bool>),
}

/// What a change of the seats has to be, by the room as it is; `None` if none is needed.
pub type Decide = Box<dyn FnMut(&mut Writer<'_>) -> Option<Change<'static>> + Send>;

/// An [`Entrant`] on its way.
#[derive(Clone)]
pub struct Newcomer {
    pub(super) name: Name,
    pub(super) identity: Proof,
    pub(super) attempt: Option<u64>,
    pub(super) after: Option<Position>,
    pub(super) history: u64,
    pub(super) connection: Connection,
    pub(super) signal: Arc<Signal>,
    pub(super) max_members: usize,
}

impl Newcomer {
    /// One of these.
    pub fn new(entrant: &Entrant<'_>) -> Newcomer {
        Newcomer {
            name: entrant.name.clone(),
            identity: entrant.identity(),
            attempt: entrant.attempt,
            after: entrant.after,
            history: entrant.history,
            connection: entrant.connection,
            signal: entrant.signal.clone(),
            max_members: entrant.max_members,
        }
    }

    /// As the room knows it.
    pub fn entrant(&self, at: Moment) -> Entrant<'_> {
        Entrant {
            name: &self.name,
            proof: Some(self.identity),
            attempt: self.attempt,
            fresh: self.identity,
            after: self.after,
            history: self.history,
            connection: self.connection,
            signal: &self.signal,
            max_members: self.max_members,
            at,
        }
    }
}

/// What becomes of a [`Seating`] in a batch.
pub enum Decided {
    /// It is over, and whoever waits was told.
    Nothing,
    /// The batch changes what it depends on, or is to be decided in the next.
    NotYet(Seating),
    /// This comes first; it is decided in the next batch.
    First(Proposal, Seating),
    /// This is the change.
    Change(Proposal, Seating),
}

/// The seats while one batch is made. What it changes is not applied yet, so no two of its changes are about one member or
/// one name, and it lets in no more than there is room for.
pub struct Seats {
    here: NodeId,
    condition: Condition,
    count: usize,
    members: HashSet<Id>,
    names: HashSet<Box<str>>,
}

impl Seats {
    /// As the entry with the number `at` left them.
    pub fn new(at: u64, room: &Writer<'_>, here: NodeId) -> Seats {
        Seats {
            here,
            condition: Condition::Seats(at),
            count: room.state().roster.count(),
            members: HashSet::new(),
            names: HashSet::new(),
        }
    }

    /// Decides one.
    pub fn decide(&mut self, room: &mut Writer<'_>, seating: Seating) -> Decided {
        match seating {
            Seating::Enter(newcomer, sender) => self.decide_enter(room, newcomer, sender),
            Seating::Settle(mut decide, sender) => {
                let Some(change) = decide(room) else {
                    let _ = sender.send(false);
                    return Decided::Nothing;
                };
                let seating = Seating::Settle(decide, sender);
                match self.propose(room, change) {
                    Some(proposal) => Decided::Change(proposal, seating),
                    None => Decided::NotYet(seating),
                }
            }
        }
    }

    fn decide_enter(
        &mut self,
        room: &Writer<'_>,
        newcomer: Box<Newcomer>,
        sender: oneshot::Sender<Entry>,
    ) -> Decided {
        if sender.is_closed() {
            return Decided::Nothing;
        }
        let is_taken = !newcomer.name.is_anonymous() && self.names.contains(newcomer.name.key());
        let before = room.state().roster.count();
        let is_full = self.count > before && self.count >= newcomer.max_members;
        if is_taken || is_full {
            return Decided::NotYet(Seating::Enter(newcomer, sender));
        }
        let entrant = newcomer.entrant(clock::now());
        let (change, is_in) = match room.state().decide_join(&entrant, self.here) {
            Verdict::Refused(entry) => {
                let _ = sender.send(entry);
                return Decided::Nothing;
            }
            Verdict::First(change) => (change.into_owned(), false),
            Verdict::In(change) => (change.into_owned(), true),
        };
        let proposal = self.propose(room, change);
        let seating = Seating::Enter(newcomer, sender);
        match (proposal, is_in) {
            (Some(proposal), true) => Decided::Change(proposal, seating),
            (Some(proposal), false) => Decided::First(proposal, seating),
            (None, _) => Decided::NotYet(seating),
        }
    }

    /// The change as a proposal; `None` if the batch has one about the same member.
    fn propose(&mut self, room: &Writer<'_>, change: Change<'static>) -> Option<Proposal> {
        if !change.member().is_none_or(|member| self.members.insert(member)) {
            return None;
        }
        let logged = room.is_logged_among(&change, self.count);
        match &change {
            Change::Joined { name, .. } => {
                self.count += 1;
                self.names.extend(name.key.as_deref().map(Into::into));
            }
            Change::Left { .. } => self.count -= 1,
            _ => {}
        }
        Some(Proposal { tag: random_id(), change, logged, only_if: self.condition })
    }
}
