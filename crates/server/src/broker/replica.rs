//! One room as one node follows it: what it has applied, what it has proposed, and who waits for that.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hamhame_core::codes::CloseCode;
use hamhame_core::id::Id;
use hamhame_core::name::Name;
use hamhame_core::position::{Epoch, Position};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use super::Away;
use super::engine::{
    Condition, Engine, Entry, Failure, Follower, Place, Proposal, Question, Seen, Snapshot,
};
use crate::clock::{self, Moment};
use crate::room::change::{Change, Connection, NodeId};
use crate::room::decide::Verdict;
use crate::room::intent::{Admission, Entrant, Parting};
use crate::room::snapshot::Unseated;
use crate::room::{self, Room, Writer};
use crate::signal::Signal;
use crate::token::{Proof, random_id};

/// How long somebody waits for the engine before it is told that the room cannot be reached.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Proposals that go to the engine together.
const BATCH: usize = 256;

/// Entries that may wait for one before them. Beyond, they are read again.
const EARLY: usize = 1024;

/// How long an entry that is missing may be on its way before it is asked for.
const LATE: Duration = Duration::from_millis(100);

/// One room on one node.
pub struct Replica<E: Engine> {
    node: NodeId,
    engine: Arc<E>,
    room: Weak<Room>,
    key: Box<str>,
    inner: Mutex<Inner>,
    /// Something was applied.
    moved: Notify,
}

#[derive(Default)]
struct Inner {
    /// The last entry applied; `None` while the room is not open.
    seen: Option<Seen>,
    /// The last entry applied before the room had to be opened again.
    before: Option<Seen>,
    seats_at: u64,
    /// Between the engine's clock and the process's, in microseconds.
    clock: i64,
    /// What came before what stands before it.
    early: BTreeMap<u64, Arc<Entry>>,
    queue: Vec<Proposal>,
    sending: bool,
    /// Somebody sees to what is missing.
    reading: bool,
    /// By the tags of their proposals.
    waiting: HashMap<u64, Waiter>,
}

/// Who waits for a proposal.
enum Waiter {
    Said(oneshot::Sender<Option<u64>>),
    Placed(oneshot::Sender<Place>),
    Joins(Box<Newcomer>, oneshot::Sender<Joined>),
}

/// What became of a newcomer's proposal.
pub enum Joined {
    /// It is in.
    In(Admission),
    /// Others changed the seats meanwhile.
    Conflict,
}

/// An [`Entrant`] on its way.
#[derive(Clone)]
pub struct Newcomer {
    name: Name,
    identity: Proof,
    attempt: Option<u64>,
    after: Option<Position>,
    history: u64,
    connection: Connection,
    signal: Arc<Signal>,
}

impl Newcomer {
    /// One of these.
    pub fn new(entrant: &Entrant<'_>) -> Newcomer {
        Newcomer {
            name: entrant.name.clone(),
            identity: entrant.identity(),
            attempt: entrant.attempt,
            after: entrant.after,
            history: entrant.history,
            connection: entrant.connection,
            signal: entrant.signal.clone(),
        }
    }

    fn entrant(&self, at: Moment) -> Entrant<'_> {
        Entrant {
            name: &self.name,
            proof: Some(self.identity),
            attempt: self.attempt,
            fresh: self.identity,
            after: self.after,
            history: self.history,
            connection: self.connection,
            signal: &self.signal,
            max_members: usize::MAX,
            at,
        }
    }
}

impl<E: Engine> Replica<E> {
    /// Of a room that is not open yet.
    pub fn new(node: NodeId, engine: Arc<E>, room: &Arc<Room>) -> Arc<Replica<E>> {
        Arc::new(Replica {
            node,
            engine,
            room: Arc::downgrade(room),
            key: room.name().key().into(),
            inner: Mutex::default(),
            moved: Notify::new(),
        })
    }

    /// Whether its room is gone.
    pub fn is_over(&self) -> bool {
        self.room.strong_count() == 0
    }

    /// The last entry that changed the seats, of those applied.
    pub fn seats_at(&self) -> u64 {
        self.lock().seats_at
    }

    /// Opens the room, if it is not, and waits until it has what stands up to `upto`.
    pub async fn open(self: &Arc<Self>, upto: Option<Position>) -> Result<(), Away> {
        let deadline = Instant::now() + PATIENCE;
        while self.lock().seen.is_none() {
            match timeout_at(deadline, self.engine.open(&self.key)).await {
                Ok(Ok(snapshot)) if self.is_forked(&snapshot) => {
                    let _ = timeout_at(deadline, self.engine.renew(&self.key, snapshot.seen)).await;
                }
                Ok(Ok(snapshot)) => self.restore(&snapshot),
                Ok(Err(_)) => sleep(LATE).await,
                Err(_) => return Err(Away),
            }
        }
        let Some(room) = self.room.upgrade() else { return Err(Away) };
        let here = room.position();
        if upto.is_some_and(|upto| upto.epoch == here.epoch && upto.offset > here.offset) {
            self.catch_up(deadline).await?;
        }
        Ok(())
    }

    /// Reads what the engine has behind what was applied.
    pub async fn catch_up(self: &Arc<Self>, deadline: Instant) -> Result<(), Away> {
        loop {
            let Some(seen) = self.lock().seen else { return Err(Away) };
            match timeout_at(deadline, self.engine.read(&self.key, seen)).await {
                Ok(Ok(entries)) => {
                    self.take(seen.epoch, entries);
                    return Ok(());
                }
                Ok(Err(Failure::Unknown)) => sleep(LATE).await,
                Ok(Err(Failure::Changed)) => {
                    self.close();
                    return Err(Away);
                }
                Err(_) => return Err(Away),
            }
        }
    }

    /// The engine has the room in another way: it is opened anew.
    fn close(self: &Arc<Self>) {
        let mut inner = self.lock();
        if inner.seen.is_some() {
            inner.forget();
            drop(inner);
            tokio::spawn(self.clone().reopen());
        }
    }

    /// Opens the room again, however long that takes.
    fn reopen(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            while !self.is_over() && self.open(None).await.is_err() {
                sleep(LATE).await;
            }
        })
    }

    /// Whether the engine has another entry where this node has been, in the same epoch, or ends before it: after a failover.
    fn is_forked(&self, snapshot: &Snapshot) -> bool {
        let Some(before) = self.lock().before else { return false };
        if before.epoch != snapshot.seen.epoch {
            return false;
        }
        let same = snapshot.entries.iter().find(|entry| entry.seq == before.seq);
        match same {
            Some(entry) => entry.tag != before.tag,
            // Before the oldest that is kept, or behind the last.
            None => before.seq > snapshot.seen.seq,
        }
    }

    /// Has a message put in order.
    pub fn say(self: &Arc<Self>, change: Change<'static>) -> oneshot::Receiver<Option<u64>> {
        let (sender, receiver) = oneshot::channel();
        self.propose(change, Condition::Always, Waiter::Said(sender));
        receiver
    }

    /// Has a change put in order, and waits until it is applied. `None` if nobody knows.
    pub async fn place(
        self: &Arc<Self>,
        change: Change<'static>,
        only_if: Condition,
    ) -> Option<Place> {
        let (sender, receiver) = oneshot::channel();
        self.propose(change, only_if, Waiter::Placed(sender));
        receiver.await.ok()
    }

    /// Has a newcomer seated, and waits until it is. `None` if nobody knows.
    pub async fn seat(
        self: &Arc<Self>,
        change: Change<'static>,
        seats: u64,
        newcomer: Newcomer,
    ) -> Option<Joined> {
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter::Joins(Box::new(newcomer), sender);
        self.propose(change, Condition::Seats(seats), waiter);
        receiver.await.ok()
    }

    /// Applies a change of the seats as soon as it is decided on what the engine has too: `decide` is asked until then, and says
    /// `None` if there is nothing to do any more, which gives false.
    pub async fn settle(
        self: &Arc<Self>,
        room: &Arc<Room>,
        deadline: Instant,
        decide: impl Fn(&Arc<Room>) -> Option<Change<'static>>,
    ) -> Result<bool, Away> {
        loop {
            let seats = self.seats_at();
            let Some(change) = decide(room) else { return Ok(false) };
            let placed = self.place(change, Condition::Seats(seats));
            match timeout_at(deadline, placed).await {
                Ok(Some(Place::Conflict)) => self.catch_up(deadline).await?,
                Ok(Some(_)) => return Ok(true),
                Ok(None) | Err(_) => return Err(Away),
            }
        }
    }

    fn propose(self: &Arc<Self>, change: Change<'static>, only_if: Condition, waiter: Waiter) {
        let Some(room) = self.room.upgrade() else { return };
        let logged = room.writer().is_logged(&change);
        let mut inner = self.lock();
        if inner.seen.is_none() {
            return;
        }
        let tag = random_id();
        inner.waiting.insert(tag, waiter);
        inner.queue.push(Proposal { tag, change, logged, only_if });
        if !std::mem::replace(&mut inner.sending, true) {
            drop(inner);
            tokio::spawn(self.clone().send());
        }
    }

    /// Sends what was proposed, one batch after the other.
    async fn send(self: Arc<Self>) {
        loop {
            let Some((seen, batch)) = self.lock().next_batch(&self.room) else { return };
            self.send_batch(seen, batch).await;
        }
    }

    /// Sends one batch, again if nothing comes back: by their tags the engine knows those that it has placed.
    async fn send_batch(self: &Arc<Self>, seen: Seen, batch: Vec<Proposal>) {
        let deadline = Instant::now() + PATIENCE;
        let tags: Vec<u64> = batch.iter().map(|proposal| proposal.tag).collect();
        loop {
            let sent = self.engine.append(&self.key, seen, batch.clone());
            match timeout_at(deadline, sent).await {
                Ok(Ok(places)) => return self.note_places(&tags, &places, deadline).await,
                Ok(Err(Failure::Unknown)) => {}
                Ok(Err(Failure::Changed)) => {
                    self.lock().give_up(&tags);
                    return self.close();
                }
                Err(_) => break,
            }
        }
        self.lock().give_up(&tags);
    }

    /// What was placed is told when it is applied, what was not at once.
    async fn note_places(self: &Arc<Self>, tags: &[u64], places: &[Place], deadline: Instant) {
        let mut last = 0;
        let mut said = Vec::new();
        for (tag, place) in tags.iter().zip(places) {
            match *place {
                Place::At(seq) => last = last.max(seq),
                Place::Said { seq, offset } => {
                    last = last.max(seq);
                    said.push((*tag, offset));
                }
                Place::Conflict => match self.lock().waiting.remove(tag) {
                    Some(Waiter::Placed(sender)) => _ = sender.send(Place::Conflict),
                    Some(Waiter::Joins(_, sender)) => _ = sender.send(Joined::Conflict),
                    Some(Waiter::Said(_)) | None => {}
                },
            }
        }
        let late = self.wait_for(last, Instant::now() + LATE).await.is_err();
        let here = !late || self.catch_up(deadline).await.is_ok();
        if !here {
            self.lock().give_up(tags);
        }
        for (tag, offset) in said {
            if let Some(Waiter::Said(sender)) = self.lock().waiting.remove(&tag) {
                let _ = sender.send(Some(offset));
            }
        }
    }

    /// Waits until the entry at `seq` is applied.
    async fn wait_for(&self, seq: u64, deadline: Instant) -> Result<(), Away> {
        loop {
            let moved = self.moved.notified();
            if self.lock().seen.is_none_or(|seen| seen.seq >= seq) {
                return Ok(());
            }
            timeout_at(deadline, moved).await.map_err(|_| Away)?;
        }
    }

    /// Gives a connection its seat back which the engine has lost; or ends it, if somebody else has the name.
    async fn seat_again(self: Arc<Self>, room: Arc<Room>, unseated: Unseated) {
        let Ok(name) = Name::parse(&unseated.name) else { return };
        let proof = Proof { session: unseated.session, member: unseated.member };
        let newcomer = Newcomer {
            name,
            identity: proof,
            attempt: Some(unseated.attempt),
            after: None,
            history: 0,
            connection: Connection { node: self.node, number: unseated.number },
            signal: unseated.signal.clone(),
        };
        loop {
            let seats = self.seats_at();
            let entrant = newcomer.entrant(clock::now());
            let verdict = room.writer().state().decide_join(&entrant, self.node);
            let change = match verdict {
                Verdict::In(change) => change.into_owned(),
                // Whoever is away has no claim before one who is here.
                Verdict::First(change) => {
                    let _ = self.place(change.into_owned(), Condition::Seats(seats)).await;
                    continue;
                }
                Verdict::Refused(_) => return unseated.signal.close(CloseCode::NameTaken),
            };
            match self.seat(change, seats, newcomer.clone()).await {
                Some(Joined::In(_)) => return,
                Some(Joined::Conflict) => {
                    let _ = self.catch_up(Instant::now() + PATIENCE).await;
                }
                // It is opened once more, or nobody knows: the seat is given back then, or its client comes back.
                None => return unseated.signal.close(CloseCode::InternalError),
            }
        }
    }

    fn restore(self: &Arc<Self>, snapshot: &Snapshot) {
        let Some(room) = self.room.upgrade() else { return };
        let mut inner = self.lock();
        if inner.seen.is_some() {
            return;
        }
        let now = clock::uptime_micros();
        inner.clock = now as i64 - snapshot.now as i64;
        inner.seats_at = snapshot.seats_at;
        inner.seen = Some(snapshot.seen);
        inner.early.clear();
        let clock = inner.clock;
        let logged = snapshot.entries.iter().filter(|entry| entry.logged);
        let head = snapshot.entries.last().map_or(0, |last| last.offset);
        let floor = logged.clone().next().map_or(head, |first| first.offset - 1);
        let mut writer = room.writer();
        let unseated = writer.restore(
            &room::snapshot::Snapshot {
                epoch: snapshot.seen.epoch,
                floor,
                logged: logged.map(|entry| (moment(entry.at, clock), &entry.change)).collect(),
                seats: &snapshot.seats,
                presence: snapshot.presence,
                documents: &snapshot.documents,
                now: moment(snapshot.now, clock),
            },
            self.node,
        );
        writer.publish();
        drop(inner);
        for unseated in unseated {
            tokio::spawn(self.clone().seat_again(room.clone(), unseated));
        }
    }

    /// Applies what has its turn.
    fn take(self: &Arc<Self>, epoch: Epoch, entries: impl IntoIterator<Item = Arc<Entry>>) {
        let Some(room) = self.room.upgrade() else { return };
        let mut inner = self.lock();
        match inner.seen {
            None => return,
            // The room goes on in another epoch, or this comes late from the one before: the engine knows.
            Some(seen) if seen.epoch != epoch => {
                drop(inner);
                return self.close();
            }
            Some(_) => {}
        }
        inner.early.extend(entries.into_iter().map(|entry| (entry.seq, entry)));
        let mut answers = Vec::new();
        let mut writer = room.writer();
        while let Some(entry) = inner.next() {
            answers.push(inner.apply(&mut writer, &entry));
        }
        writer.publish();
        let missing = !inner.early.is_empty() && !std::mem::replace(&mut inner.reading, true);
        if inner.early.len() > EARLY {
            inner.early.clear();
        }
        let forgotten = inner.seen.is_none();
        drop(inner);
        if forgotten {
            tokio::spawn(self.clone().reopen());
        }
        // After all of it can be seen.
        for answer in answers.into_iter().flatten() {
            if let Some((member, connection)) = answer.give() {
                tokio::spawn(self.clone().put_out(member, connection));
            }
        }
        self.moved.notify_waiters();
        if missing {
            tokio::spawn(self.clone().read_missing());
        }
    }

    /// Takes out one who did not wait to be let in.
    async fn put_out(self: Arc<Self>, member: Id, connection: Connection) {
        let Some(room) = self.room.upgrade() else { return };
        let here = self.node;
        let decide = move |room: &Arc<Room>| {
            room.writer().state().decide_part(member, connection, Parting::ForGood, here)
        };
        let _ = self.settle(&room, Instant::now() + PATIENCE, decide).await;
    }

    /// Sees to entries that did not come.
    async fn read_missing(self: Arc<Self>) {
        sleep(LATE).await;
        self.lock().reading = false;
        if !self.lock().early.is_empty() {
            let _ = self.catch_up(Instant::now() + PATIENCE).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that goes out once its change can be seen.
enum Told {
    Said(oneshot::Sender<Option<u64>>, u64),
    Placed(oneshot::Sender<Place>, u64),
    In(oneshot::Sender<Joined>, Admission, Connection),
}

impl Told {
    /// Gives it. A newcomer that does not wait any more comes back: it must not stay in.
    fn give(self) -> Option<(Id, Connection)> {
        match self {
            Told::Said(sender, offset) => _ = sender.send(Some(offset)),
            Told::Placed(sender, seq) => _ = sender.send(Place::At(seq)),
            Told::In(sender, admission, connection) => {
                let member = admission.identity.member;
                if sender.send(Joined::In(admission)).is_err() {
                    return Some((member, connection));
                }
            }
        }
        None
    }
}

impl Inner {
    /// What goes to the engine next, and behind which entry. `None` if there is nothing, and then nobody sends any more.
    ///
    /// What was said by another node since it was proposed here, and is applied, is not sent: the engine looks for the same
    /// message only behind that entry.
    fn next_batch(&mut self, room: &Weak<Room>) -> Option<(Seen, Vec<Proposal>)> {
        let room = room.upgrade();
        while let (Some(seen), Some(room), false) = (self.seen, &room, self.queue.is_empty()) {
            let count = self.queue.len().min(BATCH);
            let mut batch: Vec<Proposal> = self.queue.drain(..count).collect();
            let writer = room.writer();
            batch.retain(|proposal| {
                let Change::Said { member, id: Some(id), .. } = &proposal.change else {
                    return true;
                };
                let Some(offset) = writer.state().offset_of(*member, id) else { return true };
                if let Some(Waiter::Said(sender)) = self.waiting.remove(&proposal.tag) {
                    let _ = sender.send(Some(offset));
                }
                false
            });
            if !batch.is_empty() {
                return Some((seen, batch));
            }
        }
        self.sending = false;
        None
    }

    /// The room has to be opened again. Whoever waits is told that nobody knows.
    fn forget(&mut self) {
        self.before = self.seen.take();
        self.queue.clear();
        self.waiting.clear();
        self.early.clear();
    }

    /// Nobody knows what became of these, and whoever waits is told so. A newcomer stays known: if it gets its seat after all, it
    /// is to be taken out again.
    fn give_up(&mut self, tags: &[u64]) {
        let newcomer = |waiter: &Waiter| matches!(waiter, Waiter::Joins(..));
        self.waiting.retain(|tag, waiter| newcomer(waiter) || !tags.contains(tag));
    }

    /// The entry whose turn it is, if it is there.
    fn next(&mut self) -> Option<Arc<Entry>> {
        let next = self.seen?.seq + 1;
        while self.early.first_key_value().is_some_and(|(seq, _)| *seq < next) {
            self.early.pop_first();
        }
        self.early.remove(&next)
    }

    /// Applies one entry, and gives the answer to who waits for it.
    fn apply(&mut self, writer: &mut Writer<'_>, entry: &Entry) -> Option<Told> {
        if self.seen.is_some_and(|seen| seen.tag != entry.after) {
            self.forget();
            return None;
        }
        let at = moment(entry.at, self.clock);
        let waiter = self.waiting.remove(&entry.tag);
        let (applied, told) = match waiter {
            Some(Waiter::Joins(newcomer, sender)) => {
                let entrant = newcomer.entrant(at);
                match writer.admit(entry.offset, at, &entry.change, &entrant) {
                    Ok(admission) => {
                        (Ok(()), Some(Told::In(sender, admission, newcomer.connection)))
                    }
                    Err(error) => (Err(error), None),
                }
            }
            waiter => {
                if waiter.is_none()
                    && let Change::Left { member, .. } = &entry.change
                    && let Some(ghost) = writer.state().signal(*member)
                {
                    // Another node took it for a ghost.
                    ghost.close(CloseCode::NoPong);
                }
                let told = match waiter {
                    Some(Waiter::Said(sender)) => Some(Told::Said(sender, entry.offset)),
                    Some(Waiter::Placed(sender)) => Some(Told::Placed(sender, entry.seq)),
                    _ => None,
                };
                (writer.apply(entry.offset, at, &entry.change, None), told)
            }
        };
        if let Err(error) = applied {
            tracing::error!(%error, "a room does not agree with its engine");
            self.forget();
            return None;
        }
        if let Some(seen) = &mut self.seen {
            (seen.seq, seen.tag) = (entry.seq, entry.tag);
        }
        if entry.change.is_of_seats() {
            self.seats_at = entry.seq;
        }
        told
    }
}

impl<E: Engine> Follower for Replica<E> {
    fn node(&self) -> NodeId {
        self.node
    }

    fn entry(self: Arc<Self>, epoch: Epoch, entry: Arc<Entry>) {
        self.take(epoch, [entry]);
    }

    fn whisper(&self, change: &Change<'static>) {
        let Some(room) = self.room.upgrade() else { return };
        let mut writer = room.writer();
        let offset = writer.head_after(change);
        let _ = writer.apply(offset, clock::now(), change, None);
        writer.publish();
    }

    fn question(&self, question: Question) -> BoxFuture<'static, bool> {
        let Question { member, connection, patience } = question;
        let room = self.room.upgrade();
        let signal = room.and_then(|room| room.signal_of(member, connection));
        Box::pin(async move {
            match signal {
                Some(signal) => signal.answers(patience).await,
                None => false,
            }
        })
    }
}

fn moment(at: u64, clock: i64) -> Moment {
    Moment { shown: at, up: at.saturating_add_signed(clock) }
}
