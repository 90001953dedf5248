//! What a node has put into a room's log: batches, each for the end of the log that this node knows. The server takes it if that is
//! still the end, so a batch that is taken stands behind all that was looked at for it.

use std::sync::Arc;
use std::time::Duration;

use hamhame_core::position::Epoch;
use tokio::time::sleep;

use super::jetstream::{Appended, Trouble};
use super::message::{Head, Message};
use super::room::{Plan, Room};
use super::shared::{PAUSE, Shared};
use super::tail::Wish;
use super::written;
use crate::broker::engine::{Failure, Place, Seen};
use crate::token::random_id;

/// How long what another node has written may be on its way here before it is read.
const ON_ITS_WAY: Duration = Duration::from_millis(20);

/// Tries to write one batch, while others write.
const TRIES: usize = 64;

impl Shared {
    /// Puts proposals in order, behind `seen`, which has to be the last entry if `is_last`.
    pub async fn place(
        self: &Arc<Self>,
        room: &Arc<Room>,
        seen: Seen,
        wishes: &[Wish],
        is_last: bool,
    ) -> Result<Vec<Place>, Failure> {
        let mut places = Vec::with_capacity(wishes.len());
        let (mut asked, mut read) = (false, false);
        for _ in 0..TRIES + wishes.len() {
            let rest = &wishes[places.len()..];
            // What is given back has to be behind `seen` with its first message alone.
            let is_last = is_last && places.is_empty();
            match room.plan(seen, rest, is_last, self.over()) {
                // A node may have been told of more than was known here when the log was read.
                Plan::Changed if !asked => {
                    asked = true;
                    self.ask(room).await?;
                }
                Plan::Changed => return Err(Failure::Changed),
                Plan::Ask => self.ask(room).await?,
                // Too far behind.
                Plan::Read if read => return Err(Failure::Changed),
                Plan::Read => {
                    read = room.tail().is_some();
                    self.read_all(room).await?.ok_or(Failure::Changed)?;
                }
                Plan::Place(placed, at) => {
                    let is_stored = match &placed.message {
                        Some(message) => self.store(room, at, message).await?,
                        None => true,
                    };
                    if is_stored {
                        places.extend(placed.places);
                    }
                }
            }
            if places.len() == wishes.len() {
                return Ok(places);
            }
        }
        Err(Failure::Unknown)
    }

    /// Has a message stored behind the one at `expected`; false if that is not the last one any more.
    async fn store(
        self: &Arc<Self>,
        room: &Arc<Room>,
        expected: u64,
        message: &Message,
    ) -> Result<bool, Failure> {
        if self.silent.rests(room.number) {
            return Err(Failure::Refused);
        }
        let server = self.server().await?;
        let appended = server.append(room.log.clone(), expected, message.write()).await;
        match appended {
            // Otherwise it is the connection.
            Err(Trouble::Silence(_)) if self.reached.borrow().is_some() => {
                self.silent.note(room.number);
            }
            Err(Trouble::Silence(_)) => {}
            _ => self.silent.answered(room.number),
        }
        match appended {
            Ok(Appended::At(at)) => {
                room.stored(expected, at, message);
                if written::is_due(message.head.batch, message.head.written.batch) {
                    self.write_down_soon(room);
                }
                Ok(true)
            }
            Ok(Appended::NotLast) => {
                room.moves(expected, ON_ITS_WAY).await;
                Ok(false)
            }
            Err(trouble) => Err(self.failed(room, trouble).await),
        }
    }

    /// Begins a room, if there is none.
    pub async fn begin(self: &Arc<Self>, room: &Arc<Room>) -> Result<(), Failure> {
        let head = Head::new(Epoch::new(random_id()), self.now());
        let first = Message { head, after: 0, renewal: None, entries: Vec::new() };
        self.store(room, 0, &first).await.map(drop)
    }

    /// Begins another life of a room, if `seen` is still its last entry.
    pub async fn renew(self: &Arc<Self>, room: &Arc<Room>, seen: Seen) -> Result<(), Failure> {
        let whole = self.read_all(room).await?.ok_or(Failure::Changed)?;
        if whole.head.seen() != seen {
            return Err(Failure::Changed);
        }
        let shift = whole.shift();
        let head = Head { at: self.now(), ..whole.head.renewed(Epoch::new(random_id()), shift) };
        let message = Message { head, after: seen.tag, renewal: Some(shift), entries: Vec::new() };
        match self.store(room, whole.at, &message).await? {
            true => Ok(()),
            false => Err(Failure::Changed),
        }
    }

    /// Has a room that is followed stay, however little is said in it: the server forgets messages by their age.
    pub async fn keep(self: &Arc<Self>, room: &Arc<Room>) {
        if self.write_down(room).await.is_err() {
            return sleep(PAUSE).await;
        }
        let message = {
            let tail = room.tail();
            let Some(tail) = tail.as_ref() else { return };
            let head = Head {
                at: self.now().max(tail.head.at),
                batch: tail.head.batch + 1,
                written: tail.written,
                ..tail.head.clone()
            };
            (tail.at, Message { head, after: tail.head.tag, renewal: None, entries: Vec::new() })
        };
        // If anything else is written meanwhile, that is as good.
        let _ = self.store(room, message.0, &message.1).await;
    }
}
