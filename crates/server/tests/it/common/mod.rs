//! A real server and real clients, to see from outside whether what the server promises holds.
//!
//! [`TestServer`] is the binary itself, in a process of its own on a free port. [`Socket`] is one WebSocket, as raw as a test
//! wants it; [`Client`] reads a socket in the background and answers pings, as a browser does; [`SeedClient`] and [`V1Client`]
//! speak the two dialects. A `V1Client` checks every message against the schema, and that offsets have no hole.

mod api;
mod bookmark;
mod bystanders;
mod client;
mod crossroads;
mod door;
mod line;
mod member;
mod quic;
mod random;
mod raw;
mod raw_quic;
mod relay;
mod schema;
mod seed;
mod server;
mod socket;
mod tunnel;
mod v1;
mod way;

use std::time::Duration;

pub use api::{Api, EventStream, HttpMember};
pub use bookmark::Bookmark;
pub use bystanders::{Bystanders, TALKATIVE};
pub use client::{Client, Frame};
pub(crate) use crossroads::over_every_transport;
pub use crossroads::{Crossroads, Transport};
pub use door::Door;
pub use line::{Body, Line};
pub use member::{Member, Refused, Ticket};
pub use quic::{H3, STREAM_WINDOW, Stream as QuicStream, quic_config};
pub use random::Random;
pub use raw::{HANDSHAKE, Raw};
pub use raw_quic::{Outcome, h3_ask, h3_frame, h3_headers, quic_end, raw_quic};
pub use relay::Relay;
pub use seed::SeedClient;
pub use server::{HttpResponse, TestServer, command};
pub use socket::{Connect, MASK, Socket};
pub use tunnel::{H2, Trust, loopback};
pub use v1::V1Client;

/// How long anything may take. It is far more than anything takes, so that only what never comes fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for `future`, and says what was awaited if it never comes.
#[track_caller]
pub fn within<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(value) => value,
            Err(_) => panic!("{place}: waited {PATIENCE:?} in vain for {what}"),
        }
    }
}

/// A part of a path, percent-encoded.
pub fn encode(part: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    part.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
