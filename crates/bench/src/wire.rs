//! What goes over the wire, counted at the socket: of TCP what it carries (with TLS the ciphertext, with HTTP the heads),
//! of QUIC the payload of UDP. What IP and Ethernet add is not in it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the beginning, or between two moments.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// Bytes from the server.
    pub down: u64,
    /// Bytes to the server.
    pub up: u64,
    /// HTTP requests, those that open a WebSocket left out.
    pub requests: u64,
    /// Those of them that asked for events and got none.
    pub empty: u64,
}

impl Wire {
    /// What came to it after `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            down: self.down - before.down,
            up: self.up - before.up,
            requests: self.requests - before.requests,
            empty: self.empty - before.empty,
        }
    }
}

impl std::ops::Add for Wire {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            down: self.down + other.down,
            up: self.up + other.up,
            requests: self.requests + other.requests,
            empty: self.empty + other.empty,
        }
    }
}

/// The same, counted by many at once.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) down: AtomicU64,
    pub(crate) up: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) empty: AtomicU64,
}

impl Meter {
    pub(crate) fn read(&self) -> Wire {
        Wire {
            down: self.down.load(Relaxed),
            up: self.up.load(Relaxed),
            requests: self.requests.load(Relaxed),
            empty: self.empty.load(Relaxed),
        }
    }
}
