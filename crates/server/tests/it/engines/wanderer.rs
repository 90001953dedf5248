//! Somebody who talks on whatever node there is, goes to another now and then or when it has to, and keeps account.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Connection, Node};
use crate::common::{Bookmark, Random, Transport};

/// How long it waits for an answer before it goes elsewhere.
const PATIENCE: Duration = Duration::from_secs(5);

/// Events by epoch and offset.
pub type Log = BTreeMap<(String, u64), Value>;

/// Who it is, and what it knows.
pub struct Wanderer {
    /// What it is called.
    pub name: String,
    transport: Transport,
    random: Random,
    nodes: Arc<[Node]>,
    bookmark: Bookmark,
    token: Option<String>,
    attempt: u64,
    /// It was told to begin anew, so it may hear what it has heard.
    anew: bool,
    /// Its public identity.
    pub member: String,
    /// What it heard.
    pub heard: Log,
    /// The ids that were acknowledged.
    pub acknowledged: Vec<String>,
}

impl Wanderer {
    /// Somebody who is nowhere yet.
    pub fn new(name: &str, transport: Transport, seed: u64, nodes: &Arc<[Node]>) -> Wanderer {
        Wanderer {
            name: name.to_owned(),
            transport,
            random: Random::new(seed),
            nodes: nodes.clone(),
            bookmark: Bookmark::new(name),
            token: None,
            attempt: 0,
            anew: false,
            member: String::new(),
            heard: Log::new(),
            acknowledged: Vec::new(),
        }
    }

    /// Talks until it is enough; then stays in, quiet, with the connection that it gives.
    pub async fn wander(mut self, mut enough: watch::Receiver<bool>) -> (Wanderer, Connection) {
        let mut connection = self.come_in().await;
        let mut said = 0;
        while !*enough.borrow_and_update() {
            let id = format!("{said}");
            while !self.say(&mut connection, &id).await {
                connection = self.come_in().await;
            }
            self.acknowledged.push(id);
            said += 1;
            let pause = self.random.shorter_than(Duration::from_millis(200));
            let is_open = self.listen(&mut connection, pause).await;
            if !is_open || self.random.one_in(30) {
                let next = self.come_in().await;
                // Sometimes what it leaves behind stays open until the server ends it.
                drop(std::mem::replace(&mut connection, next));
            }
        }
        (self, connection)
    }

    /// Listens on, for so long; comes in again if it has to.
    pub async fn stay(&mut self, connection: &mut Connection, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if !self.listen(connection, end - Instant::now()).await {
                *connection = self.come_in().await;
            }
        }
    }

    /// A connection to some node, with the session on it.
    async fn come_in(&mut self) -> Connection {
        let begin = Instant::now();
        loop {
            assert!(begin.elapsed() < Duration::from_secs(60), "{} gets in nowhere", self.name);
            if let Some(connection) = self.try_come_in().await {
                return connection;
            }
            sleep(self.random.shorter_than(Duration::from_millis(300))).await;
        }
    }

    async fn try_come_in(&mut self) -> Option<Connection> {
        self.attempt += 1;
        let mut join = json!({ "type": "join", "client_id": self.name, "attempt": self.attempt });
        if let Some(token) = &self.token {
            join["token"] = json!(token);
            join["after"] = json!(self.bookmark.position());
        }
        let random = Random::new(self.random.draw());
        let opening = Connection::open(self.transport, &self.nodes, random, &join);
        let (connection, answer) = timeout(PATIENCE, opening).await.ok()??;
        if answer["type"] != "welcome" {
            assert_eq!(answer["temporary"], true, "{}: {answer}", self.name);
            return None;
        }
        self.take_welcome(&answer);
        Some(connection)
    }

    fn take_welcome(&mut self, welcome: &Value) {
        let name = &self.name;
        if welcome["recovered"] == true {
            let here = self.bookmark.position();
            assert_eq!(welcome["position"], *here, "{name} goes on where it was");
        }
        self.anew = welcome["recovered"] == false;
        self.bookmark.take(welcome);
        self.token = welcome["token"].as_str().map(str::to_owned);
        let member = welcome["member"].as_str().expect("a member");
        assert!(self.member.is_empty() || self.member == member, "{name} is who it was");
        member.clone_into(&mut self.member);
    }

    /// Says something and waits for the answer. False if it has to be said again, elsewhere.
    async fn say(&mut self, connection: &mut Connection, id: &str) -> bool {
        let content = format!("{} {id}", self.name);
        if connection.say(id, &content).await.is_none() {
            return false;
        }
        let answer = async {
            while let Some(message) = self.next(connection).await {
                if message["id"] == id && message["type"] == "ack" {
                    return true;
                }
                if message["id"] == id && message["type"] == "error" {
                    assert_eq!(message["temporary"], true, "{}: {message}", self.name);
                    return false;
                }
            }
            false
        };
        match timeout(PATIENCE, answer).await {
            Ok(true) => true,
            Ok(false) => {
                sleep(Duration::from_millis(100)).await;
                false
            }
            Err(_) => false,
        }
    }

    /// Takes what comes within this time. False if the connection is over.
    async fn listen(&mut self, connection: &mut Connection, time: Duration) -> bool {
        let listening = async { while self.next(connection).await.is_some() {} };
        timeout(time, listening).await.is_err()
    }

    /// The next message, noted; `None` if the connection is over.
    async fn next(&mut self, connection: &mut Connection) -> Option<Value> {
        let message = connection.next().await?;
        self.bookmark.take(&message);
        self.anew |= message["recovered"] == false;
        if let Some("message" | "system") = message["type"].as_str() {
            let place = (self.bookmark.epoch().to_owned(), self.bookmark.offset());
            let before = self.heard.insert(place, message.clone());
            let again = before.is_none_or(|before| self.anew && before == message);
            assert!(again, "{} hears {message} again", self.name);
        }
        Some(message)
    }
}
