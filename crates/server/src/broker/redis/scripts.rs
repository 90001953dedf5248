//! What is done in Redis: one script each, so that it is done as a whole or not at all.

use redis::Script;

/// All of them.
pub struct Scripts {
    /// Opens a room.
    pub open: Script,
    /// Reads what stands behind an entry.
    pub read: Script,
    /// Puts a batch in order.
    pub append: Script,
    /// Begins another epoch.
    pub renew: Script,
    /// Renews a node's lease.
    pub beat: Script,
    /// Which nodes live.
    pub living: Script,
}

macro_rules! of_a_room {
    ($name:literal) => {
        Script::new(concat!(include_str!("scripts/seen.lua"), include_str!($name)))
    };
}

impl Scripts {
    /// As they are in the binary.
    pub fn new() -> Scripts {
        Scripts {
            open: of_a_room!("scripts/open.lua"),
            read: of_a_room!("scripts/read.lua"),
            append: of_a_room!("scripts/append.lua"),
            renew: of_a_room!("scripts/renew.lua"),
            beat: Script::new(include_str!("scripts/beat.lua")),
            living: Script::new(include_str!("scripts/living.lua")),
        }
    }
}
