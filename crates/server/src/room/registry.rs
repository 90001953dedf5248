//! All rooms of this process, by the key of their name.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hamhame_core::name::RoomName;
use hamhame_core::position::Epoch;

use crate::clock::{self, Moment};
use crate::net::admission::Client;
use crate::room::{Opener, Room, Shared};

/// Rooms that one step of a [sweep](Registry::sweep) looks at.
const STEP: usize = 32;

/// Finds, makes and gives up rooms.
pub struct Registry {
    rooms: Mutex<Rooms>,
    serial: AtomicU64,
    max_rooms: usize,
    shared: Arc<Shared>,
}

type Rooms = HashMap<Box<str>, Arc<Room>>;

/// Why there cannot be another room.
#[derive(Debug, PartialEq, Eq)]
pub enum TooManyRooms {
    /// There are as many as there may be, and somebody is in each.
    Here,
    /// The client's address has opened so many that are still there.
    FromThere(u32),
}

impl fmt::Display for TooManyRooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TooManyRooms::Here => f.write_str(
                "the server has as many rooms as it may, and somebody is in each of them; join one that is there or come back later",
            ),
            TooManyRooms::FromThere(most) => write!(
                f,
                "your address has opened as many rooms as it may ({most}); join one that is there or come back later"
            ),
        }
    }
}

impl Registry {
    /// An empty registry.
    pub fn new(max_rooms: u32, shared: Shared) -> Registry {
        Registry {
            rooms: Mutex::default(),
            serial: AtomicU64::new(1),
            max_rooms: max_rooms as usize,
            shared: Arc::new(shared),
        }
    }

    /// What all rooms share.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The room of this name; makes it if there is none, as one of those that `client` opened, if that is to be counted.
    ///
    /// At the bound the room that nobody has been in for the longest time gives way, whatever was said in it.
    ///
    /// # Errors
    /// If the client has opened as many as it may; at the bound, if somebody is in each room.
    pub fn find_or_make(
        &self,
        name: &RoomName,
        client: Option<&Arc<Client>>,
    ) -> Result<Arc<Room>, TooManyRooms> {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get(name.key()) {
            return Ok(room.clone());
        }
        let founded = client.map(Client::found).transpose().map_err(TooManyRooms::FromThere)?;
        if rooms.len() >= self.max_rooms && !self.give_up_one(&mut rooms) {
            return Err(TooManyRooms::Here);
        }
        let room = self.make(name.clone(), Opener::Client(founded));
        rooms.insert(name.key().into(), room.clone());
        Ok(room)
    }

    /// The room of this name, if there is one.
    pub fn find(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.lock().get(name.key()).cloned()
    }

    /// A room that is not in the registry yet, or never will be.
    pub fn make(&self, name: RoomName, opener: Opener) -> Arc<Room> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let epoch = Epoch::new(crate::token::random_id());
        Room::new(name, serial, epoch, self.shared.clone(), opener)
    }

    /// Does what is due in a few rooms: has `expire` take out those whose time is over, drops what is too old, and gives up the
    /// rooms that nobody is in and nothing is left of. True if there may be more to do.
    pub fn sweep(&self, expire: impl Fn(&Arc<Room>, Moment)) -> bool {
        for _ in 0..STEP {
            let Some(room) = self.shared.next_due() else {
                self.shared.relieve();
                return false;
            };
            let now = clock::now();
            expire(&room, now);
            if room.sweep(now) {
                self.give_up(&mut self.lock(), &room);
            }
        }
        true
    }

    /// All rooms, as they are to be closed.
    pub fn all(&self) -> Vec<Arc<Room>> {
        self.lock().values().cloned().collect()
    }

    /// Rooms there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn give_up_one(&self, rooms: &mut Rooms) -> bool {
        // One that cannot be given up was entered just now, and is no more among the empty ones.
        while let Some(room) = self.shared.longest_empty() {
            if self.give_up(rooms, &room) {
                return true;
            }
        }
        false
    }

    fn give_up(&self, rooms: &mut Rooms, room: &Arc<Room>) -> bool {
        room.give_up() && rooms.remove(room.name().key()).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
