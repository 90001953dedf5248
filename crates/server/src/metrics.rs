//! Counters, in the text format of Prometheus.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::logging;
use crate::memory::Memory;

/// How events reach a client over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As a stream.
    Sse,
    /// By requests that wait.
    LongPolling,
    /// By requests that do not.
    Polling,
}

/// What the server counts about itself.
#[derive(Debug, Default)]
pub struct Metrics {
    connections: AtomicU64,
    connections_total: AtomicU64,
    sessions_total: AtomicU64,
    resumed_total: AtomicU64,
    messages_total: AtomicU64,
    refusals_total: AtomicU64,
    /// Events told over HTTP, by [`Transport`].
    told: [AtomicU64; 3],
    traffic: Vec<Arc<Traffic>>,
}

/// What is so at the moment, and is not counted here.
pub struct Now<'a> {
    /// Rooms.
    pub rooms: usize,
    /// Rooms looked at; see [`Shared::looks`](crate::room::Shared::looks).
    pub room_looks: u64,
    /// Members in all rooms.
    pub members: u64,
    /// Sessions over HTTP.
    pub leases: usize,
    /// Addresses that are remembered.
    pub addresses: usize,
    /// The budget.
    pub memory: &'a Memory,
}

/// What one shard counts at every read and write. Only its own thread adds to it, so no counter is fought over.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Traffic {
    deliveries: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    slow: AtomicU64,
}

impl Traffic {
    /// Events were written to one member.
    pub fn delivered(&self, events: u64) {
        add(&self.deliveries, events);
    }

    /// A connection was ended because its peer did not read.
    pub fn was_slow(&self) {
        add(&self.slow, 1);
    }

    /// Bytes came from a WebSocket.
    pub fn received(&self, bytes: usize) {
        add(&self.bytes_in, bytes as u64);
    }

    /// Bytes were taken by the kernel for a WebSocket.
    pub fn sent(&self, bytes: usize) {
        add(&self.bytes_out, bytes as u64);
    }
}

/// Adds where there is a single writer: no locked instruction.
fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Relaxed) + n, Relaxed);
}

impl Metrics {
    /// For so many shards.
    pub fn new(shards: usize) -> Metrics {
        Metrics { traffic: (0..shards).map(|_| Arc::default()).collect(), ..Metrics::default() }
    }

    /// The counters of one shard.
    pub fn traffic(&self, shard: usize) -> &Arc<Traffic> {
        &self.traffic[shard]
    }

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

    /// Something was refused.
    pub fn refused(&self) {
        self.refusals_total.fetch_add(1, Relaxed);
    }

    /// Events were told over HTTP.
    pub fn told(&self, transport: Transport, events: usize) {
        self.told[transport as usize].fetch_add(events as u64, Relaxed);
    }

    /// The exposition, with what others know.
    pub fn expose(&self, now: &Now<'_>) -> String {
        let sum = |of: fn(&Traffic) -> &AtomicU64| -> u64 {
            self.traffic.iter().map(|shard| of(shard).load(Relaxed)).sum()
        };
        let told = |transport: Transport| self.told[transport as usize].load(Relaxed);
        let memory = now.memory;
        let rows = [
            ("connections", "gauge", "Connections open now", self.connections.load(Relaxed)),
            ("rooms", "gauge", "Rooms there are", now.rooms as u64),
            (
                "room_looks_total",
                "counter",
                "Rooms looked at to see what is due, which is the largest or which can be given up",
                now.room_looks,
            ),
            ("members", "gauge", "Members in all rooms", now.members),
            (
                "addresses",
                "gauge",
                "Addresses of clients that are remembered",
                now.addresses as u64,
            ),
            ("memory_budget_bytes", "gauge", "What --memory allows", memory.limit()),
            (
                "memory_log_bytes",
                "gauge",
                "Bytes of it that the events of all rooms take",
                memory.in_logs(),
            ),
            (
                "memory_buffer_bytes",
                "gauge",
                "Bytes of it that connections have under way",
                memory.in_buffers(),
            ),
            (
                "memory_dropped_events_total",
                "counter",
                "Events dropped as there was no more of it",
                memory.dropped(),
            ),
            (
                "memory_refusals_total",
                "counter",
                "Buffers refused as there was no more of it for connections",
                memory.refused(),
            ),
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
            ("http_sessions", "gauge", "Sessions over HTTP", now.leases as u64),
            (
                "deliveries_total",
                "counter",
                "Events written to WebSockets",
                sum(|shard| &shard.deliveries),
            ),
            (
                "sse_deliveries_total",
                "counter",
                "Events written to streams (SSE)",
                told(Transport::Sse),
            ),
            (
                "long_polling_deliveries_total",
                "counter",
                "Events in answers to requests that wait",
                told(Transport::LongPolling),
            ),
            (
                "polling_deliveries_total",
                "counter",
                "Events in answers to requests that do not wait",
                told(Transport::Polling),
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
                sum(|shard| &shard.slow),
            ),
            (
                "websocket_received_bytes_total",
                "counter",
                "Bytes read from WebSockets",
                sum(|shard| &shard.bytes_in),
            ),
            (
                "websocket_sent_bytes_total",
                "counter",
                "Bytes written to WebSockets",
                sum(|shard| &shard.bytes_out),
            ),
            (
                "log_lines_lost_total",
                "counter",
                "Lines of the log lost as nobody took them in time",
                logging::lost_lines(),
            ),
        ];
        expose(&rows)
    }
}

/// A figure: its name, its type, what it is, and its value.
pub type Row = (&'static str, &'static str, &'static str, u64);

/// Figures as text.
pub fn expose(rows: &[Row]) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in rows {
        let _ = writeln!(
            text,
            "# HELP hamhame_{name} {help}.\n# TYPE hamhame_{name} {kind}\nhamhame_{name} {value}"
        );
    }
    text
}
