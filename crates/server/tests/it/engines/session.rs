//! A session over HTTP that has no home: each of its requests goes to any node, and to another one if that does not answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, FuturesUnordered, StreamExt};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Node, any};
use crate::common::{EventStream, Random, Transport};

/// How long a request may take, and a stream be silent, before another node is asked. Servers have heartbeats of 2 s, and say by
/// then that they do not reach the engine.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a request waits for events, in seconds.
const WAIT: f64 = 1.5;

/// Streams are open no longer than this.
const STREAM: Duration = Duration::from_secs(4);

/// What reads and what was said, side by side.
pub struct Session {
    visitor: Visitor,
    /// Of what was said; `None` if the session was over by then.
    answers: FuturesUnordered<BoxFuture<'static, Option<Value>>>,
    /// Ends with the session.
    events: BoxStream<'static, Value>,
}

/// Who asks with the token.
struct Visitor {
    nodes: Arc<[Node]>,
    random: Random,
    token: String,
}

/// Reads, request after request.
struct Poller {
    visitor: Visitor,
    position: String,
}

/// Reads by one stream after the other.
struct Listener {
    visitor: Visitor,
    position: String,
    /// And until when.
    stream: Option<(EventStream, Instant)>,
}

impl Session {
    /// With what joining was answered with. If that is an error, everything will be.
    pub fn new(
        transport: Transport,
        nodes: Arc<[Node]>,
        random: Random,
        welcome: &Value,
    ) -> Session {
        let text = |key: &str| welcome[key].as_str().unwrap_or_default().to_owned();
        let position = text("position");
        let mut visitor = Visitor { nodes, random, token: text("token") };
        let reader = visitor.another();
        let events = if transport.is_stream() {
            let listener = Listener { visitor: reader, position, stream: None };
            stream::unfold(listener, |mut listener| async move {
                listener.next().await.map(|message| (message, listener))
            })
            .boxed()
        } else {
            let poller = Poller { visitor: reader, position };
            stream::unfold(poller, |mut poller| async move {
                poller.ask().await.map(|messages| (stream::iter(messages), poller))
            })
            .flatten()
            .boxed()
        };
        Session { visitor, answers: FuturesUnordered::new(), events }
    }

    /// Says something, until it is answered.
    pub fn say(&mut self, id: &str, content: &str) {
        let mut visitor = self.visitor.another();
        let message = json!({ "id": id, "content": content });
        self.answers.push(Box::pin(async move {
            let answer = visitor.ask("POST", "messages", Some(&message)).await?;
            Some(json!({ "type": "ack", "id": message["id"], "offset": answer["offset"] }))
        }));
    }

    /// What comes next; `None` if the session is over.
    pub async fn next(&mut self) -> Option<Value> {
        tokio::select! {
            Some(answer) = self.answers.next() => answer,
            message = self.events.next() => message,
        }
    }
}

impl Visitor {
    /// With randomness of its own.
    fn another(&mut self) -> Visitor {
        let (nodes, token) = (self.nodes.clone(), self.token.clone());
        Visitor { nodes, random: Random::new(self.random.draw()), token }
    }

    /// Asks until a node does it. `None` if the session is over.
    async fn ask(&mut self, method: &str, what: &str, body: Option<&Value>) -> Option<Value> {
        loop {
            let api = &any(&self.nodes, &mut self.random).api;
            let asking = api.try_ask(method, what, Some(&self.token), body);
            if let Ok(Some(answer)) = timeout(PATIENCE, asking).await {
                match answer.status {
                    204 => return Some(Value::Null),
                    200 | 201 => return Some(answer.json()),
                    _ => {}
                }
                let refused = answer.json();
                // The lease is over. Nobody else has the token, so nobody can have replaced it.
                if refused["code"] == "not_joined" {
                    return None;
                }
                assert_eq!(refused["temporary"], true, "{method} {what}: {refused}");
            }
            self.pause().await;
        }
    }

    async fn pause(&mut self) {
        sleep(self.random.shorter_than(Duration::from_millis(200))).await;
    }
}

impl Poller {
    /// What an answer has; `None` if the session is over.
    async fn ask(&mut self) -> Option<Vec<Value>> {
        self.visitor.pause().await;
        let what = format!("events?after={}&wait={WAIT}", self.position);
        let mut answer = self.visitor.ask("GET", &what, None).await?;
        let Value::Array(events) = answer["events"].take() else { panic!("no events: {answer}") };
        self.position = answer["position"].as_str().expect("a position").to_owned();
        let mut messages = Vec::new();
        if answer["recovered"] == false {
            // As a stream would begin.
            let (epoch, offset) = self.position.split_once(':').expect("a position has two parts");
            let begin = offset.parse::<usize>().expect("an offset") - events.len();
            let position = format!("{epoch}:{begin}");
            let begin = json!({ "type": "position", "position": position, "recovered": false });
            messages.push(begin);
        }
        messages.extend(events);
        Some(messages)
    }
}

impl Listener {
    /// What a stream tells next; `None` if the session is over.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let Some((stream, until)) = &mut self.stream else {
                self.open().await?;
                continue;
            };
            let time = PATIENCE.min(*until - Instant::now());
            let Ok(Some(record)) = timeout(time, stream.next()).await else {
                self.stream = None;
                continue;
            };
            match record.event.as_str() {
                "close" => {
                    assert_eq!(record.data["reconnect"], true, "{}", record.data);
                    return None;
                }
                "probe" => _ = self.visitor.ask("POST", "sessions/current", None).await?,
                _ => {}
            }
            if let Some(position) = record.id {
                self.position = position;
            }
            return Some(record.data);
        }
    }

    /// Opens one at any node. `None` if the session is over.
    async fn open(&mut self) -> Option<()> {
        let Visitor { nodes, random, token } = &mut self.visitor;
        let head = format!("Authorization: Bearer {token}\r\n");
        let query = format!("after={}", self.position);
        let opening = any(nodes, random).api.try_stream(&query, &head);
        match timeout(PATIENCE, opening).await {
            Ok(Some(stream)) if stream.head.starts_with("HTTP/1.1 200") => {
                self.stream = Some((stream, Instant::now() + random.shorter_than(STREAM)));
            }
            // Whether the session is over is told here as well.
            Ok(Some(_)) => _ = self.visitor.ask("POST", "sessions/current", None).await?,
            _ => self.visitor.pause().await,
        }
        Some(())
    }
}
