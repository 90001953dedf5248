//! Step 5 of a message's way: the only code that changes a room. A broker applies here what it has decided.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use hamhame_core::codes::CloseCode;
use hamhame_core::event::{self, Passage};
use hamhame_core::id::Id;
use hamhame_core::presence::Roster;

use super::state::{Holder, Seat, State};
use super::{LIST_LIMIT, Room, TYPING, TYPING_SHOWN};
use crate::clock::Moment;
use crate::room::change::{Change, Connection, NodeId};
use crate::room::deflate;
use crate::room::intent::{Admission, Entrant};
use crate::room::snapshot::{Held, Snapshot, Unseated};
use crate::room::tail::Tail;
use crate::signal::Signal;

/// Holds a room's lock from a decision to its change. What was applied is seen by all once it is [published](Self::publish).
pub struct Writer<'a> {
    room: &'a Arc<Room>,
    state: MutexGuard<'a, State>,
    /// The message applied last, if it is to be compressed.
    compress: Option<u64>,
    /// There is something to see.
    changed: bool,
}

/// A change was decided for another place in the log than the next.
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfOrder {
    /// The log's head after the change, as it was decided.
    pub decided: u64,
    /// What it would be here.
    pub here: u64,
}

impl fmt::Display for OutOfOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OutOfOrder { decided, here } = self;
        write!(f, "a change was decided for offset {decided}, and the next here is {here}")
    }
}

/// How far the clocks of two nodes may be apart, in µs.
const APART: u64 = 1_000_000;

impl<'a> Writer<'a> {
    pub(super) fn new(room: &'a Arc<Room>) -> Writer<'a> {
        Writer { room, state: room.lock(), compress: None, changed: false }
    }

    /// The room as it is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The end of the first of those who did not come back in time (microseconds since the start).
    pub fn overdue(&mut self, now: u64) -> Option<Change<'static>> {
        let member = self.state.overdue(now)?;
        self.state.leaving(member)
    }

    /// The head of the log once this is applied.
    pub fn head_after(&self, change: &Change<'_>) -> u64 {
        self.state.tail.head() + u64::from(self.is_logged(change))
    }

    /// Applies what was decided; `offset` is the log's head after it. `signal` is the connection's that it seats, if that is
    /// one of this process.
    ///
    /// # Errors
    /// If it was decided for another place in the log. Then nothing is changed.
    pub fn apply(
        &mut self,
        offset: u64,
        at: Moment,
        change: &Change<'_>,
        signal: Option<&Arc<Signal>>,
    ) -> Result<(), OutOfOrder> {
        let here = self.head_after(change);
        if here != offset {
            return Err(OutOfOrder { decided: offset, here });
        }
        self.changed = true;
        match change {
            Change::Said { member, .. } => {
                self.log(at, change);
                self.stop_typing(*member);
            }
            Change::Plain(_) => self.log(at, change),
            Change::Joined { member, name, session, attempt, connection } => {
                if offset > self.state.tail.head() {
                    self.log(at, change);
                }
                let holder = holder(*connection, signal);
                self.state.there += usize::from(holder.is_there());
                let seat = Seat { session: *session, attempt: *attempt, holder };
                let shown = name.shown.clone();
                self.state.roster.join(*member, shown, name.key.as_deref(), seat);
                self.state.note_use(at.up);
            }
            Change::TakenOver { member, attempt, connection } => {
                if let Some(seat) = self.state.roster.seat_mut(*member) {
                    seat.attempt = *attempt;
                }
                if let Some(Holder::Here(_, before)) =
                    self.hold(*member, holder(*connection, signal), at)
                {
                    // Where a request has moved the seat, its client is nobody else. What it still reads by here may be what it
                    // has gone to, and the request one that it has given up: then it comes again.
                    match (connection.is_lease(), signal.is_some()) {
                        _ if connection.is_moved() => before.close(CloseCode::GoingAway),
                        (true, false) => before.replace(at.up.saturating_sub(APART)),
                        (false, _) | (true, true) => before.close(CloseCode::SessionReplaced),
                    }
                }
            }
            Change::Lost { member, grace } => {
                let until = at.up + grace.as_micros() as u64;
                if self.hold(*member, Holder::Away { until }, at).is_some() {
                    self.state.away.push_back((until, *member));
                    self.room.due_by(&mut self.state, until);
                }
            }
            Change::Left { member, .. } => {
                if offset > self.state.tail.head() {
                    self.log(at, change);
                }
                self.leave(*member, at);
            }
            Change::Typing { member, typing } => self.set_typing(*member, *typing, at.up),
            Change::Heard { member } => {
                if let Some(signal) = self.state.signal(*member) {
                    signal.heard_elsewhere();
                }
            }
            Change::Document { kind, text } => self.state.documents.replace(*kind, text.clone()),
        }
        Ok(())
    }

    /// Lets in one whose coming was decided, and says what it needs to know. One operation under one lock, so that nothing can
    /// be missed between the position given and the events read from it.
    ///
    /// # Errors
    /// See [`apply`](Self::apply).
    pub fn admit(
        &mut self,
        offset: u64,
        at: Moment,
        change: &Change<'_>,
        entrant: &Entrant<'_>,
    ) -> Result<Admission, OutOfOrder> {
        self.state.tail.expire(at.up);
        let start = self.state.tail.start(entrant.after, entrant.history);
        self.apply(offset, at, change, Some(entrant.signal))?;
        Ok(self.state.admission(entrant.identity(), entrant.name, start))
    }

    /// Makes the room what it is elsewhere: those who read it are told that it is another one if the epoch differs. A
    /// connection of this process keeps its seat if it has it there; gives those that have none.
    pub fn restore(&mut self, snapshot: &Snapshot<'_>, here: NodeId) -> Vec<Unseated> {
        self.changed = true;
        let mut connected = self.unseat_all();
        self.room.epoch.store(snapshot.epoch.get(), Ordering::Release);
        let window = self.room.shared.window;
        self.state.tail = Tail::begin(snapshot.epoch, snapshot.floor, window);
        for (at, change) in &snapshot.logged {
            self.log(*at, change);
        }
        self.compress = None;
        let before = snapshot.presence.saturating_sub(snapshot.seats.len() as u64);
        self.state.roster = Roster::at_version(before);
        self.state.away.clear();
        (self.state.there, self.state.is_kept) = (0, true);
        for seated in snapshot.seats {
            let holder = match seated.held {
                Held::By(connection) if connection.node == here => {
                    let number = connection.number;
                    match connected.remove(&number) {
                        Some(unseated) => Holder::Here(number, unseated.signal),
                        None => Holder::There(connection),
                    }
                }
                Held::By(connection) => Holder::There(connection),
                Held::For(rest) => {
                    let until = snapshot.now.up + rest.as_micros() as u64;
                    self.state.away.push_back((until, seated.member));
                    self.room.due_by(&mut self.state, until);
                    Holder::Away { until }
                }
            };
            self.state.there += usize::from(holder.is_there());
            let seat = Seat { session: seated.session, attempt: seated.attempt, holder };
            let (name, key) = (seated.name.clone(), seated.key.as_deref());
            self.state.roster.join(seated.member, name, key, seat);
        }
        // What changed before is not known here.
        self.state.large_at = snapshot.presence;
        self.state.note_use(snapshot.now.up);
        self.state.documents = snapshot.documents.iter().cloned().collect();
        connected.into_values().collect()
    }

    /// Everybody whose connection is one of this process, by its number; nobody is in afterwards.
    fn unseat_all(&mut self) -> HashMap<u32, Unseated> {
        let before = std::mem::take(&mut self.state.roster);
        if !std::mem::take(&mut self.state.typing).is_empty() {
            self.room.typing_version.fetch_add(1, Ordering::AcqRel);
        }
        let seats = before.iter().zip(before.seats());
        let here =
            seats.filter_map(|(present, (member, seat))| seat.unseated(member, &present.name));
        here.map(|unseated| (unseated.number, unseated)).collect()
    }

    /// Makes the changes visible to the lock-free readers, lets the lock go, and wakes the shards.
    pub fn publish(mut self) {
        if let Some(offset) = self.compress {
            self = self.deflate(offset);
        }
        if self.changed {
            self.room.publish(self.state);
        }
    }

    /// Compresses the newest message. Others need not wait for the compressor: who reads meanwhile gets the message as it is;
    /// and it is said: a server that goes now must still deliver it.
    fn deflate(self, offset: u64) -> Writer<'a> {
        let room = self.room;
        let Some(message) = self.state.tail.newest() else { return self };
        room.head.store(offset, Ordering::Release);
        drop(self.state);
        let frame = deflate::shared_frame(&message);
        let mut writer = Writer { changed: true, ..Writer::new(room) };
        if let Some(frame) = frame {
            writer.state.tail.add_deflated(offset, frame);
        }
        writer
    }

    /// Whether the change stands in the log. A large room has no comings and goings in it.
    pub fn is_logged(&self, change: &Change<'_>) -> bool {
        self.is_logged_among(change, self.state.roster.count())
    }

    /// The same where `count` members are in.
    pub fn is_logged_among(&self, change: &Change<'_>, count: usize) -> bool {
        match change {
            Change::Said { .. } | Change::Plain(_) => true,
            Change::Joined { .. } => count < LIST_LIMIT,
            Change::Left { member, .. } => {
                count <= LIST_LIMIT && self.state.roster.seat(*member).is_some()
            }
            Change::TakenOver { .. }
            | Change::Lost { .. }
            | Change::Typing { .. }
            | Change::Heard { .. }
            | Change::Document { .. } => false,
        }
    }

    /// Puts into the log what stands there of a change.
    fn log(&mut self, at: Moment, change: &Change<'_>) {
        let (tail, delivered) = (&mut self.state.tail, self.room.dirty.delivered());
        match change {
            Change::Said { member, id, name, content } => {
                let id = id.as_deref();
                let room = self.room.name.as_str();
                let body = event::message(room, name, content, at.shown, *member, id);
                let compress = self.room.compression.is_for(body.len());
                let offset = tail.append(body, at, id.map(|id| (*member, id)), delivered);
                self.compress = compress.then_some(offset);
            }
            Change::Plain(text) => _ = tail.append_plain(text, at, delivered),
            Change::Joined { member, name, .. } => {
                let name = name.shown.clone();
                tail.append_passage(Passage::Join, *member, name, at, delivered);
            }
            Change::Left { member, name } => {
                tail.append_passage(Passage::Leave, *member, name.clone(), at, delivered);
            }
            Change::TakenOver { .. }
            | Change::Lost { .. }
            | Change::Typing { .. }
            | Change::Heard { .. }
            | Change::Document { .. } => {}
        }
    }

    fn leave(&mut self, member: Id, at: Moment) {
        self.stop_typing(member);
        let seat = self.state.roster.seat(member);
        self.state.there -= usize::from(seat.is_some_and(|seat| seat.holder.is_there()));
        if self.state.roster.leave(member).is_some() {
            self.state.note_use(at.up);
        }
    }

    /// Has something else hold a seat; gives what has held it.
    fn hold(&mut self, member: Id, now: Holder, at: Moment) -> Option<Holder> {
        let is_there = now.is_there();
        let before = std::mem::replace(&mut self.state.roster.seat_mut(member)?.holder, now);
        self.state.there += usize::from(is_there);
        self.state.there -= usize::from(before.is_there());
        self.state.note_use(at.up);
        Some(before)
    }

    fn stop_typing(&mut self, member: Id) {
        let writing = self.state.typing.iter().position(|(other, _)| *other == member);
        if let Some(writing) = writing {
            self.state.typing.swap_remove(writing);
            self.room.typing_version.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn set_typing(&mut self, member: Id, typing: bool, now: u64) {
        let all = &mut self.state.typing;
        let before = all.len();
        all.retain(|(other, until)| *other != member && *until > now);
        if typing && all.len() < TYPING_SHOWN {
            all.push((member, now + TYPING));
        } else if all.len() == before {
            self.changed = false;
            return;
        }
        self.room.typing_version.fetch_add(1, Ordering::AcqRel);
    }
}

fn holder(connection: Connection, signal: Option<&Arc<Signal>>) -> Holder {
    match signal {
        Some(signal) => Holder::Here(connection.number, signal.clone()),
        None => Holder::There(connection),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::change::Hold;
    use crate::room::testing::{HERE, THERE, apply, come, room};

    /// What a connection is told whose seat something of another process takes.
    fn told(by: Hold) -> Option<CloseCode> {
        let room = room();
        let signal = come(&room, 1, HERE).expect("it is here");
        let connection = Connection { node: THERE, number: Connection::numbered(9, by) };
        let member = Id::new(1);
        apply(&room, &Change::TakenOver { member, attempt: 1, connection }, None);
        signal.close_asked()
    }

    #[test]
    fn who_joins_replaces_a_session_and_a_request_that_moves_it_does_not() {
        assert_eq!(told(Hold::Socket), Some(CloseCode::SessionReplaced));
        assert_eq!(told(Hold::Lease), Some(CloseCode::SessionReplaced));
        assert_eq!(told(Hold::Moved), Some(CloseCode::GoingAway));
    }
}
