//! Bounds on open connections, in total and by address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::metrics::Metrics;
use crate::options::Options;

/// Open connections by address.
pub struct Visitors {
    by_address: Mutex<HashMap<IpAddr, u32>>,
    per_address: u32,
    total: u32,
    metrics: Arc<Metrics>,
}

/// One open connection; dropping it frees its place.
pub struct Visit {
    visitors: Arc<Visitors>,
    address: IpAddr,
    /// Connections of the shard it was given to, itself included.
    shard_load: Option<Arc<AtomicU32>>,
    /// The connection is above the bound of its address: it is told so and closed.
    pub over_limit: bool,
}

impl Visitors {
    /// With the bounds of `options`; none with `--limits off`.
    pub fn new(options: &Options, metrics: Arc<Metrics>) -> Visitors {
        let bound = |n: u32| if options.limited() { n } else { u32::MAX };
        Visitors {
            by_address: Mutex::default(),
            per_address: bound(options.max_connections_per_address),
            total: bound(options.max_connections),
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
        let mut by_address = self.lock();
        let count = by_address.entry(address).or_default();
        if *count >= courtesy(self.per_address) {
            return None;
        }
        *count += 1;
        let over_limit =
            *count > self.per_address || self.metrics.connections() >= self.total.into();
        drop(by_address);
        self.metrics.connected();
        Some(Visit { visitors: self.clone(), address, shard_load: None, over_limit })
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

    /// Whose it is.
    pub fn address(&self) -> IpAddr {
        self.address
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
        let mut by_address = self.visitors.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}
