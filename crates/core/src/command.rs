//! Commands: what a client asks for, decoded from a WebSocket text message or an HTTP body.
//!
//! On the path of a message this is the step after the frame: text in, [`Command`] out.

use std::borrow::Cow;
use std::fmt;

use crate::codes::ErrorCode;
use crate::position::Position;

/// The largest number that every client can count to: 2⁵³ − 1 (RFC 8259, section 6).
pub const WHOLE_MAX: u64 = (1 << 53) - 1;

/// What a client asks for. Text is borrowed from the message unless an escape had to be undone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command<'a> {
    /// Join the room, or take a session over and go on reading.
    Join {
        /// The secret of an earlier `welcome`.
        token: Option<Cow<'a, str>>,
        /// Read from the event after this one.
        after: Option<Position>,
        /// Grows with every `join` of a session, so that one which was given up and arrives late does not take over.
        /// At most [`WHOLE_MAX`].
        attempt: Option<u64>,
        /// Without `after`: begin with so many of the last events. The server gives what it may. At most [`WHOLE_MAX`].
        history: Option<u64>,
    },
    /// Say something.
    Send {
        /// The client's own identifier, 1–64 bytes of printable ASCII. `hamhame.v1` always has one.
        id: Option<Cow<'a, str>>,
        /// As it was sent: not trimmed, not cleaned, not measured (see [`crate::text::clean`]).
        content: Cow<'a, str>,
    },
    /// The member is writing (true) or has stopped.
    Typing(bool),
    /// Asks for a heartbeat at once.
    Heartbeat,
}

/// Why a message is no command, ready to be told to its sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandError {
    /// From the one table.
    pub code: ErrorCode,
    /// The `id` of the command refused, if it had a valid one.
    pub id: Option<String>,
    /// English prose for developers that names what is wrong.
    pub message: String,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}

impl std::error::Error for CommandError {}
