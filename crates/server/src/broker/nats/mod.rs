//! NATS with JetStream (2.11 or later) as the [`Engine`]: a subject for each room's log, one message for each batch.
//!
//! The server knows nothing of rooms: it takes a message behind the last one of its subject that the writer names, or refuses it.
//! So a node gives a batch its places by what it knows of the log's end, and if that was not all, reads and tries again. What is
//! stored is told to those who follow the room by the stream itself (`republish`).

mod address;
mod jetstream;
mod keeper;
mod message;
mod question;
mod reading;
mod room;
mod seats;
mod shared;
mod silent;
mod tail;
mod writing;
mod written;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::future::BoxFuture;
use tokio::time::timeout;

use self::address::Address;
use self::jetstream::JetStream;
use self::reading::Whole;
use self::room::Prefix;
use self::shared::{Shared, WHISPER};
use self::tail::Wish;
use super::engine::{
    Condition, Engine, Entry, Failure, Follower, Place, Proposal, Question, Seen, Snapshot,
};
use super::wire;
use crate::room::change::{Change, NodeId};

/// How long a message is kept where a node makes the streams. In a room that somebody follows there is a new one before that.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a question or an answer may be on its way.
const ANSWER: Duration = Duration::from_millis(500);

/// NATS as it is reached from this process.
#[derive(Clone)]
pub struct Nats(Arc<Shared>);

impl Nats {
    /// Begins to keep a connection to one of the servers at this [address](Address::read), which need not be there yet.
    ///
    /// # Errors
    /// If it is no address, if the prefix cannot stand in a subject, or if there can be no further thread.
    pub fn connect(
        url: &str,
        root: Option<&Path>,
        prefix: &str,
        node: NodeId,
        keep: u64,
    ) -> anyhow::Result<Nats> {
        let address = Address::read(url, root).context("--broker: this is no address of a NATS")?;
        let fits = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
        ensure!(
            !prefix.is_empty() && prefix.chars().all(fits),
            "--broker-prefix: with NATS it is of letters, digits, - and _"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let prefix = Prefix(prefix.into());
        let shared = Arc::new(Shared::new(node, prefix, keep, runtime.handle().clone()));
        let nats = Nats(shared.clone());
        std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || runtime.block_on(keeper::run(shared, address)))
            .context("cannot start a thread")?;
        Ok(nats)
    }

    /// Publishes without waiting for it.
    fn publish(&self, subject: String, text: String) {
        let Some(JetStream(client)) = self.0.reached.borrow().clone() else { return };
        self.0.runtime.spawn(async move {
            let _ = client.publish(subject, text.into()).await;
        });
    }
}

impl Engine for Nats {
    fn open<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<Snapshot, Failure>> {
        Box::pin(async move {
            let room = self.0.room(room);
            // First, so that nothing can be told of between the look and the subscription.
            self.0.listen(&room).await?;
            let whole = match self.0.read_all(&room).await? {
                Some(whole) => whole,
                None => {
                    self.0.begin(&room).await?;
                    self.0.read_all(&room).await?.ok_or(Failure::Unknown)?
                }
            };
            Ok(snapshot(whole, self.0.now()))
        })
    }

    fn renew<'a>(&'a self, room: &'a str, seen: Seen) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.0.renew(&self.0.room(room), seen).await })
    }

    fn give_back<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
        entries: Vec<Arc<Entry>>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let lost = |entry: &Arc<Entry>| {
                let Entry { tag, logged, ref change, at, .. } = **entry;
                let only_if = Condition::Always;
                let proposal = Proposal { tag, change: change.clone(), logged, only_if };
                Wish { proposal, before: Some(at) }
            };
            let wishes: Vec<Wish> = entries.iter().map(lost).collect();
            self.0.place(&self.0.room(room), seen, &wishes, true).await.map(drop)
        })
    }

    fn append<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
        batch: Vec<Proposal>,
    ) -> BoxFuture<'a, Result<Vec<Place>, Failure>> {
        Box::pin(async move {
            let wish = |proposal| Wish { proposal, before: None };
            let wishes: Vec<Wish> = batch.into_iter().map(wish).collect();
            self.0.place(&self.0.room(room), seen, &wishes, false).await
        })
    }

    fn read<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
    ) -> BoxFuture<'a, Result<Vec<Arc<Entry>>, Failure>> {
        Box::pin(async move { self.0.read_behind(&self.0.room(room), seen).await })
    }

    fn follow(&self, room: &str, follower: Weak<dyn Follower>) {
        self.0.followers.add(self.0.room_of(&wire::hash(room)), follower);
    }

    fn unfollow(&self, room: &str) {
        self.0.followers.leave(self.0.room_of(&wire::hash(room)));
    }

    fn whisper(&self, room: &str, change: Change<'static>) {
        let told = self.0.room_of(&wire::hash(room));
        self.publish(told, format!("{WHISPER}{}", wire::write(&change)));
    }

    fn ask<'a>(&'a self, room: &'a str, question: Question) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let Ok(JetStream(client)) = self.0.server().await else { return false };
            let to = self.0.prefix.node(question.connection.node);
            let text = question::write(&wire::hash(room), &question);
            let asked = async_nats::Request::new().payload(text.into()).timeout(None);
            // There and back, and what the other node waits for.
            let answer = timeout(question.patience + 2 * ANSWER, client.send_request(to, asked));
            matches!(answer.await, Ok(Ok(reply)) if question::is_yes(&reply.payload))
        })
    }

    fn living<'a>(&'a self, nodes: Vec<NodeId>) -> BoxFuture<'a, Result<Vec<NodeId>, Failure>> {
        Box::pin(async move {
            // After an outage this node may be the first that has a lease again.
            if !self.0.is_settled.load(Ordering::Acquire) {
                return Err(Failure::Unknown);
            }
            let server = self.0.server().await?;
            let leases = keeper::leases(&self.0, &server).await.map_err(|_| Failure::Unknown)?;
            let now = self.0.now();
            let holds =
                |node: &NodeId| leases.iter().any(|lease| lease.node == *node && lease.holds(now));
            Ok(nodes.into_iter().filter(holds).collect())
        })
    }

    fn is_reached(&self) -> bool {
        self.0.reached.borrow().is_some()
    }

    fn refuses(&self) -> bool {
        self.0.refusals.are_now()
    }
}

fn snapshot(whole: Whole, now: u64) -> Snapshot {
    let Whole { head, entries, seats, .. } = whole;
    Snapshot {
        seen: head.seen(),
        offset: head.offset,
        seats_at: head.seats_at,
        presence: head.presence,
        former: head.former,
        entries,
        seats: seats.seated(now),
        documents: seats.into_documents(),
        now,
    }
}
