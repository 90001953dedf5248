//! The room's log: append-only, bounded by count, age and bytes.
//!
//! A client is a cursor into it: the offset of the last event it has. Everything a transport does is
//! "what comes after my cursor?", so a slow client costs nothing here.

use std::collections::VecDeque;
use std::time::Duration;

use crate::position::{Epoch, Position};

/// How much of a room's past is kept. An event goes as soon as it is outside any of the three bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Events.
    pub count: usize,
    /// Time since the event.
    pub age: Duration,
    /// Encoded bytes. Keeps a room of long messages from holding `count` times the largest message.
    pub bytes: usize,
}

/// What a log keeps: one event, encoded once.
pub trait Entry {
    /// What it takes to keep it, in bytes, counted against [`Window::bytes`].
    fn weight(&self) -> usize;
    /// When it came, in microseconds by a clock that never jumps, counted against [`Window::age`]: the time of day may be set
    /// while the log lives.
    fn up(&self) -> u64;
}

/// Where a client starts to read, as decided by [`Log::start`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The cursor: reading goes on with the event after this offset.
    pub offset: u64,
    /// `None` for a fresh join; `Some(true)` only if the epoch matches and nothing is missing.
    pub recovered: Option<bool>,
    /// Events that are gone for this client, where their number can be known (same epoch).
    pub missed: u64,
}

/// An append-only log in one epoch. Offsets count from 1.
#[derive(Debug)]
pub struct Log<E> {
    epoch: Epoch,
    window: Window,
    /// Offset of `entries[0]`; one past the head if the log is empty.
    oldest: u64,
    entries: VecDeque<E>,
    bytes: usize,
}

impl<E: Entry> Log<E> {
    /// An empty log in a new epoch.
    pub fn new(epoch: Epoch, window: Window) -> Self {
        Log::begin(epoch, 0, window)
    }

    /// A log whose events up to `head` are not kept.
    pub fn begin(epoch: Epoch, head: u64, window: Window) -> Self {
        Log { epoch, window, oldest: head + 1, entries: VecDeque::new(), bytes: 0 }
    }

    /// The life of the log that offsets are counted in.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Offset of the newest event ever appended, 0 if there was none.
    pub fn head(&self) -> u64 {
        self.oldest + self.entries.len() as u64 - 1
    }

    /// Offset of the oldest event kept; one past the head if none is.
    pub fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Position of the head.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, offset: self.head() }
    }

    /// Appends one event and gives its offset. Events that fall out of the window by count or bytes are handed to `dropped`;
    /// but an event after `delivered` does not go for the count alone, since those who keep up would miss it.
    pub fn append(&mut self, entry: E, delivered: u64, dropped: impl FnMut(&E)) -> u64 {
        self.bytes += entry.weight();
        if self.entries.len() == self.entries.capacity() {
            // By a quarter rather than twice: what is never filled would be paid for in every room.
            self.entries.reserve_exact((self.entries.len() / 4).max(4));
        }
        self.entries.push_back(entry);
        self.trim_to_size(delivered, dropped);
        self.head()
    }

    /// Changes an event that is still kept, which may change its weight: counted, but nothing goes for it before the
    /// next event is appended.
    pub fn amend(&mut self, offset: u64, change: impl FnOnce(&mut E)) {
        let index = offset.checked_sub(self.oldest).map(|index| index as usize);
        if let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) {
            self.bytes -= entry.weight();
            change(entry);
            self.bytes += entry.weight();
        }
    }

    /// Drops the events that are older than the window at `now`, by the clock of [`Entry::up`].
    pub fn expire(&mut self, now: u64, mut dropped: impl FnMut(&E)) {
        let horizon = now.saturating_sub(self.window.age.as_micros() as u64);
        while self.entries.front().is_some_and(|entry| entry.up() < horizon) {
            self.drop_oldest(&mut dropped);
        }
        self.fit();
    }

    /// Drops the oldest event, inside the window or not, as there is no room for it. False if there is none.
    pub fn shed(&mut self, mut dropped: impl FnMut(&E)) -> bool {
        let any = !self.entries.is_empty();
        self.drop_oldest(&mut dropped);
        self.fit();
        any
    }

    /// When the oldest event that is kept was.
    pub fn oldest_at(&self) -> Option<u64> {
        self.entries.front().map(Entry::up)
    }

    /// Events that are kept.
    pub fn kept(&self) -> usize {
        self.entries.len()
    }

    /// What those weigh.
    pub fn weight(&self) -> usize {
        self.bytes
    }

    /// After a busy time the room that it took goes back.
    fn fit(&mut self) {
        if self.entries.capacity() > 4 * self.entries.len() + 16 {
            self.entries.shrink_to(2 * self.entries.len());
        }
    }

    /// The events after `offset`, oldest first. If some of them are gone it starts at the oldest kept:
    /// compare with [`Log::oldest`] first, so that a gap is never silent.
    pub fn after(&self, offset: u64) -> impl Iterator<Item = &E> {
        let skip = (offset + 1).saturating_sub(self.oldest).min(self.entries.len() as u64);
        self.entries.range(skip as usize..)
    }

    /// Where a client starts that has seen everything up to `after`; without it, a newcomer, who is shown the last
    /// `history` events.
    pub fn start(&self, after: Option<Position>, history: u64) -> Start {
        let before_oldest = self.oldest - 1;
        match after {
            None => Start {
                offset: self.head().saturating_sub(history).max(before_oldest),
                recovered: None,
                missed: 0,
            },
            // An offset past the head was never given out in this epoch, so it is as foreign as another epoch.
            Some(p) if p.epoch != self.epoch || p.offset > self.head() => {
                Start { offset: before_oldest, recovered: Some(false), missed: 0 }
            }
            Some(p) if p.offset < before_oldest => Start {
                offset: before_oldest,
                recovered: Some(false),
                missed: before_oldest - p.offset,
            },
            Some(p) => Start { offset: p.offset, recovered: Some(true), missed: 0 },
        }
    }

    fn trim_to_size(&mut self, delivered: u64, mut dropped: impl FnMut(&E)) {
        // The newest event always stays: a window smaller than one event would lose it for everyone.
        while self.entries.len() > 1 {
            let too_many = self.entries.len() > self.window.count && self.oldest <= delivered;
            if !too_many && self.bytes <= self.window.bytes {
                return;
            }
            self.drop_oldest(&mut dropped);
        }
    }

    fn drop_oldest(&mut self, dropped: &mut impl FnMut(&E)) {
        if let Some(entry) = self.entries.pop_front() {
            self.oldest += 1;
            self.bytes -= entry.weight();
            dropped(&entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Said {
        text: &'static str,
        at: u64,
    }

    impl Entry for Said {
        fn weight(&self) -> usize {
            self.text.len()
        }
        fn up(&self) -> u64 {
            self.at
        }
    }

    fn log(count: usize, bytes: usize) -> Log<Said> {
        Log::new(Epoch::new(7), Window { count, age: Duration::from_secs(60), bytes })
    }

    fn fill(log: &mut Log<Said>, n: u64) {
        for at in 1..=n {
            log.append(Said { text: "hello", at: at * 1_000_000 }, u64::MAX, |_| {});
        }
    }

    fn at(log: &Log<Said>, offset: u64) -> Option<Position> {
        Some(Position { epoch: log.epoch(), offset })
    }

    #[test]
    fn offsets_count_from_one() {
        let mut log = log(10, 1000);
        assert_eq!((log.head(), log.oldest()), (0, 1));
        assert_eq!(log.append(Said { text: "a", at: 1 }, 0, |_| {}), 1);
        assert_eq!(log.append(Said { text: "b", at: 2 }, 0, |_| {}), 2);
        assert_eq!(log.after(0).map(|e| e.text).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(log.after(1).map(|e| e.text).collect::<Vec<_>>(), ["b"]);
        assert_eq!(log.after(2).count(), 0);
        assert_eq!(log.after(99).count(), 0);
    }

    #[test]
    fn the_window_bounds_the_log_by_count() {
        let mut log = log(3, 1000);
        fill(&mut log, 5);
        assert_eq!((log.oldest(), log.head()), (3, 5));
        assert_eq!(log.after(0).count(), 3);
    }

    #[test]
    fn what_is_not_delivered_yet_does_not_go_for_the_count_alone() {
        let mut log = log(3, 30);
        for delivered in [0, 0, 0, 0, 2] {
            log.append(Said { text: "hello", at: 1 }, delivered, |_| {});
        }
        assert_eq!((log.oldest(), log.head()), (3, 5), "the two that were delivered went");
        for _ in 0..3 {
            log.append(Said { text: "hello", at: 1 }, 2, |_| {});
        }
        assert_eq!((log.oldest(), log.head()), (3, 8), "the others stay");
        log.append(Said { text: "hello", at: 1 }, 2, |_| {});
        assert_eq!((log.oldest(), log.head()), (4, 9), "but never beyond the bound in bytes");
    }

    #[test]
    fn the_window_bounds_the_log_by_bytes_but_keeps_the_newest() {
        let mut log = log(100, 12);
        fill(&mut log, 5);
        assert_eq!((log.oldest(), log.head()), (4, 5));
        log.append(Said { text: "longer than the whole window", at: 9 }, 0, |_| {});
        assert_eq!((log.oldest(), log.head()), (6, 6));
    }

    #[test]
    fn the_window_bounds_the_log_by_age() {
        let mut log = log(100, 1000);
        fill(&mut log, 5);
        let mut gone = 0;
        log.expire(63_000_000, |_| gone += 1);
        assert_eq!((gone, log.oldest(), log.head()), (2, 3, 5));
        log.expire(1_000_000_000, |_| gone += 1);
        assert_eq!((gone, log.oldest(), log.head()), (5, 6, 5), "offsets go on where they were");
    }

    #[test]
    fn what_there_is_no_room_for_goes_from_the_oldest_on_and_is_missed() {
        let mut log = log(3, 1000);
        fill(&mut log, 3);
        assert_eq!((log.kept(), log.weight()), (3, 15));
        let mut gone = 0;
        assert!(log.shed(|_| gone += 1));
        assert_eq!((gone, log.oldest(), log.head(), log.weight()), (1, 2, 3, 10));
        let missed = Start { offset: 1, recovered: Some(false), missed: 1 };
        assert_eq!(log.start(at(&log, 0), 0), missed);
        assert!(log.shed(|_| gone += 1) && log.shed(|_| gone += 1), "down to the newest");
        assert!(!log.shed(|_| gone += 1), "and then there is none");
        assert_eq!((gone, log.oldest(), log.head(), log.weight()), (3, 4, 3, 0));
        assert_eq!(log.start(at(&log, 1), 0).missed, 2);
        assert_eq!(log.append(Said { text: "a", at: 1 }, 0, |_| {}), 4, "offsets go on");
    }

    #[test]
    fn a_fresh_join_starts_at_the_head_or_shows_the_last_few() {
        let mut log = log(3, 1000);
        fill(&mut log, 5);
        assert_eq!(log.start(None, 0), Start { offset: 5, recovered: None, missed: 0 });
        assert_eq!(log.start(None, 2).offset, 3);
        assert_eq!(log.start(None, 50).offset, 2, "no more than is kept");
    }

    #[test]
    fn a_resume_succeeds_only_in_the_same_epoch_with_nothing_missing() {
        let mut log = log(3, 1000);
        fill(&mut log, 5);
        let yes = |offset| Start { offset, recovered: Some(true), missed: 0 };
        assert_eq!(log.start(at(&log, 5), 0), yes(5));
        assert_eq!(log.start(at(&log, 2), 0), yes(2), "event 3 is still there");
        assert_eq!(
            log.start(at(&log, 1), 0),
            Start { offset: 2, recovered: Some(false), missed: 1 }
        );
        let foreign = Some(Position { epoch: Epoch::new(8), offset: 5 });
        assert_eq!(log.start(foreign, 0), Start { offset: 2, recovered: Some(false), missed: 0 });
        assert_eq!(log.start(at(&log, 6), 0).recovered, Some(false), "the future is no position");
    }

    #[test]
    fn a_client_that_has_seen_nothing_resumes_from_zero() {
        let mut log = log(3, 1000);
        assert_eq!(log.start(at(&log, 0), 0).recovered, Some(true));
        fill(&mut log, 3);
        assert_eq!(
            log.start(at(&log, 0), 0),
            Start { offset: 0, recovered: Some(true), missed: 0 }
        );
    }
}
