//! What stands in the messages of `hamhame.v1` (`docs/reference/protocol.md`), as far as a terminal needs it.

use serde::{Deserialize, Serialize};

/// A message of the server.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Heard {
    /// The answer to `join`.
    Welcome(Welcome),
    /// Somebody said something.
    Message(Said),
    /// Somebody came or went.
    System(Passage),
    /// A `send` is in the log.
    Ack { id: String },
    /// Something was refused.
    Error(Refusal),
    /// Who is here.
    Presence(Presence),
    /// Events are gone for this client.
    Gap { missed: u64, position: String },
    /// The server is about to go.
    Shutdown { retry_after: f64 },
    /// Anything else.
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub struct Welcome {
    pub client_id: String,
    pub token: String,
    pub member: String,
    pub position: String,
    pub recovered: Option<bool>,
    #[serde(default)]
    pub users: Vec<User>,
    pub count: u64,
    pub heartbeat: f64,
}

#[derive(Debug, Deserialize)]
pub struct User {
    pub member: String,
    pub client_id: String,
}

#[derive(Debug, Deserialize)]
pub struct Said {
    pub client_id: String,
    pub content: String,
    pub timestamp: String,
    pub member: Option<String>,
    pub offset: u64,
}

#[derive(Debug, Deserialize)]
pub struct Passage {
    pub content: String,
    pub offset: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub struct Refusal {
    pub code: String,
    pub message: String,
    pub temporary: bool,
    pub retry_after: Option<f64>,
    pub id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Presence {
    pub users: Option<Vec<User>>,
    #[serde(default)]
    pub joined: Vec<User>,
    #[serde(default)]
    pub left: Vec<String>,
    pub count: u64,
}

/// A message of ours.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Told<'a> {
    /// The first one.
    Join {
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        history: Option<u32>,
        attempt: u64,
    },
    /// Says something.
    Send { id: &'a str, content: &'a str },
}
