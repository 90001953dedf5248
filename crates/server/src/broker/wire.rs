//! A room's changes as text, for engines that keep them: JSON of one line, in the words of the protocol. An entry is its place in
//! front of that.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hamhame_core::id::Id;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::engine::Entry;
use crate::room::change::{Change, Connection, NewName, NodeId};
use crate::room::document::Kind;

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Message {
        member: Id,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
        name: Cow<'a, str>,
        content: Cow<'a, str>,
    },
    Plain {
        content: Cow<'a, str>,
    },
    Join {
        member: Id,
        name: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<Cow<'a, str>>,
        session: Id,
        attempt: u64,
        node: Id,
        connection: u32,
    },
    TakeOver {
        member: Id,
        attempt: u64,
        node: Id,
        connection: u32,
    },
    Lose {
        member: Id,
        grace_ms: u64,
    },
    Leave {
        member: Id,
        name: Cow<'a, str>,
    },
    Typing {
        member: Id,
        typing: bool,
    },
    Heard {
        member: Id,
    },
    Document {
        kind: Cow<'a, str>,
        text: Cow<'a, str>,
    },
}

/// The change as one line of JSON.
pub fn write(change: &Change<'_>) -> String {
    let line = match change {
        Change::Said { member, id, name, content } => Line::Message {
            member: *member,
            id: id.as_deref().map(Cow::Borrowed),
            name: Cow::Borrowed(name),
            content: Cow::Borrowed(content),
        },
        Change::Plain(content) => Line::Plain { content: Cow::Borrowed(content) },
        Change::Joined { member, name, session, attempt, connection } => Line::Join {
            member: *member,
            name: Cow::Borrowed(&name.shown),
            key: name.key.as_deref().map(Cow::Borrowed),
            session: *session,
            attempt: *attempt,
            node: Id::new(connection.node.0),
            connection: connection.number,
        },
        Change::TakenOver { member, attempt, connection } => Line::TakeOver {
            member: *member,
            attempt: *attempt,
            node: Id::new(connection.node.0),
            connection: connection.number,
        },
        Change::Lost { member, grace } => {
            Line::Lose { member: *member, grace_ms: grace.as_millis() as u64 }
        }
        Change::Left { member, name } => Line::Leave { member: *member, name: Cow::Borrowed(name) },
        Change::Typing { member, typing } => Line::Typing { member: *member, typing: *typing },
        Change::Heard { member } => Line::Heard { member: *member },
        Change::Document { kind, text } => {
            Line::Document { kind: Cow::Borrowed(kind_name(*kind)), text: Cow::Borrowed(text) }
        }
    };
    // It has texts and numbers alone, which JSON has too.
    serde_json::to_string(&line).unwrap_or_default()
}

/// The change that a line says; `None` if it says none that this version knows.
pub fn read(line: &str) -> Option<Change<'static>> {
    let connection = |node: Id, number| Connection { node: NodeId(node.get()), number };
    let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    Some(match serde_json::from_str(line).ok()? {
        Line::Message { member, id, name, content } => {
            Change::Said { member, id: id.map(own), name: own(name), content: own(content) }
        }
        Line::Plain { content } => Change::Plain(own(content)),
        Line::Join { member, name, key, session, attempt, node, connection: number } => {
            Change::Joined {
                member,
                name: NewName { shown: Arc::from(&*name), key: key.map(own) },
                session,
                attempt,
                connection: connection(node, number),
            }
        }
        Line::TakeOver { member, attempt, node, connection: number } => {
            Change::TakenOver { member, attempt, connection: connection(node, number) }
        }
        Line::Lose { member, grace_ms } => {
            Change::Lost { member, grace: Duration::from_millis(grace_ms) }
        }
        Line::Leave { member, name } => Change::Left { member, name: Arc::from(&*name) },
        Line::Typing { member, typing } => Change::Typing { member, typing },
        Line::Heard { member } => Change::Heard { member },
        Line::Document { kind, text } => {
            Change::Document { kind: kind_of(&kind)?, text: Arc::from(&*text) }
        }
    })
}

/// An entry as one line: its numbers, and the change.
pub fn write_entry(entry: &Entry) -> String {
    let Entry { seq, offset, logged, tag, after, at, change } = entry;
    format!("{seq} {offset} {} {tag} {after} {at} {}", u8::from(*logged), write(change))
}

/// The entry that a line says.
pub fn read_entry(line: &str) -> Option<Arc<Entry>> {
    let mut words = line.splitn(7, ' ');
    let mut number = || words.next()?.parse::<u64>().ok();
    let (seq, offset, logged) = (number()?, number()?, number()? == 1);
    let (tag, after, at) = (number()?, number()?, number()?);
    let change = read(words.next()?)?;
    Some(Arc::new(Entry { seq, offset, logged, tag, after, at, change }))
}

/// What a room is called where others may look: its name may be of any kind and length, and its members may not want it in an
/// operator's lists.
pub fn hash(room: &str) -> String {
    let digest = Sha256::digest(room.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A document's kind by name.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Settings => "settings",
        Kind::Bans => "bans",
        Kind::Revisions => "revisions",
    }
}

/// The kind with this name.
pub fn kind_of(name: &str) -> Option<Kind> {
    [Kind::Settings, Kind::Bans, Kind::Revisions].into_iter().find(|kind| kind_name(*kind) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_one_line_and_comes_back_as_it_was() {
        let member = Id::new(u64::MAX);
        let connection = Connection { node: NodeId(7), number: u32::MAX };
        let name = NewName { shown: "Ali \"ع\"".into(), key: Some("ali".into()) };
        let all = [
            Change::Said {
                member,
                id: Some("a b".into()),
                name: "علی".into(),
                content: "one\ntwo\u{2028}\0".into(),
            },
            Change::Said { member, id: None, name: "".into(), content: "x".into() },
            Change::Plain("plain".into()),
            Change::Joined { member, name, session: member, attempt: u64::MAX, connection },
            Change::TakenOver { member, attempt: 2, connection },
            Change::Lost { member, grace: Duration::from_millis(8_001) },
            Change::Left { member, name: "علی".into() },
            Change::Typing { member, typing: true },
            Change::Heard { member },
            Change::Document { kind: Kind::Bans, text: "[]".into() },
        ];
        for change in all {
            let line = write(&change);
            assert!(!line.contains('\n'), "{line}");
            let back = read(&line).expect("it says a change");
            assert_eq!(format!("{back:?}"), format!("{change:?}"));
            let (logged, tag, at) = (true, u64::MAX, 1);
            let entry = Entry { seq: 2, offset: 1, logged, tag, after: 0, at, change };
            let back = read_entry(&write_entry(&entry)).expect("it says an entry");
            assert_eq!(format!("{back:?}"), format!("{entry:?}"));
        }
        assert!(read("{\"type\":\"of tomorrow\"}").is_none());
    }
}
