//! From the log to the sockets: each thread's flusher reads the cursors of its connections forward.

pub mod cursor;
pub mod gap;
pub mod heartbeats;
pub mod link;
pub mod reply;
pub mod shard;
pub mod states;
