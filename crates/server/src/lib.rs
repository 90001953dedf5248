//! hamhame: a real-time chatroom server.
//!
//! A room is a log and a client is a cursor. The way of a message, in the order of the modules it passes:
//!
//! 1. [`listen`]: bytes from a socket, HTTP, the upgrade; `transport::ws`: frames
//! 2. `hamhame_core::command`: a frame becomes a command
//! 3. [`session`]: one client in one room applies it
//! 4. [`broker`]: decides on the order
//! 5. [`room`] and [`tail`]: the event is encoded and appended, the head moves
//! 6. [`fanout`]: the shard's flusher reads each member's cursor forward
//! 7. [`link`]: the frames go into the socket
#![forbid(unsafe_code)]

pub mod api;
mod assets;
pub mod authority;
mod body;
mod books;
pub mod broker;
mod calm;
pub mod chat;
pub mod clock;
pub mod cursor;
mod deadline;
pub mod deflate;
pub mod departed;
pub mod entry;
pub mod fanout;
pub mod hosts;
pub mod http;
mod http2;
mod http3;
pub mod inbox;
pub mod knock;
mod lab;
pub mod lan;
pub mod lease;
pub mod link;
pub mod listen;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod opening;
pub mod options;
pub mod origin;
mod pages;
pub mod partial;
mod polled;
pub mod proxy;
mod qr;
pub mod registry;
pub mod reply;
pub mod room;
pub mod run;
pub mod said;
mod seed;
pub mod server;
pub mod session;
pub mod signal;
mod socket;
pub mod states;
pub mod stream;
pub mod tail;
pub mod tls;
pub mod token;
pub mod transport;
mod usage;
pub mod visit;
