//! The broker of processes that share rooms through an [`Engine`]: it decides on what it has applied, has the engine give
//! each change a place, and applies what the engine tells, its own changes like those of others.
//!
//! A message is taken in any case, so what is said on several nodes at once is ordered without a second try. A change of
//! seats is decided on the seats as they are here; if others changed them meanwhile, the engine refuses it, and it is decided
//! again. An answer goes out when its change has been applied, never before.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use hamhame_core::codes::CloseCode;
use hamhame_core::id::Id;
use hamhame_core::position::Position;
use tokio::time::{Instant, sleep, timeout_at};

use super::counts::Counts;
use super::engine::{Condition, Engine, Place, Question};
use super::replica::{Newcomer, PATIENCE, Replica};
use super::{Answer, Away, Broker, Embedded, Replaced};
use crate::clock::Moment;
use crate::room::change::{Change, Connection, NodeId};
use crate::room::document::Kind;
use crate::room::intent::{Entrant, Entry, Incumbent, Parting, Said, Saying};
use crate::room::{Room, Writer};

/// Decides for the processes that share an engine.
pub struct Remote<E: Engine> {
    node: NodeId,
    engine: Arc<E>,
    counts: Arc<Counts>,
}

impl<E: Engine> Remote<E> {
    /// For a node that has a number of its own.
    pub fn new(node: NodeId, engine: Arc<E>) -> Remote<E> {
        Remote { node, engine, counts: Arc::default() }
    }

    /// The room as this node follows it, from now on as long as there is the room.
    fn replica(&self, room: &Arc<Room>) -> Arc<Replica<E>> {
        room.kept(|| {
            let replica = Replica::new(self.node, self.engine.clone(), self.counts.clone(), room);
            let follower: Weak<Replica<E>> = Arc::downgrade(&replica);
            self.engine.follow(room.name().key(), follower);
            replica
        })
    }
}

impl<E: Engine> Broker for Remote<E> {
    fn node(&self) -> NodeId {
        self.node
    }

    fn open<'a>(
        &'a self,
        room: &'a Arc<Room>,
        upto: Option<Position>,
    ) -> Answer<'a, Result<(), Away>> {
        let replica = self.replica(room);
        Answer::Later(Box::pin(async move { replica.open(upto).await }))
    }

    fn say(&self, room: &Arc<Room>, saying: Saying<'_>) -> Said {
        {
            let writer = room.writer();
            if writer.state().closed {
                return Said::Away;
            }
            if let Some(offset) = writer.state().said_already(&saying) {
                return Said::Done(offset);
            }
        }
        if !self.engine.is_reached() {
            return Said::Away;
        }
        Said::Pending(self.replica(room).say(saying.change().into_owned()))
    }

    fn say_plain(&self, room: &Arc<Room>, text: &str, at: Moment) {
        // The tutorials' rooms are this process's own.
        Embedded.say_plain(room, text, at);
    }

    fn join<'a>(&'a self, room: &'a Arc<Room>, entrant: Entrant<'a>) -> Answer<'a, Entry> {
        let replica = self.replica(room);
        Answer::Later(Box::pin(async move {
            if replica.open(entrant.after).await.is_err() {
                return Entry::Unreachable;
            }
            replica.enter(Newcomer::new(&entrant), Instant::now() + PATIENCE).await
        }))
    }

    fn part(&self, room: &Arc<Room>, member: Id, connection: u32, parting: Parting) -> bool {
        let connection = Connection { node: self.node, number: connection };
        let here = self.node;
        let change = room.writer().state().decide_part(member, connection, parting, here);
        let is_its = change.is_some();
        if is_its {
            self.replica(room).part(member, connection, parting);
        }
        is_its
    }

    fn parted<'a>(&'a self, room: &'a Arc<Room>, connection: u32) -> Answer<'a, ()> {
        let replica = self.replica(room);
        Answer::Later(Box::pin(async move { replica.parted(connection).await }))
    }

    fn settled(&self) -> Answer<'_, ()> {
        Answer::Later(Box::pin(async {
            let deadline = Instant::now() + PATIENCE;
            while self.counts.partings.load(Relaxed) > 0 && Instant::now() < deadline {
                sleep(Duration::from_millis(10)).await;
            }
        }))
    }

    fn probe<'a>(
        &'a self,
        room: &'a Arc<Room>,
        incumbent: &'a Incumbent,
        patience: Duration,
    ) -> Answer<'a, bool> {
        if let Some(signal) = &incumbent.signal {
            let replica = self.replica(room);
            return Answer::Later(Box::pin(async move {
                if signal.answers(patience).await {
                    return true;
                }
                replica.parted(incumbent.connection.number).await;
                false
            }));
        }
        let Incumbent { member, connection, .. } = *incumbent;
        let question = Question { member, connection, patience };
        Answer::Later(self.engine.ask(room.name().key(), question))
    }

    fn evict<'a>(&'a self, room: &'a Arc<Room>, incumbent: &'a Incumbent) -> Answer<'a, ()> {
        let replica = self.replica(room);
        let (member, connection, here) = (incumbent.member, incumbent.connection, self.node);
        Answer::Later(Box::pin(async move {
            let decide = move |room: &mut Writer<'_>| {
                room.state().decide_part(member, connection, Parting::ForGood, here)
            };
            let _ = replica.settle(Instant::now() + PATIENCE, decide).await;
            // One of another node is closed there, when that node applies it.
            if let Some(signal) = &incumbent.signal {
                signal.close(CloseCode::NoPong);
            }
        }))
    }

    fn expire(&self, room: &Arc<Room>, now: Moment) {
        if room.writer().overdue(now.up).is_some() {
            tokio::spawn(self.replica(room).expire(now.up));
        }
    }

    fn show(&self, room: &Arc<Room>, member: Id) {
        self.engine.whisper(room.name().key(), Change::Heard { member });
    }

    fn set_typing(&self, room: &Arc<Room>, member: Id, typing: bool, _: Moment) {
        self.engine.whisper(room.name().key(), Change::Typing { member, typing });
    }

    fn replace<'a>(
        &'a self,
        room: &'a Arc<Room>,
        kind: Kind,
        version: u64,
        text: Arc<str>,
    ) -> Answer<'a, Replaced> {
        let replica = self.replica(room);
        Answer::Later(Box::pin(async move {
            if replica.open(None).await.is_err() {
                return Replaced::Away;
            }
            let deadline = Instant::now() + PATIENCE;
            let change = Change::Document { kind, text };
            let placed = replica.place(change, Condition::Document(kind, version));
            match timeout_at(deadline, placed).await {
                Ok(Some(Place::Conflict)) => {
                    let _ = replica.catch_up(deadline).await;
                    Replaced::Outdated(room.document(kind).map_or(0, |document| document.version))
                }
                Ok(Some(_)) => Replaced::Done(version + 1),
                Ok(None) | Err(_) => Replaced::Away,
            }
        }))
    }

    fn close(&self, room: &Arc<Room>) {
        room.close();
    }

    fn is_reached(&self) -> bool {
        self.engine.is_reached()
    }

    fn refuses(&self) -> bool {
        self.engine.refuses()
    }

    fn expose(&self) -> String {
        self.counts.expose(self.is_reached(), self.refuses())
    }
}
