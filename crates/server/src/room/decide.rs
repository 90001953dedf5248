//! What an intent makes of a room as it is: a change, or the reason why there is none. Nothing is changed here.
//!
//! There is one set of rules for all engines. Who decides sees to it that nothing else is applied between a decision and
//! its change.

use std::time::Duration;

use hamhame_core::id::Id;

use super::state::{Holder, State};
use crate::room::change::{Change, Connection, NewName, NodeId};
use crate::room::intent::{Entrant, Entry, Incumbent, Parting, Saying};

/// What follows from somebody's wish to come in.
pub enum Verdict<'a> {
    /// This change lets it in.
    In(Change<'a>),
    /// Apply this, and ask again: whoever had the name has lost it.
    First(Change<'a>),
    /// It is not let in.
    Refused(Entry),
}

impl State {
    /// The offset of what was said already (same member, same id).
    pub fn said_already(&self, saying: &Saying<'_>) -> Option<u64> {
        self.offset_of(saying.member, saying.id?)
    }

    /// The offset at which this member has said what has this id.
    pub fn offset_of(&self, member: Id, id: &str) -> Option<u64> {
        self.tail.said(member, id)
    }

    /// Whether, and how, one who wants in comes in.
    pub fn decide_join<'a>(&self, entrant: &Entrant<'a>, here: NodeId) -> Verdict<'a> {
        if self.gone {
            return Verdict::Refused(Entry::Gone);
        }
        let identity = entrant.identity();
        let connection = entrant.connection;
        let seat = self.roster.seat(identity.member);
        if let Some(seat) = seat.filter(|seat| seat.session == identity.session) {
            let attempt = entrant.attempt.unwrap_or(seat.attempt);
            if attempt < seat.attempt {
                return Verdict::Refused(Entry::Late);
            }
            // Another client has joined, while a request was on its way.
            let holds = seat.holder.connection(here);
            if connection.is_moved() && holds.is_some_and(|holds| !holds.is_lease()) {
                return Verdict::Refused(Entry::Late);
            }
            let member = identity.member;
            return Verdict::In(Change::TakenOver { member, attempt, connection });
        }
        if let Some(member) = self.name_holder(entrant.name)
            && let Some(seat) = self.roster.seat(member)
        {
            let incumbent = |connection, signal| {
                Verdict::Refused(Entry::Taken(Incumbent { member, connection, signal }))
            };
            match &seat.holder {
                Holder::Here(number, signal) => {
                    let connection = Connection { node: here, number: *number };
                    return incumbent(connection, Some(signal.clone()));
                }
                Holder::There(connection) => return incumbent(*connection, None),
                Holder::Away { until } if *until > entrant.at.up => {
                    let rest = Duration::from_micros(until - entrant.at.up);
                    return Verdict::Refused(Entry::Kept(rest));
                }
                Holder::Away { .. } => {
                    if let Some(change) = self.leaving(member) {
                        return Verdict::First(change);
                    }
                }
            }
        }
        if self.roster.count() >= entrant.max_members {
            return Verdict::Refused(Entry::Full);
        }
        Verdict::In(Change::Joined {
            member: identity.member,
            name: NewName::new(entrant.name),
            session: identity.session,
            attempt: entrant.attempt.unwrap_or(0),
            connection,
        })
    }

    /// What the end of a connection makes of its seat. `None` if the member has another connection by now.
    pub fn decide_part(
        &self,
        member: Id,
        connection: Connection,
        parting: Parting,
        here: NodeId,
    ) -> Option<Change<'static>> {
        let seat = self.roster.seat(member)?;
        if !seat.is_held_by(connection, here) {
            return None;
        }
        match parting {
            Parting::ForGood => self.leaving(member),
            Parting::Keeping(grace) => Some(Change::Lost { member, grace }),
        }
    }

    /// The end of a member whose time is over at `now` (microseconds since the start); `None` if it has come back.
    pub fn decide_overdue(&self, member: Id, now: u64) -> Option<Change<'static>> {
        match self.roster.seat(member)?.holder {
            Holder::Away { until } if until <= now => self.leaving(member),
            Holder::Away { .. } | Holder::Here(..) | Holder::There(_) => None,
        }
    }

    /// The end of a member; `None` if it is not here.
    pub fn leaving(&self, member: Id) -> Option<Change<'static>> {
        let name = self.roster.name(member)?.clone();
        Some(Change::Left { member, name })
    }
}
