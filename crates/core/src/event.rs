//! Events and how they are written: once, as JSON, for every dialect and transport.
//!
//! The fields stand in the order of the seed documents (`type`, `room_id`, `client_id`, `content`, `timestamp`); what
//! `hamhame.v1` adds follows, and `offset` comes last. So everything before the offset can be written before the
//! broker has decided the order, and a client of the seeds reads the same bytes as everyone else.

use std::io::Write;

use chrono::{DateTime, SecondsFormat};

use crate::id::Id;

/// Why a system event stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// The member came.
    Join,
    /// The member went.
    Leave,
}

/// RFC 3339 in UTC with microseconds, as the seed documents write it: `2026-11-21T10:02:03.000004+00:00`.
pub fn timestamp(micros: u64) -> String {
    DateTime::from_timestamp_micros(micros as i64)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Micros, false)
}

/// Appends `text` as a JSON string, non-ASCII characters as they are.
pub fn write_json_string(out: &mut Vec<u8>, text: &str) {
    // Writing a string into a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// A message without its offset; [`finish`] adds it.
pub fn message(
    room: &str,
    name: &str,
    content: &str,
    at: u64,
    member: Id,
    id: Option<&str>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(192 + room.len() + name.len() + content.len());
    head(&mut out, "message", room, name, content, at);
    let _ = write!(out, r#","member":"{member}""#);
    if let Some(id) = id {
        out.extend_from_slice(br#","id":"#);
        write_json_string(&mut out, id);
    }
    out
}

/// A join or leave without its offset; [`finish`] adds it.
pub fn passage(passage: Passage, room: &str, name: &str, at: u64, member: Id) -> Vec<u8> {
    let (event, content) = match passage {
        Passage::Join => ("join", format!("{name} joined {room}.")),
        Passage::Leave => ("leave", format!("{name} left {room}.")),
    };
    let mut out = Vec::with_capacity(256);
    head(&mut out, "system", room, "system", &content, at);
    let _ = write!(out, r#","event":"{event}","member":"{member}","name":"#);
    write_json_string(&mut out, name);
    out
}

/// Closes an event with the offset that the broker gave it.
pub fn finish(body: &mut Vec<u8>, offset: u64) {
    let _ = write!(body, r#","offset":{offset}}}"#);
}

/// A system event for one client alone: it is in no log and has no offset (a refusal in the seed dialect).
pub fn notice(room: &str, content: &str, at: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(160 + content.len());
    head(&mut out, "system", room, "system", content, at);
    out.push(b'}');
    out
}

fn head(out: &mut Vec<u8>, kind: &str, room: &str, client: &str, content: &str, at: u64) {
    let _ = write!(out, r#"{{"type":"{kind}","room_id":"#);
    write_json_string(out, room);
    out.extend_from_slice(br#","client_id":"#);
    write_json_string(out, client);
    out.extend_from_slice(br#","content":"#);
    write_json_string(out, content);
    let _ = write!(out, r#","timestamp":"{}""#, timestamp(at));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(mut body: Vec<u8>, offset: u64) -> String {
        finish(&mut body, offset);
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn a_message_has_the_fields_of_the_seeds_first_and_the_offset_last() {
        let member = Id::new(5);
        assert_eq!(
            text(message("کلاس", "علی‌رضا", "سلام \"دنیا\"\n", 4, member, Some("c1")), 42),
            format!(
                "{{\"type\":\"message\",\"room_id\":\"کلاس\",\"client_id\":\"علی‌رضا\",\"content\":\"سلام \\\"دنیا\\\"\\n\",\
                 \"timestamp\":\"1970-01-01T00:00:00.000004+00:00\",\"member\":\"{member}\",\"id\":\"c1\",\"offset\":42}}"
            )
        );
    }

    #[test]
    fn a_join_says_what_the_seeds_say_and_what_a_program_needs() {
        let json: serde_json::Value =
            serde_json::from_str(&text(passage(Passage::Join, "r", "n", 0, Id::new(1)), 1))
                .unwrap();
        assert_eq!(json["content"], "n joined r.");
        assert_eq!(json["client_id"], "system");
        assert_eq!((&json["event"], &json["name"]), (&"join".into(), &"n".into()));
    }

    #[test]
    fn a_notice_has_just_the_fields_of_the_seeds() {
        let json = String::from_utf8(notice("r", "slow down", 0)).unwrap();
        assert!(json.ends_with(r#""timestamp":"1970-01-01T00:00:00.000000+00:00"}"#), "{json}");
    }
}
