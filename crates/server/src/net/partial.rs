//! Messages that have come in part: for how long, and how much of them is kept, for one address and for all.
//!
//! A client that begins messages and does not end them costs memory for as long as it likes, so a message has a time from its
//! first byte to its last, whatever else comes meanwhile. There is no timer: the heartbeat has those looked at that have one
//! under way.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hamhame_core::codes::CloseCode;

use crate::clock;
use crate::config::Options;
use crate::memory::{Held, Memory};
use crate::net::network::network;

/// What one address may have under way of what all may: one part of so many.
const SHARE: u64 = 16;

/// But always so many of the largest messages.
const LEAST: u64 = 16;

/// What has come in part, by address.
#[derive(Debug)]
pub struct Partials {
    memory: Arc<Memory>,
    by_network: Mutex<HashMap<IpAddr, u64>>,
    per_network: u64,
    patience: Duration,
}

/// One message that has come in part. Dropping it gives back what was counted.
#[derive(Debug)]
pub struct Partial {
    partials: Arc<Partials>,
    network: IpAddr,
    held: Held,
    since: Duration,
}

impl Partials {
    /// With the bounds of `options`, within the budget of `memory`.
    pub fn new(options: &Options, memory: Arc<Memory>) -> Partials {
        let share = (memory.for_buffers() / SHARE).max(LEAST * u64::from(options.frame_bytes));
        Partials {
            memory,
            by_network: Mutex::default(),
            per_network: if options.limited() { share } else { u64::MAX },
            patience: options.message_timeout,
        }
    }

    /// A message of a client at this address begins.
    pub fn begin(self: &Arc<Self>, address: IpAddr) -> Partial {
        let (held, since) = (self.memory.hold(), clock::uptime());
        Partial { partials: self.clone(), network: network(address), held, since }
    }

    /// A piece of the budget, for what else a connection has under way.
    pub fn hold(&self) -> Held {
        self.memory.hold()
    }

    fn change(&self, network: IpAddr, before: usize, after: usize) -> Result<(), CloseCode> {
        let mut by_network = self.lock();
        let others = by_network.get(&network).copied().unwrap_or_default() - before as u64;
        let sum = others + after as u64;
        if after > before && sum > self.per_network {
            return Err(CloseCode::TooManyRequests);
        }
        if sum == 0 {
            by_network.remove(&network);
        } else {
            by_network.insert(network, sum);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u64>> {
        self.by_network.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partial {
    /// So many bytes of it are kept now.
    ///
    /// # Errors
    /// There is no room for more, with the code that the connection is to be closed with.
    pub fn resize(&mut self, bytes: usize) -> Result<(), CloseCode> {
        let before = self.held.bytes();
        if bytes == before {
            return Ok(());
        }
        self.partials.change(self.network, before, bytes)?;
        self.held.try_resize(bytes).map_err(|_| {
            let _ = self.partials.change(self.network, bytes, before);
            CloseCode::TryAgainLater
        })
    }

    /// Whether it has taken longer than it may.
    pub fn is_late(&self) -> bool {
        clock::uptime() >= self.since + self.partials.patience
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = self.partials.change(self.network, self.held.bytes(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partials(per_network: u64) -> (Arc<Partials>, Arc<Memory>) {
        let memory = Arc::new(Memory::new(4000));
        let partials = Partials {
            memory: memory.clone(),
            by_network: Mutex::default(),
            per_network,
            patience: Duration::from_secs(3600),
        };
        (Arc::new(partials), memory)
    }

    #[test]
    fn an_address_has_its_share_and_all_have_the_budgets() {
        let (partials, memory) = partials(600);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut one = partials.begin(address("192.0.2.1"));
        let mut same = partials.begin(address("::ffff:192.0.2.1"));
        assert_eq!((one.resize(400), same.resize(200)), (Ok(()), Ok(())));
        assert_eq!(same.resize(201), Err(CloseCode::TooManyRequests));
        assert_eq!(memory.in_buffers(), 600, "what was refused is not counted");
        let mut six = partials.begin(address("2001:db8::1"));
        let mut neighbour = partials.begin(address("2001:db8::2:0:0:1"));
        assert_eq!(
            (six.resize(300), neighbour.resize(301)),
            (Ok(()), Err(CloseCode::TooManyRequests))
        );
        let mut other = partials.begin(address("2001:db8:0:1::1"));
        assert_eq!(other.resize(101), Err(CloseCode::TryAgainLater), "all have a thousand");
        assert_eq!(other.resize(100), Ok(()));
        assert!(!one.is_late());
        drop((one, same, six, neighbour, other));
        assert_eq!(memory.used(), 0);
        assert!(partials.lock().is_empty(), "nothing is kept of who is gone");
    }

    #[test]
    fn a_message_is_late_when_its_time_is_over() {
        let (partials, _) = partials(600);
        let mut message = partials.begin("192.0.2.1".parse().unwrap());
        message.since = clock::uptime();
        let patience = Duration::ZERO;
        let hasty = Arc::new(Partials {
            patience,
            memory: partials.memory.clone(),
            by_network: Mutex::default(),
            per_network: 1,
        });
        assert!(hasty.begin("192.0.2.1".parse().unwrap()).is_late());
        assert!(!message.is_late());
    }
}
