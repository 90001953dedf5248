//! A room as it is somewhere else: what a process is told that has not followed it so far.

use std::sync::Arc;
use std::time::Duration;

use hamhame_core::id::Id;
use hamhame_core::position::Epoch;

use crate::clock::Moment;
use crate::room::change::{Change, Connection};
use crate::room::document::{Document, Kind};
use crate::signal::Signal;

/// One who is in.
#[derive(Clone, Debug)]
pub struct Seated {
    /// Who.
    pub member: Id,
    /// As it is shown.
    pub name: Arc<str>,
    /// What the name is compared by, if it is anybody's.
    pub key: Option<Box<str>>,
    /// Proved by its token.
    pub session: Id,
    /// Which of its attempts to join was the last.
    pub attempt: u64,
    /// What holds the seat, or for how long it is kept.
    pub held: Held,
}

/// What holds a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A connection.
    By(Connection),
    /// Nothing: it is kept for so long yet.
    For(Duration),
}

/// A connection of this process whose member is not in the room as it is elsewhere.
pub struct Unseated {
    /// Who had the seat.
    pub member: Id,
    /// As it was shown.
    pub name: Arc<str>,
    /// Proved by its token.
    pub session: Id,
    /// Which of its attempts to join was the last.
    pub attempt: u64,
    /// The connection's number.
    pub number: u32,
    /// What asks the connection to show itself or to end.
    pub signal: Arc<Signal>,
}

/// A whole room.
pub struct Snapshot<'a> {
    /// The life of its log.
    pub epoch: Epoch,
    /// The offset before the first of `logged`.
    pub floor: u64,
    /// What stands in the log.
    pub logged: Vec<(Moment, &'a Change<'static>)>,
    /// Those who are in, in order of joining.
    pub seats: &'a [Seated],
    /// The version of the presence.
    pub presence: u64,
    /// Its documents.
    pub documents: &'a [(Kind, Document)],
    /// When it was so.
    pub now: Moment,
}
