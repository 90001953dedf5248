//! The broker of a single process: the room's lock is the order.

use std::sync::Arc;

use hamhame_core::codes::CloseCode;
use hamhame_core::id::Id;

use super::{Broker, Parting};
use crate::room::Room;
use crate::room::intent::{Entrant, Entry, Saying};
use crate::signal::Signal;

/// Orders events in this process alone.
#[derive(Debug, Default)]
pub struct Embedded;

impl Broker for Embedded {
    fn say(&self, room: &Arc<Room>, saying: Saying<'_>) -> Option<u64> {
        room.say(saying)
    }

    fn join(&self, room: &Arc<Room>, entrant: Entrant<'_>) -> Entry {
        room.join(entrant)
    }

    fn part(&self, room: &Arc<Room>, member: Id, signal: &Arc<Signal>, parting: Parting) -> bool {
        room.part(member, signal, parting)
    }

    fn evict(&self, room: &Arc<Room>, signal: &Arc<Signal>) {
        // In this order: a ghost that is told first gives its place up by itself, and would keep it for its grace period.
        room.evict(signal);
        signal.close(CloseCode::NoPong);
    }
}
