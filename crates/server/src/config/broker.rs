//! What orders the events of rooms.

use std::fmt;

/// Who decides about places.
#[derive(Clone, PartialEq, Eq)]
pub enum BrokerChoice {
    /// This process, for itself.
    Embedded,
    /// A Redis or Valkey server, for several nodes, at this address, or known to sentinels.
    Redis(String),
}

impl BrokerChoice {
    /// Reads the option's value.
    pub fn read(text: &str) -> Result<BrokerChoice, String> {
        if text == "embedded" {
            return Ok(BrokerChoice::Embedded);
        }
        if let Some((scheme, rest)) = text.split_once("://")
            && ["redis", "rediss"].contains(&scheme.split('+').next().unwrap_or_default())
            && !rest.is_empty()
        {
            return Ok(BrokerChoice::Redis(text.into()));
        }
        Err("must be `embedded` or an address like redis://127.0.0.1:6379 \
             (or rediss://…, redis+sentinel://…, redis+cluster://…)"
            .into())
    }
}

/// Without the address, which may have a password in it.
impl fmt::Debug for BrokerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BrokerChoice::Embedded => "embedded",
            BrokerChoice::Redis(_) => "redis",
        })
    }
}
