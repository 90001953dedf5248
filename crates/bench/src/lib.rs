//! A load generator for chatroom servers.
//!
//! It speaks to any server that takes `{"content":…}` on a WebSocket and broadcasts an event with that
//! content to the room, and `hamhame.v1` to hamhame. Every message carries a [`marker`], so that each
//! delivery is checked (a [`ledger`] per room) and timed from when it was due.
//!
//! One thread, one loop: a [`fleet`] of connections on some [`transport`] brings what was heard, its [`crowd`] decides what is
//! said and judges what is heard, and a [`drive`] runs the course. The [`workload`]s put these together; a [`report`] is
//! what comes of it.
//!
//! There are two kinds of fleet. Plain WebSockets have a loop of their own over a [`poller`] ([`sockets`]), which costs so
//! little that the server is what is measured. Everything else is a task per member ([`tasks`]). What goes over the [`wire`]
//! is counted at the socket on both.
#![forbid(unsafe_code)]

pub mod crowd;
pub mod dialect;
pub mod drive;
pub mod fleet;
pub mod floor;
pub mod guest;
pub mod ledger;
pub mod link;
pub mod marker;
mod member;
pub mod options;
pub mod outstanding;
pub mod page;
pub mod poller;
pub mod process;
pub mod progress;
pub mod report;
pub mod sockets;
pub mod table;
pub mod target;
pub mod tasks;
pub mod transport;
mod trust;
pub mod wire;
pub mod workload;
