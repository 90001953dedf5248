//! Step 6 of a message's way: from the log to the sockets of one shard.
//!
//! A shard is one thread with one current_thread runtime, and everything here is its own. An append wakes the shard once
//! per room; its flusher then writes, for each member, everything between cursor and head in one `write`. Members at the
//! same cursor share one batch: nothing is encoded, copied or allocated per delivery. It runs after the readers that are
//! ready already, and that is what makes the batches.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hamhame_core::position::Epoch;
use tokio::time::Instant;

use crate::delivery::gap;
use crate::delivery::heartbeats::{BEATS, Heartbeats};
use crate::delivery::link::{ELSEWHERE, Link};
use crate::delivery::states::{STATES_EVERY, States};
use crate::metrics::Traffic;
use crate::room::Room;
use crate::room::tail::Batch;
use crate::server::Server;

/// Members that are written to before other tasks get their turn.
const TURN: usize = 128;

/// Batches that one member gets in one turn; a member that is far behind catches up over several.
const BATCHES: usize = 4;

/// Links that are fetched into the cache together: few enough that they are still there when their turn comes.
const GROUP: usize = 8;

/// A room as one shard has it: its members here.
struct LocalRoom {
    room: Arc<Room>,
    links: RefCell<Vec<Rc<Link>>>,
    /// The epoch that the links' cursors are in.
    epoch: Cell<Epoch>,
    /// Some of them may be in another one yet.
    elsewhere: Cell<bool>,
    /// When states were told last, and at which versions.
    told: Cell<Option<Instant>>,
    versions: Cell<(u64, u64)>,
    /// Somebody was stuck when the others were told.
    behind: Cell<bool>,
    timer: Cell<bool>,
    /// A pass over its members is under way, and must be followed by another.
    in_pass: Cell<bool>,
    again: Cell<bool>,
}

/// One round over the members of a room, which may take several turns.
struct Pass {
    local: Rc<LocalRoom>,
    states: Option<States>,
    /// What there was when it began. What comes after it has a pass of its own.
    head: u64,
    /// What everybody who keeps up will have got.
    delivered: u64,
    /// Members done.
    done: usize,
}

/// One thread's rooms and connections.
pub struct Shard {
    server: Arc<Server>,
    index: usize,
    rooms: RefCell<HashMap<u64, Rc<LocalRoom>>>,
    heartbeats: Heartbeats,
}

/// Keeps a link in the shard's heartbeats; dropping it strikes it out.
pub struct Registered {
    shard: Rc<Shard>,
    serial: u64,
}

/// Keeps a link among the members that a room's batches are written to; dropping it takes the link out, which the heartbeats
/// know: every idle member has one of these.
pub struct Attached {
    registered: Registered,
    local: Rc<LocalRoom>,
}

/// The batch that members at the same cursor share: one for those who read compressed frames, one for the others.
struct Batches([Batch; 2]);

impl Batches {
    fn new() -> Batches {
        Batches([Batch::default(), Batch::deflated()])
    }

    fn of(&mut self, link: &Link) -> &mut Batch {
        &mut self.0[usize::from(link.is_deflated())]
    }

    fn clear(&mut self) {
        self.0.iter_mut().for_each(Batch::clear);
    }

    /// Gives back the room that an extraordinary event took.
    fn shrink(&mut self) {
        for batch in &mut self.0 {
            if batch.bytes.capacity() > 1 << 20 {
                batch.bytes = Vec::new();
                batch.clear();
            }
        }
    }
}

impl Shard {
    /// A shard without connections.
    pub fn new(server: Arc<Server>, index: usize) -> Rc<Shard> {
        Rc::new(Shard {
            server,
            index,
            rooms: RefCell::default(),
            heartbeats: Heartbeats::default(),
        })
    }

    /// What all shards share.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The shard's own counters.
    pub fn traffic(&self) -> &Arc<Traffic> {
        self.server.metrics.traffic(self.index)
    }

    /// Runs the flusher and the heartbeats, for ever.
    pub async fn run(self: Rc<Self>) {
        tokio::task::spawn_local(self.clone().beat());
        let (mut rooms, mut passes) = (Vec::new(), VecDeque::new());
        let mut batches = Batches::new();
        loop {
            let inbox = &self.server.inboxes[self.index];
            if passes.is_empty() {
                inbox.take(&mut rooms).await;
            } else {
                // Rooms take turns, so that a large one does not make the small ones wait for all its members.
                tokio::task::yield_now().await;
                inbox.swap(&mut rooms);
            }
            passes.extend(rooms.drain(..).filter_map(|room| self.begin(&room)));
            let mut turn = TURN;
            while turn > 0
                && let Some(mut pass) = passes.pop_front()
            {
                if !self.advance(&mut pass, &mut turn, &mut batches) {
                    passes.push_back(pass);
                }
            }
            batches.shrink();
        }
    }

    /// Enters a link in the heartbeats: it gets heartbeats and is told when the server goes.
    pub fn register(self: &Rc<Self>, link: &Rc<Link>) -> Registered {
        let serial = self.heartbeats.enter(link.clone());
        if self.server.is_draining() {
            // Its handshake was under way when the others were told.
            link.signal().shut_down(self.server.options.drain);
        }
        Registered { shard: self.clone(), serial }
    }

    /// Writes what the logs hold to everyone here who can take it. Ends if nothing more is appended.
    pub async fn deliver_all(self: &Rc<Self>) {
        let rooms: Vec<Rc<LocalRoom>> = self.rooms.borrow().values().cloned().collect();
        let mut batches = Batches::new();
        for local in rooms {
            let head = local.room.head();
            let is_behind = |link: &Rc<Link>| link.is_open() && link.cursor.get() < head;
            while local.links.borrow().iter().any(is_behind) {
                match self.begin(&local.room) {
                    Some(mut pass) => {
                        let mut turn = usize::MAX;
                        self.advance(&mut pass, &mut turn, &mut batches);
                    }
                    // The flusher is at it: it goes on meanwhile.
                    None => tokio::task::yield_now().await,
                }
            }
        }
    }

    /// Asks every connection of this shard to end, each with its own time to come back.
    pub fn shut_down(&self, spread: Duration) {
        let links = self.heartbeats.all();
        let step = spread / links.len().max(1) as u32;
        for (at, link) in links.iter().enumerate() {
            link.signal().shut_down(Duration::from_millis(250) + step * at as u32);
        }
    }

    fn local(&self, room: &Arc<Room>) -> Rc<LocalRoom> {
        self.rooms
            .borrow_mut()
            .entry(room.serial())
            .or_insert_with(|| {
                Rc::new(LocalRoom {
                    room: room.clone(),
                    epoch: Cell::new(room.epoch()),
                    elsewhere: Cell::new(false),
                    links: RefCell::default(),
                    told: Cell::new(None),
                    versions: Cell::new((0, 0)),
                    behind: Cell::new(false),
                    timer: Cell::new(false),
                    in_pass: Cell::new(false),
                    again: Cell::new(false),
                })
            })
            .clone()
    }

    /// Begins to write what is new in a room. `None` if nobody is here, or a pass is under way: it then looks once more.
    fn begin(self: &Rc<Self>, room: &Arc<Room>) -> Option<Pass> {
        room.dirty().clear(self.index);
        let local = self.rooms.borrow().get(&room.serial()).cloned()?;
        if local.in_pass.replace(true) {
            local.again.set(true);
            return None;
        }
        let epoch = room.epoch();
        if local.epoch.replace(epoch) != epoch {
            local.links.borrow().iter().for_each(|link| link.leave_epoch());
            local.elsewhere.set(true);
            local.versions.set((0, 0));
        }
        let states = self.due_states(&local);
        let head = room.head();
        Some(Pass { states, head, delivered: head, done: 0, local })
    }

    /// Writes to as many members as `turn` has left. True if the pass is over.
    fn advance(&self, pass: &mut Pass, turn: &mut usize, batches: &mut Batches) -> bool {
        // A batch of another room, or of an earlier turn, is none of this one's.
        batches.clear();
        let local = &pass.local;
        let links = local.links.borrow();
        let end = links.len().min(pass.done.saturating_add(*turn));
        let mut events = 0;
        for group in links.get(pass.done..end).unwrap_or_default().chunks(GROUP) {
            prefetch(group);
            if local.elsewhere.get() {
                group.iter().for_each(|link| gap::tell_epoch(&local.room, link));
            }
            for link in group {
                events += deliver(local, pass.head, link, batches.of(link));
                let cursor = link.cursor.get();
                if cursor < pass.head && link.is_open() {
                    local.again.set(true);
                    pass.delivered = pass.delivered.min(cursor);
                }
                if let Some(states) = &pass.states
                    && !states.tell(link)
                {
                    local.behind.set(true);
                }
            }
        }
        self.traffic().delivered(events);
        *turn -= end.saturating_sub(pass.done).clamp(1, *turn);
        pass.done = end;
        if end < links.len() {
            return false;
        }
        local.room.dirty().set_delivered(self.index, pass.delivered);
        if local.elsewhere.get() {
            local.elsewhere.set(links.iter().any(|link| link.cursor.get() == ELSEWHERE));
        }
        local.in_pass.set(false);
        if local.again.take() {
            local.room.dirty().mark_shard(&local.room, self.index);
        }
        true
    }

    /// The states to tell now, if there is anything to tell. If it is too early for it, a timer is set.
    fn due_states(self: &Rc<Self>, local: &Rc<LocalRoom>) -> Option<States> {
        let states = States::of(&local.room);
        if states.versions() == local.versions.get() && !local.behind.get() {
            return None;
        }
        let now = Instant::now();
        let due = local.told.get().map_or(now, |told| told + STATES_EVERY);
        if due <= now {
            local.told.set(Some(now));
            local.versions.set(states.versions());
            local.behind.set(false);
            return Some(states);
        }
        if !local.timer.replace(true) {
            let (shard, local) = (self.clone(), local.clone());
            tokio::task::spawn_local(async move {
                tokio::time::sleep_until(due).await;
                local.timer.set(false);
                local.room.dirty().mark_shard(&local.room, shard.index);
            });
        }
        None
    }

    /// Sends heartbeats, a tenth of the links at a time, and finds the dead and the slow.
    async fn beat(self: Rc<Self>) {
        let mut ticks = tokio::time::interval(self.server.options.heartbeat / BEATS as u32);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for beat in (0..BEATS).cycle() {
            ticks.tick().await;
            let links = self.heartbeats.at(beat);
            for (at, link) in links.iter().enumerate() {
                link.pulse();
                if at % TURN == TURN - 1 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

impl Registered {
    /// Adds the link to the members of `room`, from its cursor in this epoch on.
    pub fn attach(self, room: &Arc<Room>, epoch: Epoch, link: &Rc<Link>) -> Attached {
        let shard = &self.shard;
        let local = shard.local(room);
        let mut links = local.links.borrow_mut();
        link.set_place(room, shard.index);
        link.slot.set(links.len() as u32);
        if links.len() == links.capacity() {
            // By a quarter rather than twice: what is never filled would be paid for in every room.
            let more = (links.len() / 4).max(4);
            links.reserve_exact(more);
        }
        links.push(link.clone());
        if link.cursor.get() != ELSEWHERE && local.epoch.get() != epoch {
            // It was let in just before, or just after, the room's change of epoch.
            link.leave_epoch();
            local.elsewhere.set(true);
        }
        drop(links);
        if link.is_deflated() {
            room.compression().add_member(shard.server.options.compression.least());
        }
        room.dirty().add_member(shard.index, link.cursor.get());
        room.dirty().mark_shard(room, shard.index);
        Attached { registered: self, local }
    }
}

/// Writes to one member what there was at `head`, and what came since, as far as one turn allows. Gives the events written.
fn deliver(local: &LocalRoom, head: u64, link: &Link, batch: &mut Batch) -> u64 {
    let mut events = 0;
    for _ in 0..BATCHES {
        let cursor = link.cursor.get();
        if cursor >= head || !link.is_open() {
            break;
        }
        if batch.from != cursor {
            let Some(missed) = local.room.read(local.epoch.get(), cursor, batch) else { break };
            if missed > 0 {
                gap::tell(&local.room, link, missed, batch.from);
            }
        }
        link.write_batch(batch);
        events += link.cursor.get() - batch.from;
    }
    // A batch takes with it what is held.
    if events == 0 && link.has_held() {
        link.write(&[]);
    }
    events
}

/// Looks at several links before the first of them is written to. A system call leaves little in the cache: met one by
/// one, each link would be waited for; together, their cache misses overlap.
fn prefetch(links: &[Rc<Link>]) {
    std::hint::black_box(links.iter().fold(0, |sum, link| sum ^ link.prefetch()));
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.shard.heartbeats.strike(self.serial);
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let (shard, room) = (&self.registered.shard, &self.local.room);
        let Some(link) = shard.heartbeats.link(self.registered.serial) else { return };
        room.dirty().remove_member(shard.index);
        if link.is_deflated() {
            room.compression().remove_member();
        }
        let mut links = self.local.links.borrow_mut();
        let slot = link.slot.get();
        links.swap_remove(slot as usize);
        if let Some(moved) = links.get(slot as usize) {
            moved.slot.set(slot);
        }
        let empty = links.is_empty();
        drop(links);
        // A flush that is between two turns may have passed the slot into which the last link moved just now.
        room.dirty().mark_shard(room, shard.index);
        if empty {
            shard.rooms.borrow_mut().remove(&room.serial());
        }
    }
}
