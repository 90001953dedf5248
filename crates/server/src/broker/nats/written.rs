//! Who is in, written down: every so many messages, by whoever has written the last of them. Parts stand one behind the other on a
//! subject of the room, each written for the end that its writer knew, so that two writers cannot mix theirs.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};

use super::jetstream::{Appended, JetStream};
use super::message::{Message, Written, number};
use super::room::Room;
use super::seats::Seats;
use super::shared::Shared;
use crate::broker::engine::Failure;

/// Messages from one time to the next.
pub const EVERY: u64 = 256;

/// What is written down.
#[derive(Default)]
pub struct Down {
    /// Up to which message of the room.
    pub batch: u64,
    /// What they are then.
    pub seats: Seats,
    /// The tag of the last entry then.
    tag: u64,
    /// That message's number in the stream.
    at: u64,
}

impl Down {
    /// Whether it is of this log: its message stands there, or is the one before.
    pub fn fits(&self, log: &[(u64, Message)]) -> bool {
        let Some((first, message)) = log.first() else { return false };
        if self.at < *first {
            return message.head.batch == self.batch + 1 && message.after == self.tag;
        }
        log.iter().any(|(at, message)| {
            *at == self.at && message.head.batch == self.batch && message.head.tag == self.tag
        })
    }
}

/// What is written down of a room, whole.
pub async fn read(
    shared: &Shared,
    server: &JetStream,
    room: &Room,
) -> Result<Option<Down>, Failure> {
    let parts = match server.messages(&room.stream, &room.seats, 1).await {
        Ok(parts) => parts,
        Err(trouble) => return Err(shared.failed(room, trouble).await),
    };
    let (mut whole, mut growing) = (None, None);
    for part in parts {
        let Some((down, number, count)) = begin(&part.text) else {
            return Err(shared.unreadable(room));
        };
        // Each chain begins with its first part.
        let mut down = match growing.take() {
            Some((down, next)) if number == next => down,
            _ if number == 0 => down,
            _ => continue,
        };
        let lines = part.text.split_once('\n').map_or("", |(_, lines)| lines);
        down.seats.read(lines).ok_or_else(|| shared.unreadable(room))?;
        if number + 1 == count {
            whole = Some(down);
        } else {
            growing = Some((down, number + 1));
        }
    }
    Ok(whole)
}

/// The first line of a part: batch, tag and place in the stream of the last message; the part's number, and how many there are.
fn begin(text: &str) -> Option<(Down, u64, u64)> {
    let mut words = text.lines().next()?.split(' ');
    let (batch, tag, at) = (number(words.next())?, number(words.next())?, number(words.next())?);
    let down = Down { batch, tag, at, seats: Seats::default() };
    Some((down, number(words.next())?, number(words.next())?))
}

/// Whether it is the turn of who has written a message.
pub fn is_due(batch: u64, written: u64) -> bool {
    let since = batch.saturating_sub(written);
    (since >= EVERY && batch.is_multiple_of(EVERY)) || since >= 2 * EVERY
}

impl Shared {
    /// Writes it down, besides.
    pub fn write_down_soon(self: &Arc<Self>, room: &Arc<Room>) {
        if room.is_writing.swap(true, AcqRel) {
            return;
        }
        let (shared, room) = (self.clone(), room.clone());
        self.runtime.spawn(async move {
            if shared.write_down(&room).await.is_err() {
                tracing::debug!(room = room.hash, "who is in could not be written down");
            }
            room.is_writing.store(false, Release);
        });
    }

    /// Writes down who is in.
    pub async fn write_down(&self, room: &Room) -> Result<(), Failure> {
        let server = self.server().await?;
        // What stood there before is not needed, when this stands there.
        let end = match server.last(&room.stream, &room.seats).await {
            Ok(last) => last.map_or(0, |(at, _)| at),
            Err(trouble) => return Err(self.failed(room, trouble).await),
        };
        let down = self.follow_up(&server, room).await?;
        let parts = down.seats.write(self.most.load(Relaxed));
        let (mut last, mut first) = (end, 0);
        for (number, part) in parts.iter().enumerate() {
            let Down { batch, tag, at, .. } = down;
            let text = format!("{batch} {tag} {at} {number} {}\n{part}", parts.len());
            last = match server.append(room.seats.clone(), last, text).await {
                Ok(Appended::At(at)) => at,
                // Another node does it.
                Ok(Appended::NotLast) => return Ok(()),
                Err(trouble) => return Err(self.failed(room, trouble).await),
            };
            if number == 0 {
                first = last;
            }
        }
        if let Some(tail) = room.tail().as_mut() {
            tail.written = tail.written.max(Written { batch: down.batch, at: self.now() });
        }
        if end > 0 {
            let purged = server.purge(&room.stream, &room.seats, first).await;
            purged.map_err(|_| Failure::Unknown)?;
        }
        Ok(())
    }

    /// What is written down, and what the log makes of it since.
    async fn follow_up(&self, server: &JetStream, room: &Room) -> Result<Down, Failure> {
        let last = match server.last(&room.stream, &room.log).await {
            Ok(last) => last.map_or(0, |(at, _)| at),
            Err(trouble) => return Err(self.failed(room, trouble).await),
        };
        let mut down = read(self, server, room).await?.unwrap_or_default();
        let log = self.log_from(server, room, down.at.max(1), last).await?;
        // What lies in between is gone, or the server has lost something: opening the room shows what it is now.
        if down.batch > 0 && !down.fits(&log) {
            down = Down::default();
        }
        let begins = log.first().is_some_and(|(_, first)| first.head.batch == 1 || down.batch > 0);
        let Some((_, before)) = log.first().filter(|_| begins) else {
            return Err(Failure::Changed);
        };
        let mut before = &before.head;
        for (at, message) in &log {
            let is_first = std::ptr::eq(before, &message.head);
            if !is_first && !message.follows(before) {
                return Err(Failure::Changed);
            }
            before = &message.head;
            if message.head.batch > down.batch {
                down.seats.take(message);
                (down.batch, down.tag, down.at) = (before.batch, before.tag, *at);
            }
        }
        Ok(down)
    }
}
