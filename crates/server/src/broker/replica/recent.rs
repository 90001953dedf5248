//! The last entries that a node has applied, whole: what an engine loses in a failover, as its replicas are a little behind, a
//! node gives back.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::broker::engine::{Entry, Seen, Snapshot};
use crate::memory::Held;
use crate::room::change::Change;

/// How long an entry may get lost.
pub const KEPT: Duration = Duration::from_secs(60);

/// Entries that are kept for that, of each room.
const MOST: usize = 4096;

/// Their texts in bytes, of each room.
const BYTES: usize = 1024 * 1024;

/// The last entries. They are counted in the budget of memory; if that is used up there are fewer.
pub struct Recent {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    held: Held,
}

/// How a room in the engine compares with what a node has seen of it.
#[derive(Debug)]
pub enum Compared {
    /// All that the node has seen is there, or it is another life of the room, which began without it.
    Whole,
    /// The last ones are not there any more: these.
    Short(Vec<Arc<Entry>>),
    /// Other entries are there in their places, or so many are gone that nobody has them.
    Forked,
}

impl Recent {
    /// None yet.
    pub fn new(held: Held) -> Recent {
        Recent { entries: VecDeque::new(), bytes: 0, held }
    }

    /// This one is applied, at this time by the engine's clock.
    pub fn push(&mut self, entry: Arc<Entry>) {
        self.bytes += size(&entry);
        let now = entry.at;
        self.entries.push_back(entry);
        self.forget(now);
    }

    /// The time is `now`, by the engine's clock, in microseconds.
    pub fn forget(&mut self, now: u64) {
        let old = now.saturating_sub(KEPT.as_micros() as u64);
        while let Some(first) = self.entries.front()
            && (first.at < old
                || self.entries.len() > MOST
                || self.bytes > BYTES
                || self.held.try_resize(self.bytes).is_err())
        {
            self.bytes -= size(first);
            self.entries.pop_front();
        }
        self.held.resize(self.bytes);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the entry with this tag is one of them.
    pub fn has(&self, tag: u64) -> bool {
        self.entries.iter().any(|entry| entry.tag == tag)
    }

    /// Whether another entry was applied in this one's place.
    pub fn contradicts(&self, entry: &Entry) -> bool {
        let first = self.entries.front().map_or(0, |first| first.seq);
        let at = entry.seq.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.entries.get(at)).is_some_and(|applied| applied.tag != entry.tag)
    }

    /// What the engine has of the room, beside what the node has: `before` was the last that it applied.
    pub fn compare(&self, before: Option<Seen>, snapshot: &Snapshot) -> Compared {
        let Some(before) = before.filter(|before| before.epoch == snapshot.seen.epoch) else {
            return Compared::Whole;
        };
        let last = snapshot.seen;
        if before.seq > last.seq {
            let from = self.entries.partition_point(|entry| entry.seq <= last.seq);
            let lost: Vec<_> = self.entries.iter().skip(from).cloned().collect();
            let follow = lost
                .first()
                .is_some_and(|first| (first.seq, first.after) == (last.seq + 1, last.tag));
            return if follow { Compared::Short(lost) } else { Compared::Forked };
        }
        match snapshot.entries.iter().find(|entry| entry.seq == before.seq) {
            Some(entry) if entry.tag != before.tag => Compared::Forked,
            // Before the oldest that is kept.
            Some(_) | None => Compared::Whole,
        }
    }

    /// The messages that are not in a life of the room that goes on from the one of these entries: those behind the last entry
    /// that is. A life that does not know that one was begun anew: all was forgotten, which is taken for meant.
    pub fn missing(&self, before: Option<Seen>, snapshot: &Snapshot) -> Vec<Arc<Entry>> {
        if !before.is_some_and(|before| snapshot.former.contains(&before.epoch)) {
            return Vec::new();
        }
        let there: HashSet<u64> = snapshot.entries.iter().map(|entry| entry.tag).collect();
        let is_there = |entry: &Arc<Entry>| there.contains(&entry.tag);
        let behind = match self.entries.iter().rposition(is_there) {
            Some(common) => common + 1,
            None if snapshot.entries.first().is_none_or(|first| first.seq == 1) => 0,
            // So much was said since that nobody can tell.
            None => self.entries.len(),
        };
        let lost = self.entries.iter().skip(behind);
        lost.filter(|entry| matches!(entry.change, Change::Said { .. })).cloned().collect()
    }

    /// The room is that of `snapshot` now.
    pub fn restart(&mut self, snapshot: &Snapshot) {
        self.entries.clear();
        self.bytes = 0;
        snapshot.entries.iter().for_each(|entry| self.push(entry.clone()));
        self.forget(snapshot.now);
    }
}

fn size(entry: &Entry) -> usize {
    let texts = match &entry.change {
        Change::Said { id, name, content, .. } => {
            id.as_ref().map_or(0, |id| id.len()) + name.len() + content.len()
        }
        Change::Plain(text) => text.len(),
        Change::Joined { name, .. } => 2 * name.shown.len(),
        Change::Left { name, .. } => name.len(),
        Change::Document { text, .. } => text.len(),
        Change::TakenOver { .. }
        | Change::Lost { .. }
        | Change::Typing { .. }
        | Change::Heard { .. } => 0,
    };
    size_of::<Entry>() + texts
}
