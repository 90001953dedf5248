//! What all shards share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hamhame_core::name::{Name, RoomName};
use tokio::sync::watch;

use crate::broker::Broker;
use crate::config::Options;
use crate::departed::Departed;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::net::admission::Visitors;
use crate::net::hosts::Hosts;
use crate::net::origin;
use crate::net::tls::Tls;
use crate::room::change::{Connection, Hold};
use crate::room::notify::{Inbox, Inboxes};
use crate::room::registry::Registry;
use crate::room::{Room, Shared};
use crate::token::{Proof, Sealer, random_id};

/// The least that a client waits before it comes back to a server that restarts, in milliseconds.
const FIRST_BACK: u64 = 250;

/// The parts of a running server that belong to no single thread.
pub struct Server {
    /// As read at the start.
    pub options: Options,
    /// Which hosts it answers for.
    pub hosts: Hosts,
    /// Which origins' pages it welcomes beside its own.
    pub origins: Vec<String>,
    /// All rooms.
    pub registry: Registry,
    /// Who orders events.
    pub broker: Box<dyn Broker>,
    /// How rooms wake shards.
    pub inboxes: Arc<Inboxes<Room>>,
    /// What all of it may keep in memory.
    pub memory: Arc<Memory>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Open connections by address.
    pub visitors: Arc<Visitors>,
    /// What is needed to speak TLS, if it is spoken.
    pub tls: Option<Tls>,
    /// Whose tokens prove nothing any more.
    pub departed: Departed,
    connections: AtomicU32,
    sealer: Sealer,
    draining: watch::Sender<bool>,
}

impl Server {
    /// With the broker that decides what happens in its rooms.
    ///
    /// # Errors
    /// If the system gives no randomness for the secret, or the certificate cannot be used.
    pub fn new(options: Options, broker: Box<dyn Broker>) -> anyhow::Result<Server> {
        let inboxes: Arc<Inboxes<Room>> =
            (0..options.thread_count()).map(|_| Inbox::default()).collect();
        let metrics = Arc::new(Metrics::new(inboxes.len()));
        let memory = Arc::new(Memory::new(options.memory.budget()));
        let shared = Shared::new(options.window(), inboxes.clone(), memory.clone());
        let registry = Registry::new(options.max_rooms, shared);
        Ok(Server {
            departed: Departed::new(memory.limit()),
            sealer: Sealer::new(options.secret.as_deref())?,
            visitors: Arc::new(Visitors::new(&options, metrics.clone(), memory.clone())),
            broker,
            tls: Tls::new(&options)?,
            hosts: Hosts::new(&options),
            origins: origin::allowed(&options),
            connections: AtomicU32::new(0),
            draining: watch::Sender::new(false),
            memory,
            registry,
            inboxes,
            metrics,
            options,
        })
    }

    /// The token of a session.
    pub fn seal(&self, proof: Proof, room: &RoomName, name: &Name) -> String {
        self.sealer.seal(proof, room, name)
    }

    /// What a token proves in this room under this name: nothing if its session left for good.
    pub fn open_token(&self, token: &str, room: &RoomName, name: &Name) -> Option<Proof> {
        let proof = self.sealer.open(token, room, name)?;
        (!self.departed.knows(proof.session)).then_some(proof)
    }

    /// A number for one connection, or lease, that tries to come into a room.
    pub fn number_connection(&self, hold: Hold) -> u32 {
        Connection::numbered(self.connections.fetch_add(1, Ordering::Relaxed), hold)
    }

    /// From now on the server only finishes what it has begun.
    pub fn start_draining(&self) {
        self.draining.send_replace(true);
    }

    /// Whether the server is on its way out.
    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// When a client over HTTP should come back from a server that goes: each at another time, after those that are told by
    /// [`Shard::shut_down`](crate::delivery::shard::Shard::shut_down).
    pub fn come_back(&self) -> Duration {
        let spread = self.options.drain.as_millis().max(1) as u64;
        Duration::from_millis(FIRST_BACK + random_id() % spread)
    }

    /// Waits until the server is on its way out.
    pub async fn drained(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.draining.subscribe().wait_for(|draining| *draining).await;
    }
}
