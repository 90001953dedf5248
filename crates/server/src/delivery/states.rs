//! Presence and typing: versioned snapshots, of which only the latest counts. Nothing of them is queued.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use hamhame_core::dialect::Dialect;

use crate::clock;
use crate::delivery::link::Link;
use crate::delivery::reply;
use crate::room::Room;

/// Comings and goings within this time are told together.
pub const STATES_EVERY: Duration = Duration::from_millis(250);

/// What there is to tell in one room at one moment. Each frame is made at most once, and only if somebody needs it.
pub struct States {
    room: Arc<Room>,
    presence_version: u64,
    typing_version: u64,
    frames: RefCell<Frames>,
}

#[derive(Default)]
struct Frames {
    seed: Option<Vec<u8>>,
    snapshot: Option<(u64, Vec<u8>)>,
    /// The difference from one version, which nearly all members share.
    difference: Option<(u64, u64, Vec<u8>)>,
    typing: Option<Vec<u8>>,
}

impl States {
    /// The states of `room` now.
    pub fn of(room: &Arc<Room>) -> States {
        States {
            room: room.clone(),
            presence_version: room.presence_version(),
            typing_version: room.typing_version(),
            frames: RefCell::default(),
        }
    }

    /// What tells whether there is anything new.
    pub fn versions(&self) -> (u64, u64) {
        (self.presence_version, self.typing_version)
    }

    /// Writes to `link` what it does not know yet. False if the link is stuck: it must be told when it has drained.
    pub fn tell(&self, link: &Link) -> bool {
        if link.is_open() && link.presence.get() < self.presence_version {
            self.tell_presence(link);
        }
        if link.is_open() && link.typing.get() < self.typing_version {
            self.tell_typing(link);
        }
        link.presence.get() >= self.presence_version && link.typing.get() >= self.typing_version
    }

    fn tell_presence(&self, link: &Link) {
        let frames = &mut *self.frames.borrow_mut();
        match link.dialect() {
            None => link.presence.set(self.presence_version),
            Some(Dialect::Seed) => {
                let frame =
                    frames.seed.get_or_insert_with(|| reply::seed_presence(&self.room.presence()));
                link.presence.set(self.presence_version);
                link.write(frame);
            }
            Some(Dialect::V1) => {
                let base = link.presence.get();
                if frames.difference.as_ref().is_none_or(|(from, ..)| *from != base) {
                    frames.difference =
                        difference(&self.room, base).map(|(to, frame)| (base, to, frame));
                }
                let (version, frame) = match &frames.difference {
                    Some((_, to, frame)) => (*to, frame),
                    None => {
                        let (to, frame) =
                            frames.snapshot.get_or_insert_with(|| snapshot(&self.room));
                        (*to, &*frame)
                    }
                };
                link.presence.set(version);
                link.write(frame);
            }
        }
    }

    fn tell_typing(&self, link: &Link) {
        link.typing.set(self.typing_version);
        if link.dialect() == Some(Dialect::V1) {
            let frames = &mut *self.frames.borrow_mut();
            let frame = frames
                .typing
                .get_or_insert_with(|| reply::typing(&self.room.typing(clock::uptime_micros())));
            link.write(frame);
        }
    }
}

/// What leads from version `base` of the presence to what it is now: the version, and the frame that tells it. From 0, which
/// is nothing, it is a snapshot.
pub fn presence_after(room: &Room, base: u64) -> (u64, Vec<u8>) {
    difference(room, base).filter(|_| base > 0).unwrap_or_else(|| snapshot(room))
}

fn difference(room: &Room, base: u64) -> Option<(u64, Vec<u8>)> {
    let (difference, to, count) = room.presence_since(base)?;
    Some((to, reply::presence_difference(&difference, base, to, count)))
}

fn snapshot(room: &Room) -> (u64, Vec<u8>) {
    let presence = room.presence();
    (presence.version, reply::presence(&presence))
}
