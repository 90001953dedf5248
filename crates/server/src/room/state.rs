//! What the lock of a room guards: its log, its members, and what is known of them.

use std::collections::VecDeque;
use std::sync::Arc;

use hamhame_core::id::Id;
use hamhame_core::log::Start;
use hamhame_core::name::Name;
use hamhame_core::presence::Roster;

use super::LIST_LIMIT;
use crate::room::change::{Connection, NodeId};
use crate::room::document::Documents;
use crate::room::intent::{Admission, Presence};
use crate::room::snapshot::Unseated;
use crate::room::tail::Tail;
use crate::signal::Signal;
use crate::token::Proof;

/// How long an empty room without a log stays, in microseconds: who polls it must find the same one each time.
const LINGER: u64 = 60_000_000;

/// Who holds a seat.
pub enum Holder {
    /// A connection of this process, or a lease: its number, and what asks it to show itself or to end.
    Here(u32, Arc<Signal>),
    /// A connection of another process.
    There(Connection),
    /// Its connection is lost; it keeps its seat until then (microseconds since the start).
    Away { until: u64 },
}

impl Holder {
    /// Whether another process has it.
    pub fn is_there(&self) -> bool {
        matches!(self, Holder::There(_))
    }

    /// The connection that has it, if one has; `here` is this process.
    pub fn connection(&self, here: NodeId) -> Option<Connection> {
        match self {
            Holder::Here(number, _) => Some(Connection { node: here, number: *number }),
            Holder::There(connection) => Some(*connection),
            Holder::Away { .. } => None,
        }
    }
}

/// What a room knows of a member.
pub struct Seat {
    /// Proved by its token.
    pub session: Id,
    /// The latest of its attempts to join.
    pub attempt: u64,
    /// Who holds it.
    pub holder: Holder,
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
    /// Since when nobody is here but those whose seats other processes hold (microseconds since the start).
    pub empty_since: Option<u64>,
    /// Seats that other processes hold.
    pub there: usize,
    /// What was said here is kept elsewhere.
    pub is_kept: bool,
    /// Members whose connection is lost, by until when they keep their places. Who came back meanwhile still stands here.
    pub away: VecDeque<(u64, Id)>,
    /// Where the room stands among all.
    pub ranks: Ranks,
    /// It was given up: nobody can join any more.
    pub gone: bool,
    /// Nothing more is said here.
    pub closed: bool,
    /// What the room has beside its log and its seats.
    pub documents: Documents,
    /// Readers without a socket of their own.
    pub subscriptions: u32,
}

/// Where a room stands in the [orders](super::shared::Shared) of all rooms: the number that it has in each.
#[derive(Default)]
pub struct Ranks {
    /// Bytes of its log as they are counted in the budget.
    pub counted: usize,
    /// Among the largest.
    pub size: Option<u64>,
    /// Between which bytes that stays so.
    pub size_holds: (usize, usize),
    /// Among those with something due: by when.
    pub due: Option<u64>,
    /// Among those that nobody is in: since when.
    pub empty: Option<u64>,
}

impl Seat {
    /// What it takes to seat the member again, if a connection of this process holds the seat.
    pub fn unseated(&self, member: Id, name: &Arc<str>) -> Option<Unseated> {
        let Holder::Here(number, signal) = &self.holder else { return None };
        Some(Unseated {
            member,
            name: name.clone(),
            session: self.session,
            attempt: self.attempt,
            number: *number,
            signal: signal.clone(),
        })
    }

    /// Whether it is this connection's.
    pub fn is_held_by(&self, connection: Connection, here: NodeId) -> bool {
        self.holder.connection(here) == Some(connection)
    }
}

impl State {
    /// The members whose seats connections of other processes hold, with those.
    pub fn held_elsewhere(&self) -> impl Iterator<Item = (Id, Connection)> {
        self.roster.seats().filter_map(|(member, seat)| match seat.holder {
            Holder::There(connection) => Some((member, connection)),
            Holder::Here(..) | Holder::Away { .. } => None,
        })
    }

    /// The connection of this process that holds the member's seat, with what it takes to seat it again.
    pub fn seated_here(&self, member: Id) -> Option<Unseated> {
        self.roster.seat(member)?.unseated(member, self.roster.name(member)?)
    }

    /// Notes whether somebody of this process is here, after a change of the seats.
    pub fn note_use(&mut self, now: u64) {
        if self.roster.count() > self.there {
            self.empty_since = None;
        } else if self.empty_since.is_none() {
            self.empty_since = Some(now);
        }
    }

    /// Whether somebody of this process is here, or reads.
    pub fn is_used(&self) -> bool {
        self.roster.count() > self.there || self.subscriptions > 0
    }

    /// Since when nobody of this process has been here, nor read; `None` if somebody is, or the room is gone.
    pub fn unused_since(&self) -> Option<u64> {
        self.empty_since.filter(|_| self.subscriptions == 0 && !self.gone)
    }

    /// From when on the process may give the room up: nobody has been here for a while, nor read, and nothing is left to read,
    /// or it can be had again (microseconds since the start).
    pub fn left_at(&self) -> Option<u64> {
        let may_go = self.tail.kept() == 0 || self.is_kept;
        self.unused_since().filter(|_| may_go).map(|since| since + LINGER)
    }

    /// Whether that is so.
    pub fn is_left(&self, now: u64) -> bool {
        self.left_at().is_some_and(|at| at <= now)
    }

    /// The first of those whose time is over at `now` (microseconds since the start), and who did not come back.
    pub fn overdue(&mut self, now: u64) -> Option<Id> {
        while let Some(&(until, member)) = self.away.front().filter(|(until, _)| *until <= now) {
            if self.is_away_until(member, until) {
                return Some(member);
            }
            self.away.pop_front();
        }
        None
    }

    /// The first of those whose time is over at `now`, and who did not come back; so many at most.
    pub fn all_overdue(&self, now: u64, most: usize) -> Vec<Id> {
        let over = self.away.iter().take_while(|(until, _)| *until <= now);
        let over = over.filter(|(until, member)| self.is_away_until(*member, *until));
        over.map(|(_, member)| *member).take(most).collect()
    }

    fn is_away_until(&self, member: Id, until: u64) -> bool {
        let holder = self.roster.seat(member).map(|seat| &seat.holder);
        matches!(holder, Some(Holder::Away { until: still }) if *still == until)
    }

    /// By when there is something to do here, from `now` on (microseconds since the start), where nobody is away: the oldest
    /// event gets too old after `oldest`, or the room is one that nobody needs.
    pub fn next_due(&self, now: u64, oldest: u64) -> Option<u64> {
        let old = (self.tail.kept() > 0).then(|| now.saturating_add(oldest));
        old.into_iter().chain(self.left_at()).min()
    }

    /// The member of this name, if the name can be taken.
    pub fn name_holder(&self, name: &Name) -> Option<Id> {
        if name.is_anonymous() { None } else { self.roster.holder(name.key()) }
    }

    /// What asks the connection that holds the member's seat to show itself or to end, if it is one of this process.
    pub fn signal(&self, member: Id) -> Option<&Arc<Signal>> {
        match &self.roster.seat(member)?.holder {
            Holder::Here(_, signal) => Some(signal),
            Holder::There(_) | Holder::Away { .. } => None,
        }
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
