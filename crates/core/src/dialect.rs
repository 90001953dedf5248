//! The two languages of clients.

/// How a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dialect {
    /// The seeds' own: `{"content": …}` or bare text; see `docs/reference/seed-dialect.md`.
    Seed,
    /// The subprotocol `hamhame.v1`; see `docs/reference/protocol.md`.
    V1,
}

impl Dialect {
    /// What a client speaks with which this subprotocol was agreed, or none.
    pub fn of(protocol: Option<&str>) -> Dialect {
        if protocol.is_some() { Dialect::V1 } else { Dialect::Seed }
    }
}
