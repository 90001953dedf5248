//! The messages of both dialects, as far as a load generator needs them.

use serde::Deserialize;

use crate::marker::{self, Content, Marker};
use crate::target::Dialect;

/// Appends the message that says a content with `marker` in it.
pub fn write_message(out: &mut Vec<u8>, dialect: Dialect, marker: Marker, content: Content) {
    match dialect {
        Dialect::Seed => out.extend_from_slice(b"{\"content\":\""),
        Dialect::V1 | Dialect::Api => {
            let to_id: &[u8] = match dialect {
                Dialect::V1 => b"{\"type\":\"send\",\"id\":\"",
                _ => b"{\"id\":\"",
            };
            out.extend_from_slice(to_id);
            marker::write_id(out, marker);
            out.extend_from_slice(b"\",\"content\":\"");
        }
    }
    marker::write(out, marker, content);
    out.extend_from_slice(b"\"}");
}

/// Where a session of `hamhame.v1` is in its room.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Position {
    /// The life of the room's log.
    pub epoch: String,
    /// The offset of the last event seen.
    pub offset: u64,
}

/// What a session needs to come back.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Session {
    /// Proves it.
    pub token: String,
    /// What it has seen.
    pub position: Position,
}

impl Session {
    /// The `join` of a new session, or of this one that comes back.
    pub fn join(&self) -> String {
        if self.token.is_empty() {
            return "{\"type\":\"join\"}".to_owned();
        }
        let Position { epoch, offset } = &self.position;
        serde_json::json!({"type": "join", "token": self.token, "after": format!("{epoch}:{offset}")})
            .to_string()
    }
}

/// A message of the server in `hamhame.v1`.
#[derive(Debug, PartialEq, Eq)]
pub enum FromServer {
    /// The answer to `join`.
    Welcome {
        /// The session as it is now.
        session: Session,
        /// Whether reading goes on exactly where it stopped; absent at a first join.
        recovered: Option<bool>,
    },
    /// An event of the room's log with this offset.
    Event(u64),
    /// So many events are gone for this member.
    Gap(u64),
    /// Something was refused, with this code.
    Error(String),
    /// Anything else: acknowledgements, presence, heartbeats.
    Other,
}

impl FromServer {
    /// Reads a message. Events are recognised by their first and last bytes, since there are so many.
    pub fn read(payload: &[u8]) -> Self {
        const BEFORE_TYPE: &[u8] = b"{\"type\":\"";
        let kind = payload.strip_prefix(BEFORE_TYPE).unwrap_or_default();
        if kind.starts_with(b"message\"") || kind.starts_with(b"system\"") {
            return last_offset(payload).map_or(Self::Other, Self::Event);
        }
        match kind.first() {
            Some(b'a' | b'p' | b'h' | b't') => Self::Other,
            _ => Self::read_rare(payload),
        }
    }

    fn read_rare(payload: &[u8]) -> Self {
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "lowercase")]
        enum Rare {
            Welcome(Welcome),
            Message {
                offset: u64,
            },
            System {
                offset: Option<u64>,
            },
            Gap {
                missed: u64,
            },
            Error {
                code: String,
            },
            #[serde(other)]
            Other,
        }
        match serde_json::from_slice(payload) {
            Ok(Rare::Welcome(welcome)) => welcome.read(),
            Ok(Rare::Message { offset } | Rare::System { offset: Some(offset) }) => {
                Self::Event(offset)
            }
            Ok(Rare::Gap { missed }) => Self::Gap(missed),
            Ok(Rare::Error { code }) => Self::Error(code),
            Ok(Rare::Other | Rare::System { offset: None }) => Self::Other,
            // The HTTP API answers with a welcome that needs no type to be known by.
            Err(error) => serde_json::from_slice(payload).map_or_else(
                |_| Self::Error(format!("unreadable message: {error}")),
                Welcome::read,
            ),
        }
    }
}

#[derive(Deserialize)]
struct Welcome {
    token: String,
    position: String,
    recovered: Option<bool>,
}

impl Welcome {
    fn read(self) -> FromServer {
        let Self { token, position, recovered } = self;
        let (epoch, offset) = position.rsplit_once(':').unwrap_or_default();
        let offset = offset.parse().unwrap_or_default();
        let position = Position { epoch: epoch.to_owned(), offset };
        FromServer::Welcome { session: Session { token, position }, recovered }
    }
}

/// The id of what an acknowledgement is for.
pub fn acknowledged(payload: &[u8]) -> Option<&[u8]> {
    let id = payload.strip_prefix(b"{\"type\":\"ack\",\"id\":\"")?;
    id.split(|&byte| byte == b'"').next()
}

/// Whether a message tells that somebody has left, as an event or as a difference of presence.
pub fn tells_of_a_leave(payload: &[u8]) -> bool {
    let tells = |what: &[u8]| memchr::memmem::find(payload, what).is_some();
    payload.starts_with(b"{\"type\":\"system\"") && tells(b"\"event\":\"leave\"")
        || payload.starts_with(b"{\"type\":\"presence\"") && tells(b"\"left\":[\"")
}

/// The number at the end of `…"offset":42}`.
fn last_offset(payload: &[u8]) -> Option<u64> {
    let body = payload.strip_suffix(b"}")?;
    let digits = body.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, number) = body.split_at(body.len() - digits);
    if digits == 0 || digits > 19 || !before.ends_with(b"\"offset\":") {
        return None;
    }
    Some(number.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::Purpose;

    #[test]
    fn events_are_known_by_their_offset() {
        let read = |text: &str| FromServer::read(text.as_bytes());
        assert_eq!(
            read(r#"{"type":"message","content":"x","id":"c1","offset":42}"#),
            FromServer::Event(42)
        );
        assert_eq!(read(r#"{"type":"system","event":"join","offset":7}"#), FromServer::Event(7));
        assert_eq!(read(r#"{"type": "message", "offset": 9}"#), FromServer::Event(9));
        assert_eq!(read(r#"{"type":"system","content":"too fast"}"#), FromServer::Other);
        assert_eq!(read(r#"{"type":"ack","id":"c1","offset":42}"#), FromServer::Other);
        assert_eq!(read(r#"{"type":"gap","missed":3,"position":"e:4"}"#), FromServer::Gap(3));
        assert_eq!(
            read(r#"{"type":"error","code":"slow_down","message":"","temporary":true}"#),
            FromServer::Error("slow_down".to_owned())
        );
        assert!(matches!(read("{"), FromServer::Error(_)));
    }

    #[test]
    fn an_acknowledgement_is_known_by_its_id_and_a_leave_by_event_and_presence() {
        let ack = br#"{"type":"ack","id":"maaaaaaab","offset":42}"#;
        assert_eq!(acknowledged(ack), Some(&b"maaaaaaab"[..]));
        assert_eq!(acknowledged(br#"{"type":"message","id":"maaaaaaab"}"#), None);
        for (text, leaves) in [
            (r#"{"type":"system","event":"leave","offset":44}"#, true),
            (r#"{"type":"system","event":"join","offset":43}"#, false),
            (r#"{"type":"presence","joined":[],"left":["m1"],"version":8}"#, true),
            (r#"{"type":"presence","joined":["m1"],"left":[],"version":8}"#, false),
            (r#"{"type":"message","content":"\"event\":\"leave\"","offset":45}"#, false),
        ] {
            assert_eq!(tells_of_a_leave(text.as_bytes()), leaves, "{text}");
        }
    }

    #[test]
    fn a_welcome_is_what_the_next_join_needs() {
        assert_eq!(Session::default().join(), r#"{"type":"join"}"#);
        let welcome = br#"{"type":"welcome","token":"t\"k","position":"a:b:41","recovered":true}"#;
        let FromServer::Welcome { session, recovered } = FromServer::read(welcome) else {
            panic!("no welcome");
        };
        let untyped =
            [b"{\"room_id\":\"r\",", welcome.strip_prefix(b"{\"type\":\"welcome\",").unwrap()]
                .concat();
        assert_eq!(FromServer::read(&untyped), FromServer::read(welcome));
        assert_eq!((session.position.offset, recovered), (41, Some(true)));
        let join: serde_json::Value = serde_json::from_str(&session.join()).unwrap();
        assert_eq!(join, serde_json::json!({"type": "join", "token": "t\"k", "after": "a:b:41"}));
    }

    #[test]
    fn a_message_is_json_with_the_content_asked_for() {
        let marker = Marker { purpose: Purpose::Measure, sender: 1, sequence: 2, due: 3 };
        for (dialect, members) in [(Dialect::Seed, 1), (Dialect::V1, 3), (Dialect::Api, 2)] {
            let mut out = Vec::new();
            write_message(&mut out, dialect, marker, Content::letters(100));
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(value["content"].as_str().unwrap().len(), 100);
            assert_eq!(value.as_object().unwrap().len(), members);
        }
    }
}
