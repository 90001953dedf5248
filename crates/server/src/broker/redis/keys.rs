//! Where things stand in Redis.

use hamhame_core::id::Id;

use crate::broker::wire;
use crate::room::change::NodeId;

/// What all keys and channels begin with.
pub struct Prefix(Box<str>);

/// The keys of one room, and its channel. They share a hash tag, so that they are on one server of a cluster.
pub struct Keys {
    channel: String,
    keys: [String; 4],
}

impl Prefix {
    /// This one.
    pub fn new(prefix: &str) -> Prefix {
        Prefix(prefix.into())
    }

    /// Those of a room, by the key of its name.
    pub fn keys(&self, room: &str) -> Keys {
        let channel = format!("{}:{{{}}}", self.0, wire::hash(room));
        Keys::of(channel)
    }

    /// Where the nodes have their leases.
    pub fn nodes(&self) -> String {
        format!("{}:nodes", self.0)
    }

    /// The channel of a node.
    pub fn node(&self, node: NodeId) -> String {
        format!("{}:node:{}", self.0, Id::new(node.0))
    }
}

impl Keys {
    /// Those of the room with this channel.
    pub fn of(channel: String) -> Keys {
        let keys = ["head", "log", "seats", "documents"].map(|part| format!("{channel}:{part}"));
        Keys { channel, keys }
    }

    /// In the order that the scripts have them in.
    pub fn all(&self) -> &[String; 4] {
        &self.keys
    }

    /// Where what happens in the room is published.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The room in a line of the log.
    pub fn hash(&self) -> &str {
        self.channel.rsplit_once('{').map_or("", |(_, hash)| hash.trim_end_matches('}'))
    }
}
