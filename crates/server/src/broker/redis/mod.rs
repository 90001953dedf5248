//! Redis (7 or later) or Valkey as the [`Engine`]: one script a batch appends, numbers, finds what was said already and publishes.
//!
//! A thread of its own keeps the connection, over which commands go and news come, and tells followers. A room is four keys with one
//! hash tag; the scripts say what is in them. Only a script changes them, so they change together or not at all.

mod address;
mod connection;
mod keeper;
mod keys;
mod lines;
mod scripts;
mod shared;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context;
use futures_util::future::BoxFuture;
use hamhame_core::id::Id;
use redis::ScriptInvocation;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use self::address::Address;
use self::keys::Keys;
use self::shared::{KEPT_FOR, PAUSE, Shared};
use super::engine::{Engine, Entry, Failure, Follower, Place, Proposal, Question, Seen, Snapshot};
use super::wire;
use crate::room::change::{Change, NodeId};
use crate::token::random_id;

/// Redis as it is reached from this process.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

impl Redis {
    /// Begins to keep a connection to the server at this [address](Address::read), which need not be there yet. With TLS, its
    /// certificate is signed with `root` (PEM), or by somebody whom the machine trusts.
    ///
    /// # Errors
    /// If it is no address, or there can be no further thread.
    pub fn connect(
        url: &str,
        root: Option<Vec<u8>>,
        prefix: &str,
        node: NodeId,
        keep: u64,
    ) -> anyhow::Result<Redis> {
        let address =
            Address::read(url, root).context("--broker: this is no address of a Redis")?;
        let is_sharded = matches!(address, Address::Cluster(_));
        let redis = Redis(Arc::new(Shared::new(node, prefix, keep, is_sharded)));
        let shared = redis.0.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || runtime.block_on(keeper::run(shared, address)))
            .context("cannot start a thread")?;
        Ok(redis)
    }
}

impl Redis {
    async fn place(
        &self,
        keys: &Keys,
        seen: Seen,
        which: &str,
        batch: Vec<Vec<String>>,
    ) -> Result<Vec<Place>, Failure> {
        let places: Option<Vec<String>> = self
            .0
            .run(&self.0.scripts.append, keys, |call| {
                seen_arguments(call, seen);
                call.arg(keys.channel()).arg(self.0.keep).arg(KEPT_FOR.as_millis() as u64);
                call.arg(which);
                for proposal in &batch {
                    call.arg(proposal);
                }
            })
            .await?;
        let places = places.ok_or(Failure::Changed)?;
        let places: Option<Vec<Place>> = places.iter().map(|place| lines::place(place)).collect();
        places.filter(|places| places.len() == batch.len()).ok_or_else(|| unreadable(keys))
    }
}

fn seen_arguments(call: &mut ScriptInvocation<'_>, seen: Seen) {
    call.arg(Id::new(seen.epoch.get()).to_string()).arg(seen.seq).arg(seen.tag);
}

impl Engine for Redis {
    fn open<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<Snapshot, Failure>> {
        Box::pin(async move {
            let keys = self.0.prefix.keys(room);
            // First, so that nothing can be published between the look and the subscription.
            let mut connection = self.0.connection().await?;
            if connection.subscribe(&[keys.channel().to_owned()]).await.is_err() {
                sleep(PAUSE).await;
                return Err(Failure::Unknown);
            }
            let opened: lines::Opened = self
                .0
                .run(&self.0.scripts.open, &keys, |call| {
                    call.arg(Id::new(random_id()).to_string()).arg(KEPT_FOR.as_millis() as u64);
                })
                .await?;
            lines::snapshot(opened).ok_or_else(|| unreadable(&keys))
        })
    }

    fn renew<'a>(&'a self, room: &'a str, seen: Seen) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let keys = self.0.prefix.keys(room);
            let renewed: u8 = self
                .0
                .run(&self.0.scripts.renew, &keys, |call| {
                    seen_arguments(call, seen);
                    call.arg(Id::new(random_id()).to_string()).arg(keys.channel());
                })
                .await?;
            if renewed == 1 { Ok(()) } else { Err(Failure::Changed) }
        })
    }

    fn give_back<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
        entries: Vec<Arc<Entry>>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let keys = self.0.prefix.keys(room);
            let all = entries.iter().map(|entry| lines::lost(entry)).collect();
            self.place(&keys, seen, "last", all).await.map(drop)
        })
    }

    fn append<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
        batch: Vec<Proposal>,
    ) -> BoxFuture<'a, Result<Vec<Place>, Failure>> {
        Box::pin(async move {
            let keys = self.0.prefix.keys(room);
            self.place(&keys, seen, "", batch.iter().map(lines::proposal).collect()).await
        })
    }

    fn read<'a>(
        &'a self,
        room: &'a str,
        seen: Seen,
    ) -> BoxFuture<'a, Result<Vec<Arc<Entry>>, Failure>> {
        Box::pin(async move {
            let keys = self.0.prefix.keys(room);
            let read: Option<Vec<String>> =
                self.0.run(&self.0.scripts.read, &keys, |call| seen_arguments(call, seen)).await?;
            let read = read.ok_or(Failure::Changed)?;
            let entries: Option<Vec<_>> = read.iter().map(|line| wire::read_entry(line)).collect();
            entries.ok_or_else(|| unreadable(&keys))
        })
    }

    fn follow(&self, room: &str, follower: Weak<dyn Follower>) {
        let channel = self.0.prefix.keys(room).channel().to_owned();
        self.0.followers.add(channel, follower);
    }

    fn unfollow(&self, room: &str) {
        let channel = self.0.prefix.keys(room).channel().to_owned();
        self.0.followers.leave(channel);
    }

    fn whisper(&self, room: &str, change: Change<'static>) {
        let keys = self.0.prefix.keys(room);
        self.0.publish(keys.channel().to_owned(), format!("whisper\n{}", wire::write(&change)));
    }

    fn ask<'a>(&'a self, room: &'a str, question: Question) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let number = random_id();
            let (sender, answer) = oneshot::channel();
            self.0.asked().insert(number, sender);
            let keys = self.0.prefix.keys(room);
            let to = self.0.prefix.node(question.connection.node);
            let text = lines::question(number, self.0.node, keys.channel(), &question);
            self.0.publish(to, text);
            // There and back, and what the other node waits for.
            let answer = timeout(question.patience + 2 * ANSWER, answer).await;
            self.0.asked().remove(&number);
            answer.is_ok_and(|answer| answer.unwrap_or(false))
        })
    }

    fn living<'a>(&'a self, nodes: Vec<NodeId>) -> BoxFuture<'a, Result<Vec<NodeId>, Failure>> {
        Box::pin(async move {
            // After an outage this node may be the first that has a lease again.
            if !self.0.is_settled.load(Ordering::Acquire) {
                return Err(Failure::Unknown);
            }
            let mut connection = self.0.connection().await?;
            let mut call = self.0.scripts.living.prepare_invoke();
            call.key(self.0.prefix.nodes());
            for node in &nodes {
                call.arg(Id::new(node.0).to_string());
            }
            let living: redis::RedisResult<Vec<u8>> = call.invoke_async(&mut connection).await;
            let living = living.map_err(|_| Failure::Unknown)?;
            Ok(nodes
                .into_iter()
                .zip(living)
                .filter(|(_, lives)| *lives == 1)
                .map(|(node, _)| node)
                .collect())
        })
    }

    fn is_reached(&self) -> bool {
        self.0.connection.borrow().is_some()
    }

    fn refuses(&self) -> bool {
        self.0.refusals.are_now()
    }
}

/// How long a question or an answer may be on its way.
const ANSWER: Duration = Duration::from_millis(500);

/// What stands in the engine was not written by this version, or not by hamhame.
fn unreadable(keys: &Keys) -> Failure {
    tracing::error!(room = keys.hash(), "what the engine has of a room cannot be read");
    Failure::Unknown
}
