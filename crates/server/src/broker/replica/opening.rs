//! Opening a room: what the engine has of it becomes what this node has, the first time and after the two went apart.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hamhame_core::codes::CloseCode;
use hamhame_core::name::Name;
use hamhame_core::position::Position;
use tokio::time::{Instant, sleep, timeout_at};

use super::progress::moment;
use super::recent::Compared;
use super::{LATE, Newcomer, PATIENCE, Replica};
use crate::broker::Away;
use crate::broker::counts::Counts;
use crate::broker::engine::{Engine, Failure, Snapshot};
use crate::clock;
use crate::room::change::Connection;
use crate::room::intent::Entry;
use crate::room::snapshot::{self, Held, Unseated};
use crate::token::Proof;

/// How long one who has more than the engine waits until others have given it back.
const AHEAD: Duration = Duration::from_secs(3);

impl<E: Engine> Replica<E> {
    /// Opens the room, if it is not, and waits until it has what stands up to `upto`.
    pub async fn open(self: &Arc<Self>, upto: Option<Position>) -> Result<(), Away> {
        let deadline = Instant::now() + PATIENCE;
        while self.lock().seen.is_none() {
            let asked = clock::uptime_micros();
            match timeout_at(deadline, self.engine.open(&self.key)).await {
                Ok(Ok(snapshot)) => self.become_like(&snapshot, asked, deadline).await?,
                Ok(Err(Failure::Refused)) | Err(_) => return Err(Away),
                Ok(Err(Failure::Changed | Failure::Unknown)) => sleep(LATE).await,
            }
        }
        let Some(room) = self.room.upgrade() else { return Err(Away) };
        let is_ahead = |upto: Position| {
            let here = room.position();
            upto.epoch == here.epoch && upto.offset > here.offset
        };
        if let Some(upto) = upto.filter(|upto| is_ahead(*upto)) {
            self.catch_up(deadline).await?;
            self.wait_while(|| is_ahead(upto), Instant::now() + AHEAD).await;
        }
        Ok(())
    }

    /// Waits for what is applied as long as this is so.
    async fn wait_while(&self, is_so: impl Fn() -> bool, deadline: Instant) {
        loop {
            let moved = self.moved.notified();
            if !is_so() || timeout_at(deadline, moved).await.is_err() {
                return;
            }
        }
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
                Ok(Err(Failure::Unknown | Failure::Refused)) => sleep(LATE).await,
                Ok(Err(Failure::Changed)) => {
                    self.close();
                    return Err(Away);
                }
                Err(_) => return Err(Away),
            }
        }
    }

    /// The engine has the room in another way: it is opened anew.
    pub(super) fn close(self: &Arc<Self>) {
        let mut inner = self.lock();
        if inner.seen.is_some() {
            inner.forget();
            drop(inner);
            tokio::spawn(self.clone().reopen());
        }
    }

    /// Opens the room again, however long that takes.
    pub(super) fn reopen(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut pause = LATE;
            while !self.is_over() && self.open(None).await.is_err() {
                // It fails at once where the engine refuses to write, in many rooms perhaps.
                sleep(pause).await;
                pause = (2 * pause).min(PATIENCE);
            }
        })
    }

    /// Makes the room what the engine has, if that is whole; if not, mends it: it is to be asked again then. It cannot be mended
    /// while the engine refuses to write.
    async fn become_like(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        asked: u64,
        deadline: Instant,
    ) -> Result<(), Away> {
        let compared = {
            let inner = self.lock();
            inner.recent.compare(inner.before, snapshot)
        };
        let (seen, key) = (snapshot.seen, &self.key);
        let mended = match compared {
            Compared::Whole => {
                self.restore(snapshot, asked);
                return Ok(());
            }
            Compared::Short(lost) => {
                let count = lost.len();
                let given = timeout_at(deadline, self.engine.give_back(key, seen, lost)).await;
                if let Ok(Ok(())) = given {
                    tracing::warn!(
                        count,
                        "the engine had lost entries of a room; it has them again"
                    );
                    self.counts.given_back.fetch_add(count as u64, Relaxed);
                }
                given
            }
            Compared::Forked => {
                let renewed = timeout_at(deadline, self.engine.renew(key, seen)).await;
                if let Ok(Ok(())) = renewed {
                    tracing::warn!("the engine had other entries of a room; another epoch begins");
                    Counts::one(&self.counts.forks);
                }
                renewed
            }
        };
        match mended {
            Ok(Err(Failure::Refused)) => Err(Away),
            // Whatever comes of it, or nothing: the next look shows it.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Gives a connection its seat back which the engine has lost; or ends it, if somebody else has the name.
    pub(super) async fn seat_again(self: Arc<Self>, unseated: Unseated) {
        let Ok(name) = Name::parse(&unseated.name) else { return };
        let newcomer = Newcomer {
            name,
            identity: Proof { session: unseated.session, member: unseated.member },
            attempt: Some(unseated.attempt),
            after: None,
            history: 0,
            connection: Connection { node: self.node, number: unseated.number },
            signal: unseated.signal.clone(),
            max_members: usize::MAX,
        };
        match self.enter(newcomer, Instant::now() + PATIENCE).await {
            Entry::In(_) => {}
            // It is opened once more, or nobody knows: the seat is given back then, or its client comes back.
            Entry::Unreachable => unseated.signal.close(CloseCode::InternalError),
            Entry::Late => unseated.signal.replace(0),
            _ => unseated.signal.close(CloseCode::NameTaken),
        }
    }

    /// Makes the room what the engine has. Whose seat is lost gets it back; a seat that no connection of this node holds any
    /// more, though the engine says so, is given up. The engine was asked at `asked`, by this process's clock: its clock is set by
    /// that, so that nothing is taken for newer than it is, and nothing is kept for longer than was said.
    fn restore(self: &Arc<Self>, snapshot: &Snapshot, asked: u64) {
        let Some(room) = self.room.upgrade() else { return };
        let mut inner = self.lock();
        if inner.seen.is_some() {
            return;
        }
        if inner.before.is_some() {
            Counts::one(&self.counts.reopens);
        }
        inner.clock = asked as i64 - snapshot.now as i64;
        inner.seats_at = snapshot.seats_at;
        inner.seen = Some(snapshot.seen);
        inner.early.clear();
        let missing = inner.recent.missing(inner.before, snapshot);
        inner.lost.extend(missing);
        inner.lost.retain(|entry| snapshot.entries.iter().all(|there| there.tag != entry.tag));
        let lost = inner.lost.clone();
        inner.recent.restart(snapshot);
        self.forget_in_time(&mut inner);
        let clock = inner.clock;
        let logged = snapshot.entries.iter().filter(|entry| entry.logged);
        let floor = logged.clone().next().map_or(snapshot.offset, |first| first.offset - 1);
        let mut writer = room.writer();
        let unseated = writer.restore(
            &snapshot::Snapshot {
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
        self.moved.notify_waiters();
        lost.iter().for_each(|entry| self.say_again(entry));
        tokio::spawn(self.clone().find_ended());
        for unseated in unseated {
            let seat = snapshot.seats.iter().find(|seated| seated.member == unseated.member);
            match seat.map(|seated| seated.held) {
                // Its session has another connection by now.
                Some(Held::By(other)) if other.is_moved() => {
                    unseated.signal.close(CloseCode::GoingAway);
                }
                Some(Held::By(_)) => unseated.signal.replace(0),
                Some(Held::For(_)) | None => _ = tokio::spawn(self.clone().seat_again(unseated)),
            }
        }
        let mut over = Vec::new();
        for seated in &snapshot.seats {
            if let Held::By(connection) = seated.held
                && connection.node == self.node
                && room.signal_of(seated.member, connection).is_none()
            {
                over.push((seated.member, connection));
            }
        }
        let still = |number: &u32| over.iter().any(|(_, connection)| connection.number == *number);
        self.lock().partings.retain(|number, _| still(number));
        for (member, connection) in over {
            tokio::spawn(self.clone().vacate(member, connection));
        }
    }
}
