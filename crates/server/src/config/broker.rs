//! What orders the events of rooms.

use std::fmt;

/// Who decides about places.
#[derive(Clone, PartialEq, Eq)]
pub enum BrokerChoice {
    /// This process, for itself.
    Embedded,
    /// A Redis or Valkey server, for several nodes, at this address, or known to sentinels.
    Redis(String),
    /// A NATS server with JetStream, or a cluster of them, for several nodes, at this address.
    Nats(String),
}

impl BrokerChoice {
    /// Reads the option's value.
    pub fn read(text: &str) -> Result<BrokerChoice, String> {
        if text == "embedded" {
            return Ok(BrokerChoice::Embedded);
        }
        if let Some((scheme, rest)) = text.split_once("://")
            && !rest.is_empty()
        {
            match scheme.split('+').next().unwrap_or_default() {
                "redis" | "rediss" => return Ok(BrokerChoice::Redis(text.into())),
                "nats" | "tls" => return Ok(BrokerChoice::Nats(text.into())),
                _ => {}
            }
        }
        Err("must be `embedded` or an address like redis://127.0.0.1:6379 or nats://127.0.0.1:4222 \
             (or rediss://…, redis+sentinel://…, redis+cluster://…, tls://… for NATS)"
            .into())
    }
}

/// Without the address, which may have a password in it.
impl fmt::Debug for BrokerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BrokerChoice::Embedded => "embedded",
            BrokerChoice::Redis(_) => "redis",
            BrokerChoice::Nats(_) => "nats",
        })
    }
}
