//! What a reader missed: events that the log has no more, or that another epoch does not know.

use hamhame_core::dialect::Dialect;
use hamhame_core::position::Position;

use crate::delivery::link::{ELSEWHERE, Link};
use crate::delivery::reply;
use crate::room::Room;

/// Events that are gone for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many; 0 where nobody knows, as the room goes on in another epoch.
    pub missed: u64,
    /// The next event follows this position.
    pub after: Position,
}

/// The log has lost what the client would read next: it is told how much, and reads on behind `resumes_after`.
pub fn tell(room: &Room, link: &Link, missed: u64, resumes_after: u64) {
    let mut frame = Vec::new();
    let position = Position { epoch: room.epoch(), offset: resumes_after };
    match link.dialect() {
        Some(Dialect::V1) => reply::gap(&mut frame, missed, position),
        Some(Dialect::Seed) => {
            reply::notice(&mut frame, room.name(), &format!("{missed} events were missed."))
        }
        None => {}
    }
    link.write(&frame);
}

/// The room goes on in another epoch: where the client reads on. In `hamhame.v1` it gets all that is kept, and knows again
/// what it has by members and ids; the seeds have neither, so they get what is new.
pub fn tell_epoch(room: &Room, link: &Link) {
    if link.cursor.get() != ELSEWHERE || !link.is_open() {
        return;
    }
    let mut frame = Vec::new();
    let floor = room.floor();
    match link.dialect() {
        Some(Dialect::V1) => {
            reply::gap(&mut frame, 0, floor);
            link.cursor.set(floor.offset);
        }
        dialect => {
            if dialect.is_some() {
                reply::notice(&mut frame, room.name(), "Some messages may be missing.");
            }
            link.cursor.set(room.head());
        }
    }
    link.write(&frame);
}
