//! What the server says to one client, as frames: everything that is not in the log.
//!
//! The shapes are those of `docs/reference/protocol.md`; `docs/reference/schema` is tested against them.

use std::time::Duration;

use hamhame_core::codes::ErrorCode;
use hamhame_core::event;
use hamhame_core::id::Id;
use hamhame_core::name::{NameError, RoomName};
use hamhame_core::position::Position;
use hamhame_core::presence::{Difference, Present};
use hamhame_ws::{Opcode, write_frame};
use serde::Serialize;

use crate::clock;
use crate::config::Options;
use crate::room::intent::{Admission, Presence};

/// What is wrong with a name, for programs: a page says it in its own language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The rule that it breaks; see `docs/reference/names.md`.
    pub rule: &'static str,
    /// How many characters stand before the one that breaks it, if it is a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<usize>,
    /// That character, as `U+202E`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub character: Option<String>,
}

impl From<&NameError> for Fault {
    fn from(error: &NameError) -> Fault {
        let culprit = error.culprit();
        Fault {
            rule: error.rule(),
            at: culprit.map(|culprit| culprit.at),
            character: culprit.map(|culprit| format!("U+{:04X}", u32::from(culprit.c))),
        }
    }
}

/// Appends a text frame with `value` as JSON.
fn write_json(out: &mut Vec<u8>, value: &impl Serialize) {
    // Serialising our own plain structs into memory cannot fail.
    let json = serde_json::to_vec(value).unwrap_or_default();
    write_frame(out, Opcode::Text, &json);
}

/// A member as everyone may see it.
#[derive(Serialize)]
pub struct User<'a> {
    member: Id,
    client_id: &'a str,
}

/// Members as they are listed.
pub fn users(present: &[Present]) -> Vec<User<'_>> {
    present.iter().map(|p| User { member: p.member, client_id: &p.name }).collect()
}

/// The answer to `join`.
#[derive(Serialize)]
#[serde(tag = "type", rename = "welcome")]
pub struct Welcome<'a> {
    room_id: &'a str,
    client_id: &'a str,
    session: Id,
    token: &'a str,
    member: Id,
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<Vec<User<'a>>>,
    count: usize,
    version: u64,
    limits: Limits,
    heartbeat: f64,
    timestamp: String,
}

#[derive(Serialize)]
struct Limits {
    content_graphemes: u32,
    content_bytes: u32,
    message_bytes: u32,
    burst: Option<u32>,
    rate: Option<f64>,
}

impl<'a> Welcome<'a> {
    /// For a member that was admitted to `room` as `name`.
    pub fn new(
        room: &'a RoomName,
        name: &'a str,
        token: &'a str,
        admission: &'a Admission,
        options: &Options,
    ) -> Welcome<'a> {
        let presence = &admission.presence;
        Welcome {
            room_id: room.as_str(),
            client_id: name,
            session: admission.identity.session,
            token,
            member: admission.identity.member,
            position: Position { epoch: admission.epoch, offset: admission.start.offset },
            recovered: admission.start.recovered,
            users: presence.users.as_deref().map(users),
            count: presence.count,
            version: presence.version,
            limits: Limits {
                content_graphemes: options.message_graphemes,
                content_bytes: options.message_bytes,
                message_bytes: options.frame_bytes,
                burst: options.limited().then_some(options.message_burst),
                rate: options.limited().then_some(options.message_rate),
            },
            heartbeat: options.heartbeat.as_secs_f64(),
            timestamp: event::timestamp(clock::micros()),
        }
    }
}

/// The answer to `join`, and the gap if there is one.
pub fn welcome(
    out: &mut Vec<u8>,
    room: &RoomName,
    name: &str,
    token: &str,
    admission: &Admission,
    options: &Options,
) {
    let welcome = Welcome::new(room, name, token, admission, options);
    write_json(out, &welcome);
    if admission.start.missed > 0 {
        gap(out, admission.start.missed, welcome.position);
    }
}

/// Some events are gone for this client.
pub fn gap(out: &mut Vec<u8>, missed: u64, position: Position) {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "gap")]
    struct Gap {
        missed: u64,
        position: Position,
    }
    write_json(out, &Gap { missed, position });
}

/// A `send` is in the log.
pub fn ack(out: &mut Vec<u8>, id: &str, offset: u64) {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "ack")]
    struct Ack<'a> {
        id: &'a str,
        offset: u64,
    }
    write_json(out, &Ack { id, offset });
}

/// A refusal in `hamhame.v1`.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// Of a name: what is wrong with it.
    pub fault: Option<Fault>,
    /// From the table of codes.
    pub code: ErrorCode,
    /// For developers.
    pub message: &'a str,
    /// When the same may succeed.
    pub retry_after: Option<Duration>,
    /// The `send` refused.
    pub id: Option<&'a str>,
}

/// Writes a refusal.
pub fn error(out: &mut Vec<u8>, refusal: &Refusal<'_>) {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "error")]
    struct Error<'a> {
        code: &'a str,
        message: &'a str,
        temporary: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(flatten)]
        fault: Option<&'a Fault>,
    }
    write_json(
        out,
        &Error {
            code: refusal.code.name(),
            message: refusal.message,
            temporary: refusal.code.temporary() || refusal.retry_after.is_some(),
            retry_after: refusal.retry_after.map(seconds),
            id: refusal.id,
            fault: refusal.fault.as_ref(),
        },
    );
}

/// To whole milliseconds, never too early.
pub fn round_up(after: Duration) -> Duration {
    Duration::from_millis(after.as_micros().div_ceil(1000) as u64)
}

/// Seconds as they are told: whole milliseconds, in no more digits than that takes.
pub fn seconds(after: Duration) -> f64 {
    round_up(after).as_millis() as f64 / 1000.0
}

/// A refusal, or anything else for one client alone, in the seed dialect.
pub fn notice(out: &mut Vec<u8>, room: &RoomName, text: &str) {
    write_frame(out, Opcode::Text, &event::notice(room.as_str(), text, clock::micros()));
}

/// The server's beat, with the head of the log.
pub fn heartbeat(out: &mut Vec<u8>, position: Position) {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "heartbeat")]
    struct Heartbeat {
        position: Position,
    }
    write_json(out, &Heartbeat { position });
}

/// The server goes; come back then.
pub fn shutdown(out: &mut Vec<u8>, retry_after: Duration) {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "shutdown")]
    struct Shutdown {
        retry_after: f64,
    }
    write_json(out, &Shutdown { retry_after: seconds(retry_after) });
}

/// A snapshot of presence, or the count alone if the room is too large for a list.
pub fn presence(presence: &Presence) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "presence")]
    struct Snapshot<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        users: Option<Vec<User<'a>>>,
        timestamp: String,
        version: u64,
        count: usize,
    }
    let mut out = Vec::new();
    let snapshot = Snapshot {
        users: presence.users.as_deref().map(users),
        timestamp: event::timestamp(clock::micros()),
        version: presence.version,
        count: presence.count,
    };
    write_json(&mut out, &snapshot);
    out
}

/// What changed in presence between two versions.
pub fn presence_difference(
    difference: &Difference,
    base: u64,
    version: u64,
    count: usize,
) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "presence")]
    struct Changes<'a> {
        joined: Vec<User<'a>>,
        left: &'a [Id],
        timestamp: String,
        base: u64,
        version: u64,
        count: usize,
    }
    let mut out = Vec::new();
    let changes = Changes {
        joined: users(&difference.joined),
        left: &difference.left,
        timestamp: event::timestamp(clock::micros()),
        base,
        version,
        count,
    };
    write_json(&mut out, &changes);
    out
}

/// Presence in the seed dialect: names in order of joining, or the count in a room too large for a list.
pub fn seed_presence(presence: &Presence) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "presence")]
    struct SeedPresence<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        users: Option<Vec<&'a str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        count: Option<usize>,
        timestamp: String,
    }
    let names = presence.users.as_ref().map(|users| users.iter().map(|p| &*p.name).collect());
    let mut out = Vec::new();
    let snapshot = SeedPresence {
        count: presence.users.is_none().then_some(presence.count),
        users: names,
        timestamp: event::timestamp(clock::micros()),
    };
    write_json(&mut out, &snapshot);
    out
}

/// Who is writing.
pub fn typing(members: &[Id]) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "typing")]
    struct Typing<'a> {
        members: &'a [Id],
    }
    let mut out = Vec::new();
    write_json(&mut out, &Typing { members });
    out
}
