//! Between the scripts' texts and what they mean.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hamhame_core::id::Id;
use hamhame_core::position::Epoch;

use crate::broker::engine::{Condition, Entry, Place, Proposal, Question, Seen, Snapshot};
use crate::broker::wire;
use crate::room::change::{Change, Connection, NodeId};
use crate::room::document::{Document, Kind};
use crate::room::snapshot::{Held, Seated};

/// What `open.lua` gives: the head, the time, the log, the seats and the documents.
pub type Opened = (Vec<String>, String, Vec<String>, Vec<String>, Vec<String>);

/// What `append.lua` wants for an entry that the engine has lost.
pub fn lost(entry: &Entry) -> Vec<String> {
    let Entry { tag, logged, ref change, at, .. } = *entry;
    let only_if = Condition::Always;
    arguments(&Proposal { tag, change: change.clone(), logged, only_if }, Some(at))
}

/// What `append.lua` wants for a proposal.
pub fn proposal(proposal: &Proposal) -> Vec<String> {
    arguments(proposal, None)
}

fn arguments(proposal: &Proposal, at: Option<u64>) -> Vec<String> {
    let Proposal { tag, change, logged, only_if } = proposal;
    let condition = match *only_if {
        Condition::Always => "-".to_owned(),
        Condition::Seats(seq) => format!("s{seq}"),
        Condition::Document(kind, version) => format!("d{}:{version}", wire::kind_name(kind)),
    };
    let message = match change {
        Change::Said { member, id: Some(id), .. } => format!("{member} {id}"),
        _ => String::new(),
    };
    let by = |connection: &Connection| {
        format!("by {} {}", Id::new(connection.node.0), connection.number)
    };
    let line = wire::write(change);
    let operation = match change {
        Change::Joined { member, attempt, connection, .. } => {
            Some(("join", member.to_string(), format!("{attempt} {} {line}", by(connection))))
        }
        Change::TakenOver { member, attempt, connection } => {
            Some(("take over", member.to_string(), format!("{attempt} {}", by(connection))))
        }
        Change::Lost { member, grace } => {
            Some(("lose", member.to_string(), grace.as_micros().to_string()))
        }
        Change::Left { member, .. } => Some(("leave", member.to_string(), String::new())),
        Change::Document { kind, text } => {
            Some(("document", wire::kind_name(*kind).to_owned(), text.to_string()))
        }
        Change::Said { .. } | Change::Plain(_) | Change::Typing { .. } | Change::Heard { .. } => {
            None
        }
    };
    let at = at.map_or("-".to_owned(), |at| at.to_string());
    let name = operation.as_ref().map_or("", |(name, ..)| name);
    let words = format!("{tag} {} {at} {condition} {name}", u8::from(*logged));
    let mut arguments = vec![words, line, message];
    arguments.extend(operation.into_iter().flat_map(|(_, first, second)| [first, second]));
    arguments
}

/// A proposal's place, as `append.lua` says it.
pub fn place(text: &str) -> Option<Place> {
    let mut words = text.split(' ');
    match words.next()? {
        "at" => Some(Place::At(number(words.next())?)),
        "said" => Some(Place::Said { seq: number(words.next())?, offset: number(words.next())? }),
        "conflict" => Some(Place::Conflict),
        _ => None,
    }
}

/// What is published of a room.
pub enum News {
    /// Entries of this epoch; none if it has just begun.
    Entries(Epoch, Vec<Arc<Entry>>),
    /// A change without a place.
    Whisper(Change<'static>),
}

/// Reads what was published of a room.
pub fn news(text: &str) -> Option<News> {
    let mut lines = text.split('\n');
    match lines.next()? {
        "whisper" => Some(News::Whisper(wire::read(lines.next()?)?)),
        first => {
            let entries: Option<Vec<_>> = lines.map(wire::read_entry).collect();
            Some(News::Entries(epoch(first)?, entries?))
        }
    }
}

/// What is published for a node.
pub enum Asked {
    /// Another node wants to know; it waits on its own channel.
    Question(u64, NodeId, String, Question),
    /// What this node asked is answered.
    Answer(u64, bool),
}

/// A question, on its way to the node that is asked.
pub fn question(number: u64, from: NodeId, channel: &str, question: &Question) -> String {
    let Question { member, connection, patience } = question;
    let Connection { node, number: connection } = connection;
    let (from, node, patience) = (Id::new(from.0), Id::new(node.0), patience.as_millis());
    format!("ask {number} {from} {channel} {member} {node} {connection} {patience}")
}

/// The answer, on its way back.
pub fn answer(number: u64, yes: bool) -> String {
    format!("answer {number} {}", u8::from(yes))
}

/// Reads what was published for a node.
pub fn asked(text: &str) -> Option<Asked> {
    let mut words = text.split(' ');
    match words.next()? {
        "ask" => {
            let number = number(words.next())?;
            let from = node(words.next())?;
            let channel = words.next()?.to_owned();
            let member = words.next()?.parse().ok()?;
            let connection =
                Connection { node: node(words.next())?, number: words.next()?.parse().ok()? };
            let patience = Duration::from_millis(words.next()?.parse().ok()?);
            Some(Asked::Question(number, from, channel, Question { member, connection, patience }))
        }
        "answer" => Some(Asked::Answer(number(words.next())?, words.next()? == "1")),
        _ => None,
    }
}

/// A room as `open.lua` gives it.
pub fn snapshot((head, now, log, seats, documents): Opened) -> Option<Snapshot> {
    let mut head = head.iter().map(String::as_str);
    let seen =
        Seen { epoch: epoch(head.next()?)?, seq: number(head.next())?, tag: number(head.next())? };
    let (seats_at, presence) = (number(head.next())?, number(head.next())?);
    let former = head.next()?.split(',').filter(|former| !former.is_empty());
    let former: Option<Vec<_>> = former.map(epoch).collect();
    let now: u64 = now.parse().ok()?;
    let entries: Option<Vec<_>> = log.iter().map(|line| wire::read_entry(line)).collect();
    let entries = entries?;
    Some(Snapshot {
        seen,
        former: former?,
        offset: entries.last().map_or(0, |last| last.offset),
        entries,
        seats_at,
        seats: seated(&seats, now)?,
        presence,
        documents: documents
            .chunks_exact(2)
            .map(|pair| document(&pair[0], &pair[1]))
            .collect::<Option<_>>()?,
        now,
    })
}

/// Those who are in, in order of joining, from the fields `i`, `a` and `h` of each.
fn seated(fields: &[String], now: u64) -> Option<Vec<Seated>> {
    let of: HashMap<&str, &str> =
        fields.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
    let mut all = Vec::new();
    for (field, identity) in &of {
        let Some(member) = field.strip_prefix('i') else { continue };
        let (joined, identity) = identity.split_once(' ')?;
        let Change::Joined { member: id, name, session, .. } = wire::read(identity)? else {
            return None;
        };
        let held = held(of.get(format!("h{member}").as_str())?, now)?;
        let attempt = of.get(format!("a{member}").as_str())?.parse().ok()?;
        let key = name.key.as_deref().map(Into::into);
        let joined: u64 = joined.parse().ok()?;
        all.push((joined, Seated { member: id, name: name.shown, key, session, attempt, held }));
    }
    all.sort_by_key(|(joined, _)| *joined);
    Some(all.into_iter().map(|(_, seated)| seated).collect())
}

fn held(text: &str, now: u64) -> Option<Held> {
    let mut words = text.split(' ');
    match words.next()? {
        "by" => {
            let (node, number) = (node(words.next())?, words.next()?.parse().ok()?);
            Some(Held::By(Connection { node, number }))
        }
        "until" => {
            let until: u64 = number(words.next())?;
            Some(Held::For(Duration::from_micros(until.saturating_sub(now))))
        }
        _ => None,
    }
}

fn document(kind: &str, text: &str) -> Option<(Kind, Document)> {
    let (version, text) = text.split_once(' ')?;
    Some((wire::kind_of(kind)?, Document { version: version.parse().ok()?, text: text.into() }))
}

fn number<T: FromStr>(word: Option<&str>) -> Option<T> {
    word?.parse().ok()
}

fn node(word: Option<&str>) -> Option<NodeId> {
    word?.parse::<Id>().ok().map(|id| NodeId(id.get()))
}

/// The life of a room, as the scripts have it.
fn epoch(text: &str) -> Option<Epoch> {
    text.parse::<Id>().ok().map(|id| Epoch::new(id.get()))
}
