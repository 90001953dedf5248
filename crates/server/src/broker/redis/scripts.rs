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

impl Scripts {
    /// As they are in the binary. Where channels are sharded, as in a cluster, they publish at the server that has the room.
    pub fn new(is_sharded: bool) -> Scripts {
        let script = |parts: &[&str]| {
            let text = parts.concat();
            let publish = if is_sharded { "'SPUBLISH'" } else { "'PUBLISH'" };
            Script::new(&text.replace("'PUBLISH'", publish))
        };
        let of_a_room = |part| script(&[include_str!("scripts/seen.lua"), part]);
        Scripts {
            open: of_a_room(include_str!("scripts/open.lua")),
            read: of_a_room(include_str!("scripts/read.lua")),
            append: of_a_room(include_str!("scripts/append.lua")),
            renew: of_a_room(include_str!("scripts/renew.lua")),
            beat: script(&[include_str!("scripts/beat.lua")]),
            living: script(&[include_str!("scripts/living.lua")]),
        }
    }
}
