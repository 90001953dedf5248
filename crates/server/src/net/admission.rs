//! Bounds by address: open connections, sessions over HTTP, messages, rooms; and on connections in total.
//!
//! A proxy's connections are its own affair, but for the total: behind one that is trusted, what counts for an address is its
//! requests under way and its WebSockets.

mod client;

use std::cell::OnceCell;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
pub use client::{Client, Founded, Seat};
use client::{Clients, Most};
use hyper::body::{Frame, SizeHint};

use crate::config::Options;
use crate::config::ProxyOptions;
use crate::memory::{Held, Memory};
use crate::metrics::Metrics;
use crate::net::partial::{Partial, Partials};

/// Open connections by address.
pub struct Visitors {
    proxy: ProxyOptions,
    /// Connections are encrypted.
    tls: bool,
    clients: Mutex<Clients>,
    per_address: u32,
    total: u32,
    partials: Arc<Partials>,
    metrics: Arc<Metrics>,
}

/// One open connection; dropping it frees its place.
pub struct Visit {
    visitors: Arc<Visitors>,
    /// The peer.
    peer: Arc<Client>,
    /// The peer speaks for others: its connections are not counted, theirs are.
    is_proxy: bool,
    /// Behind a proxy: the client that the connection has become. Boxed, as most have none.
    client: OnceCell<Box<Slot>>,
    /// Connections of the shard it was given to, itself included.
    shard_load: Option<Arc<AtomicU32>>,
    /// The connection is above the bound of its address: it is told so and closed.
    pub over_limit: bool,
}

/// One of the places that an address has; dropping it frees it.
pub struct Slot {
    client: Arc<Client>,
}

/// All places of an address are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Visitors {
    /// With the bounds of `options`; none with `--limits off`.
    pub fn new(options: &Options, metrics: Arc<Metrics>, memory: Arc<Memory>) -> Visitors {
        let bound = |n: u32| if options.limited() { n } else { u32::MAX };
        Visitors {
            proxy: options.proxy.clone(),
            tls: options.tls.is_on(),
            clients: Mutex::new(Clients::new(Most::of(options))),
            per_address: bound(options.address.max_connections_per_address),
            total: bound(options.max_connections),
            partials: Arc::new(Partials::new(options, memory)),
            metrics,
        }
    }

    /// Counts a connection in. `None`: there is no room even for saying so; drop it.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Visit> {
        let peer = self.lock().find_or_make(address);
        self.admit(peer, self.proxy.trust(address))
    }

    fn admit(self: &Arc<Self>, peer: Arc<Client>, is_proxy: bool) -> Option<Visit> {
        // A little above the bounds there is still a polite answer; beyond, not even that.
        let courtesy = |bound: u32| bound.saturating_add(bound / 8).saturating_add(8);
        if self.metrics.connections() >= courtesy(self.total).into() {
            return None;
        }
        let mut over_limit = self.metrics.connections() >= self.total.into();
        if !is_proxy {
            over_limit |= peer.connect(courtesy(self.per_address))? > self.per_address;
        }
        self.metrics.connected();
        let visitors = self.clone();
        let client = OnceCell::new();
        Some(Visit { visitors, peer, is_proxy, client, shard_load: None, over_limit })
    }

    /// Addresses that are remembered: something of theirs is here, or was a moment ago.
    pub fn addresses(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    /// A further place for the same visitor, on the same shard: a WebSocket on a stream of its connection counts as a
    /// connection does, or one connection would stand for many members. `None` above the bounds.
    pub fn another(&self) -> Option<Visit> {
        let mut visit = self.visitors.admit(self.peer.clone(), self.is_proxy)?;
        if let Some(load) = &self.shard_load {
            visit.count_on(load);
        }
        (!visit.over_limit).then_some(visit)
    }

    /// Whose it is: the peer's, or behind a proxy that of the client that the connection has become.
    pub fn client(&self) -> &Arc<Client> {
        self.client.get().map_or(&self.peer, |place| &place.client)
    }

    /// A message of this visitor has begun to come.
    pub fn begin_part(&self) -> Partial {
        self.visitors.partials.begin(self.client().network())
    }

    /// A piece of the budget of memory, for what is kept for this visitor.
    pub fn hold(&self) -> Held {
        self.visitors.partials.hold()
    }

    /// A place for the client that a request is made for, if the peer is a proxy; it is to be kept until the answer is
    /// written. Without a proxy the connection itself has one. `values` gives all values of a header of the request, in order.
    ///
    /// # Errors
    /// The client has all its places.
    pub fn seat<'a, V>(&self, values: impl FnOnce(&'static str) -> V) -> Result<Option<Slot>, Full>
    where
        V: DoubleEndedIterator<Item = &'a [u8]>,
    {
        if !self.is_proxy {
            return Ok(None);
        }
        let visitors = &self.visitors;
        let proxy = &visitors.proxy;
        let address = proxy.client(self.peer.network(), values(proxy.header.name()));
        let client = visitors.lock().find_or_make(address);
        client.connect(visitors.per_address).ok_or(Full)?;
        Ok(Some(Slot { client }))
    }

    /// Whether a request came by https: to us, or to a proxy that says so and is trusted. `values` as in [`Visit::seat`].
    pub fn is_secure<'a, V>(&self, values: impl FnOnce(&'static str) -> V) -> bool
    where
        V: Iterator<Item = &'a [u8]>,
    {
        let visitors = &self.visitors;
        let header = visitors.proxy.header;
        visitors.tls
            || (self.is_proxy && values(header.scheme_name()).any(|value| header.says_https(value)))
    }

    /// From now on the connection is that of one client of the proxy.
    pub fn settle(&self, place: Slot) {
        let _ = self.client.set(Box::new(place));
    }

    /// Counts it among the connections of a shard.
    pub fn count_on(&mut self, load: &Arc<AtomicU32>) {
        load.fetch_add(1, Ordering::Relaxed);
        self.shard_load = Some(load.clone());
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(load) = &self.shard_load {
            load.fetch_sub(1, Ordering::Relaxed);
        }
        self.visitors.metrics.disconnected();
        if !self.is_proxy {
            self.peer.disconnect();
        }
    }
}

impl Slot {
    /// Whose it is.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.client.disconnect();
    }
}

/// The body of an answer through a proxy: its client has its place until the last of it is written.
pub struct Seated {
    body: Body,
    _place: Slot,
}

impl Seated {
    /// `body`, for the client at `place`.
    pub fn new(body: Body, place: Slot) -> Seated {
        Seated { body, _place: place }
    }
}

impl hyper::body::Body for Seated {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
