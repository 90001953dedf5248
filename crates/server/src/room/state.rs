//! What the lock of a room guards: its log, its members, and what is known of them.

use std::sync::Arc;

use hamhame_core::codes::CloseCode;
use hamhame_core::id::Id;
use hamhame_core::log::Start;
use hamhame_core::name::Name;
use hamhame_core::presence::Roster;

use super::LIST_LIMIT;
use crate::entry::{Admission, Presence};
use crate::signal::Signal;
use crate::tail::Tail;
use crate::token::Proof;

/// How long an empty room without a log stays, in microseconds: who polls it must find the same one each time.
const LINGER: u64 = 60_000_000;

/// How a member is here.
pub enum Place {
    /// By this connection, or lease.
    Connected(Arc<Signal>),
    /// Its connection is lost; it keeps its place until then.
    Away { until: u64 },
}

/// What a room knows of a member.
pub struct Seat {
    /// Proved by its token.
    pub session: Id,
    /// The latest of its attempts to join.
    pub attempt: u64,
    /// How it is here.
    pub place: Place,
}

/// What a room's lock guards.
pub struct State {
    /// The log.
    pub tail: Tail,
    /// Who is here.
    pub roster: Roster<Seat>,
    /// Who is writing, until when.
    pub typing: Vec<(Id, u64)>,
    /// The last presence version at which the room was too large for a list.
    pub large_at: u64,
    /// Somebody said something, ever.
    pub spoken: bool,
    /// Since when nobody is here (microseconds since 1970).
    pub empty_since: Option<u64>,
    /// It was given up: nobody can join any more.
    pub gone: bool,
    /// Nothing more is said here.
    pub closed: bool,
    /// Readers without a socket of their own.
    pub watchers: u32,
}

impl Seat {
    /// Whether it is this connection's.
    pub fn is_held_by(&self, signal: &Arc<Signal>) -> bool {
        matches!(&self.place, Place::Connected(holder) if Arc::ptr_eq(holder, signal))
    }
}

/// What became of an attempt to take a session over.
pub enum TakeOver {
    /// The seat is the new connection's.
    Done,
    /// A later attempt has it.
    Late,
    /// The session is not here.
    None,
}

impl State {
    /// Whether nobody has been here for a while, nor read.
    pub fn is_left(&self, now: u64) -> bool {
        let long_ago = |since: u64| since + LINGER <= now;
        self.watchers == 0 && self.empty_since.is_some_and(long_ago)
    }

    /// The member of this name, if the name can be taken.
    pub fn name_holder(&self, name: &Name) -> Option<Id> {
        if name.is_anonymous() { None } else { self.roster.holder(name.key()) }
    }

    /// Gives the seat of a session that is still here to a new connection, unless a later attempt has it.
    pub fn take_over(
        &mut self,
        identity: Proof,
        attempt: Option<u64>,
        signal: &Arc<Signal>,
    ) -> TakeOver {
        let seat = self.roster.seat_mut(identity.member);
        let Some(seat) = seat.filter(|seat| seat.session == identity.session) else {
            return TakeOver::None;
        };
        let attempt = attempt.unwrap_or(seat.attempt);
        if attempt < seat.attempt {
            return TakeOver::Late;
        }
        seat.attempt = attempt;
        if let Place::Connected(old) =
            std::mem::replace(&mut seat.place, Place::Connected(signal.clone()))
        {
            old.close(CloseCode::SessionReplaced);
        }
        TakeOver::Done
    }

    /// What one who is in needs to know.
    pub fn admission(&self, identity: Proof, name: &Name, start: Start) -> Admission {
        let epoch = self.tail.position().epoch;
        // One who came back may write the same name in another way.
        let seated = self.roster.name(identity.member).filter(|seated| ***seated == *name.as_str());
        let name = seated.cloned().unwrap_or_else(|| name.as_str().into());
        Admission { identity, name, start, epoch, presence: self.presence() }
    }

    /// Presence now.
    pub fn presence(&self) -> Presence {
        let count = self.roster.count();
        Presence {
            version: self.roster.version(),
            count,
            users: (count <= LIST_LIMIT).then(|| self.roster.iter().cloned().collect()),
        }
    }
}
