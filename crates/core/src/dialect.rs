//! The two languages of clients, and what a text message in one of them asks for.

use crate::command::{Command, CommandError};
pub use crate::v1::is_valid_id;
use crate::{seed, v1};

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

/// Decodes one text message. `Ok(None)` is a message that the dialect ignores: in the seed dialect an object
/// without `content`, and what is empty when trimmed.
///
/// # Errors
///
/// In `hamhame.v1` only, where the error is to be told to the client: `invalid_json`, `unknown_type` or
/// `bad_request`. The seed dialect takes everything.
pub fn decode<'a>(dialect: Dialect, text: &'a str) -> Result<Option<Command<'a>>, CommandError> {
    match dialect {
        Dialect::Seed => Ok(seed::decode(text)),
        Dialect::V1 => v1::decode(text).map(Some),
    }
}
