//! Step 2 of a message's way: what a text message of a client asks for, in its dialect.

mod python;
mod seed;
mod v1;

use crate::command::{Command, CommandError};
use crate::dialect::Dialect;
pub use v1::is_valid_id;

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
