//! Whether a room kept its promises: everyone got every message once, all in the same order.
//!
//! The first delivery of a message fixes its place in the room's order; every other member must get the
//! same message at the same place. So a delivery in order costs one comparison, and only a broken promise
//! is looked at more closely.

/// One message of a room: its sender, and how many that sender had sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Which sender of the room.
    pub sender: u32,
    /// How many messages the sender had sent before this one.
    pub sequence: u32,
}

/// Broken promises, counted in deliveries.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Faults {
    /// Deliveries that never came.
    pub lost: u64,
    /// Deliveries that came again.
    pub duplicated: u64,
    /// Deliveries that came at another place than at the room's other members.
    pub reordered: u64,
}

impl Faults {
    /// Whether all is well.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the faults of another room.
    pub fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
    }
}

#[derive(Debug, Default, Clone)]
struct Reader {
    /// The place in the order of the next message.
    at: u64,
    /// Messages before it that have not come.
    missing: Vec<Entry>,
    excused: bool,
}

/// What the members of one room got.
#[derive(Debug)]
pub struct Ledger {
    /// The room's order from place `base` on; what everybody has got is forgotten.
    order: Vec<Entry>,
    base: u64,
    /// Per sender, the sequence after its last message in the order.
    next: Vec<u32>,
    readers: Vec<Reader>,
    faults: Faults,
    trim_at: usize,
}

const TRIM_AT: usize = 1 << 18;

impl Ledger {
    /// A room with this many members and senders.
    pub fn new(members: usize, senders: usize) -> Self {
        Self {
            order: Vec::new(),
            base: 0,
            next: vec![0; senders],
            readers: vec![Reader::default(); members],
            faults: Faults::default(),
            trim_at: TRIM_AT,
        }
    }

    /// `reader` got `entry`.
    pub fn note(&mut self, reader: usize, entry: Entry) {
        let Reader { at, excused, .. } = &mut self.readers[reader];
        if *excused {
            return;
        }
        let place = (*at - self.base) as usize;
        match self.order.get(place) {
            Some(expected) if *expected == entry => *at += 1,
            None if self.next.get(entry.sender as usize) == Some(&entry.sequence) => {
                *at += 1;
                self.enter(entry);
            }
            _ => self.puzzle_out(reader, entry),
        }
    }

    /// Nothing more is expected of `reader`, whatever it gets from now on.
    pub fn excuse(&mut self, reader: usize) {
        self.readers[reader].excused = true;
    }

    /// How many messages stand in the order.
    pub fn len(&self) -> u64 {
        self.base + self.order.len() as u64
    }

    /// Whether nobody got a message yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages `reader` has come past.
    pub fn place(&self, reader: usize) -> u64 {
        self.readers[reader].at
    }

    /// What is wrong now that everything should have come; `sent` is the number of messages of each sender.
    pub fn settle(&self, sent: &[u32]) -> Faults {
        let mut faults = self.faults;
        let all: u64 = sent.iter().map(|&count| u64::from(count)).sum();
        let seen_by_nobody = all.saturating_sub(self.len());
        for reader in self.readers.iter().filter(|reader| !reader.excused) {
            faults.lost += seen_by_nobody + self.len() - reader.at + reader.missing.len() as u64;
        }
        faults
    }

    fn enter(&mut self, entry: Entry) {
        self.order.push(entry);
        self.next[entry.sender as usize] = entry.sequence + 1;
        if self.order.len() >= self.trim_at {
            let reading = self.readers.iter().filter(|reader| !reader.excused);
            let slowest = reading.map(|reader| reader.at).min().unwrap_or(self.base);
            self.order.drain(..(slowest - self.base) as usize);
            self.base = slowest;
            self.trim_at = self.order.len() * 2 + TRIM_AT;
        }
    }

    #[cold]
    fn puzzle_out(&mut self, reader: usize, entry: Entry) {
        if entry.sender as usize >= self.next.len() {
            self.faults.duplicated += 1; // nobody of this room sent it
            return;
        }
        let at = self.readers[reader].at;
        let known = self.order.iter().rposition(|seen| *seen == entry);
        match known.map(|place| self.base + place as u64) {
            Some(place) if place >= at => self.skip_to(reader, place + 1, 1),
            Some(_) => self.come_late(reader, entry),
            None if entry.sequence >= self.next[entry.sender as usize] => {
                self.enter(entry);
                self.skip_to(reader, self.len(), 1);
            }
            None if self.readers[reader].missing.contains(&entry) => self.come_late(reader, entry),
            None if self.is_forgotten(entry) => self.faults.duplicated += 1,
            None => self.insert(reader, entry),
        }
    }

    /// `reader` is at `to` now; what it passed over has not come, but for the last `came`.
    fn skip_to(&mut self, reader: usize, to: u64, came: u64) {
        let Reader { at, missing, .. } = &mut self.readers[reader];
        let passed = (*at - self.base) as usize..(to - came - self.base) as usize;
        missing.extend_from_slice(&self.order[passed]);
        *at = to;
    }

    fn come_late(&mut self, reader: usize, entry: Entry) {
        let missing = &mut self.readers[reader].missing;
        match missing.iter().position(|lacking| *lacking == entry) {
            Some(place) => {
                missing.swap_remove(place);
                self.faults.reordered += 1;
            }
            None => self.faults.duplicated += 1,
        }
    }

    /// Everybody got it so long ago that it is no longer in `order`: a later one of its sender is the first
    /// that is.
    fn is_forgotten(&self, entry: Entry) -> bool {
        let first = self.order.iter().find(|seen| seen.sender == entry.sender);
        let first = first.map_or(self.next[entry.sender as usize], |seen| seen.sequence);
        self.base > 0 && entry.sequence < first
    }

    /// Those who were here first lack `entry`: it belongs before what they got instead.
    fn insert(&mut self, reader: usize, entry: Entry) {
        let place = self.readers[reader].at;
        self.order.insert((place - self.base) as usize, entry);
        for (number, other) in self.readers.iter_mut().enumerate() {
            if number == reader {
                other.at += 1;
            } else if other.at > place {
                other.at += 1;
                other.missing.push(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u32) -> Entry {
        Entry { sender: 0, sequence }
    }

    fn faults(first: &[u32], second: &[u32], sent: u32) -> Faults {
        let mut ledger = Ledger::new(2, 1);
        for &sequence in first {
            ledger.note(0, entry(sequence));
        }
        for &sequence in second {
            ledger.note(1, entry(sequence));
        }
        ledger.settle(&[sent])
    }

    #[test]
    fn everything_once_and_in_order_is_no_fault() {
        assert!(faults(&[0, 1, 2], &[0, 1, 2], 3).is_none());
        assert!(faults(&[], &[], 0).is_none());
    }

    #[test]
    fn a_delivery_that_never_came_is_lost_whoever_lacks_it() {
        let one = Faults { lost: 1, ..Faults::default() };
        assert_eq!(faults(&[0, 1, 2], &[0, 2], 3), one);
        assert_eq!(faults(&[0, 2], &[0, 1, 2], 3), one);
        assert_eq!(faults(&[0, 1, 2], &[0, 1], 3), one);
        assert_eq!(faults(&[0, 1], &[0, 1, 2], 3), one);
        assert_eq!(faults(&[1, 2], &[0, 1, 2], 3), one);
    }

    #[test]
    fn what_nobody_got_is_lost_for_everybody() {
        assert_eq!(faults(&[0, 2], &[0, 2], 3), Faults { lost: 2, ..Faults::default() });
        assert_eq!(faults(&[0, 1], &[0, 1], 3), Faults { lost: 2, ..Faults::default() });
    }

    #[test]
    fn a_delivery_that_came_again_is_a_duplicate() {
        let one = Faults { duplicated: 1, ..Faults::default() };
        assert_eq!(faults(&[0, 1, 2], &[0, 1, 1, 2], 3), one);
        assert_eq!(faults(&[0, 1, 0, 2], &[0, 1, 2], 3), one);
        assert_eq!(faults(&[0, 1, 2], &[0, 1, 2, 2], 3), one);
    }

    #[test]
    fn two_that_changed_places_are_reordered_and_not_lost() {
        let one = Faults { reordered: 1, ..Faults::default() };
        assert_eq!(faults(&[0, 1, 2], &[0, 2, 1], 3), one);
        assert_eq!(faults(&[0, 2, 1], &[0, 1, 2], 3), one);
    }

    #[test]
    fn of_a_reader_that_is_excused_nothing_is_expected() {
        let mut ledger = Ledger::new(2, 1);
        ledger.note(0, entry(0));
        assert_eq!(ledger.settle(&[1]), Faults { lost: 1, ..Faults::default() });
        ledger.excuse(1);
        ledger.note(1, entry(7));
        assert!(ledger.settle(&[1]).is_none());
    }

    #[test]
    fn members_must_agree_on_the_order_of_different_senders_too() {
        let mut ledger = Ledger::new(2, 2);
        let (a, b) = (Entry { sender: 0, sequence: 0 }, Entry { sender: 1, sequence: 0 });
        ledger.note(0, a);
        ledger.note(0, b);
        ledger.note(1, b);
        ledger.note(1, a);
        assert_eq!(ledger.settle(&[1, 1]), Faults { reordered: 1, ..Faults::default() });
    }

    #[test]
    fn what_everybody_got_is_forgotten_and_still_a_duplicate() {
        let mut ledger = Ledger::new(1, 1);
        let many = TRIM_AT as u32 * 3;
        for sequence in 0..many {
            ledger.note(0, entry(sequence));
        }
        assert!(ledger.order.len() < TRIM_AT * 2);
        assert!(ledger.settle(&[many]).is_none());
        ledger.note(0, entry(0));
        assert_eq!(ledger.settle(&[many]), Faults { duplicated: 1, ..Faults::default() });
    }
}
