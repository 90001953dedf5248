//! What the tests of rooms share.

use std::sync::Arc;

use clap::Parser;
use hamhame_core::id::Id;
use hamhame_core::name::RoomName;
use hamhame_core::position::Epoch;

use super::change::{Change, Connection, NewName, NodeId};
use super::notify::Inbox;
use super::{Opener, Room, Shared};
use crate::clock;
use crate::config::Options;
use crate::memory::Memory;
use crate::signal::Signal;

/// This process.
pub const HERE: NodeId = NodeId(1);
/// Another one.
pub const THERE: NodeId = NodeId(2);

/// A room that nobody is in.
pub fn room() -> Arc<Room> {
    let options = Options::try_parse_from(["hamhame"]).expect("these are options");
    let memory = Arc::new(Memory::new(1 << 30));
    let shared = Shared::new(options.window(), Arc::new([Inbox::default()]), memory);
    let name = RoomName::parse("room").expect("it is a name");
    Room::new(name, 1, Epoch::new(1), Arc::new(shared), Opener::Client(None))
}

/// A member joins by a connection of `node`; gives what asks that to end, if it is one of this process.
pub fn come(room: &Arc<Room>, member: u64, node: NodeId) -> Option<Arc<Signal>> {
    let member = Id::new(member);
    let name = NewName { shown: "a".into(), key: None };
    let connection = Connection { node, number: 7 };
    let session = member;
    let signal = (node == HERE).then(|| Arc::new(Signal::default()));
    let change = Change::Joined { member, name, session, attempt: 1, connection };
    apply(room, &change, signal.as_ref());
    signal
}

/// A member leaves.
pub fn go(room: &Arc<Room>, member: u64) {
    apply(room, &Change::Left { member: Id::new(member), name: "a".into() }, None);
}

/// Something happens that was decided.
pub fn apply(room: &Arc<Room>, change: &Change<'_>, signal: Option<&Arc<Signal>>) {
    let mut writer = room.writer();
    let offset = writer.head_after(change);
    writer.apply(offset, clock::now(), change, signal).expect("it is in order");
}
