//! A shard's heartbeats: every open link, by the beat at which it gets its heartbeat.

use std::array;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::delivery::link::Link;

/// Beats per heartbeat.
pub const BEATS: usize = 10;

/// The open links of one thread.
pub struct Heartbeats {
    /// By beat, so that the first heartbeat comes at a random phase.
    beats: [RefCell<HashMap<u64, Rc<Link>>>; BEATS],
    next: Cell<u64>,
}

impl Default for Heartbeats {
    fn default() -> Heartbeats {
        Heartbeats { beats: array::from_fn(|_| RefCell::default()), next: Cell::new(0) }
    }
}

impl Heartbeats {
    /// Enters a link, and gives the number it has here.
    pub fn enter(&self, link: Rc<Link>) -> u64 {
        let serial = self.next.get();
        self.next.set(serial + 1);
        // Consecutive connections land on different beats; which beat is next is as random as the time of arrival.
        self.beat_of(serial).borrow_mut().insert(serial, link);
        serial
    }

    /// Strikes out the link with this number.
    pub fn strike(&self, serial: u64) {
        self.beat_of(serial).borrow_mut().remove(&serial);
    }

    /// The link with this number.
    pub fn link(&self, serial: u64) -> Option<Rc<Link>> {
        self.beat_of(serial).borrow().get(&serial).cloned()
    }

    /// The links of one beat.
    pub fn at(&self, beat: usize) -> Vec<Rc<Link>> {
        self.beats[beat].borrow().values().cloned().collect()
    }

    /// All links.
    pub fn all(&self) -> Vec<Rc<Link>> {
        (0..BEATS).flat_map(|beat| self.at(beat)).collect()
    }

    fn beat_of(&self, serial: u64) -> &RefCell<HashMap<u64, Rc<Link>>> {
        &self.beats[serial as usize % BEATS]
    }
}
