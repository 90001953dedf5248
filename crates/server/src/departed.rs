//! Sessions that left for good: their tokens prove nothing any more.
//!
//! Tokens are sealed and not stored, so what is stored is which of them are over: the last ones, in a bounded list. Session
//! identifiers are random and given by the server, so nobody can choose which is forgotten but by leaving often.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hamhame_core::id::Id;

/// The most sessions that are remembered: some 1.5 MB.
pub const MOST: usize = 65_536;

/// What one of them takes in a list and a table, in bytes, with room to grow.
const BYTES: u64 = 32;

/// The share of the budget of memory that they may take: one part of so many.
const SHARE: u64 = 64;

/// The sessions that left for good last.
#[derive(Debug)]
pub struct Departed {
    most: usize,
    sessions: Mutex<Sessions>,
}

#[derive(Debug, Default)]
struct Sessions {
    known: HashSet<Id>,
    order: VecDeque<Id>,
}

impl Departed {
    /// Nobody yet, within a budget of so many bytes.
    pub fn new(budget: u64) -> Departed {
        let most = (budget / SHARE / BYTES).clamp(1, MOST as u64) as usize;
        Departed { most, sessions: Mutex::default() }
    }

    /// This session has left for good.
    pub fn add(&self, session: Id) {
        let mut sessions = self.lock();
        if !sessions.known.insert(session) {
            return;
        }
        sessions.order.push_back(session);
        if sessions.order.len() > self.most
            && let Some(oldest) = sessions.order.pop_front()
        {
            sessions.known.remove(&oldest);
        }
    }

    /// Whether this session has left for good.
    pub fn knows(&self, session: Id) -> bool {
        self.lock().known.contains(&session)
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_known_and_no_more() {
        let departed = Departed::new(3 * BYTES * SHARE);
        for session in [1, 2, 2, 3] {
            departed.add(Id::new(session));
        }
        assert!((1..=3).all(|session| departed.knows(Id::new(session))));
        departed.add(Id::new(4));
        let known: Vec<u64> = (0..9).filter(|id| departed.knows(Id::new(*id))).collect();
        assert_eq!(known, [2, 3, 4]);
    }

    #[test]
    fn their_number_is_bounded_by_the_budget_too() {
        assert_eq!(Departed::new(u64::MAX).most, MOST);
        assert_eq!(Departed::new(1 << 20).most, 512);
        assert_eq!(Departed::new(0).most, 1);
    }
}
