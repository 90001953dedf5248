//! Decodes the commands of `hamhame.v1`.
//!
//! No JSON tree is built: one pass puts the members that matter into a flat structure on the stack, borrowed
//! from the text, and skips the others without recursion. A member is kept whatever its kind, so that an error
//! can name it and still carry the `id`. Of members with the same name the last one counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::codes::ErrorCode;
use crate::command::{Command, CommandError, WHOLE_MAX};

/// The longest `id`, in bytes.
const ID_MAX: usize = 64;

pub(crate) fn decode(text: &str) -> Result<Command<'_>, CommandError> {
    let members = match serde_json::from_str(text) {
        Ok(Message::Object(members)) => members,
        Ok(Message::Other(kind)) => {
            return Err(refuse(
                ErrorCode::BadRequest,
                format!("The message must be a JSON object, not {kind}."),
            ));
        }
        Err(error) => {
            return Err(refuse(
                ErrorCode::InvalidJson,
                format!("The message is not valid JSON: {error}."),
            ));
        }
    };
    // Kept apart, so that whatever else is wrong the client learns which command it was.
    let id = match &members.id {
        Some(Member::Text(id)) if is_valid_id(id) => Some(id.clone()),
        _ => None,
    };
    members.command().map_err(|error| CommandError { id: id.map(Cow::into_owned), ..error })
}

/// Whether the text may be a client's own `id` of a message: 1–64 bytes of printable ASCII, the space included.
pub fn is_valid_id(id: &str) -> bool {
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn refuse(code: ErrorCode, message: impl Into<String>) -> CommandError {
    CommandError { code, id: None, message: message.into() }
}

/// A whole message: an object's members, or the kind of what it is instead.
enum Message<'a> {
    Object(Members<'a>),
    Other(&'static str),
}

/// The members that some command has.
#[derive(Default)]
struct Members<'a> {
    kind: Option<Member<'a>>,
    id: Option<Member<'a>>,
    content: Option<Member<'a>>,
    token: Option<Member<'a>>,
    after: Option<Member<'a>>,
    attempt: Option<Member<'a>>,
    history: Option<Member<'a>>,
    typing: Option<Member<'a>>,
}

/// The value of a member, as far as any command needs it.
enum Member<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Whole(u64),
    Other(&'static str),
}

impl<'a> Members<'a> {
    fn command(self) -> Result<Command<'a>, CommandError> {
        let kind = required_text("type", self.kind)?;
        match &*kind {
            "join" => {
                let token = text("token", self.token)?;
                let after = text("after", self.after)?.map(|after| after.parse()).transpose();
                let after = after.map_err(|reason| {
                    refuse(ErrorCode::BadRequest, format!("\"after\" is not a position: {reason}."))
                })?;
                let attempt = whole("attempt", self.attempt)?;
                let history = whole("history", self.history)?;
                Ok(Command::Join { token, after, attempt, history })
            }
            "send" => {
                let id = required_text("id", self.id)?;
                if !is_valid_id(&id) {
                    let message =
                        format!("\"id\" must be 1 to {ID_MAX} characters of printable ASCII.");
                    return Err(refuse(ErrorCode::BadRequest, message));
                }
                Ok(Command::Send { id: Some(id), content: required_text("content", self.content)? })
            }
            "typing" => match self.typing {
                Some(Member::Bool(typing)) => Ok(Command::Typing(typing)),
                Some(other) => Err(wrong_kind("typing", "true or false", &other)),
                None => Err(missing("typing")),
            },
            "heartbeat" => Ok(Command::Heartbeat),
            unknown => {
                let shown: String = unknown.chars().take(32).collect();
                Err(refuse(
                    ErrorCode::UnknownType,
                    format!("There is no message of type {shown:?}."),
                ))
            }
        }
    }
}

fn text<'a>(name: &str, member: Option<Member<'a>>) -> Result<Option<Cow<'a, str>>, CommandError> {
    match member {
        Some(Member::Text(text)) => Ok(Some(text)),
        Some(other) => Err(wrong_kind(name, "a string", &other)),
        None => Ok(None),
    }
}

fn whole(name: &str, member: Option<Member<'_>>) -> Result<Option<u64>, CommandError> {
    match member {
        Some(Member::Whole(number)) if number > WHOLE_MAX => {
            let message = format!("\"{name}\" must be at most {WHOLE_MAX}.");
            Err(refuse(ErrorCode::BadRequest, message))
        }
        Some(Member::Whole(number)) => Ok(Some(number)),
        Some(other) => Err(wrong_kind(name, "a whole number", &other)),
        None => Ok(None),
    }
}

fn required_text<'a>(name: &str, member: Option<Member<'a>>) -> Result<Cow<'a, str>, CommandError> {
    text(name, member)?.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> CommandError {
    refuse(ErrorCode::BadRequest, format!("\"{name}\" is missing."))
}

fn wrong_kind(name: &str, wanted: &str, found: &Member<'_>) -> CommandError {
    let found = match found {
        Member::Text(_) => "a string",
        Member::Bool(_) => "a boolean",
        Member::Whole(_) => "a number",
        Member::Other(kind) => kind,
    };
    refuse(ErrorCode::BadRequest, format!("\"{name}\" must be {wanted}, not {found}."))
}

/// The name of a member; every name that no command has is [`Key::Unknown`].
enum Key {
    Type,
    Id,
    Content,
    Token,
    After,
    Attempt,
    History,
    Typing,
    Unknown,
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(match name {
            "type" => Key::Type,
            "id" => Key::Id,
            "content" => Key::Content,
            "token" => Key::Token,
            "after" => Key::After,
            "attempt" => Key::Attempt,
            "history" => Key::History,
            "typing" => Key::Typing,
            _ => Key::Unknown,
        })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

/// The visits in which a message and a member agree: a kind that is named and not looked into.
macro_rules! visit_other_kinds {
    ($wrap:path) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($wrap("a number"))
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($wrap("a number"))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($wrap("null"))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok($wrap("a list"))
        }
    };
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Member<'de>, E> {
        Ok(Member::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Member<'de>, E> {
        Ok(Member::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Member<'de>, E> {
        Ok(Member::Bool(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Member<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Member::Other("an object"))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Member<'de>, E> {
        Ok(Member::Whole(number))
    }

    visit_other_kinds!(Member::Other);
}

impl<'de> Deserialize<'de> for Member<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = Message<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Message<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(key) = map.next_key()? {
            let place = match key {
                Key::Type => &mut members.kind,
                Key::Id => &mut members.id,
                Key::Content => &mut members.content,
                Key::Token => &mut members.token,
                Key::After => &mut members.after,
                Key::Attempt => &mut members.attempt,
                Key::History => &mut members.history,
                Key::Typing => &mut members.typing,
                Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *place = Some(map.next_value()?);
        }
        Ok(Message::Object(members))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Message<'de>, E> {
        Ok(Message::Other("a string"))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Message<'de>, E> {
        Ok(Message::Other("a boolean"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Message<'de>, E> {
        Ok(Message::Other("a number"))
    }

    visit_other_kinds!(Message::Other);
}

impl<'de> Deserialize<'de> for Message<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MessageVisitor)
    }
}

#[cfg(test)]
#[path = "v1_tests.rs"]
mod tests;
