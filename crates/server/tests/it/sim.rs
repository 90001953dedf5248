//! An [`Engine`] for tests, in this process: what goes over its wires is late, comes twice or never, as a seed says. Its time
//! is that of a paused clock, so a schedule of minutes takes milliseconds.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hamhame::broker::engine::{
    Condition, Engine, Entry, Failure, Follower, Place, Proposal, Question, Seen, Snapshot,
};
use hamhame::room::change::{Change, NodeId};
use hamhame::room::document::Documents;
use hamhame::room::snapshot::{Held, Seated};
use hamhame_core::id::Id;
use hamhame_core::position::Epoch;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::common::Random;

/// How bad the wires are.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Each way takes less than this.
    pub latest: Duration,
    /// One in so many requests is done and not answered; 0: none.
    pub unanswered: u64,
    /// One in so many requests is never done; 0: none.
    pub lost: u64,
    /// One in so many entries does not come to a follower; 0: none.
    pub untold: u64,
    /// One in so many comes twice; 0: none.
    pub doubled: u64,
}

/// How long a node waits for an answer that does not come.
const SILENCE: Duration = Duration::from_millis(300);

/// What all nodes of a test share.
#[derive(Clone)]
pub struct Sim(Arc<Mutex<World>>);

struct World {
    rooms: HashMap<String, Authority>,
    random: Random,
    weather: Weather,
    began: Instant,
    ended: HashSet<NodeId>,
    refuses: bool,
    appends: usize,
    given_back: usize,
}

/// Entries that a room keeps here.
const KEPT: usize = 4_000;

/// A room as the engine has it.
struct Authority {
    seen: Seen,
    former: Vec<Epoch>,
    offset: u64,
    /// The number of the entry before the oldest that is kept.
    before: u64,
    entries: Vec<Arc<Entry>>,
    seats_at: u64,
    seats: Vec<Seated>,
    /// Until when a seat is kept whose connection is lost.
    kept: HashMap<Id, u64>,
    presence: u64,
    documents: Documents,
    followers: Vec<Weak<dyn Follower>>,
}

impl Sim {
    /// An engine without rooms.
    pub fn new(random: Random, weather: Weather) -> Sim {
        let (rooms, began, ended) = (HashMap::new(), Instant::now(), HashSet::new());
        Sim(Arc::new(Mutex::new(World {
            rooms,
            random,
            weather,
            began,
            ended,
            refuses: false,
            appends: 0,
            given_back: 0,
        })))
    }

    /// From now on the wires are good.
    pub fn clear_up(&self) {
        let weather = &mut self.lock().weather;
        *weather = Weather { unanswered: 0, lost: 0, untold: 0, doubled: 0, ..*weather };
    }

    /// Who is in, by the engine's own account, and the version of the presence.
    pub fn seats(&self, room: &str) -> (Vec<String>, u64) {
        let world = self.lock();
        let Some(room) = world.rooms.get(room) else { return (Vec::new(), 0) };
        (room.seats.iter().map(|seated| seated.name.to_string()).collect(), room.presence)
    }

    /// Everything is forgotten, as by a flush. Gives the messages that are gone, by member and id.
    pub fn flush(&self, room: &str) -> Vec<(Id, String)> {
        let mut world = self.lock();
        let Some(gone) = world.rooms.remove(room) else { return Vec::new() };
        let followers = gone.followers;
        world.room(room).followers = followers;
        gone.entries.iter().filter_map(|entry| said(&entry.change)).collect()
    }

    /// A replica takes over that has not got the last entries, and nobody is told. Gives the messages that are gone.
    pub fn fail_over(&self, room: &str, missing: usize) -> Vec<(Id, String)> {
        let mut world = self.lock();
        let room = world.room(room);
        let kept = room.entries.len().saturating_sub(missing);
        let gone: Vec<Arc<Entry>> = room.entries.drain(kept..).collect();
        let (epoch, entries) = (room.seen.epoch, std::mem::take(&mut room.entries));
        room.replay(epoch, entries.into_iter());
        gone.iter().filter_map(|entry| said(&entry.change)).collect()
    }

    /// Batches that were asked for.
    pub fn appends(&self) -> usize {
        self.lock().appends
    }

    /// Entries that were lost, and nodes gave back.
    pub fn given_back(&self) -> usize {
        self.lock().given_back
    }

    /// The life that the room is in.
    pub fn epoch(&self, room: &str) -> Epoch {
        self.lock().room(room).seen.epoch
    }

    /// Nothing goes through, for so long.
    pub async fn outage(&self, time: Duration) {
        let before = self.lock().weather;
        self.lock().weather = Weather { lost: 1, untold: 1, ..before };
        sleep(time).await;
        self.lock().weather = before;
    }

    /// It takes nothing new, for so long.
    pub async fn refuse(&self, time: Duration) {
        self.lock().refuses = true;
        sleep(time).await;
        self.lock().refuses = false;
    }

    /// A node hears nothing more.
    pub fn cut(&self, node: NodeId) {
        let other = |follower: &Weak<dyn Follower>| {
            follower.upgrade().is_some_and(|follower| follower.node() != node)
        };
        self.lock().rooms.values_mut().for_each(|room| room.followers.retain(other));
    }

    /// A node's lease is over: those who follow rooms are told, some of them late.
    pub fn end(&self, node: NodeId) {
        let mut world = self.lock();
        world.ended.insert(node);
        let all: Vec<_> = world.rooms.values().flat_map(|room| &room.followers).cloned().collect();
        for follower in all.iter().filter_map(Weak::upgrade) {
            if follower.node() != node {
                later(world.time(), async move { follower.ended(node) });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("nobody panicked")
    }

    /// One way over the wires.
    async fn way(&self) {
        let time = self.lock().time();
        sleep(time).await;
    }

    /// Does something at the engine, there and back, in bad weather or good. It is done even if nobody waits for it any more.
    fn request<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Sim, &mut World) -> Result<T, Failure> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Failure>> {
        let sim = self.clone();
        let (sender, answer) = oneshot::channel();
        tokio::spawn(async move {
            sim.way().await;
            let (lost, unanswered) = {
                let World { random, weather, .. } = &mut *sim.lock();
                (hit(random, weather.lost), hit(random, weather.unanswered))
            };
            if lost {
                return;
            }
            let done = act(&sim, &mut sim.lock());
            sim.way().await;
            if !unanswered {
                let _ = sender.send(done);
            }
        });
        Box::pin(async move {
            match answer.await {
                Ok(done) => done,
                Err(_) => {
                    sleep(SILENCE).await;
                    Err(Failure::Unknown)
                }
            }
        })
    }
}

/// Of a message with an id what it is known by.
fn said(change: &Change<'static>) -> Option<(Id, String)> {
    match change {
        Change::Said { member, id: Some(id), .. } => Some((*member, id.to_string())),
        _ => None,
    }
}

fn hit(random: &mut Random, one_in: u64) -> bool {
    one_in > 0 && random.one_in(one_in)
}

impl World {
    fn now(&self) -> u64 {
        1_700_000_000_000_000 + self.began.elapsed().as_micros() as u64
    }

    fn time(&mut self) -> Duration {
        self.random.shorter_than(self.weather.latest)
    }

    fn takes(&self) -> Result<(), Failure> {
        if self.refuses { Err(Failure::Refused) } else { Ok(()) }
    }

    fn room(&mut self, name: &str) -> &mut Authority {
        let epoch = self.random.draw();
        self.rooms.entry(name.into()).or_insert_with(|| Authority {
            seen: Seen { epoch: Epoch::new(epoch), seq: 0, tag: 0 },
            former: Vec::new(),
            offset: 0,
            before: 0,
            entries: Vec::new(),
            seats_at: 0,
            seats: Vec::new(),
            kept: HashMap::new(),
            presence: 0,
            documents: Documents::default(),
            followers: Vec::new(),
        })
    }
}

impl World {
    /// Tells followers of new entries, each of them late, or never, or twice.
    fn tell(&mut self, room: &str, new: &[Arc<Entry>]) {
        let authority = self.room(room);
        let epoch = authority.seen.epoch;
        let followers: Vec<_> = authority.followers.iter().filter_map(Weak::upgrade).collect();
        for follower in followers {
            for entry in new {
                let Weather { untold, doubled, .. } = self.weather;
                let times = match (hit(&mut self.random, untold), hit(&mut self.random, doubled)) {
                    (true, _) => 0,
                    (_, true) => 2,
                    _ => 1,
                };
                for _ in 0..times {
                    let (follower, entry) = (follower.clone(), entry.clone());
                    later(self.time(), async move { follower.entry(epoch, entry) });
                }
            }
        }
    }
}

impl Authority {
    /// Puts an entry there as it is.
    fn put(&mut self, entry: &Arc<Entry>) {
        self.seen = Seen { seq: entry.seq, tag: entry.tag, ..self.seen };
        self.offset = entry.offset;
        self.note(&entry.change, entry.at);
        self.entries.push(entry.clone());
    }

    /// What stands behind the entry that a node has seen last. `None` if it is not on the same way, or too far behind.
    fn behind(&self, seen: Seen) -> Option<&[Arc<Entry>]> {
        let from = seen.seq.checked_sub(self.before)? as usize;
        let tag = match from {
            0 if seen.seq == 0 => Some(0),
            0 => None,
            from => self.entries.get(from - 1).map(|entry| entry.tag),
        };
        let same = seen.epoch == self.seen.epoch && tag == Some(seen.tag);
        self.entries.get(from..).filter(|_| same)
    }

    fn place(&mut self, seen: Seen, seats_at: u64, proposal: Proposal, now: u64) -> Place {
        let behind = &self.entries[(seen.seq - self.before) as usize..];
        if let Some(entry) = behind.iter().find(|entry| entry.tag == proposal.tag) {
            return Place::At(entry.seq);
        }
        if let Change::Said { member, id: Some(id), .. } = &proposal.change {
            let same = behind.iter().find(|entry| {
                matches!(&entry.change, Change::Said { member: other, id: Some(said), .. }
                    if other == member && said == id)
            });
            if let Some(same) = same {
                return Place::Said { seq: same.seq, offset: same.offset };
            }
        }
        let holds = match proposal.only_if {
            Condition::Always => true,
            Condition::Seats(at) => at == seats_at,
            Condition::Document(kind, version) => self.documents.version(kind) == version,
        };
        if !holds {
            return Place::Conflict;
        }
        let Proposal { tag, change, logged, .. } = proposal;
        let after = self.seen.tag;
        self.seen = Seen { seq: self.seen.seq + 1, tag, ..self.seen };
        self.offset += u64::from(logged);
        self.note(&change, now);
        let (seq, offset) = (self.seen.seq, self.offset);
        self.entries.push(Arc::new(Entry { seq, offset, logged, tag, after, at: now, change }));
        Place::At(seq)
    }

    fn note(&mut self, change: &Change<'static>, now: u64) {
        if change.is_of_seats() {
            self.seats_at = self.seen.seq;
        }
        match change {
            Change::Joined { member, name, session, attempt, connection } => {
                self.presence += 1;
                self.seats.push(Seated {
                    member: *member,
                    name: name.shown.clone(),
                    key: name.key.as_deref().map(Into::into),
                    session: *session,
                    attempt: *attempt,
                    held: Held::By(*connection),
                });
            }
            Change::TakenOver { member, attempt, connection } => {
                for seat in self.seats.iter_mut().filter(|seat| seat.member == *member) {
                    (seat.attempt, seat.held) = (*attempt, Held::By(*connection));
                }
            }
            Change::Lost { member, grace } => {
                self.kept.insert(*member, now + grace.as_micros() as u64);
                for seat in self.seats.iter_mut().filter(|seat| seat.member == *member) {
                    seat.held = Held::For(*grace);
                }
            }
            Change::Left { member, .. } => {
                self.presence += 1;
                self.seats.retain(|seat| seat.member != *member);
            }
            Change::Document { kind, text } => self.documents.replace(*kind, text.clone()),
            Change::Said { .. }
            | Change::Plain(_)
            | Change::Typing { .. }
            | Change::Heard { .. } => {}
        }
    }

    /// Becomes what these entries make of an empty room, numbered anew.
    fn replay(&mut self, epoch: Epoch, entries: impl Iterator<Item = Arc<Entry>>) {
        self.seen = Seen { epoch, seq: 0, tag: 0 };
        (self.offset, self.seats_at, self.presence, self.before) = (0, 0, 0, 0);
        self.seats.clear();
        self.kept.clear();
        self.documents = Documents::default();
        for entry in entries {
            let after = self.seen.tag;
            self.seen = Seen { epoch, seq: self.seen.seq + 1, tag: entry.tag };
            self.offset += u64::from(entry.logged);
            self.note(&entry.change, entry.at);
            let (seq, offset) = (self.seen.seq, self.offset);
            self.entries.push(Arc::new(Entry { seq, offset, after, ..Entry::clone(&entry) }));
        }
    }

    fn snapshot(&self, now: u64) -> Snapshot {
        let rest = |seated: &Seated| {
            let until = self.kept.get(&seated.member).copied().unwrap_or(now);
            Duration::from_micros(until.saturating_sub(now))
        };
        let seats = self.seats.iter().map(|seated| match seated.held {
            Held::By(_) => seated.clone(),
            Held::For(_) => Seated { held: Held::For(rest(seated)), ..seated.clone() },
        });
        Snapshot {
            seen: self.seen,
            former: self.former.clone(),
            offset: self.offset,
            entries: self.entries.clone(),
            seats_at: self.seats_at,
            seats: seats.collect(),
            presence: self.presence,
            documents: self.documents.all().map(|(kind, text)| (kind, text.clone())).collect(),
            now,
        }
    }
}

/// Has a follower told after a while.
fn later(after: Duration, tell: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        sleep(after).await;
        tell.await;
    });
}

impl Engine for Sim {
    fn open<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<Snapshot, Failure>> {
        let room = room.to_owned();
        self.request(move |_, world| {
            let now = world.now();
            Ok(world.room(&room).snapshot(now))
        })
    }

    fn renew<'a>(&'a self, room: &'a str, seen: Seen) -> BoxFuture<'a, Result<(), Failure>> {
        let room = room.to_owned();
        self.request(move |_, world| {
            world.takes()?;
            let epoch = Epoch::new(world.random.draw());
            let authority = world.room(&room);
            if authority.seen != seen {
                return Err(Failure::Changed);
            }
            authority.former.push(seen.epoch);
            let entries = std::mem::take(&mut authority.entries);
            authority.replay(epoch, entries.into_iter());
            Ok(())
        })
    }

    fn give_back<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
        entries: Vec<Arc<Entry>>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        let room = room.to_owned();
        self.request(move |_, world| {
            world.takes()?;
            let authority = world.room(&room);
            if authority.seen != seen {
                return Err(Failure::Changed);
            }
            entries.iter().for_each(|entry| authority.put(entry));
            world.given_back += entries.len();
            world.tell(&room, &entries);
            Ok(())
        })
    }

    fn append<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
        batch: Vec<Proposal>,
    ) -> BoxFuture<'a, Result<Vec<Place>, Failure>> {
        let room = room.to_owned();
        self.request(move |_, world| {
            let now = world.now();
            world.appends += 1;
            world.takes()?;
            let authority = world.room(&room);
            if authority.behind(seen).is_none() {
                return Err(Failure::Changed);
            }
            let (before, seats_at) = (authority.entries.len(), authority.seats_at);
            let places = batch
                .into_iter()
                .map(|proposal| authority.place(seen, seats_at, proposal, now))
                .collect();
            let new = authority.entries[before..].to_vec();
            if authority.entries.len() > 2 * KEPT {
                authority.before += KEPT as u64;
                authority.entries.drain(..KEPT);
            }
            world.tell(&room, &new);
            Ok(places)
        })
    }

    fn read<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
    ) -> BoxFuture<'a, Result<Vec<Arc<Entry>>, Failure>> {
        let room = room.to_owned();
        self.request(move |_, world| {
            world.room(&room).behind(seen).map(<[_]>::to_vec).ok_or(Failure::Changed)
        })
    }

    fn follow(&self, room: &str, follower: Weak<dyn Follower>) {
        self.lock().room(room).followers.push(follower);
    }

    fn unfollow(&self, _: &str) {
        // It looks who is still there each time.
    }

    fn whisper(&self, room: &str, change: Change<'static>) {
        let mut world = self.lock();
        let followers: Vec<_> =
            world.room(room).followers.iter().filter_map(Weak::upgrade).collect();
        for follower in followers {
            let change = change.clone();
            later(world.time(), async move { follower.whisper(&change) });
        }
    }

    fn living<'a>(&'a self, nodes: Vec<NodeId>) -> BoxFuture<'a, Result<Vec<NodeId>, Failure>> {
        self.request(move |_, world| {
            Ok(nodes.into_iter().filter(|node| !world.ended.contains(node)).collect())
        })
    }

    fn ask<'a>(&'a self, room: &'a str, question: Question) -> BoxFuture<'a, bool> {
        let mut world = self.lock();
        let mut followers = world.room(room).followers.iter().filter_map(Weak::upgrade);
        let asked = followers.find(|follower| follower.node() == question.connection.node);
        let sim = self.clone();
        Box::pin(async move {
            sim.way().await;
            let Some(asked) = asked else { return false };
            let answer = asked.question(question).await;
            sim.way().await;
            answer
        })
    }
}
