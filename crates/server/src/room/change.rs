//! What was decided about a room: its changes, one after the other, as everybody applies them.
//!
//! A change says what is, not who wanted it. Whoever applies the same changes in the same order has the same room: the
//! same offsets, the same versions of the presence.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hamhame_core::id::Id;
use hamhame_core::name::Name;

use crate::room::document::Kind;

/// One process among those that share rooms: a random number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u64);

/// What holds a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// A WebSocket.
    Socket,
    /// A lease: a session over HTTP, whose requests may come to any node.
    Lease,
    /// A lease whose seat a request has moved to its node: nobody has joined, so whoever had it is not replaced by another client.
    Moved,
}

/// One connection of one node, or one lease: what tells those who held a seat one after the other apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Whose it is.
    pub node: NodeId,
    /// Its number there. The first bits say [what it is](Hold).
    pub number: u32,
}

impl Connection {
    const LEASE: u32 = 1 << 31;
    const MOVED: u32 = 1 << 30;

    /// A number as it is for what holds a seat so.
    pub fn numbered(number: u32, hold: Hold) -> u32 {
        let number = number & !(Connection::LEASE | Connection::MOVED);
        match hold {
            Hold::Socket => number,
            Hold::Lease => number | Connection::LEASE,
            Hold::Moved => number | Connection::LEASE | Connection::MOVED,
        }
    }

    /// Whether it is a lease.
    pub fn is_lease(&self) -> bool {
        self.number & Connection::LEASE != 0
    }

    /// Whether it is a lease that a request has moved.
    pub fn is_moved(&self) -> bool {
        Connection::is_number_of_moved(self.number)
    }

    /// Whether such a lease has this number.
    pub fn is_number_of_moved(number: u32) -> bool {
        number & Connection::MOVED != 0
    }
}

/// One change of a room.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// A message is in the log.
    Said {
        /// Who said it.
        member: Id,
        /// The sender's own identifier for it, if it has one.
        id: Option<Cow<'a, str>>,
        /// The sender's display name.
        name: Cow<'a, str>,
        /// What was said, cleaned.
        content: Cow<'a, str>,
    },
    /// Plain text is in the log: the tutorial rooms of the seeds.
    Plain(Cow<'a, str>),
    /// A member is in.
    Joined {
        /// Who.
        member: Id,
        /// Under which name.
        name: NewName<'a>,
        /// Proved by its token.
        session: Id,
        /// Which of the session's attempts to join this was.
        attempt: u64,
        /// Its connection.
        connection: Connection,
    },
    /// A session that is here has a new connection, or one again. What held its seat before ends.
    TakenOver {
        /// Whose seat.
        member: Id,
        /// Which of the session's attempts to join this was.
        attempt: u64,
        /// Its connection.
        connection: Connection,
    },
    /// A member's connection is lost. It keeps its seat for so long.
    Lost {
        /// Whose.
        member: Id,
        /// How long, from the moment of the change on.
        grace: Duration,
    },
    /// A member is out.
    Left {
        /// Who.
        member: Id,
        /// As it was shown.
        name: Arc<str>,
    },
    /// Something came from a member to another node than the one that holds its seat. It does not stand in any order.
    Heard {
        /// From whom.
        member: Id,
    },
    /// A member is writing, or has stopped.
    Typing {
        /// Who.
        member: Id,
        /// Whether it is.
        typing: bool,
    },
    /// One of the room's documents has a new version.
    Document {
        /// Which.
        kind: Kind,
        /// What it says now.
        text: Arc<str>,
    },
}

/// The name that a member comes with.
#[derive(Clone, Debug)]
pub struct NewName<'a> {
    /// As it is shown.
    pub shown: Arc<str>,
    /// What it is compared by; `None` for one that is nobody's (`anonymous`).
    pub key: Option<Cow<'a, str>>,
}

impl<'a> NewName<'a> {
    /// One copy of the name, for the roster, the log and the session.
    pub fn new(name: &'a Name) -> NewName<'a> {
        let key = (!name.is_anonymous()).then(|| name.key().into());
        NewName { shown: name.as_str().into(), key }
    }
}

impl Change<'_> {
    /// Whether it changes who is in, or what holds a seat.
    pub fn is_of_seats(&self) -> bool {
        use Change::{Joined, Left, Lost, TakenOver};
        matches!(self, Joined { .. } | TakenOver { .. } | Lost { .. } | Left { .. })
    }

    /// Whose it is, if it is a member's.
    pub fn member(&self) -> Option<Id> {
        match self {
            Change::Said { member, .. }
            | Change::Joined { member, .. }
            | Change::TakenOver { member, .. }
            | Change::Lost { member, .. }
            | Change::Left { member, .. }
            | Change::Typing { member, .. }
            | Change::Heard { member } => Some(*member),
            Change::Plain(_) | Change::Document { .. } => None,
        }
    }

    /// The same with texts of its own.
    pub fn into_owned(self) -> Change<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Change::Said { member, id, name, content } => {
                Change::Said { member, id: id.map(own), name: own(name), content: own(content) }
            }
            Change::Plain(text) => Change::Plain(own(text)),
            Change::Joined { member, name, session, attempt, connection } => {
                let name = NewName { shown: name.shown, key: name.key.map(own) };
                Change::Joined { member, name, session, attempt, connection }
            }
            Change::TakenOver { member, attempt, connection } => {
                Change::TakenOver { member, attempt, connection }
            }
            Change::Lost { member, grace } => Change::Lost { member, grace },
            Change::Left { member, name } => Change::Left { member, name },
            Change::Typing { member, typing } => Change::Typing { member, typing },
            Change::Heard { member } => Change::Heard { member },
            Change::Document { kind, text } => Change::Document { kind, text },
        }
    }
}
