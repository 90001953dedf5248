//! The one table of close codes and error codes.
//!
//! `docs/reference/codes.md` and `web/sdk/codes.js` are written from it (`UPDATE=1 cargo test -p hamhame-core
//! --test codes`), and a test compares them with it. Close codes are those of RFC 6455, section 7.4.1, and a
//! private range of our own in which the number says what to do: 4000–4499 come back, 4500–4999 do not.

/// Writes the enum, its list and its columns from the rows of the table.
macro_rules! close_codes {
    ($($variant:ident = $code:literal, $name:literal, $reconnect:literal, $meaning:literal;)+) => {
        /// Why a connection is closed, as the close frame says it.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum CloseCode {
            $(#[doc = $meaning] $variant,)+
        }

        impl CloseCode {
            /// Every close code, by number.
            pub const fn all() -> &'static [Self] {
                &[$(Self::$variant,)+]
            }

            /// The number in the close frame.
            pub const fn code(self) -> u16 {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The name in `snake_case`, also the reason in the close frame.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Whether a client should come back after it.
            pub const fn reconnect(self) -> bool {
                match self { $(Self::$variant => $reconnect,)+ }
            }

            /// One sentence for people who read the table.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

close_codes! {
    Normal = 1000, "normal", false, "The connection has done its work; a client leaves for good with it.";
    GoingAway = 1001, "going_away", true, "The other side goes away: a page is closed, a server stops.";
    ProtocolError = 1002, "protocol_error", false, "A frame broke the WebSocket protocol.";
    UnsupportedData = 1003, "unsupported_data", false, "A binary message where only text is understood.";
    InvalidPayload = 1007, "invalid_payload", false, "A text message was not UTF-8.";
    MessageTooBig = 1009, "message_too_big", false, "A message was larger than the server takes.";
    InternalError = 1011, "internal_error", true, "The server failed; the fault is not the client's.";
    ServiceRestart = 1012, "service_restart", true, "The server restarts; come back when the shutdown message said.";
    TryAgainLater = 1013, "try_again_later", true, "The server is overloaded for the moment.";
    Slow = 4000, "slow", true, "The client did not read what it was sent for too long.";
    NoPong = 4001, "no_pong", true, "Nothing came from the client, not even a pong.";
    LeaseExpired = 4002, "lease_expired", true, "The member's place in the room ran out; joining again takes a new one.";
    TooManyRequests = 4003, "too_many_requests", true, "Too many connections or messages from there; come back later.";
    ServerFull = 4004, "server_full", true, "The server has as many rooms or connections as it may.";
    JoinTimeout = 4005, "join_timeout", true, "No join came within the handshake deadline.";
    NameKept = 4006, "name_kept", true, "The name is kept for a member whose connection is lost; come back when the error said.";
    MessageTimeout = 4007, "message_timeout", true, "A message did not arrive whole in the time that it may take.";
    BadRequest = 4500, "bad_request", false, "The request itself is wrong and would be wrong again.";
    NameRefused = 4501, "name_refused", false, "The name is not one that may be used; choose another.";
    NameTaken = 4502, "name_taken", false, "Someone who is present has the name; choose another.";
    Banned = 4503, "banned", false, "The client may not enter.";
    RoomFull = 4504, "room_full", false, "The room has as many members as it may.";
    TooLarge = 4505, "too_large", false, "What was sent is larger than the server takes in any form.";
    SessionReplaced = 4506, "session_replaced", false, "The same session has joined by a newer connection.";
    RoomRefused = 4507, "room_refused", false, "The room's name is not one that may be used.";
}

impl CloseCode {
    /// The close code with this number, if it is in the table.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::all().iter().copied().find(|known| known.code() == code)
    }
}

impl ErrorCode {
    /// The close code that follows the error where it says when to come back (`retry_after`): a name is taken for good, or
    /// kept for a while.
    pub const fn close_for_now(self) -> Option<CloseCode> {
        match self {
            ErrorCode::NameTaken => Some(CloseCode::NameKept),
            _ => self.close(),
        }
    }
}

/// Codes that never stand in a frame; a client reports them when there was none (RFC 6455, section 7.4.1).
/// Number, name, whether to reconnect, meaning.
pub const PSEUDO_CLOSE_CODES: [(u16, &str, bool, &str); 2] = [
    (1005, "no_status", true, "The connection was closed without a code."),
    (1006, "abnormal", true, "The connection was lost without a close."),
];

/// Whether a client should come back after this number, in the table or not.
///
/// The ranges decide on numbers that a later server may add: 4000–4499 yes, 4500–4999 no. Of the rest only
/// those that speak of the way and not of the client are a yes: 1014 (bad gateway) and 1015 (TLS failed).
pub fn may_reconnect(code: u16) -> bool {
    if let Some(known) = CloseCode::from_code(code) {
        return known.reconnect();
    }
    if let Some((.., reconnect, _)) = PSEUDO_CLOSE_CODES.iter().find(|pseudo| pseudo.0 == code) {
        return *reconnect;
    }
    matches!(code, 1014 | 1015 | 4000..=4499)
}

/// Writes the enum, its list and its columns from the rows of the table.
macro_rules! error_codes {
    ($($variant:ident, $name:literal, $temporary:literal, $close:expr, $message:literal;)+) => {
        /// Why something was refused, as the `error` message says it.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum ErrorCode {
            $(#[doc = $message] $variant,)+
        }

        impl ErrorCode {
            /// Every error code, in the order of the table.
            pub const fn all() -> &'static [Self] {
                &[$(Self::$variant,)+]
            }

            /// The name in `snake_case`: `code` in the `error` message.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Whether the same may succeed later.
            pub const fn temporary(self) -> bool {
                match self { $(Self::$variant => $temporary,)+ }
            }

            /// The close code that follows the error, if the connection cannot go on and it was not told when to come back.
            pub const fn close(self) -> Option<CloseCode> {
                match self { $(Self::$variant => $close,)+ }
            }

            /// English prose for developers, for where nothing more exact can be said.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)+ }
            }
        }
    };
}

error_codes! {
    InvalidJson, "invalid_json", false, None, "The message is not valid JSON.";
    UnknownType, "unknown_type", false, None, "The message has a type that the server does not know.";
    BadRequest, "bad_request", false, None, "The message lacks a member, or a member is of the wrong kind.";
    NotJoined, "not_joined", false, None, "Join first: nothing else can be done before.";
    AlreadyJoined, "already_joined", false, None, "This connection has joined already.";
    RateLimited, "rate_limited", true, None, "Too many messages; wait for retry_after seconds.";
    TooLong, "too_long", false, None, "The content is too long.";
    Empty, "empty", false, None, "The content is empty.";
    NameRefused, "name_refused", false, Some(CloseCode::NameRefused), "The name may not be used; choose another.";
    NameTaken, "name_taken", false, Some(CloseCode::NameTaken), "The name is taken by someone who is present.";
    RoomRefused, "room_refused", false, Some(CloseCode::RoomRefused), "The room's name may not be used.";
    RoomFull, "room_full", false, Some(CloseCode::RoomFull), "The room is full.";
    ServerFull, "server_full", true, Some(CloseCode::ServerFull), "The server is full; come back later.";
    TooManyConnections, "too_many_connections", true, Some(CloseCode::TooManyRequests),
        "Too many connections from this address; come back later.";
    UnsupportedData, "unsupported_data", false, None, "The message is binary; here messages are JSON text.";
    Internal, "internal", true, None, "The server failed; the fault is not yours. Try again.";
    Unavailable, "unavailable", true, None, "The room cannot be reached for now; try again.";
    NotFound, "not_found", false, None, "There is no such resource.";
    MethodNotAllowed, "method_not_allowed", false, None, "The resource does not know this method.";
    RequestTimeout, "request_timeout", true, None, "The request did not arrive in time.";
    TooLarge, "too_large", false, None, "The request is larger than the server takes.";
    UnsupportedMediaType, "unsupported_media_type", false, None, "The body must be JSON, and say so in Content-Type.";
    SessionReplaced, "session_replaced", false, Some(CloseCode::SessionReplaced),
        "The session goes on by another connection.";
    ShuttingDown, "shutting_down", true, Some(CloseCode::ServiceRestart),
        "The server is about to go; come back after retry_after seconds.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_number_alone_says_whether_to_come_back() {
        for &code in CloseCode::all() {
            match code.code() {
                4000..=4499 => assert!(code.reconnect(), "{code:?}"),
                4500..=4999 => assert!(!code.reconnect(), "{code:?}"),
                number => assert!((1000..=1014).contains(&number), "{code:?}"),
            }
            assert_eq!(may_reconnect(code.code()), code.reconnect());
            assert_eq!(CloseCode::from_code(code.code()), Some(code));
        }
        for code in [1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 4000, 4005, 4123, 4499] {
            assert!(may_reconnect(code), "{code}");
        }
        for code in
            [0, 1000, 1002, 1003, 1004, 1007, 1008, 1009, 1010, 3000, 3999, 4500, 4777, 4999, 5000]
        {
            assert!(!may_reconnect(code), "{code}");
        }
    }

    #[test]
    fn every_code_is_in_the_table_once() {
        let numbers: Vec<u16> = CloseCode::all().iter().map(|code| code.code()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "by number");
        let names: HashSet<&str> = CloseCode::all().iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), numbers.len());
        let errors: HashSet<&str> = ErrorCode::all().iter().map(|code| code.name()).collect();
        assert_eq!(errors.len(), ErrorCode::all().len());
    }

    #[test]
    fn an_error_that_closes_agrees_with_its_close_code_about_coming_back() {
        for &code in ErrorCode::all() {
            if let Some(close) = code.close() {
                assert_eq!(close.reconnect(), code.temporary(), "{code:?}");
            }
            if code.close_for_now() != code.close() {
                assert!(code.close_for_now().is_some_and(CloseCode::reconnect), "{code:?}");
            }
        }
    }
}
