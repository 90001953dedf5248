//! Why a client cannot have what it asked for, and how it is told.

use std::borrow::Cow;
use std::time::Duration;

use hamhame_core::codes::{CloseCode, ErrorCode};
use hamhame_core::dialect::Dialect;
use hamhame_core::name::{NameError, RoomName};

use crate::delivery::reply::{self, Fault, Refusal};

/// Why a client cannot have what it asked for.
#[derive(Debug)]
pub struct Refused {
    /// From the table of codes.
    pub code: ErrorCode,
    /// In plain words.
    pub message: Cow<'static, str>,
    /// When the same may succeed.
    pub retry_after: Option<Duration>,
    /// Of a name: what is wrong with it.
    pub fault: Option<Fault>,
}

impl Refused {
    /// With words of its own.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Refused {
        Refused { code, message: message.into(), retry_after: None, fault: None }
    }

    /// A name, or a room's, that cannot be.
    pub fn name(code: ErrorCode, error: &NameError) -> Refused {
        Refused { fault: Some(error.into()), ..Refused::new(code, error.to_string()) }
    }

    /// What will be possible again after `wait`.
    pub(super) fn for_now(message: &'static str, wait: Duration) -> Refused {
        let code = ErrorCode::RateLimited;
        Refused { code, message: message.into(), retry_after: Some(wait), fault: None }
    }

    /// Who decides what happens in the room cannot be reached.
    pub fn away() -> Refused {
        let after = Some(Duration::from_secs(2));
        let words = "the room cannot be reached for now; try again in a moment";
        Refused { retry_after: after, ..Refused::new(ErrorCode::Unavailable, words) }
    }

    /// The code that the connection is closed with, if it cannot go on.
    pub fn close(&self) -> Option<CloseCode> {
        if self.retry_after.is_some() { self.code.close_for_now() } else { self.code.close() }
    }

    /// As it is told, about the `send` with this `id`.
    pub(super) fn refusal<'a>(&'a self, id: Option<&'a str>) -> Refusal<'a> {
        let fault = self.fault.clone();
        Refusal {
            code: self.code,
            message: &self.message,
            retry_after: self.retry_after,
            id,
            fault,
        }
    }

    /// Writes it in the client's dialect.
    pub fn write(&self, out: &mut Vec<u8>, dialect: Dialect, room: &RoomName) {
        write_refusal(out, dialect, room, &self.refusal(None));
    }
}

/// Writes a refusal in either dialect.
pub fn write_refusal(out: &mut Vec<u8>, dialect: Dialect, room: &RoomName, refusal: &Refusal<'_>) {
    match (dialect, refusal.retry_after) {
        (Dialect::V1, _) => reply::error(out, refusal),
        (Dialect::Seed, None) => reply::notice(out, room, refusal.message),
        (Dialect::Seed, Some(after)) => {
            let tenths = after.as_millis().div_ceil(100);
            let text =
                format!("{} Try again in {}.{} s.", refusal.message, tenths / 10, tenths % 10);
            reply::notice(out, room, &text);
        }
    }
}
