//! A client that knows only the seed documents.

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use super::client::Client;

/// A client in the seed dialect.
pub struct SeedClient {
    client: Client,
}

impl SeedClient {
    pub(super) fn new(client: Client) -> SeedClient {
        SeedClient { client }
    }

    /// The next message, as it stands on the wire.
    pub async fn next_raw(&mut self) -> String {
        self.client.next_text().await
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        let text = self.client.next_text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The next message of this `type`; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// The next event or notice: whatever is not presence.
    pub async fn next_event(&mut self) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] != "presence" {
                return message;
            }
        }
    }

    /// Reads up to the presence that lists these names, in this order.
    pub async fn until_present(&mut self, names: &[&str]) -> Value {
        let expected = json!(names);
        loop {
            let presence = self.next_of("presence").await;
            if presence["users"] == expected {
                return presence;
            }
        }
    }

    /// Says `content`, as the page of the seeds does it.
    pub async fn say(&self, content: &str) {
        self.client.send(&json!({ "content": content }).to_string()).await;
    }

    /// Says `content` and reads up to it: whatever was to come before it has come then.
    pub async fn mark(&mut self, content: &str) -> Vec<Value> {
        self.say(content).await;
        self.until_said(content).await
    }

    /// Reads up to the message `content`; gives the events and notices before it.
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

    /// The client without its dialect.
    pub fn into_client(self) -> Client {
        self.client
    }
}

impl Deref for SeedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for SeedClient {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}
