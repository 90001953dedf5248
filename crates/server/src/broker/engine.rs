//! What processes that share rooms need of whatever lies between them: one order of entries for each room, kept for a while,
//! and a way from node to node. An engine decides on places alone; what may be is [decided](crate::room::decide) by the nodes.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hamhame_core::id::Id;
use hamhame_core::position::Epoch;

use crate::room::change::{Change, Connection, NodeId};
use crate::room::document::{Document, Kind};
use crate::room::snapshot::Seated;

/// One change in its place.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place among the changes of the room: counts from 1 in each epoch, without a gap.
    pub seq: u64,
    /// The head of the room's log after it.
    pub offset: u64,
    /// Whether it stands in the log itself.
    pub logged: bool,
    /// A random number that tells two lives of one place apart: after a failover another entry may stand there.
    pub tag: u64,
    /// The tag of the entry before it; 0 for the first. A node that has another one there has come another way.
    pub after: u64,
    /// When, in microseconds since 1970 by the engine's clock.
    pub at: u64,
    /// What.
    pub change: Change<'static>,
}

/// What a node would like to have in the order.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// See [`Entry::tag`]. The same proposal twice has the same tag, and one place.
    pub tag: u64,
    /// What.
    pub change: Change<'static>,
    /// Whether it takes an offset of the log.
    pub logged: bool,
    /// On what it was decided.
    pub only_if: Condition,
}

/// What must not have changed since a proposal was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: messages are taken in any case, once for each (member, id).
    Always,
    /// The seats are as the entry with this number left them, but for what the same batch has changed: a node sees to it that
    /// the changes of one batch do not depend on each other.
    Seats(u64),
    /// The document is in this version.
    Document(Kind, u64),
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It has this place in the order.
    At(u64),
    /// The same was said before (same member, same id): it has this place, and this offset.
    Said {
        /// See [`Entry::seq`].
        seq: u64,
        /// See [`Entry::offset`].
        offset: u64,
    },
    /// What it was decided on has changed: catch up, and decide again.
    Conflict,
}

/// Why an engine did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The room is not as the node knows it: another epoch, or another entry where the node was, or the node is too far behind.
    /// [Open](Engine::open) it again.
    Changed,
    /// It takes nothing new for now, as it is full or may not write. Nothing was done.
    Refused,
    /// Nothing came back. It may have been done.
    Unknown,
}

/// Where a node is in a room: the last entry that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The life of the room.
    pub epoch: Epoch,
    /// The entry's place; 0 before the first.
    pub seq: u64,
    /// Its tag; 0 before the first.
    pub tag: u64,
}

/// A room as an engine has it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its last entry.
    pub seen: Seen,
    /// The lives that this one [goes on from](Engine::renew), the last few of them.
    pub former: Vec<Epoch>,
    /// The head of its log.
    pub offset: u64,
    /// The entries that are kept, the oldest first. The last is that of `seen`, if any is.
    pub entries: Vec<Arc<Entry>>,
    /// The last entry that changed the seats.
    pub seats_at: u64,
    /// Those who are in, in order of joining.
    pub seats: Vec<Seated>,
    /// The version of the presence.
    pub presence: u64,
    /// The room's documents.
    pub documents: Vec<(Kind, Document)>,
    /// The time, by the engine's clock.
    pub now: u64,
}

/// What one node asks another: does this connection, which holds the member's seat, show in time that it is there?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whose seat.
    pub member: Id,
    /// What holds it, on the node that is asked.
    pub connection: Connection,
    /// How long it has for that.
    pub patience: Duration,
}

/// What lies between the processes. Each call ends within a few seconds.
pub trait Engine: Send + Sync + 'static {
    /// The room as it is; makes it, in a new epoch, if there is none.
    fn open<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<Snapshot, Failure>>;

    /// Begins another epoch of the room, if `seen` is still its last entry: what it has kept is told anew there, by numbers from 1
    /// on. For a node that has seen another entry in some place: then offsets mean two things in the old one.
    fn renew<'a>(&'a self, room: &'a str, seen: Seen) -> BoxFuture<'a, Result<(), Failure>>;

    /// Puts entries there again, each as it was, if `seen` is still the last one: the engine has lost them, as a replica does that
    /// takes over before it has everything.
    fn give_back<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
        entries: Vec<Arc<Entry>>,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// Puts proposals in order, all behind `seen`. A proposal that stands behind `seen` already, by its tag, is not put there
    /// again. Each has its own answer.
    fn append<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
        batch: Vec<Proposal>,
    ) -> BoxFuture<'a, Result<Vec<Place>, Failure>>;

    /// The entries behind `seen`, as many as there are.
    fn read<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
    ) -> BoxFuture<'a, Result<Vec<Arc<Entry>>, Failure>>;

    /// From now on `follower` is told of each entry of the room, in any order, some of them perhaps never, until it is dropped.
    fn follow(&self, room: &str, follower: Weak<dyn Follower>);

    /// One that followed the room is gone.
    fn unfollow(&self, room: &str);

    /// Tells those who follow the room a change that has no place in the order. It may be lost.
    fn whisper(&self, room: &str, change: Change<'static>);

    /// Asks another node, and gives its answer; false if there is none in time.
    fn ask<'a>(&'a self, room: &'a str, question: Question) -> BoxFuture<'a, bool>;

    /// Which of these nodes live: a node has a lease, which it renews for as long as it runs.
    fn living<'a>(&'a self, nodes: Vec<NodeId>) -> BoxFuture<'a, Result<Vec<NodeId>, Failure>>;

    /// Whether it can be reached, as far as anybody knows.
    fn is_reached(&self) -> bool {
        true
    }

    /// Whether it [refuses](Failure::Refused) what is new, as far as anybody knows.
    fn refuses(&self) -> bool {
        false
    }
}

/// A node that follows a room.
pub trait Follower: Send + Sync {
    /// Which node it is.
    fn node(&self) -> NodeId;

    /// An entry of this epoch has its place.
    fn entry(self: Arc<Self>, epoch: Epoch, entry: Arc<Entry>);

    /// The lease of another node is over. Whoever held a seat there has no connection any more.
    fn ended(self: Arc<Self>, node: NodeId);

    /// Something may not have come: the engine has it.
    fn look(self: Arc<Self>);

    /// A change without a place.
    fn whisper(&self, change: &Change<'static>);

    /// Another node asks.
    fn question(self: Arc<Self>, question: Question) -> BoxFuture<'static, bool>;
}
