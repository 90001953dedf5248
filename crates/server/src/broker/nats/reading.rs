//! What the server has of a room, read: all of it, or what stands behind an entry.
//!
//! Messages that do not follow on each other stand in a log only after the server has lost some (a disk that was not synced) and
//! somebody who had seen them went on with a number that fits again by chance. Who reads the log from its beginning leaves out what
//! does not follow; who meets such a message later opens the room anew. So all agree, and nodes put in again what is lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::jetstream::{JetStream, Stored};
use super::message::{Head, Message, Shift};
use super::room::Room;
use super::seats::Seats;
use super::shared::Shared;
use super::tail::Tail;
use super::written;
use crate::broker::engine::{Entry, Failure, Seen};

/// Time between two reads where a server lags behind the stream's leader, and how many there are.
const LAG: Duration = Duration::from_millis(20);
const TRIES: usize = 50;

/// A whole room.
pub struct Whole {
    /// The state behind its last message.
    pub head: Head,
    /// That message's number in the stream.
    pub at: u64,
    /// The entries that are kept, as they are numbered now.
    pub entries: Vec<Arc<Entry>>,
    /// Who is in, and the documents.
    pub seats: Seats,
}

impl Whole {
    /// What is taken off numbers and offsets if another life begins with what is kept.
    pub fn shift(&self) -> Shift {
        match self.entries.first() {
            Some(first) => {
                Shift { seq: first.seq - 1, offset: first.offset - u64::from(first.logged) }
            }
            None => Shift { seq: self.head.seq, offset: self.head.offset },
        }
    }
}

impl Shared {
    /// All that the server has of a room; `None` if it has nothing.
    pub async fn read_all(&self, room: &Room) -> Result<Option<Whole>, Failure> {
        let connection = self.over().connection;
        let server = self.server().await?;
        let Some((last, _)) = self.last(&server, room).await? else {
            room.forget();
            return Ok(None);
        };
        let messages = self.log_from(&server, room, 1, last).await?;
        let Some((first, rest)) = messages.split_first() else { return Ok(None) };
        let start = if first.1.head.batch == 1 {
            written::Down::default()
        } else {
            let down = written::read(self, &server, room).await?;
            down.filter(|down| down.fits(&messages)).unwrap_or_else(|| {
                tracing::error!(room = room.hash, "who is in a room is not written down");
                written::Down::default()
            })
        };
        let mut whole = Whole {
            head: first.1.head.clone(),
            at: first.0,
            entries: Vec::new(),
            seats: start.seats,
        };
        let mut tail = Tail::new(first.0, first.1.head.clone());
        whole.entries.extend(first.1.entries.iter().cloned());
        if first.1.head.batch > start.batch {
            whole.seats.take(&first.1);
        }
        for (at, message) in rest {
            // What does not follow is passed over, and is still where the next message goes behind.
            tail.at = *at;
            if !message.follows(&tail.head) {
                continue;
            }
            tail.go_on(*at, message);
            whole.take(message, start.batch);
        }
        (whole.head, whole.at) = (tail.head.clone(), tail.at);
        tail.sure_in = connection;
        *room.tail() = Some(tail);
        Ok(Some(whole))
    }

    /// The entries behind one.
    pub async fn read_behind(&self, room: &Room, seen: Seen) -> Result<Vec<Arc<Entry>>, Failure> {
        let from = {
            let tail = room.tail();
            tail.as_ref().and_then(|tail| match tail.head.seen() == seen {
                true => Some(tail.at),
                false => tail.message_behind(seen),
            })
        };
        let caught_up = match from {
            Some(from) => self.catch_up(room, from).await?,
            None => None,
        };
        let entries = match caught_up {
            Some(entries) => entries,
            None => self.read_all(room).await?.ok_or(Failure::Changed)?.entries,
        };
        let behind: Vec<_> = entries.into_iter().filter(|entry| entry.seq > seen.seq).collect();
        let is_known = match behind.first() {
            Some(first) => (first.seq, first.after) == (seen.seq + 1, seen.tag),
            // More may have been told of meanwhile.
            None => true,
        };
        let is_its = room.tail().as_ref().is_some_and(|tail| tail.knows(seen) != Some(false));
        if is_known && is_its { Ok(behind) } else { Err(Failure::Changed) }
    }

    /// Asks where the log ends, and reads what is not known of it.
    pub async fn ask(&self, room: &Room) -> Result<(), Failure> {
        let from = room.tail().as_ref().map(|tail| tail.at);
        match from {
            Some(from) => self.catch_up(room, from).await.map(drop),
            None => Ok(()),
        }
    }

    /// Reads the log from one of the messages that are known on, and gives what they say; `None` if nothing is known of the room
    /// by now.
    async fn catch_up(&self, room: &Room, from: u64) -> Result<Option<Vec<Arc<Entry>>>, Failure> {
        let connection = self.over().connection;
        let server = self.server().await?;
        let last = self.last(&server, room).await?.map_or(0, |(at, _)| at);
        if last < from {
            room.forget();
            return Err(Failure::Changed);
        }
        let messages = self.log_from(&server, room, from, last).await?;
        {
            let mut known = room.tail();
            let Some(tail) = known.as_mut() else { return Ok(None) };
            if !tail.agrees(&messages, connection) {
                *known = None;
                return Err(Failure::Changed);
            }
        }
        Ok(Some(messages.into_iter().flat_map(|(_, message)| message.entries).collect()))
    }

    async fn last(
        &self,
        server: &JetStream,
        room: &Room,
    ) -> Result<Option<(u64, String)>, Failure> {
        match server.last(&room.stream, &room.log).await {
            Ok(last) => Ok(last),
            Err(trouble) => Err(self.failed(room, trouble).await),
        }
    }

    /// The room's log from a place in the stream on, at least to `last`.
    pub async fn log_from(
        &self,
        server: &JetStream,
        room: &Room,
        from: u64,
        last: u64,
    ) -> Result<Vec<(u64, Message)>, Failure> {
        for _ in 0..TRIES {
            let stored = match server.messages(&room.stream, &room.log, from).await {
                Ok(stored) => stored,
                Err(trouble) => return Err(self.failed(room, trouble).await),
            };
            if stored.last().is_some_and(|end| end.at >= last) {
                let read = |one: &Stored| Some((one.at, Message::read(&one.text)?));
                let messages: Option<Vec<_>> = stored.iter().map(read).collect();
                return messages.ok_or_else(|| self.unreadable(room));
            }
            sleep(LAG).await;
        }
        Err(Failure::Unknown)
    }

    /// What stands in the server was not written by this version, or not by hamhame.
    pub fn unreadable(&self, room: &Room) -> Failure {
        tracing::error!(room = room.hash, "what the engine has of a room cannot be read");
        Failure::Unknown
    }
}

impl Whole {
    /// What it is after a message that follows.
    fn take(&mut self, message: &Message, written_down: u64) {
        if let Some(Shift { seq, offset }) = message.renewal {
            self.renumber(seq, offset);
        }
        self.entries.extend(message.entries.iter().cloned());
        if message.head.batch > written_down {
            self.seats.take(message);
        }
    }

    /// Another life begins: what is kept has other numbers there.
    fn renumber(&mut self, seq: u64, offset: u64) {
        self.entries.retain(|entry| entry.seq > seq);
        for entry in &mut self.entries {
            let after = if entry.seq == seq + 1 { 0 } else { entry.after };
            let (seq, offset) = (entry.seq - seq, entry.offset - offset);
            *entry = Arc::new(Entry { seq, offset, after, ..Entry::clone(entry) });
        }
    }
}
