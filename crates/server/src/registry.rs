//! All rooms of this process, by the key of their name.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hamhame_core::log::Window;
use hamhame_core::name::RoomName;
use hamhame_core::position::Epoch;

use crate::inbox::Inboxes;
use crate::room::Room;

/// Finds, makes and gives up rooms.
pub struct Registry {
    rooms: Mutex<HashMap<Box<str>, Arc<Room>>>,
    serial: AtomicU64,
    max_rooms: usize,
    window: Window,
    inboxes: Arc<Inboxes>,
}

/// There are as many rooms as there may be.
#[derive(Debug, PartialEq, Eq)]
pub struct TooManyRooms;

impl Registry {
    /// An empty registry whose rooms keep `window` and wake `inboxes`.
    pub fn new(max_rooms: usize, window: Window, inboxes: Arc<Inboxes>) -> Registry {
        let serial = AtomicU64::new(1);
        Registry { rooms: Mutex::default(), serial, max_rooms, window, inboxes }
    }

    /// The room of this name; makes it if there is none.
    ///
    /// # Errors
    /// At the bound, unless a room can be given up in which nobody is and nobody ever said anything.
    pub fn find_or_make(&self, name: &RoomName, now: u64) -> Result<Arc<Room>, TooManyRooms> {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get(name.key()) {
            return Ok(room.clone());
        }
        if rooms.len() >= self.max_rooms && !give_up_one(&mut rooms) {
            return Err(TooManyRooms);
        }
        let room = Arc::new(self.make(name.clone(), now));
        rooms.insert(name.key().into(), room.clone());
        Ok(room)
    }

    /// The room of this name, if there is one.
    pub fn find(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.lock().get(name.key()).cloned()
    }

    /// A room outside the registry, which nobody finds by name: the tutorial rooms of the seeds.
    pub fn make(&self, name: RoomName, now: u64) -> Room {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        Room::new(
            name,
            serial,
            Epoch::new(crate::token::random_id()),
            self.window,
            self.inboxes.clone(),
            now,
        )
    }

    /// Sweeps every room, and gives up those that nobody is in and nothing is left of.
    pub fn sweep(&self, now: u64) {
        // The rooms are swept without the registry's lock, so that joining does not wait for it.
        let rooms: Vec<Arc<Room>> = self.lock().values().cloned().collect();
        for room in rooms {
            if room.sweep(now) {
                let mut rooms = self.lock();
                if room.give_up() {
                    rooms.remove(room.name().key());
                }
            }
        }
    }

    /// Nothing more is said anywhere.
    pub fn close(&self) {
        for room in self.lock().values() {
            room.close();
        }
    }

    /// Rooms there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Members in all rooms.
    pub fn member_count(&self) -> usize {
        self.lock().values().map(|room| room.member_count()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn give_up_one(rooms: &mut HashMap<Box<str>, Arc<Room>>) -> bool {
    let oldest = rooms
        .values()
        .filter_map(|room| Some((room.disposable_since()?, room.clone())))
        .min_by_key(|(since, _)| *since);
    match oldest {
        Some((_, room)) if room.give_up() => rooms.remove(room.name().key()).is_some(),
        _ => false,
    }
}
