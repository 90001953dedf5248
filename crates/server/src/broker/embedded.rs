//! The broker of a single process: the room's lock is the order.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hamhame_core::codes::CloseCode;
use hamhame_core::id::Id;
use hamhame_core::position::Position;

use super::{Answer, Away, Broker, Replaced};
use crate::clock::{self, Moment};
use crate::room::change::{Change, Connection, NodeId};
use crate::room::decide::Verdict;
use crate::room::document::Kind;
use crate::room::intent::{Entrant, Entry, Incumbent, Parting, Said, Saying};
use crate::room::{Room, Writer};

/// Decides in this process alone.
#[derive(Debug, Default)]
pub struct Embedded;

/// There is no other.
const HERE: NodeId = NodeId(0);

impl Broker for Embedded {
    fn node(&self) -> NodeId {
        HERE
    }

    fn open<'a>(&'a self, _: &'a Arc<Room>, _: Option<Position>) -> Answer<'a, Result<(), Away>> {
        Answer::Now(Ok(()))
    }

    fn say(&self, room: &Arc<Room>, saying: Saying<'_>) -> Said {
        let mut writer = room.writer();
        if writer.state().closed {
            return Said::Away;
        }
        if let Some(offset) = writer.state().said_already(&saying) {
            return Said::Done(offset);
        }
        let offset = apply(&mut writer, saying.at, &saying.change());
        writer.publish();
        Said::Done(offset)
    }

    fn say_plain(&self, room: &Arc<Room>, text: &str, at: Moment) {
        change(room, at, &Change::Plain(Cow::Borrowed(text)));
    }

    fn join<'a>(&'a self, room: &'a Arc<Room>, entrant: Entrant<'a>) -> Answer<'a, Entry> {
        let mut writer = room.writer();
        let entry = loop {
            match writer.state().decide_join(&entrant, HERE) {
                Verdict::First(change) => _ = apply(&mut writer, entrant.at, &change),
                Verdict::Refused(entry) => break entry,
                Verdict::In(change) => {
                    let offset = writer.head_after(&change);
                    match writer.admit(offset, entrant.at, &change, &entrant) {
                        Ok(admission) => break Entry::In(admission),
                        // It was decided under this lock.
                        Err(_) => break Entry::Gone,
                    }
                }
            }
        };
        writer.publish();
        Answer::Now(entry)
    }

    fn part(&self, room: &Arc<Room>, member: Id, connection: u32, parting: Parting) -> bool {
        let mut writer = room.writer();
        let connection = Connection { node: HERE, number: connection };
        let change = writer.state().decide_part(member, connection, parting, HERE);
        let Some(change) = change else { return false };
        apply(&mut writer, clock::now(), &change);
        writer.publish();
        true
    }

    fn probe<'a>(
        &'a self,
        _: &'a Arc<Room>,
        incumbent: &'a Incumbent,
        patience: Duration,
    ) -> Answer<'a, bool> {
        match &incumbent.signal {
            Some(signal) => Answer::Later(Box::pin(signal.answers(patience))),
            None => Answer::Now(false),
        }
    }

    fn evict<'a>(&'a self, room: &'a Arc<Room>, incumbent: &'a Incumbent) -> Answer<'a, ()> {
        // In this order: a ghost that is told first gives its place up by itself, and would keep it for its grace period.
        self.part(room, incumbent.member, incumbent.connection.number, Parting::ForGood);
        if let Some(signal) = &incumbent.signal {
            signal.close(CloseCode::NoPong);
        }
        Answer::Now(())
    }

    fn expire(&self, room: &Arc<Room>, now: Moment) {
        let mut writer = room.writer();
        while let Some(change) = writer.overdue(now.up) {
            apply(&mut writer, now, &change);
        }
        writer.publish();
    }

    fn show(&self, _: &Arc<Room>, _: Id) {
        // There is no other who could hold it.
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn set_typing(&self, room: &Arc<Room>, member: Id, typing: bool, at: Moment) {
        change(room, at, &Change::Typing { member, typing });
    }

    fn replace<'a>(
        &'a self,
        room: &'a Arc<Room>,
        kind: Kind,
        version: u64,
        text: Arc<str>,
    ) -> Answer<'a, Replaced> {
        let mut writer = room.writer();
        let here = writer.state().documents.version(kind);
        if here != version {
            return Answer::Now(Replaced::Outdated(here));
        }
        apply(&mut writer, clock::now(), &Change::Document { kind, text });
        writer.publish();
        Answer::Now(Replaced::Done(version + 1))
    }

    fn close(&self, room: &Arc<Room>) {
        room.close();
    }
}

fn change(room: &Arc<Room>, at: Moment, change: &Change<'_>) {
    let mut writer = room.writer();
    apply(&mut writer, at, change);
    writer.publish();
}

/// Applies what was decided under the writer's lock, so that it is always the next. Gives the head after it.
fn apply(writer: &mut Writer<'_>, at: Moment, change: &Change<'_>) -> u64 {
    let offset = writer.head_after(change);
    let applied = writer.apply(offset, at, change, None);
    debug_assert!(applied.is_ok(), "{applied:?}");
    offset
}
