//! A client of `hamhame.v1`. It holds the server to its word in every test: each message is one of the schema, and offsets
//! follow one another without a hole unless a `gap` says exactly how many are gone.

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use super::client::{Client, Frame};
use super::{Bookmark, schema, within};

/// A client in the full protocol.
pub struct V1Client {
    name: String,
    client: Client,
    welcome: Value,
    bookmark: Bookmark,
    checked: bool,
}

impl V1Client {
    /// Over a connection that is open, for tests that open it in their own way.
    pub fn over(name: &str, client: Client) -> V1Client {
        V1Client {
            name: name.to_owned(),
            client,
            welcome: Value::Null,
            bookmark: Bookmark::new(name),
            checked: true,
        }
    }

    /// Leaves the schema out, where there is much to read and the same messages were checked elsewhere.
    pub fn unchecked(mut self) -> V1Client {
        self.checked = false;
        self
    }

    /// Joins afresh and gives the `welcome`.
    pub async fn join(&mut self) -> Value {
        self.join_as(json!({ "type": "join" })).await
    }

    /// Joins with a token and goes on after a position; gives the `welcome`.
    pub async fn resume(&mut self, token: &str, position: &str) -> Value {
        self.join_as(json!({ "type": "join", "token": token, "after": position })).await
    }

    /// Joins with this message and gives the `welcome`, which must be the first answer.
    pub async fn join_as(&mut self, join: Value) -> Value {
        self.client.send(&join.to_string()).await;
        let welcome = self.next().await;
        assert_eq!(welcome["type"], "welcome", "{}: {welcome}", self.name);
        welcome
    }

    /// Says `content` under `id`.
    pub async fn say(&self, id: &str, content: &str) {
        let send = json!({ "type": "send", "id": id, "content": content });
        self.client.send(&send.to_string()).await;
    }

    /// Says `content` under `id` and waits for the `ack`; gives the offset. What comes before it is passed over.
    pub async fn said(&mut self, id: &str, content: &str) -> u64 {
        self.say(id, content).await;
        loop {
            let ack = self.next_of("ack").await;
            if ack["id"] == id {
                return ack["offset"].as_u64().expect("an offset");
            }
        }
    }

    /// Sends any message.
    pub async fn send_json(&self, message: Value) {
        self.client.send(&message.to_string()).await;
    }

    /// The next message but `heartbeat`, which may come at any time.
    pub async fn next(&mut self) -> Value {
        let what = format!("{} to get more than heartbeats", self.name);
        let reading = async {
            loop {
                let message = self.next_of_all().await;
                if message["type"] != "heartbeat" {
                    return message;
                }
            }
        };
        within(&what, reading).await
    }

    /// The next message, `heartbeat` included.
    pub async fn next_of_all(&mut self) -> Value {
        let text = self.client.next_text().await;
        self.take(&text)
    }

    /// The next message of this `type`; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        let what = format!("{} to get {kind}", self.name);
        let reading = async {
            loop {
                let message = self.next_of_all().await;
                if message["type"] == kind {
                    return message;
                }
            }
        };
        within(&what, reading).await
    }

    /// The next message, which must be of this `type` (`heartbeat` may come before it).
    pub async fn expect_type(&mut self, kind: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], kind, "{} got {message}", self.name);
        message
    }

    /// The next event: `message` or `system`. A `gap` or an `error` on the way fails the test.
    pub async fn next_event(&mut self) -> Value {
        loop {
            let message = self.next().await;
            match message["type"].as_str() {
                Some("message" | "system") => return message,
                Some("gap" | "error") => panic!("{}: an unexpected {message}", self.name),
                _ => {}
            }
        }
    }

    /// Reads up to the message `content`; gives the events before it.
    pub async fn until_said(&mut self, content: &str) -> Vec<Value> {
        let mut before = Vec::new();
        loop {
            let event = self.next_event().await;
            if event["type"] == "message" && event["content"] == content {
                return before;
            }
            before.push(event);
        }
    }

    /// Says `content` and reads up to it: whatever was to come before it has come then. Gives the events before it.
    pub async fn mark(&mut self, content: &str) -> Vec<Value> {
        self.say(&format!("mark {}", self.offset()), content).await;
        self.until_said(content).await
    }

    /// The next frame: a message, checked, or something else.
    pub async fn next_or_end(&mut self) -> Result<Value, Frame> {
        match self.client.next_but_control().await {
            Frame::Text(text) => Ok(self.take(&text)),
            other => Err(other),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `welcome` it got.
    pub fn welcome(&self) -> &Value {
        &self.welcome
    }

    /// Its public identity.
    pub fn member(&self) -> String {
        self.welcome["member"].as_str().expect("it has joined").to_owned()
    }

    /// The secret that proves its session.
    pub fn token(&self) -> String {
        self.welcome["token"].as_str().expect("it has joined").to_owned()
    }

    /// The position of the last event it got, or of its `welcome`.
    pub fn position(&self) -> String {
        self.bookmark.position()
    }

    /// The offset of the last event it got, or of its `welcome`.
    pub fn offset(&self) -> u64 {
        self.bookmark.offset()
    }

    /// What each `gap` said is missing.
    pub fn gaps(&self) -> &[u64] {
        self.bookmark.gaps()
    }

    /// The client without its dialect.
    pub fn into_client(self) -> Client {
        self.client
    }

    fn take(&mut self, text: &str) -> Value {
        let message: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        if self.checked {
            schema::check(&message);
        }
        self.bookmark.take(&message);
        if message["type"] == "welcome" {
            self.welcome = message.clone();
        }
        message
    }
}

impl Deref for V1Client {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for V1Client {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}
