//! Messages of `hamhame.v1` by name, for the description of what is told over HTTP: their shapes stand in that protocol's schema.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A shape that the API's description takes from the schema of `hamhame.v1`.
macro_rules! of_messages {
    ($($(#[$doc:meta])* $type:ident = $name:literal;)+) => {
        $($(#[$doc])* pub struct $type;

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        })+
    };
}

of_messages! {
    /// An event of the log.
    Event = "event";
    /// What changed in presence.
    Presence = "presence";
    /// Who is writing.
    Typing = "typing";
    /// A member.
    User = "user";
    /// What a new member needs to know.
    Session = "session";
    /// A code of the table.
    ErrorCode = "errorCode";
}
