//! What a session brings to a room, and what it gets: by way of the broker, which decides on the order.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hamhame_core::id::Id;
use hamhame_core::log::Start;
use hamhame_core::name::Name;
use hamhame_core::position::{Epoch, Position};
use hamhame_core::presence::Present;
use tokio::sync::oneshot;

use crate::clock::Moment;
use crate::room::change::{Change, Connection};
use crate::signal::Signal;
use crate::token::Proof;

/// A message on its way into the log.
#[derive(Clone, Copy)]
pub struct Saying<'a> {
    /// Who says it.
    pub member: Id,
    /// The sender's own identifier for it, if it has one.
    pub id: Option<&'a str>,
    /// The sender's display name.
    pub name: &'a str,
    /// What is said, cleaned.
    pub content: &'a str,
    /// When.
    pub at: Moment,
}

impl<'a> Saying<'a> {
    /// What it makes of a room.
    pub fn change(self) -> Change<'a> {
        Change::Said {
            member: self.member,
            id: self.id.map(Cow::Borrowed),
            name: Cow::Borrowed(self.name),
            content: Cow::Borrowed(self.content),
        }
    }
}

/// One who wants in.
pub struct Entrant<'a> {
    /// The display name.
    pub name: &'a Name,
    /// What its token proves.
    pub proof: Option<Proof>,
    /// Which of its session's attempts to join this is; see [`Claim::attempt`](crate::session::Claim).
    pub attempt: Option<u64>,
    /// Identifiers for a new session, if the proof gives none.
    pub fresh: Proof,
    /// The position of the last event it has.
    pub after: Option<Position>,
    /// Events of the past that a newcomer is shown.
    pub history: u64,
    /// Its connection.
    pub connection: Connection,
    /// What asks that connection to show itself or to end.
    pub signal: &'a Arc<Signal>,
    /// Most members this room may have.
    pub max_members: usize,
    /// When.
    pub at: Moment,
}

impl Entrant<'_> {
    /// Its session and public identity.
    pub fn identity(&self) -> Proof {
        self.proof.unwrap_or(self.fresh)
    }
}

/// What became of an [`Entrant`].
pub enum Entry {
    /// It is in.
    In(Admission),
    /// Its name is held by this connection, which may be a ghost.
    Taken(Incumbent),
    /// Its name is kept for somebody whose connection is lost, for so long yet.
    Kept(Duration),
    /// A later attempt of the same session is here already.
    Late,
    /// The room has all the members it may have.
    Full,
    /// The room was given up between finding and entering it: find it again.
    Gone,
    /// Who decides cannot be reached.
    Unreachable,
}

/// What holds the seat of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// A connection or a lease of this process.
    Here {
        /// Whether it is a lease that a request has moved here.
        is_moved: bool,
    },
    /// One of another process.
    There(Connection),
    /// Nothing: its connection is lost, and it keeps its place for a while.
    Away,
}

/// Who holds a name that somebody else wants.
pub struct Incumbent {
    /// The member.
    pub member: Id,
    /// Its connection.
    pub connection: Connection,
    /// What asks that connection to show itself, if it is one of this process.
    pub signal: Option<Arc<Signal>>,
}

/// What became of a [`Saying`].
#[derive(Debug)]
pub enum Said {
    /// It is in the log, at this offset.
    Done(u64),
    /// It will be, or not: the answer comes.
    Pending(Ticket),
    /// It is not, and cannot be for now; whoever waits says it again later.
    Away,
}

impl Said {
    /// Waits for the answer: the offset, if it is in the log.
    pub async fn offset(self) -> Option<u64> {
        match self {
            Said::Done(offset) => Some(offset),
            Said::Pending(answer) => answer.await.ok().flatten(),
            Said::Away => None,
        }
    }
}

/// The answer to come: the offset, or `None` for [`Said::Away`].
pub type Ticket = oneshot::Receiver<Option<u64>>;

/// What a new member needs to know.
pub struct Admission {
    /// Its session and public identity.
    pub identity: Proof,
    /// Its display name, shared with the room where it is the same there.
    pub name: Arc<str>,
    /// Where it starts to read.
    pub start: Start,
    /// The epoch that `start` is counted in.
    pub epoch: Epoch,
    /// Presence at the moment of joining.
    pub presence: Presence,
}

/// Presence at one version.
pub struct Presence {
    /// The version.
    pub version: u64,
    /// Members.
    pub count: usize,
    /// Everyone, in order of joining; `None` in a room too large for lists.
    pub users: Option<Vec<Present>>,
}

/// Some of the members of a room.
pub struct MembersPage {
    /// They, in order of joining.
    pub users: Vec<Present>,
    /// Where those behind them begin, if there are any.
    pub next: Option<u64>,
    /// Members in all.
    pub count: usize,
    /// The version of the presence.
    pub version: u64,
}

/// How a connection ended, as far as the room is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// The member leaves now.
    ForGood,
    /// The member keeps its place for so long.
    Keeping(Duration),
}
