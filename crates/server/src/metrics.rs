//! Counters, in the text format of Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the server counts about itself.
#[derive(Debug, Default)]
pub struct Metrics {
    connections: AtomicU64,
    connections_total: AtomicU64,
    sessions_total: AtomicU64,
    resumed_total: AtomicU64,
    messages_total: AtomicU64,
    deliveries_total: AtomicU64,
    refusals_total: AtomicU64,
    slow_total: AtomicU64,
    bytes_in_total: AtomicU64,
    bytes_out_total: AtomicU64,
}

impl Metrics {
    /// A connection was accepted.
    pub fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
        self.connections_total.fetch_add(1, Relaxed);
    }

    /// A connection ended.
    pub fn disconnected(&self) {
        self.connections.fetch_sub(1, Relaxed);
    }

    /// Connections open now.
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// A session began; `recovered` if it continues exactly where it was.
    pub fn joined(&self, recovered: bool) {
        self.sessions_total.fetch_add(1, Relaxed);
        self.resumed_total.fetch_add(recovered.into(), Relaxed);
    }

    /// A message was put in order.
    pub fn said(&self) {
        self.messages_total.fetch_add(1, Relaxed);
    }

    /// Events were written to one member.
    pub fn delivered(&self, events: u64) {
        self.deliveries_total.fetch_add(events, Relaxed);
    }

    /// Something was refused.
    pub fn refused(&self) {
        self.refusals_total.fetch_add(1, Relaxed);
    }

    /// A connection was ended because its peer did not read.
    pub fn was_slow(&self) {
        self.slow_total.fetch_add(1, Relaxed);
    }

    /// Bytes came from a WebSocket.
    pub fn bytes_in(&self, n: usize) {
        self.bytes_in_total.fetch_add(n as u64, Relaxed);
    }

    /// Bytes were taken by the kernel for a WebSocket.
    pub fn bytes_out(&self, n: usize) {
        self.bytes_out_total.fetch_add(n as u64, Relaxed);
    }

    /// The exposition, with what only the registry knows.
    pub fn expose(&self, rooms: usize, members: usize) -> String {
        let rows: [(&str, &str, &str, u64); 12] = [
            ("connections", "gauge", "Connections open now", self.connections.load(Relaxed)),
            ("rooms", "gauge", "Rooms there are", rooms as u64),
            ("members", "gauge", "Members in all rooms", members as u64),
            (
                "connections_total",
                "counter",
                "Connections accepted",
                self.connections_total.load(Relaxed),
            ),
            ("sessions_total", "counter", "Joins", self.sessions_total.load(Relaxed)),
            (
                "sessions_resumed_total",
                "counter",
                "Joins that missed nothing",
                self.resumed_total.load(Relaxed),
            ),
            (
                "messages_total",
                "counter",
                "Messages put in order",
                self.messages_total.load(Relaxed),
            ),
            (
                "deliveries_total",
                "counter",
                "Events written to members",
                self.deliveries_total.load(Relaxed),
            ),
            (
                "refusals_total",
                "counter",
                "Commands and joins refused",
                self.refusals_total.load(Relaxed),
            ),
            (
                "slow_total",
                "counter",
                "Connections ended because the peer did not read",
                self.slow_total.load(Relaxed),
            ),
            (
                "websocket_received_bytes_total",
                "counter",
                "Bytes read from WebSockets",
                self.bytes_in_total.load(Relaxed),
            ),
            (
                "websocket_sent_bytes_total",
                "counter",
                "Bytes written to WebSockets",
                self.bytes_out_total.load(Relaxed),
            ),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in rows {
            let _ = writeln!(
                text,
                "# HELP hamhame_{name} {help}.\n# TYPE hamhame_{name} {kind}\nhamhame_{name} {value}"
            );
        }
        text
    }
}
