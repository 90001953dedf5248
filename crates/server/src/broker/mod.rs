//! Step 4 of a message's way: who orders the events of a room.
//!
//! A broker decides on an offset and lets the room append at it. The embedded one decides by taking the room's lock; one
//! that spans machines will follow a stream and append what it reads there. Brokers never see sockets.

mod embedded;

use std::sync::Arc;

pub use embedded::Embedded;
use hamhame_core::id::Id;

use crate::room::Room;
use crate::room::intent::{Entrant, Entry, Parting, Saying};
use crate::signal::Signal;

/// Orders what happens in rooms.
pub trait Broker: Send + Sync + 'static {
    /// Puts a message in order and gives its offset. A message that was said before (same member, same id) is not
    /// stored again: its first offset is given. `None` once the server goes: nothing is acknowledged that might be lost.
    fn say(&self, room: &Arc<Room>, saying: Saying<'_>) -> Option<u64>;

    /// Lets a member in, or says why not.
    fn join(&self, room: &Arc<Room>, entrant: Entrant<'_>) -> Entry;

    /// The connection behind `signal` is gone. Does nothing if the member's place has been taken over since, and is false then.
    fn part(&self, room: &Arc<Room>, member: Id, signal: &Arc<Signal>, parting: Parting) -> bool;

    /// Takes the member out if its place is still held by `signal`: a ghost that did not answer.
    fn evict(&self, room: &Arc<Room>, signal: &Arc<Signal>);
}
