//! A client's position in a room, for transports whose socket the flusher does not know: polling, long polling and streams
//! are this one read, called with or without waiting before it.

use std::fmt;
use std::pin::pin;
use std::str::FromStr;
use std::sync::Arc;

use hamhame_core::log::Start;
use hamhame_core::name::RoomName;
use hamhame_core::position::Position;
use tokio::time::{Instant, timeout_at};

use crate::broker::Away;
use crate::clock;
use crate::delivery::gap::Gap;
use crate::delivery::reply;
use crate::delivery::states::{self, STATES_EVERY};
use crate::net::admission::Client;
use crate::room::registry::TooManyRooms;
use crate::room::tail::{Batch, payload};
use crate::room::{Room, Subscription};
use crate::server::Server;

/// Versions of presence and typing that a client knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// Of the presence.
    pub presence: u64,
    /// Of who is writing.
    pub typing: u64,
}

/// As it stands in requests and answers: `8.3`.
impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.presence, self.typing)
    }
}

/// `0` is short for nothing known.
impl FromStr for Versions {
    type Err = NoVersions;

    fn from_str(text: &str) -> Result<Versions, NoVersions> {
        if text == "0" {
            return Ok(Versions::default());
        }
        let (presence, typing) = text.split_once('.').ok_or(NoVersions)?;
        let number = |text: &str| text.parse().map_err(|_| NoVersions);
        Ok(Versions { presence: number(presence)?, typing: number(typing)? })
    }
}

/// A text is no versions of states.
#[derive(Debug)]
pub struct NoVersions;

/// What changed in the states: whole messages in JSON, as in `hamhame.v1`.
#[derive(Default)]
pub struct Changes {
    /// A snapshot, or the difference to what the client knows.
    pub presence: Option<Vec<u8>>,
    /// Who is writing.
    pub typing: Option<Vec<u8>>,
}

/// Where a client begins to read.
#[derive(Clone, Copy, Debug)]
pub struct From {
    /// After this position.
    pub after: Option<Position>,
    /// Without a position: with so many of the last events, as far as the server gives them.
    pub history: u64,
}

/// Why a client cannot read.
#[derive(Debug)]
pub enum NotOpen {
    /// There cannot be another room.
    TooMany(TooManyRooms),
    /// Who decides what happens in it cannot be reached.
    Away,
}

/// Where a client reads.
pub struct Cursor {
    subscription: Subscription,
    /// Of the last event read.
    position: Position,
    /// What it knows of the states; `None` if it does not want them.
    states: Option<Versions>,
    batch: Batch,
}

impl Cursor {
    /// Finds the room, or makes it, and begins to read there.
    ///
    /// # Errors
    /// If there are as many rooms as there may be, or the client has opened as many as it may; or the room is not to be reached.
    pub async fn open(
        server: &Server,
        room: &RoomName,
        client: &Arc<Client>,
        from: From,
        states: Option<Versions>,
    ) -> Result<(Cursor, Start), NotOpen> {
        let From { after, history } = from;
        let history = history.min(server.options.join_history);
        loop {
            let room =
                server.registry.find_or_make(room, Some(client)).map_err(NotOpen::TooMany)?;
            server.broker.open(&room, after).get().await.map_err(|Away| NotOpen::Away)?;
            let Some((subscription, start)) =
                room.subscribe(after, history, clock::uptime_micros())
            else {
                // It was given up between finding and entering it.
                continue;
            };
            // Versions of another life of the room say nothing in this one.
            let same_life = after.is_none_or(|after| after.epoch == room.position().epoch);
            let states = states.map(|known| if same_life { known } else { Versions::default() });
            let position = Position { offset: start.offset, ..room.position() };
            let batch = Batch::default();
            return Ok((Cursor { subscription, position, states, batch }, start));
        }
    }

    /// Where it reads.
    pub fn room(&self) -> &Arc<Room> {
        self.subscription.room()
    }

    /// The position of the last event read.
    pub fn position(&self) -> Position {
        self.position
    }

    /// What the client knows of the states, if it wants them.
    pub fn versions(&self) -> Option<Versions> {
        self.states
    }

    /// Reads the events behind the cursor, as many as make a batch, and moves over them. `None` if there are none, and the room
    /// is in the same epoch. Before the first there may be a gap.
    pub fn next_batch(&mut self) -> Option<(Option<Gap>, &Batch)> {
        if !self.has_events() {
            return None;
        }
        let room = self.subscription.room();
        let mut gap = None;
        loop {
            let Position { epoch, offset } = self.position;
            if let Some(missed) = room.read(epoch, offset, &mut self.batch) {
                let offset = self.batch.from;
                gap = gap
                    .or((missed > 0).then_some(Gap { missed, after: Position { epoch, offset } }));
                self.position.offset = self.batch.to;
                return Some((gap, &self.batch));
            }
            // All that is kept: the client knows again what it has, by members and ids.
            self.position = room.floor();
            self.states = self.states.map(|_| Versions::default());
            gap = Some(Gap { missed: 0, after: self.position });
        }
    }

    /// Goes back to a position behind which nothing of the last batch was used.
    pub fn rewind(&mut self, position: Position) {
        self.position = position;
    }

    /// What changed in the states since it was told last, if the client wants to know.
    pub fn changes(&mut self) -> Changes {
        let room = self.subscription.room();
        let mut changes = Changes::default();
        let Some(known) = &mut self.states else { return changes };
        if known.presence != room.presence_version() {
            let (version, frame) = states::presence_after(room, known.presence);
            known.presence = version;
            changes.presence = Some(payload(&frame).to_vec());
        }
        let typing = room.typing_version();
        if known.typing != typing {
            known.typing = typing;
            changes.typing =
                Some(payload(&reply::typing(&room.typing(clock::uptime_micros()))).to_vec());
        }
        changes
    }

    /// Waits until there is an event behind the cursor, or the states changed: of those, what changes in quick succession
    /// is waited for together. May be dropped and called again at any time.
    pub async fn news(&self) {
        let mut due = None;
        loop {
            let mut news = pin!(self.subscription.news());
            // Armed before the look, so that nothing can fall between the two.
            news.as_mut().enable();
            if self.has_events() {
                return;
            }
            if due.is_none() && self.has_changes() {
                due = Some(Instant::now() + STATES_EVERY);
            }
            match due {
                None => news.await,
                Some(due) => {
                    if timeout_at(due, news).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn has_events(&self) -> bool {
        let Position { epoch, offset } = self.position;
        self.room().head() > offset || self.room().epoch() != epoch
    }

    fn has_changes(&self) -> bool {
        let room = self.room();
        self.states.is_some_and(|known| {
            known.presence != room.presence_version() || known.typing != room.typing_version()
        })
    }
}
