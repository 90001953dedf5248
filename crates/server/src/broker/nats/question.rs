//! What one node asks another, as text. The answer goes where the server says that the question came from.

use std::time::Duration;

use hamhame_core::id::Id;

use super::message::number;
use crate::broker::engine::Question;
use crate::room::change::{Connection, NodeId};

/// A question about the room with this hash.
pub fn write(hash: &str, question: &Question) -> String {
    let Question { member, connection: Connection { node, number }, patience } = question;
    format!("{hash} {member} {} {number} {}", Id::new(node.0), patience.as_millis())
}

/// The question, and the hash of the room that it is about.
pub fn read(text: &str) -> Option<(&str, Question)> {
    let mut words = text.split(' ');
    let hash = words.next()?;
    let member = number(words.next())?;
    let node: Id = number(words.next())?;
    let connection = Connection { node: NodeId(node.get()), number: number(words.next())? };
    let patience = Duration::from_millis(number(words.next())?);
    Some((hash, Question { member, connection, patience }))
}

/// An answer.
pub fn answer(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// Whether that is the answer.
pub fn is_yes(answer: &[u8]) -> bool {
    answer == b"yes"
}
