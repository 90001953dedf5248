//! Who is in a room: the roster in order of joining, with a version, and the differences between versions.
//!
//! Presence is a versioned snapshot, never a queue: a client that is behind gets the difference if it can still be told,
//! else the whole list. Most rooms are small and there may be very many, so a member takes one row and one name here,
//! and tables to find it by come only with numbers that are worth them.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::id::Id;

/// Changes that a difference may span. A client further behind gets a snapshot.
const JOURNAL: u64 = 512;

/// Members up to which one is found by looking at each: a few cache lines, and no tables in small rooms.
const SMALL: usize = 32;

/// One member as everyone may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// The public identifier.
    pub member: Id,
    /// The display name.
    pub name: Arc<str>,
}

/// What changed between two versions, with comings and goings that cancel out left away.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Those who came, in order.
    pub joined: Vec<Present>,
    /// Those who went.
    pub left: Vec<Id>,
}

#[derive(Debug)]
struct Row<S> {
    present: Present,
    /// The hash of what the name is compared by; 0 for a name that is nobody's.
    key: u64,
    seat: S,
}

/// A row with the version at which its member joined. It stays, empty, for a while after the member has left: so the rows
/// are in order of joining, and leaving moves none.
#[derive(Debug)]
struct Slot<S> {
    joined: u64,
    row: Option<Row<S>>,
}

/// What a difference needs to know of one who is no longer in a row.
#[derive(Debug)]
struct Departure {
    version: u64,
    joined: u64,
    member: Id,
}

/// Where the rows of a large room are: the versions at which their members joined.
#[derive(Debug, Default)]
struct Index {
    by_member: HashMap<Id, u64>,
    by_key: HashMap<u64, u64>,
}

/// The members of a room in order of joining, and what the room knows of each beside: `S`.
#[derive(Debug)]
pub struct Roster<S> {
    /// Counts changes; the roster of version 0 is empty.
    version: u64,
    slots: Vec<Slot<S>>,
    count: usize,
    departures: VecDeque<Departure>,
    index: Option<Box<Index>>,
    /// Keyed at random, so that nobody can make two names that are taken for the same.
    hasher: RandomState,
}

impl<S> Default for Roster<S> {
    fn default() -> Self {
        Roster {
            version: 0,
            slots: Vec::new(),
            count: 0,
            departures: VecDeque::new(),
            index: None,
            hasher: RandomState::new(),
        }
    }
}

impl<S> Roster<S> {
    /// Nobody, at this version: who joins makes the next.
    pub fn at_version(version: u64) -> Roster<S> {
        Roster { version, ..Roster::default() }
    }

    /// Counts every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Members present.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Everyone, in order of joining.
    pub fn iter(&self) -> impl Iterator<Item = &Present> {
        self.rows().map(|(_, row)| &row.present)
    }

    /// Up to `limit` members that joined after version `after`, in order of joining, and the `after` for those behind them
    /// if there are any.
    pub fn page(&self, after: u64, limit: usize) -> (Vec<Present>, Option<u64>) {
        let first = self.slots.partition_point(|slot| slot.joined <= after);
        let rows =
            self.slots[first..].iter().filter_map(|slot| Some((slot.joined, slot.row.as_ref()?)));
        let mut rows = rows.peekable();
        let mut page = Vec::new();
        let mut last = after;
        while page.len() < limit
            && let Some((joined, row)) = rows.next()
        {
            page.push(row.present.clone());
            last = joined;
        }
        (page, rows.peek().map(|_| last))
    }

    /// What the room knows of everyone, in order of joining.
    pub fn seats(&self) -> impl Iterator<Item = (Id, &S)> {
        self.rows().map(|(_, row)| (row.present.member, &row.seat))
    }

    /// What the room knows of this member; `None` if it is not here.
    pub fn seat(&self, member: Id) -> Option<&S> {
        self.slots[self.find(member)?].row.as_ref().map(|row| &row.seat)
    }

    /// The same, to change it.
    pub fn seat_mut(&mut self, member: Id) -> Option<&mut S> {
        let at = self.find(member)?;
        self.slots[at].row.as_mut().map(|row| &mut row.seat)
    }

    /// The display name of this member; `None` if it is not here.
    pub fn name(&self, member: Id) -> Option<&Arc<str>> {
        self.slots[self.find(member)?].row.as_ref().map(|row| &row.present.name)
    }

    /// Who holds the name with this key. Names without a key of their own (`anonymous`) are nobody's.
    pub fn holder(&self, key: &str) -> Option<Id> {
        let key = self.hash(key);
        let row = match &self.index {
            Some(index) => self.row_of(*index.by_key.get(&key)?)?,
            None => self.rows().map(|(_, row)| row).find(|row| row.key == key)?,
        };
        Some(row.present.member)
    }

    /// Adds a member. `key` is `None` for a name that is nobody's. The caller has seen to it that the name is free and that
    /// the member is not here.
    pub fn join(&mut self, member: Id, name: Arc<str>, key: Option<&str>, seat: S) {
        self.version += 1;
        let key = key.map_or(0, |key| self.hash(key));
        if let Some(index) = &mut self.index {
            index.note(member, key, self.version);
        }
        if self.slots.len() == self.slots.capacity() {
            // By a quarter rather than twice: what is never filled would be paid for in every room.
            self.slots.reserve_exact((self.slots.len() / 4).max(2));
        }
        let row = Row { present: Present { member, name }, key, seat };
        self.slots.push(Slot { joined: self.version, row: Some(row) });
        self.count += 1;
        if self.count > SMALL && self.index.is_none() {
            self.index = Some(Box::new(self.indexed()));
        }
    }

    /// Removes a member and gives its name; `None` if it was not here.
    pub fn leave(&mut self, member: Id) -> Option<Arc<str>> {
        let at = self.find(member)?;
        let joined = self.slots[at].joined;
        let row = self.slots[at].row.take()?;
        self.count -= 1;
        self.version += 1;
        if let Some(index) = &mut self.index {
            index.forget(member, row.key, joined);
        }
        self.note(Departure { version: self.version, joined, member });
        self.tidy();
        Some(row.present.name)
    }

    /// What changed since `base`; `None` if that is too long ago to tell.
    pub fn since(&self, base: u64) -> Option<Difference> {
        if self.version.checked_sub(base)? > JOURNAL {
            return None;
        }
        let first = self.slots.partition_point(|slot| slot.joined <= base);
        let rows = self.slots[first..].iter().filter_map(|slot| slot.row.as_ref());
        let departed = self.departures.partition_point(|departure| departure.version <= base);
        // Who came after `base` and is gone again is in no row, and nobody to tell of.
        let left = self.departures.range(departed..).filter(|gone| gone.joined <= base);
        Some(Difference {
            joined: rows.map(|row| row.present.clone()).collect(),
            left: left.map(|gone| gone.member).collect(),
        })
    }

    fn rows(&self) -> impl Iterator<Item = (u64, &Row<S>)> {
        self.slots.iter().filter_map(|slot| Some((slot.joined, slot.row.as_ref()?)))
    }

    fn find(&self, member: Id) -> Option<usize> {
        match &self.index {
            Some(index) => self.slot_of(*index.by_member.get(&member)?),
            None => self
                .slots
                .iter()
                .position(|slot| slot.row.as_ref().is_some_and(|row| row.present.member == member)),
        }
    }

    fn slot_of(&self, joined: u64) -> Option<usize> {
        self.slots.binary_search_by_key(&joined, |slot| slot.joined).ok()
    }

    fn row_of(&self, joined: u64) -> Option<&Row<S>> {
        self.slots[self.slot_of(joined)?].row.as_ref()
    }

    /// Never 0, which stands for no key.
    fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key).max(1)
    }

    fn indexed(&self) -> Index {
        let mut index = Index::default();
        for (joined, row) in self.rows() {
            index.note(row.present.member, row.key, joined);
        }
        index
    }

    fn note(&mut self, departure: Departure) {
        let reach = self.version.saturating_sub(JOURNAL);
        while self.departures.front().is_some_and(|gone| gone.version <= reach) {
            self.departures.pop_front();
        }
        self.departures.push_back(departure);
    }

    /// Closes the gaps when they are as many as the members, so each is paid for once; a room that has become small gives
    /// back what it took as a large one.
    fn tidy(&mut self) {
        if self.slots.len() < 2 * self.count + 8 {
            return;
        }
        self.slots.retain(|slot| slot.row.is_some());
        self.slots.shrink_to(self.count + 2);
        if self.count <= SMALL / 2 {
            self.index = None;
        }
    }
}

impl Index {
    fn note(&mut self, member: Id, key: u64, joined: u64) {
        self.by_member.insert(member, joined);
        if key != 0 {
            self.by_key.insert(key, joined);
        }
    }

    fn forget(&mut self, member: Id, key: u64, joined: u64) {
        self.by_member.remove(&member);
        if self.by_key.get(&key) == Some(&joined) {
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
#[path = "presence_tests.rs"]
mod tests;
