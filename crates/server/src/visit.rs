//! Bounds on open connections, in total and by address.
//!
//! A proxy's connections are its own affair, but for the total: behind one that is trusted, what counts for an address is its
//! requests under way and its WebSockets.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};

use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::partial::{Partial, Partials};
use crate::proxy::ProxyOptions;

/// Open connections by address.
pub struct Visitors {
    proxy: ProxyOptions,
    by_address: Mutex<HashMap<IpAddr, u32>>,
    per_address: u32,
    total: u32,
    partials: Arc<Partials>,
    metrics: Arc<Metrics>,
}

/// One open connection; dropping it frees its place.
pub struct Visit {
    visitors: Arc<Visitors>,
    address: IpAddr,
    /// The peer speaks for others: its address is not counted, theirs are.
    is_proxy: bool,
    /// Behind a proxy: the client that the connection has become. Boxed, as most have none.
    client: OnceCell<Box<Place>>,
    /// Connections of the shard it was given to, itself included.
    shard_load: Option<Arc<AtomicU32>>,
    /// The connection is above the bound of its address: it is told so and closed.
    pub over_limit: bool,
}

/// One of the places that an address has; dropping it frees it.
pub struct Place {
    visitors: Arc<Visitors>,
    address: IpAddr,
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
            by_address: Mutex::default(),
            per_address: bound(options.max_connections_per_address),
            total: bound(options.max_connections),
            partials: Arc::new(Partials::new(options, memory)),
            metrics,
        }
    }

    /// Counts a connection in. `None`: there is no room even for saying so; drop it.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Visit> {
        // A little above the bounds there is still a polite answer; beyond, not even that.
        let courtesy = |bound: u32| bound.saturating_add(bound / 8).saturating_add(8);
        if self.metrics.connections() >= courtesy(self.total).into() {
            return None;
        }
        let is_proxy = self.proxy.trust(address);
        let mut over_limit = self.metrics.connections() >= self.total.into();
        if !is_proxy {
            over_limit |= self.count(address, courtesy(self.per_address))? > self.per_address;
        }
        self.metrics.connected();
        let visitors = self.clone();
        let client = OnceCell::new();
        Some(Visit { visitors, address, is_proxy, client, shard_load: None, over_limit })
    }

    /// Takes a place, and says how many the address has now. `None` if it would have more than `most`.
    fn count(&self, address: IpAddr, most: u32) -> Option<u32> {
        let mut by_address = self.lock();
        let count = by_address.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(*count)
    }

    fn leave(&self, address: IpAddr) {
        let mut by_address = self.lock();
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    /// A further place for the same visitor, on the same shard: a WebSocket on a stream of its connection counts as a
    /// connection does, or one connection would stand for many members. `None` above the bounds.
    pub fn another(&self) -> Option<Visit> {
        let mut visit = self.visitors.enter(self.address)?;
        if let Some(load) = &self.shard_load {
            visit.count_on(load);
        }
        (!visit.over_limit).then_some(visit)
    }

    /// The peer's.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// A message of this visitor has begun to come.
    pub fn begin_part(&self) -> Partial {
        let address = self.client.get().map_or(self.address, |client| client.address);
        self.visitors.partials.begin(address)
    }

    /// A place for the client that a request is made for, if the peer is a proxy; it is to be kept until the answer is
    /// written. Without a proxy the connection itself has one. `values` gives all values of a header of the request, in order.
    ///
    /// # Errors
    /// The client has all its places.
    pub fn seat<'a, V>(&self, values: impl FnOnce(&'static str) -> V) -> Result<Option<Place>, Full>
    where
        V: DoubleEndedIterator<Item = &'a [u8]>,
    {
        if !self.is_proxy {
            return Ok(None);
        }
        let proxy = &self.visitors.proxy;
        let address = proxy.client(self.address, values(proxy.header.name()));
        self.visitors.count(address, self.visitors.per_address).ok_or(Full)?;
        Ok(Some(Place { visitors: self.visitors.clone(), address }))
    }

    /// From now on the connection is that of one client of the proxy.
    pub fn settle(&self, place: Place) {
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
            self.visitors.leave(self.address);
        }
    }
}

impl Place {
    /// Whose it is.
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.visitors.leave(self.address);
    }
}

/// The body of an answer through a proxy: its client has its place until the last of it is written.
pub struct Seated {
    body: Body,
    _place: Place,
}

impl Seated {
    /// `body`, for the client at `place`.
    pub fn new(body: Body, place: Place) -> Seated {
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
