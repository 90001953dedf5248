//! hamhame: a real-time chatroom server.
//!
//! A room is a log and a client is a cursor. The way of a message, in the order of the modules it passes:
//!
//! 1. [`http::listen`]: bytes from a socket, HTTP, the upgrade; [`transport::ws`]: frames
//! 2. `hamhame_core::command`: a frame becomes a command
//! 3. [`session`]: one client in one room applies it
//! 4. [`broker`]: decides on the order
//! 5. [`room`] and [`room::tail`]: the event is encoded and appended, the head moves
//! 6. [`delivery::shard`]: the flusher reads each member's cursor forward
//! 7. [`delivery::link`]: the frames go into the socket
//!
//! The modules stand on floors, and import what is below them alone: `ARCHITECTURE.md` has the table, and a test holds it.
#![forbid(unsafe_code)]

pub mod api;
pub mod authority;
pub mod broker;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod departed;
pub mod http;
mod lab;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod net;
mod qr;
pub mod room;
pub mod run;
mod seed;
pub mod server;
pub mod session;
pub mod signal;
pub mod token;
pub mod transport;
