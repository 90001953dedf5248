//! A session without a connection of its own: it is here as long as its lease is renewed by requests.
//!
//! Each lease has a task, as each WebSocket has: it waits for the end of the lease and for what other threads ask of the
//! session's [`Signal`].

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hamhame_core::codes::CloseCode;
use hamhame_core::id::Id;
use hamhame_core::name::RoomName;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::clock;
use crate::config::Options;
use crate::net::admission::{Client, Seat};
use crate::room::change::Connection;
use crate::room::intent::Whereabouts;
use crate::server::Server;
use crate::session::Session;
use crate::session::conversation::Ending;
use crate::signal::Signal;
use crate::token::{self, Proof};

/// All leases, by their sessions.
#[derive(Default)]
pub struct Leases(Mutex<Table>);

#[derive(Default)]
struct Table {
    by_session: HashMap<Id, Arc<Lease>>,
}

/// One session, and until when it is here.
pub struct Lease {
    /// `None` when it is over.
    session: Mutex<Option<Session>>,
    identity: Proof,
    token: String,
    room: RoomName,
    signal: Arc<Signal>,
    times: Mutex<Times>,
    news: watch::Sender<News>,
    /// Where the seat is, if a lease of another node holds it: then this only does what the client asks for here.
    home: Option<Connection>,
    _place: LeaseSlot,
}

/// Requests to this node within this time show together, to the one that holds the seat, that the client is there.
const SHOWN_EVERY: Duration = Duration::from_secs(1);

/// What those who read with the session are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// How often the client was asked to show that it is there.
    pub probes: u64,
    /// It is over, with this code.
    pub close: Option<CloseCode>,
}

struct Times {
    /// The last request began.
    seen: Instant,
    /// The same in µs since the start.
    seen_up: u64,
    /// The last request that waited, or streamed, ended.
    quiet: Instant,
    /// Requests that wait, and streams: by them the client can be asked whether it is there.
    waiting: u32,
    /// It was, since the last request began.
    asked: bool,
    /// The node that holds the seat was told of a request.
    shown: Option<Instant>,
}

/// A place among the sessions of its address; dropping it frees the place.
pub struct LeaseSlot {
    leases: Arc<Leases>,
    _seat: Seat,
}

impl Leases {
    /// A place for a session of this address. `None` if it has all that it may.
    pub fn enter(self: &Arc<Self>, client: &Arc<Client>, options: &Options) -> Option<LeaseSlot> {
        let mut most = options.address.max_connections_per_address;
        if !options.limited() {
            most = u32::MAX;
        } else if self.count() >= options.max_connections as usize {
            return None;
        }
        client.sit(most).map(|_seat| LeaseSlot { leases: self.clone(), _seat })
    }

    /// The session that `token` is of, if it is here.
    pub fn find(&self, token: &str, room: &RoomName) -> Option<Arc<Lease>> {
        let claimed = token::claimed(token)?;
        let lease = self.lock().by_session.get(&claimed.session).cloned()?;
        lease.is_for(token, room).then_some(lease)
    }

    /// Sessions over HTTP.
    pub fn count(&self) -> usize {
        self.lock().by_session.len()
    }

    /// From now on requests of its session find it. A visit gives way to one to the same lease that is here already, which is
    /// given: requests may be under way with it.
    fn insert(&self, lease: Arc<Lease>) -> Arc<Lease> {
        let mut table = self.lock();
        let session = lease.identity.session;
        if let Some(held) = table.by_session.get(&session)
            && held.is_visit()
            && held.home == lease.home
        {
            let held = held.clone();
            drop(table);
            return held;
        }
        let before = table.by_session.insert(session, lease.clone());
        // Not under the lock, as it may give its place back.
        drop(table);
        drop(before);
        lease
    }

    /// Nothing happens if the session has another lease by now.
    fn remove(&self, lease: &Arc<Lease>) {
        let mut table = self.lock();
        let session = lease.identity.session;
        let gone = table.by_session.get(&session).filter(|held| Arc::ptr_eq(held, lease)).cloned();
        if gone.is_some() {
            table.by_session.remove(&session);
        }
        // Its place is given back after the lock.
        drop(table);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Begins the lease of a session that has just joined with `token`.
    pub fn begin(
        server: &Arc<Server>,
        session: Session,
        identity: Proof,
        token: &str,
        signal: Arc<Signal>,
        place: LeaseSlot,
    ) -> Arc<Lease> {
        Lease::new(server, session, identity, token, signal, None, place)
    }

    /// Does here what the client asks for, as long as it does, while the lease `home` of another node holds its seat.
    pub fn visit(
        server: &Arc<Server>,
        session: Session,
        identity: Proof,
        token: &str,
        home: Connection,
        place: LeaseSlot,
    ) -> Arc<Lease> {
        let signal = Arc::new(Signal::default());
        Lease::new(server, session, identity, token, signal, Some(home), place)
    }

    fn new(
        server: &Arc<Server>,
        session: Session,
        identity: Proof,
        token: &str,
        signal: Arc<Signal>,
        home: Option<Connection>,
        place: LeaseSlot,
    ) -> Arc<Lease> {
        let now = Instant::now();
        let leases = place.leases.clone();
        let seen_up = clock::uptime_micros();
        let times = Times { seen: now, seen_up, quiet: now, waiting: 0, asked: false, shown: None };
        let lease = Arc::new(Lease {
            room: session.room().name().clone(),
            session: Mutex::new(Some(session)),
            identity,
            token: token.to_owned(),
            signal,
            times: Mutex::new(times),
            news: watch::Sender::default(),
            home,
            _place: place,
        });
        let inserted = leases.insert(lease.clone());
        if Arc::ptr_eq(&inserted, &lease) {
            tokio::spawn(lease.keep(server.clone(), leases));
        }
        inserted
    }

    /// Whether the seat is on another node.
    pub fn is_visit(&self) -> bool {
        self.home.is_some()
    }

    /// Whether the seat is still where it was when this began.
    pub fn is_current(&self) -> bool {
        let Some(home) = self.home else { return true };
        let whereabouts = self.session(|session| session.room().whereabouts(self.identity));
        whereabouts == Some(Some(Whereabouts::There(home)))
    }

    /// What proves who it is.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The client shows that it is here.
    pub fn renew(&self) {
        let now = Instant::now();
        let mut times = self.times();
        (times.seen, times.seen_up) = (now, clock::uptime_micros());
        times.asked = false;
        let is_due = times.shown.is_none_or(|shown| shown + SHOWN_EVERY <= now);
        let shows = self.is_visit() && is_due;
        if shows {
            times.shown = Some(now);
        }
        drop(times);
        if shows {
            self.session(|session| session.show());
        }
        self.signal.heard();
    }

    /// The session, to do something with it; `None` when it is over.
    pub fn session<T>(&self, act: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.as_mut().map(act)
    }

    /// Whether its seat is elsewhere by now.
    pub fn has_moved(&self) -> bool {
        self.close_code() == Some(CloseCode::GoingAway) || self.signal.replaced_at().is_some()
    }

    /// Why it is over, if it is.
    pub fn close_code(&self) -> Option<CloseCode> {
        self.signal.close_asked()
    }

    /// What is told to those who read with it.
    pub fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    /// A request waits, or streams. A connection alone shows nothing of the client at its end, which may be a proxy; so the
    /// lease goes on, and the client is asked before it is over.
    pub fn wait(self: &Arc<Self>) -> Waiting {
        self.times().waiting += 1;
        // The task looks again how long it has to wait.
        self.signal.wake();
        Waiting(self.clone())
    }

    /// The member leaves now, for good. Whoever is told so finds that its place is free.
    pub async fn leave(&self) {
        let seat = self.session(|session| session.seat());
        self.end(Ending::Left);
        self.signal.close(CloseCode::Normal);
        if let Some((server, room, connection)) = seat {
            server.broker.parted(&room, connection).get().await;
        }
    }

    /// Waits for the end.
    async fn keep(self: Arc<Self>, server: Arc<Server>, leases: Arc<Leases>) {
        let close = loop {
            tokio::select! {
                () = poll_fn(|context| self.signal.poll_woken(context)) => {
                    if let Some(code) = self.signal.close_asked() {
                        break code;
                    }
                    if self.signal.was_heard_elsewhere() {
                        self.renew();
                    }
                    if self.signal.is_asked() {
                        self.ask();
                    }
                }
                () = sleep_until(self.next_look(&server.options)) => {
                    if self.until(&server.options) <= Instant::now() {
                        self.signal.close(CloseCode::LeaseExpired);
                    } else if self.asks_at(&server.options).is_some_and(|at| at <= Instant::now()) {
                        self.times().asked = true;
                        self.ask();
                    }
                }
                // Those who read are told by themselves, and nobody leaves.
                () = server.drained() => return,
            }
        };
        leases.remove(&self);
        // The client has joined elsewhere and come here before this node knew: it is the same one, and comes again.
        let seen = self.times().seen_up;
        let is_same = self.signal.replaced_at().is_some_and(|at| seen > at);
        let close = if is_same { CloseCode::GoingAway } else { close };
        match close {
            // Requests that are under way are done: the session goes on.
            CloseCode::SessionReplaced | CloseCode::GoingAway => {
                self.session(|session| session.part(Ending::Lost));
                self.signal.end();
            }
            CloseCode::LeaseExpired => self.end(Ending::Expired),
            _ => self.end(Ending::Lost),
        }
        self.news.send_modify(|news| news.close = Some(close));
    }

    fn end(&self, ending: Ending) {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut session) = session {
            session.part(ending);
        }
        // After it, so that who wants the name finds the place given up, and does not take a client that goes for a ghost.
        self.signal.end();
    }

    /// Has the client show that it is here.
    fn ask(&self) {
        self.news.send_modify(|news| news.probes += 1);
    }

    fn next_look(&self, options: &Options) -> Instant {
        let until = self.until(options);
        self.asks_at(options).map_or(until, |at| at.min(until))
    }

    /// When the member is gone if nothing comes from it. Who has been asked and did not answer gets no grace.
    fn until(&self, options: &Options) -> Instant {
        let times = self.times();
        let until = times.seen + options.lease;
        if times.asked { until } else { until.max(times.quiet + options.grace) }
    }

    /// When it is to be asked, if it can be and was not yet: so early that the answer has time.
    fn asks_at(&self, options: &Options) -> Option<Instant> {
        let times = self.times();
        let early = options.lease.saturating_sub(options.grace).max(options.lease / 2);
        (times.waiting > 0 && !times.asked).then(|| times.seen + early)
    }

    fn is_for(&self, token: &str, room: &RoomName) -> bool {
        use subtle::ConstantTimeEq;
        self.room.key() == room.key() && bool::from(self.token.as_bytes().ct_eq(token.as_bytes()))
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits, or a stream.
pub struct Waiting(Arc<Lease>);

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut times = self.0.times();
        times.waiting -= 1;
        times.quiet = Instant::now();
    }
}
